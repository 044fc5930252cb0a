"""Reader of LAION-fMRI: the release itself, a part of it, or a simulated twin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from menagerie.brain.laion import split_folders
from menagerie.brain.laion.images import image_rows, read_images, select_images
from menagerie.brain.laion.laion_options import DEFAULTS, parse_options
from menagerie.brain.laion.layout import SUBJECTS, TWIN_FOLDER
from menagerie.brain.laion.rois import DEFAULT_REGIONS
from menagerie.brain.laion.subject_target import build_target, is_simulated, spare_images
from menagerie.brain.laion.tree_files import MADE, find_tree, input_files, is_made_here, stimuli_folder
from menagerie.brain.remarks import Remark, plain
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import Target
from menagerie.brain.voxels.regions import region_texts
from menagerie.errors import MenagerieError

OPTIONS = DEFAULTS
USES_FOLDS = False  # noise ceilings rest on images outside the analysis
# Options that say only how files come here, or where they lie: results depend on the files' content.
FETCH_OPTIONS = ("endpoint", "accept_terms", "laion_root", "stimuli_folder", "splits_folder")
INPUTS = MADE


def default_subjects(options: Mapping[str, object]) -> tuple[str, ...]:
    """All five subjects, or the one whose own images take part."""
    pool = parse_options(options).pool
    return SUBJECTS if pool == "shared" else (pool,)


def known_subjects(options: Mapping[str, object]) -> tuple[str, ...]:
    """As :func:`default_subjects`."""
    return default_subjects(options)


def fetch(resources: str | Path, options: Mapping[str, object], subjects: Sequence[str] = SUBJECTS) -> Path:
    """Fetch what options and subjects need below ``resources``; returns the note that is written last.

    Raises
    ------
    MenagerieError
        When a file cannot be fetched or fails its check; run again to go on.
    """
    from menagerie.brain.laion.fetch_laion import LICENCE, fetch, laion_bucket, make_plan

    chosen = parse_options(options)
    if not (chosen.accept_terms or chosen.endpoint):
        raise MenagerieError(
            f"LAION-fMRI is fetched after reading its licence: {LICENCE}. Then set accept_terms: true."
        )
    root = (Path(resources) / INPUTS["laion"]).parent
    bucket = laion_bucket(chosen.endpoint)
    plan = make_plan(bucket, root, subjects, chosen)
    print(plan.text())
    return fetch(bucket, root, plan)


def inputs(
    options: Mapping[str, object], resources: str = "resources", subject: str | None = None
) -> dict[str, Path | list[Path]]:
    """Files that stimuli (no subject) or a subject's target and ceilings are read from, by name.

    Of a tree that a rule of this workflow makes (fetched, or a twin in ``resources``) it is the file that the rule
    writes last; of the user's own tree, and of the user's folder of images, every file that is there.

    Raises
    ------
    MenagerieError
        When an option is unknown, or a region's definition is wrong.
    """
    return input_files(parse_options(options), resources, subject)


def made_by(options: Mapping[str, object], resources: str) -> str:
    """Rule of this workflow that makes the user's tree; empty for a tree from elsewhere."""
    return "write_laion_twin" if is_made_here(parse_options(options), resources) else ""


def region_names(options: Mapping[str, object], resources: str, subject: str) -> list[str]:
    """Names that option ``regions`` gives."""
    return list(region_texts(parse_options(options).regions, DEFAULT_REGIONS))


def needs_ceilings(options: Mapping[str, object]) -> bool:
    """Whether noise ceilings are estimated, on own images outside the analysis; with these in it, there are none."""
    chosen = parse_options(options)
    return bool(chosen.ceiling_images) and chosen.pool == "shared"


def split_names(options: Mapping[str, object]) -> list[str]:
    """Splits that come with the dataset, and ``replication``."""
    return split_folders.split_names(parse_options(options).with_ood)


def split_files(options: Mapping[str, object], names: Sequence[str]) -> list[Path]:
    """Files that some of these splits are read from; those of a twin that the workflow makes come with its rule.

    Raises
    ------
    MenagerieError
        When there is neither ``splits_folder`` nor a tree.
    """
    return split_folders.split_files(parse_options(options), names)


