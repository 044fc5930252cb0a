"""Reader of the Natural Scenes Dataset: the release itself, a part of it, or a simulated twin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from menagerie.brain.nsd.design import read_design, select_images
from menagerie.brain.nsd.layout import PUBLISHED_SUBJECTS, SUBJECTS, TWIN_FOLDER, Layout, image_id
from menagerie.brain.nsd.nsd_options import DEFAULTS, parse_options
from menagerie.brain.nsd.photographs import read_photographs
from menagerie.brain.nsd.rois import DEFAULT_REGIONS
from menagerie.brain.nsd.subject_target import build_target, is_simulated, spare_images
from menagerie.brain.nsd.tree_files import find_tree, own_files, stimulus_files, subject_files
from menagerie.brain.remarks import Remark, plain
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import Target
from menagerie.brain.voxels.regions import region_texts
from menagerie.errors import MenagerieError
from menagerie.files.paths import user_path

DEFAULT_SUBJECTS = PUBLISHED_SUBJECTS
OPTIONS = DEFAULTS
USES_FOLDS = False  # noise ceilings rest on images outside the analysis
FETCH_OPTIONS = ("endpoint", "accept_terms")
# What rules write last: the fetch command when every file of the config is there, and the rule that makes a twin.
INPUTS = {"nsd": "nsd/fetched.json", "design": str(Layout(Path(TWIN_FOLDER)).design)}


def default_subjects(options: Mapping[str, object]) -> tuple[str, ...]:
    """The four subjects of the published analysis."""
    return DEFAULT_SUBJECTS


def known_subjects(options: Mapping[str, object]) -> tuple[str, ...]:
    """All eight subjects."""
    return SUBJECTS


def fetch(resources: str | Path, options: Mapping[str, object], subjects: Sequence[str] = DEFAULT_SUBJECTS) -> Path:
    """Fetch what the options and subjects need below ``resources``; returns the note that is written last.

    Raises
    ------
    MenagerieError
        When a file cannot be fetched or fails its check; run again to go on.
    """
    from menagerie.brain.nsd.fetch_nsd import TERMS, Wanted, fetch, make_plan, nsd_bucket

    chosen = parse_options(options)
    if not (chosen.accept_terms or chosen.endpoint):
        raise MenagerieError(f"NSD may be used after accepting its terms: {TERMS}. Then set accept_terms: true.")
    form = "hdf5" if chosen.betas == "auto" else chosen.betas
    root = Path(resources) / INPUTS["nsd"]
    bucket = nsd_bucket(chosen.endpoint)
    plan = make_plan(bucket, root.parent, Wanted(subjects, str(chosen.images), form))
    print(plan.text())
    return fetch(bucket, root.parent, plan)


def inputs(
    options: Mapping[str, object], resources: str = "resources", subject: str | None = None
) -> dict[str, Path | list[Path]]:
    """Files that stimuli (no subject) or a subject's target and ceilings are read from, by name.

    Of a tree that a rule of this workflow makes (fetched, or a twin in ``resources``) it is the file that the rule
    writes last, since the others come with it; of the user's own tree every file that is there. Masks and lists of
    images count wherever they lie. What a missing session means is for option ``missing`` to say.

    Raises
    ------
    MenagerieError
        When an option is unknown, or a region's definition is wrong.
    """
    chosen = parse_options(options)
    if not chosen.nsd_root:
        return {"nsd": Path(resources) / INPUTS["nsd"]} | own_files(chosen, subject)
    layout = Layout(user_path(chosen.nsd_root))
    if _is_made_here(layout, resources):
        return {"design": layout.design} | own_files(chosen, subject)
    return stimulus_files(layout, chosen) if subject is None else subject_files(layout, chosen, subject)


def made_by(options: Mapping[str, object], resources: str) -> str:
    """Rule of this workflow that makes the user's tree; empty for a tree from elsewhere."""
    chosen = parse_options(options)
    here = chosen.nsd_root and _is_made_here(Layout(user_path(chosen.nsd_root)), resources)
    return "write_nsd_twin" if here else ""


