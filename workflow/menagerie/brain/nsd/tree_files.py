"""Which files of an NSD tree the reader opens, and which of them are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from menagerie.brain.nsd.betas import session_files
from menagerie.brain.nsd.design import list_path, read_design, select_images
from menagerie.brain.nsd.layout import (
    LABEL_VOLUMES,
    NCSNR,
    SESSIONS,
    T_MAPS,
    TRIALS_PER_SESSION,
    UNNAMED_LABELS,
    Layout,
    subject_number,
)
from menagerie.brain.nsd.nsd_options import Options
from menagerie.brain.nsd.rois import DEFAULT_REGIONS, volumes_of
from menagerie.brain.voxels.regions import mask_paths
from menagerie.errors import MenagerieError


def find_tree(chosen: Options, inputs: Mapping[str, Path] | None) -> Layout:
    """The tree of option ``nsd_root``, or that of the note ``nsd`` among the inputs, which the fetch command wrote.

    Raises
    ------
    MenagerieError
        When there is neither, or no such folder.
    """
    if chosen.nsd_root:
        root = Path(chosen.nsd_root).expanduser()
    elif inputs and "nsd" in inputs:
        root = Path(inputs["nsd"]).parent
    else:
        raise MenagerieError("Reader nsd: no data. Set option nsd_root to an NSD tree, or fetch one (docs/nsd.md).")
    if not root.is_dir():
        raise MenagerieError(f"Reader nsd: folder {root} is missing. Set option nsd_root to the folder with nsddata/.")
    return Layout(root)


def stimulus_files(layout: Layout, chosen: Options) -> dict[str, Path]:
    """Files that the photographs are read from, by name; the design, and of the others those that are there."""
    files = {"stimulus_table": layout.stimulus_table, "photographs": layout.stimuli, "twin_note": layout.twin_note}
    return {"design": layout.design} | _existing(files) | _image_list(chosen)


def subject_files(layout: Layout, chosen: Options, subject: str) -> dict[str, Path | list[Path]]:
    """Files of a subject's target and noise ceilings: the design, and of the others those that are there.

    Label volumes and their tables count whether or not an expression names them, since a label is looked for in all,
    and the table of units has a column of each. So do all sessions: which of them hold an image, only the design says.

    Raises
    ------
    MenagerieError
        When a region's expression does not parse, or an option or the subject is unknown.
    """
    subject_number(subject)
    named = [name for name in volumes_of(chosen.regions) if name in T_MAPS]
    volumes = [layout.volume(subject, name) for name in (NCSNR, *LABEL_VOLUMES, *named)]
    tables = [layout.label_table(subject, name) for name in LABEL_VOLUMES if name not in UNNAMED_LABELS]
    betas = list(session_files(layout, subject, SESSIONS[subject], chosen.betas).values())
    files = {"stimulus_table": layout.stimulus_table, "twin_note": layout.twin_note}
    several = _existing_lists({"volumes": volumes, "label_tables": tables, "betas": betas})
    return {"design": layout.design} | _existing(files) | several | own_files(chosen, subject)


def own_files(chosen: Options, subject: str | None) -> dict[str, Path | list[Path]]:
    """Files of the user's own, outside the tree: the list of images, and for a subject masks of regions.

    Raises
    ------
    MenagerieError
        When the option ``regions`` is wrong.
    """
    masks = mask_paths(chosen.regions, DEFAULT_REGIONS, subject) if subject else []
    return _image_list(chosen) | _existing_lists({"masks": masks})


def _existing_lists(groups: Mapping[str, Sequence[Path]]) -> dict[str, list[Path]]:
    found = {name: [path for path in paths if path.is_file()] for name, paths in groups.items()}
    return {name: paths for name, paths in found.items() if paths}


def _existing(files: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in files.items() if path.is_file()}


def _image_list(chosen: Options) -> dict[str, Path]:
    path = list_path(str(chosen.images))
    return {"image_list": path} if path and path.is_file() else {}


def missing_files(chosen: Options, root: Path, subjects: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Files that a run cannot do without and that are missing, and sessions of betas that are missing.

    Raises
    ------
    MenagerieError
        When the design is missing or damaged, or a region expression is wrong.
    """
    layout = Layout(root)
    design = read_design(layout)
    ids = select_images(design, str(chosen.images), subjects[0])
    names = [NCSNR, *volumes_of(chosen.regions)]
    needed = [layout.stimuli, *(layout.volume(subject, name) for subject in subjects for name in names)]
    sessions = []
    for subject in subjects:
        there = session_files(layout, subject, design.sessions(subject), chosen.betas)
        trials = design.trials(subject, ids)
        shown = np.unique(trials[trials >= 0] // TRIALS_PER_SESSION) + 1
        sessions += [layout.betas(subject, number) for number in shown.tolist() if number not in there]
    return [path for path in needed if not path.is_file()], sessions
