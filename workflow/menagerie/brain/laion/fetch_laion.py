"""Fetch what a config needs of LAION-fMRI, and nothing more; images are not fetched.

Command::

    python -m menagerie.brain.laion.fetch_laion --to resources/laion --subjects sub-01 --dry-run

It tells the sizes first, goes on where it stopped, and checks every file against the bucket's listing.
``fetched.json`` is written last. Data and derivatives are CC0 1.0. The images are given by the dataset's authors under
an agreement (no passing on, no commercial use, no training of general-purpose models): get them from them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from menagerie.brain.fetching.bucket import Bucket, Remote
from menagerie.brain.fetching.copies import Copy, size_text
from menagerie.brain.laion.images import AGREEMENT
from menagerie.brain.laion.laion_options import Options
from menagerie.brain.laion.layout import SESSIONS, SUBJECTS, Layout, check_subject, ood_type, owner
from menagerie.brain.laion.rois import DEFAULT_REGIONS
from menagerie.brain.laion.trials import read_trials
from menagerie.brain.laion.volumes import Volumes
from menagerie.brain.voxels.regions import names_of
from menagerie.errors import MenagerieError
from menagerie.provenance.jobs import command

BUCKET, REGION = "laion-fmri", "us-west-2"
LICENCE = "CC0 1.0 (https://creativecommons.org/publicdomain/zero/1.0)"
ROOT_FILES = ("dataset_description.json", "participants.tsv", "participants.json", "README")
_KEYS = Layout(Path())
_MASK = "_mask.nii.gz"


@dataclass
class Plan:
    """The files to fetch, with their sizes; what is there already; what the bucket lacks."""

    subjects: Sequence[str]
    chosen: Options
    files: list[Remote]
    absent: list[str]
    there: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Sizes by kind, for the user to read before anything large travels."""
        betas = [r for r in self.files if r.key.endswith("SingletrialBetas_statmap.nii.gz")]
        small = [r for r in self.files if r not in betas]
        rows = [
            (f"betas, {len(betas)} sessions", sum(r.size for r in betas)),
            (f"trial tables, maps and masks, {len(small)} files", sum(r.size for r in small)),
        ]
        done = sum(r.size for r in self.files if r.key in self.there)
        lines = [f"{name:40} {size_text(size):>10}" for name, size in rows]
        lines.append(
            f"{'all':40} {size_text(sum(r.size for r in self.files)):>10}  (of which {size_text(done)} are here)"
        )
        lines.append(f"licence of these: {LICENCE}; images are not fetched: {AGREEMENT}")
        if self.absent:
            lines.append(f"not in the bucket: {', '.join(self.absent)}")
        return "\n".join(lines)


def laion_bucket(endpoint: str = "") -> Bucket:
    """The bucket of LAION-fMRI, on the public server or another."""
    return Bucket(BUCKET, REGION, endpoint)


def make_plan(bucket: Bucket, root: Path, subjects: Sequence[str], chosen: Options) -> Plan:
    """Fetch trial tables, and find out from them which sessions are needed and how large they are.

    Raises
    ------
    MenagerieError
        When the bucket lacks a file that every analysis needs, or ``root`` holds a tree that was not fetched.
    """
    for subject in subjects:
        check_subject(subject)
    copy = _copy(bucket, root)
    files, absent = bucket.find(ROOT_FILES)
    there: dict[str, str] = {}
    for subject in subjects:
        tables, lacking = bucket.find([_KEYS.trials(subject, session).as_posix() for session in SESSIONS])
        there |= {remote.key: copy.bring(remote) for remote in tables}
        wanted = [
            _KEYS.betas(subject, session).as_posix()
            for session in SESSIONS
            if _KEYS.trials(subject, session).as_posix() not in lacking
            and _is_needed(Path(root), subject, session, chosen)
        ]
        betas, missing = bucket.find(wanted)
        absent += [key.rpartition("/")[2] for key in (*lacking, *missing)]
        files += [*tables, *_volumes(copy, subject, chosen), *betas]
    there |= {r.key: how for r in files if r.key not in there and (how := copy.here(r)) is not None}
    return Plan(subjects, chosen, files, absent, there)


def _copy(bucket: Bucket, root: Path) -> Copy:
    return Copy(bucket, root, _KEYS.description, "a LAION-fMRI", "laion_root")


def _volumes(copy: Copy, subject: str, chosen: Options) -> list[Remote]:
    """Maps that regions name, and all masks on the grid of the betas: they are small."""
    folder = _KEYS.roi_folder(subject).as_posix() + "/"
    masks = [
        remote
        for remote in copy.bucket.list(folder, deep=True)
        if remote.key.endswith(_MASK) and "_space-T1w_res-1pt8_label-" in remote.key
    ]
    if not masks:
        raise MenagerieError(f"{copy.bucket.where} lacks ROI masks in {folder}. Check option endpoint.")
    maps = Volumes(_KEYS, subject, chosen.noise_ceiling_map).maps(names_of(chosen.regions, DEFAULT_REGIONS))
    return [*copy.required([path.as_posix() for path in maps]), *masks]


def _is_needed(root: Path, subject: str, session: str, chosen: Options) -> bool:
    """Whether a session shows an image of the analysis, or one that noise ceilings may rest on."""
    labels = set(read_trials(Layout(root).trials(subject, session), subject, session).labels)
    with_own = chosen.pool == subject or bool(chosen.ceiling_images)
    return any((owner(label) is None or with_own) and (chosen.with_ood or ood_type(label) is None) for label in labels)


def fetch(bucket: Bucket, root: Path, plan: Plan, say: Callable[[str], None] = print) -> Path:
    """Fetch everything of a plan that is not there yet; returns the note that is written last.

    Raises
    ------
    MenagerieError
        When a file cannot be fetched or fails its check; run again to go on.
    """
    copy = _copy(bucket, root)
    copy.fetch(plan.files, plan.there, say)
    summary = {"source": "LAION-fMRI", "licence": LICENCE, "subjects": list(plan.subjects), "absent": plan.absent}
    return copy.finish(summary | {"images": f"not fetched; given under an agreement: {AGREEMENT}"})


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m menagerie.brain.laion.fetch_laion", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--to", type=Path, default=Path("resources/laion"), help="folder of the copy")
    parser.add_argument("--subjects", nargs="+", default=list(SUBJECTS))
    parser.add_argument("--regions", nargs="+", default=list(Options.regions), help="names of regions; their maps")
    parser.add_argument("--endpoint", default="", help="another S3 server")
    parser.add_argument("--dry-run", action="store_true", help="tell the sizes and stop")
    parser.add_argument("--accept-terms", action="store_true", help=f"you have read the licence, {LICENCE}")
    given = parser.parse_args(arguments)
    if not (given.accept_terms or given.dry_run):
        raise MenagerieError(f"LAION-fMRI is fetched after reading its licence: {LICENCE}. Then give --accept-terms.")
    bucket = laion_bucket(given.endpoint)
    plan = make_plan(bucket, given.to, given.subjects, replace(Options(), regions=given.regions))
    print(plan.text())
    if not given.dry_run:
        print(f"Written: {fetch(bucket, given.to, plan)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