def region_names(options: Mapping[str, object], resources: str, subject: str) -> list[str]:
    """Names that option ``regions`` gives."""
    return list(region_texts(parse_options(options).regions, DEFAULT_REGIONS))


def _is_made_here(layout: Layout, resources: str) -> bool:
    """Whether rule write_nsd_twin makes the tree."""
    return layout.root.absolute() == (Path(resources) / TWIN_FOLDER).absolute()


def needs_ceilings(options: Mapping[str, object]) -> bool:
    """Whether noise ceilings are estimated on images outside the analysis (:func:`read_ceiling_target`), by a job."""
    return bool(parse_options(options).ceiling_images)


def read_stimuli(
    options: Mapping[str, object], inputs: Mapping[str, Path] | None = None
) -> tuple[Iterator[np.ndarray], list[str], dict[str, str]]:
    """Photographs, their ids ("nsd-00456": 0-based 73k id) in ascending order, and provenance.

    Raises
    ------
    MenagerieError
        When the tree or the choice of images is wrong; for a photograph, while iterating.
    """
    chosen = parse_options(options)
    layout = find_tree(chosen, inputs)
    ids = select_images(read_design(layout), str(chosen.images))
    provenance = {"reader": "nsd", "images": str(chosen.images), "simulated": is_simulated(layout)}
    return read_photographs(layout.stimuli, ids), [image_id(i) for i in ids.tolist()], provenance


def read_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, object],
    inputs: Mapping[str, Path] | None = None,
    stimuli: Stimuli,
) -> Target:
    """Responses of one subject to the images of a stimulus set.

    Units are all voxels of at least one region, in the order x, y, z. Voxels without variance in a session are
    left out and counted in the provenance, as are images and voxels of unknown reliability.

    Raises
    ------
    MenagerieError
        When the tree is incomplete, damaged or does not fit together (docs/nsd.md).
    """
    chosen = parse_options(options)
    name = stimuli.path.stem
    return build_target(dataset, subject, chosen, find_tree(chosen, inputs), np.asarray(stimuli.image_ids), name)


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

    They are drawn from the subject's own images with three repeats that option ``images`` does not choose;
    ``n_images`` of them, by default as option ``ceiling_images`` says.

    Raises
    ------
    MenagerieError
        As :func:`read_target`, and when fewer than ten such images are there.
    """
    chosen = replace(parse_options(options), missing="drop", keep_repeats=True)
    layout = find_tree(chosen, inputs)
    ids = spare_images(subject, chosen, layout, n_images or chosen.ceiling_images, seed)
    return build_target(dataset, subject, chosen, layout, np.array([image_id(i) for i in ids.tolist()]), "own images")


def examine(options: Mapping[str, object], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """Look for every file, at the header of each, and at a sample of photographs and betas.

    Raises
    ------
    MenagerieError
        For the first finding that would stop the run.
    """
    from menagerie.brain.nsd.examination import examine_tree

    chosen = parse_options(options)
    note = Path(resources) / INPUTS["nsd"]
    twin = Layout(Path(resources) / TWIN_FOLDER)
    if chosen.nsd_root and _is_made_here(Layout(Path(chosen.nsd_root)), resources) and not twin.design.is_file():
        yield plain(f"a simulated tree will be written to {twin.root}")
    elif chosen.nsd_root or note.is_file():
        yield from examine_tree(chosen, find_tree(chosen, {"nsd": note}), subjects)
    elif not (chosen.accept_terms or chosen.endpoint):
        raise MenagerieError(
            "NSD is not here, and its terms are not accepted. Accept its terms and say accept_terms: true, or set "
            "nsd_root to a copy: docs/nsd.md"
        )
    else:
        text = f"NSD will be fetched to {note.parent}"
        yield Remark(text, "Sizes first: python -m menagerie.brain.nsd.fetch_nsd --dry-run")
