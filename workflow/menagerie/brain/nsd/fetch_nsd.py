"""Fetch what a config needs of the Natural Scenes Dataset, and nothing more.

Command::

    python -m menagerie.brain.nsd.fetch_nsd --to resources/nsd --subjects subj01 subj02 --dry-run

It tells the sizes first, goes on where it stopped, and checks every file. ``fetched.json`` is written last.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from menagerie.brain.fetching.bucket import Bucket, Remote, RemoteFile
from menagerie.brain.fetching.copies import Copy, size_text
from menagerie.brain.nsd.betas import ENDINGS
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

BUCKET, REGION = "natural-scenes-dataset", "us-east-2"
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
        lines = [f"{name:40} {size_text(size):>10}" for name, size in rows]
        done = sum(r.size for r in self.files if r.key in self.there)
        lines.append(
            f"{'all':40} {size_text(sum(size for _, size in rows)):>10}  (of which {size_text(done)} are here)"
        )
        if self.absent_sessions:
            lines.append(f"not in the bucket (held out): {', '.join(self.absent_sessions)}")
        return "\n".join(lines)


def nsd_bucket(endpoint: str = "") -> Bucket:
    """The bucket of NSD, on the public server or another."""
    return Bucket(BUCKET, REGION, endpoint)


def _copy(bucket: Bucket, root: Path) -> Copy:
    return Copy(bucket, root, _KEYS.design, "an NSD", "nsd_root")


def make_plan(bucket: Bucket, root: Path, wanted: Wanted) -> Plan:
    """Fetch the design, and find out from it which files are needed and how large they are.

    Raises
    ------
    MenagerieError
        When the bucket lacks a file that every analysis needs, or ``root`` holds a tree that was not fetched.
    """
    copy = _copy(bucket, root)
    design_files = copy.required([_KEYS.design.as_posix(), _KEYS.stimulus_table.as_posix()])
    there = {remote.key: copy.bring(remote) for remote in design_files}
    design = read_design(Layout(root))
    ids = _images(design, wanted)
    small = [_KEYS.volume(s, name).as_posix() for s in wanted.subjects for name in (NCSNR, *LABEL_VOLUMES, *T_MAPS)]
    tables = [name for name in LABEL_VOLUMES if name not in UNNAMED_LABELS]
    small += [_KEYS.label_table(subject, name).as_posix() for subject in wanted.subjects for name in tables]
    sessions, absent = bucket.find(_session_keys(design, wanted))
    (stimuli,) = copy.required([_KEYS.stimuli.as_posix()])
    files = [*design_files, *copy.required(small), *sessions, *([stimuli] if wanted.whole_stimuli else [])]
    there |= {r.key: how for r in files if (how := copy.here(r)) is not None}
    return Plan(wanted, files, stimuli, ids, [key.rpartition("ppdata/")[2] for key in absent], there)


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


def fetch(bucket: Bucket, root: Path, plan: Plan, say: Callable[[str], None] = print) -> Path:
    """Fetch everything of a plan that is not there yet; returns the note that is written last.

    Raises
    ------
    MenagerieError
        When a file cannot be fetched or fails its check; run again to go on.
    """
    copy = _copy(bucket, root)
    copy.fetch(plan.files, plan.there, say)
    if not plan.wanted.whole_stimuli:
        say(f"{plan.stimuli.key}: {len(plan.ids)} photographs")
        fetch_photographs(bucket, plan.stimuli, Layout(Path(root)).stimuli, plan.ids)
    return copy.finish(_summary(plan))


def _summary(plan: Plan) -> dict:
    return {
        "source": "Natural Scenes Dataset (Allen et al. 2022)",
        "subjects": list(plan.wanted.subjects),
        "images": plan.wanted.images,
        "photographs": "whole file" if plan.wanted.whole_stimuli else len(plan.ids),
        "sessions_absent": plan.absent_sessions,
    }


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
    bucket = nsd_bucket(given.endpoint)
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