def train_shares(options: Mapping[str, object], name: str) -> tuple[float, ...]:
    """Share of images that train in each fold of a split, for what a run will cost."""
    return split_folders.train_shares(name)


def read_split(
    name: str, options: Mapping[str, object], subject: str, image_ids: Sequence[str]
) -> list[dict[str, list[str]]]:
    """Folds of a split of the dataset, the same for all subjects of one pool.

    Raises
    ------
    MenagerieError
        When a file is missing, or does not hold a split of this pool.
    """
    return split_folders.read_split(name, parse_options(options), image_ids)


def count_images(options: Mapping[str, object]) -> int:
    """Images of the release, for what a run will cost."""
    chosen = parse_options(options)
    return (1121 if chosen.pool == "shared" else 5833) + 371 * chosen.with_ood


def read_stimuli(
    options: Mapping[str, object], inputs: Mapping[str, Path] | None = None
) -> tuple[Iterator[np.ndarray], list[str], dict[str, str]]:
    """Images, their ids (names of files, as the trial tables have them), sorted, and provenance.

    Raises
    ------
    MenagerieError
        When the tree or the choice of images is wrong; for an image, while iterating.
    """
    chosen = parse_options(options)
    layout = find_tree(chosen, inputs)
    folder = stimuli_folder(layout, chosen)
    rows = image_rows(folder)
    names = select_images(list(rows), chosen)
    provenance = {"reader": "laion", "images": chosen.images, "simulated": is_simulated(layout)}
    return read_images(folder, names, rows), names, provenance


def read_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, object],
    inputs: Mapping[str, Path] | None = None,
    stimuli: Stimuli,
) -> Target:
    """Responses of one subject to the images of a stimulus set.

    Units are all voxels of at least one region, in the order x, y, z. Voxels with NaN or without variance in a session
    are left out and counted in the provenance, as are images and voxels of unknown reliability.

    Raises
    ------
    MenagerieError
        When the tree is incomplete, damaged or does not fit together (docs/laion.md).
    """
    chosen = parse_options(options)
    name = stimuli.path.stem
    return build_target(dataset, subject, chosen, find_tree(chosen, inputs), stimuli.image_ids, name)


def read_ceiling_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, object],
    inputs: Mapping[str, Path] | None = None,
    n_images: int | None = None,
    seed: int = 0,
) -> Target:
    """Single repeats of images that the main analysis does not use, for noise ceilings (``brain.ceilings``).

    They are drawn from the images that this subject alone saw, four times each; ``n_images`` of them, by default as
    option ``ceiling_images`` says.

    Raises
    ------
    MenagerieError
        As :func:`read_target`, and when fewer than ten such images are there.
    """
    chosen = replace(parse_options(options), missing="drop", keep_repeats=True)
    layout = find_tree(chosen, inputs)
    labels = spare_images(subject, layout, chosen, n_images or chosen.ceiling_images, seed)
    return build_target(dataset, subject, chosen, layout, labels, "own images")


def examine(options: Mapping[str, object], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """Look for every file, at tables and headers, and at a sample of images.

    Raises
    ------
    MenagerieError
        For the first finding that would stop the run.
    """
    from menagerie.brain.laion.examination import examine_tree

    chosen = parse_options(options)
    split_folders.check_folder(chosen)
    note = Path(resources) / INPUTS["laion"]
    if is_made_here(chosen, resources) and not (Path(resources) / INPUTS["twin"]).is_file():
        yield plain(f"a simulated tree will be written to {Path(resources) / TWIN_FOLDER}")
    elif chosen.laion_root or note.is_file():
        yield from examine_tree(chosen, find_tree(chosen, {"laion": note}), subjects)
    elif not (chosen.accept_terms or chosen.endpoint):
        raise MenagerieError(
            "LAION-fMRI is not here, and its licence is not accepted. Read it and say accept_terms: true, or set "
            "laion_root to a copy: docs/laion.md"
        )
    else:
        text = f"LAION-fMRI will be fetched to {note.parent}"
        yield Remark(text, "Sizes first: python -m menagerie.brain.laion.fetch_laion --dry-run")
