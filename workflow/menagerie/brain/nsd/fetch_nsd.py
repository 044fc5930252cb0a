"""Fetch what a config needs of the Natural Scenes Dataset, and nothing more.

Command::

    python -m menagerie.brain.nsd.fetch_nsd --to resources/nsd --subjects subj01 subj02 --dry-run

It tells the sizes first, goes on where it stopped, and checks every file. ``fetched.json`` is written last.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from menagerie.brain.nsd.betas import ENDINGS
from menagerie.brain.nsd.bucket import Bucket, Remote, RemoteFile, check_file
from menagerie.brain.nsd.design import Design, read_design, select_images
from menagerie.brain.nsd.layout import (
    LABEL_VOLUMES,
    NCSNR,
    PUBLISHED_SUBJECTS,
    T_MAPS,
    TRIALS_PER_SESSION,
    UNNAMED_LABELS,
    Layout,
    subject_number,
)
from menagerie.brain.nsd.photographs import SHAPE
from menagerie.errors import MenagerieError, unknown
from menagerie.files.storage import atomic
from menagerie.provenance.jobs import command

NOTE = "fetched.json"
TERMS = "https://naturalscenesdataset.org"
_MANY_IMAGES = 8  # chunks of more images than this make reading single photographs dearer than the whole file
_KEYS = Layout(Path())


@dataclass(frozen=True)
class Wanted:
    """What to fetch.

    Attributes
    ----------
    subjects
        "subj01" ...
    images
        As the reader's option ``images``; "own" means those of each subject.
    betas
        "hdf5" or "nii.gz".
    whole_stimuli
        True for the whole file of photographs (39 GB); False for the photographs of ``images`` only.

    Raises
    ------
    MenagerieError
        When the format or a subject is unknown.
    """

    subjects: Sequence[str] = PUBLISHED_SUBJECTS
    images: str = "shared1000"
    betas: str = "hdf5"
    whole_stimuli: bool = False

    def __post_init__(self) -> None:
        if self.betas not in ENDINGS:
            raise unknown("format of betas to fetch", self.betas, ENDINGS)
        for subject in self.subjects:
            subject_number(subject)


@dataclass
class Plan:
    """The files to fetch, with their sizes; what is there already; what the bucket lacks."""

    wanted: Wanted
    files: list[Remote]
    stimuli: Remote
    ids: np.ndarray
    absent_sessions: list[str]
    there: dict[str, str] = field(default_factory=dict)

    @property
    def open_files(self) -> list[Remote]:
        """Files that are still to be fetched."""
        return [remote for remote in self.files if remote.key not in self.there]

    def text(self) -> str:
        """Sizes by kind, for the user to read before anything large travels."""
        session = [r for r in self.files if "betas_session" in r.key]
        small = [r for r in self.files if r not in session and r is not self.stimuli]
        photographs = self.stimuli.size if self.wanted.whole_stimuli else len(self.ids) * int(np.prod(SHAPE[1:]))
        rows = [
            (f"betas, {len(session)} sessions", sum(r.size for r in session)),
            (f"design, volumes and label tables, {len(small)} files", sum(r.size for r in small)),
            ("photographs, whole file" if self.wanted.whole_stimuli else f"photographs, {len(self.ids)}", photographs),
        ]
        lines = [f"{name:40} {_size(size):>10}" for name, size in rows]
        done = sum(r.size for r in self.files if r.key in self.there)
        lines.append(f"{'all':40} {_size(sum(size for _, size in rows)):>10}  (of which {_size(done)} are here)")
        if self.absent_sessions:
            lines.append(f"not in the bucket (held out): {', '.join(self.absent_sessions)}")
        return "\n".join(lines)


def _size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def make_plan(bucket: Bucket, root: Path, wanted: Wanted) -> Plan:
    """Fetch the design, and find out from it which files are needed and how large they are.

    Raises
    ------
    MenagerieError
        When the bucket lacks a file that every analysis needs, or ``root`` holds a tree that was not fetched.
    """
    note = _read_note(root)
    design_files = _required(bucket, [_KEYS.design.as_posix(), _KEYS.stimulus_table.as_posix()])
    there = {remote.key: _bring(bucket, root, remote, note) for remote in design_files}
    design = read_design(Layout(root))
    ids = _images(design, wanted)
    small = [_KEYS.volume(s, name).as_posix() for s in wanted.subjects for name in (NCSNR, *LABEL_VOLUMES, *T_MAPS)]
    tables = [name for name in LABEL_VOLUMES if name not in UNNAMED_LABELS]
    small += [_KEYS.label_table(subject, name).as_posix() for subject in wanted.subjects for name in tables]
    sessions, absent = bucket.find(_session_keys(design, wanted))
    (stimuli,) = _required(bucket, [_KEYS.stimuli.as_posix()])
    files = [*design_files, *_required(bucket, small), *sessions, *([stimuli] if wanted.whole_stimuli else [])]
    there |= {r.key: how for r in files if (how := _here(root, r, note)) is not None}
    return Plan(wanted, files, stimuli, ids, [key.rpartition("ppdata/")[2] for key in absent], there)


def _required(bucket: Bucket, keys: list[str]) -> list[Remote]:
    found, absent = bucket.find(keys)
    if absent:
        raise MenagerieError(f"{bucket.where} lacks {absent[0]} ({len(absent)} files in all). Check option endpoint.")
    return found


def _images(design: Design, wanted: Wanted) -> np.ndarray:
    if wanted.images != "own":
        return select_images(design, wanted.images)
    return np.unique(np.concatenate([design.own(subject) for subject in wanted.subjects]))


def _session_keys(design: Design, wanted: Wanted) -> list[str]:
    """Keys of the sessions in which a wanted image was shown."""
    keys = []
    for subject in wanted.subjects:
        ids = design.own(subject) if wanted.images == "own" else select_images(design, wanted.images)
        trials = design.trials(subject, ids)
        sessions = np.unique(trials[trials >= 0] // TRIALS_PER_SESSION) + 1
        keys += [_KEYS.betas(subject, session, wanted.betas).as_posix() for session in sessions.tolist()]
    return keys


def _read_note(root: Path) -> dict:
    """The note of an earlier fetch; a tree without one is somebody else's and must not be written to."""
    path = root / NOTE
    if not path.is_file():
        if Layout(root).design.is_file() and not (root / f".{NOTE}").is_file():
            raise MenagerieError(
                f"{root} holds an NSD tree that this command did not fetch. Set nsd_root to read it where it is, "
                "or give another folder."
            )
        path = root / f".{NOTE}"
    return json.loads(path.read_text())["files"] if path.is_file() else {}


def _is_ours(path: Path, remote: Remote, note: dict) -> bool:
    """Whether a file that is not the bucket's (any more) is one that this command wrote, and may be replaced."""
    return path.is_file() and note.get(remote.key, {}).get("size") == path.stat().st_size


def _here(root: Path, remote: Remote, note: dict) -> str | None:
    """How a file that is there was checked; None where it must be fetched."""
    path = root / remote.key
    if not path.is_file() or path.stat().st_size != remote.size:
        return None
    known = note.get(remote.key, {})
    if known.get("etag") == remote.etag:
        return known["check"]
    try:
        return check_file(path, remote)
    except MenagerieError:
        return None


def _bring(bucket: Bucket, root: Path, remote: Remote, note: dict) -> str:
    root.mkdir(parents=True, exist_ok=True)
    marker = root / f".{NOTE}"
    if not marker.exists():
        marker.write_text(json.dumps({"files": {}}))
    path = root / remote.key
    return _here(root, remote, note) or bucket.download(remote, path, replace=_is_ours(path, remote, note))


def fetch(bucket: Bucket, root: Path, plan: Plan, say: Callable[[str], None] = print) -> Path:
    """Fetch everything of a plan that is not there yet; returns the note that is written last.

    Raises
    ------
    MenagerieError
        When a file cannot be fetched or fails its check; run again to go on.
    """
    root = Path(root)
    note = _read_note(root)
    checks = dict(plan.there)
    for count, remote in enumerate(plan.open_files, start=1):
        say(f"[{count}/{len(plan.open_files)}] {remote.key} ({_size(remote.size)})")
        path = root / remote.key
        checks[remote.key] = bucket.download(remote, path, replace=_is_ours(path, remote, note))
        note[remote.key] = {"size": remote.size, "etag": remote.etag, "check": checks[remote.key]}
        _write_note(root / f".{NOTE}", {"files": note})
    note |= {r.key: {"size": r.size, "etag": r.etag, "check": checks[r.key]} for r in plan.files}
    if not plan.wanted.whole_stimuli:
        say(f"{plan.stimuli.key}: {len(plan.ids)} photographs")
        fetch_photographs(bucket, plan.stimuli, Layout(root).stimuli, plan.ids)
    _write_note(root / f".{NOTE}", {"files": note})
    _write_note(root / NOTE, _summary(plan, note))
    return root / NOTE


def _summary(plan: Plan, note: dict) -> dict:
    return {
        "source": "Natural Scenes Dataset (Allen et al. 2022)",
        "subjects": list(plan.wanted.subjects),
        "images": plan.wanted.images,
        "photographs": "whole file" if plan.wanted.whole_stimuli else len(plan.ids),
        "sessions_absent": plan.absent_sessions,
        "files": note,
    }


def _write_note(path: Path, content: dict) -> None:
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def fetch_photographs(bucket: Bucket, remote: Remote, path: Path, ids: np.ndarray) -> int:
    """Fetch single photographs into a file of the same shape; returns how many travelled.

    Photographs that are there already stay. Every photograph is stored with a checksum.

    Raises
    ------
    MenagerieError
        When the remote file is not laid out so that single photographs can be read.
    """
    with h5py.File(RemoteFile(bucket, remote), "r") as source, atomic(path) as temporary:
        brick = source["imgBrick"]
        if brick.shape != SHAPE or brick.dtype != np.uint8 or (brick.chunks or (1,))[0] > _MANY_IMAGES:
            raise MenagerieError(
                f"{remote.key}: imgBrick of {brick.dtype} {brick.shape} in chunks {brick.chunks} cannot be read "
                "photograph by photograph. Fetch the whole file (--whole-stimuli)."
            )
        if path.is_file():
            shutil.copyfile(path, temporary)
        with h5py.File(temporary, "a") as target:
            if "imgBrick" not in target:
                chunks = (1, *SHAPE[1:])
                target.create_dataset("imgBrick", SHAPE, np.uint8, chunks=chunks, compression="lzf", fletcher32=True)
            kept = target["imgBrick"]
            new = [i for i in ids.tolist() if not kept[i].any()]
            for nsd_id in new:
                kept[nsd_id] = brick[nsd_id]
    return len(new)


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m menagerie.brain.nsd.fetch_nsd", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--to", type=Path, default=Path("resources/nsd"), help="folder of the copy")
    parser.add_argument("--subjects", nargs="+", default=list(PUBLISHED_SUBJECTS))
    parser.add_argument("--images", default="shared1000", help="shared1000, special515, own, or a list file")
    parser.add_argument("--betas", default="hdf5", help=" or ".join(ENDINGS))
    parser.add_argument("--whole-stimuli", action="store_true", help="all 73,000 photographs (39 GB)")
    parser.add_argument("--endpoint", default="", help="another S3 server")
    parser.add_argument("--dry-run", action="store_true", help="tell the sizes and stop")
    parser.add_argument("--accept-terms", action="store_true", help=f"you have accepted the terms of NSD ({TERMS})")
    given = parser.parse_args(arguments)
    bucket = Bucket(given.endpoint)
    wanted = Wanted(given.subjects, given.images, given.betas, given.whole_stimuli)
    if not (given.accept_terms or given.dry_run):
        raise MenagerieError(f"NSD may be used after accepting its terms: {TERMS}. Then give --accept-terms.")
    plan = make_plan(bucket, given.to, wanted)
    print(plan.text())
    if not given.dry_run:
        print(f"Written: {fetch(bucket, given.to, plan)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
