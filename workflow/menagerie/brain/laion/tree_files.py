"""Which files of a tree the reader opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from menagerie.brain.laion.laion_options import Options
from menagerie.brain.laion.layout import SESSIONS, TWIN_FOLDER, Layout, check_subject, images_file, metadata_file
from menagerie.brain.laion.rois import DEFAULT_REGIONS
from menagerie.brain.laion.volumes import Volumes
from menagerie.brain.voxels.regions import mask_paths, names_of
from menagerie.errors import MenagerieError
from menagerie.files.paths import user_path

# What rules write last: the fetch command when every file of the config is there, and the rule that makes a twin.
MADE = {"laion": "laion/fetched.json", "twin": str(Layout(Path(TWIN_FOLDER)).description)}


def is_made_here(chosen: Options, resources: str) -> bool:
    """Whether rule write_laion_twin makes the tree."""
    twin = (Path(resources) / TWIN_FOLDER).absolute()
    return bool(chosen.laion_root) and user_path(chosen.laion_root).absolute() == twin


def input_files(chosen: Options, resources: str, subject: str | None) -> dict[str, Path | list[Path]]:
    """Files that stimuli (no subject) or a subject's target and ceilings are read from, by name.

    Raises
    ------
    MenagerieError
        When a region's definition is wrong.
    """
    if chosen.laion_root and not is_made_here(chosen, resources):
        layout = Layout(user_path(chosen.laion_root))
        return stimulus_files(layout, chosen) if subject is None else subject_files(layout, chosen, subject)
    name = "twin" if chosen.laion_root else "laion"
    made = Path(resources) / MADE[name]
    own = stimulus_files(Layout(made.parent), chosen) if chosen.stimuli_folder and subject is None else {}
    own.pop("twin_note", None)
    return {name: made} | own | own_masks(chosen, subject)


def find_tree(chosen: Options, inputs: Mapping[str, Path] | None) -> Layout:
    """The tree of option ``laion_root``, or that of the note ``laion`` among the inputs, which the fetch command wrote.

    Raises
    ------
    MenagerieError
        When there is neither, or no such folder.
    """
    if chosen.laion_root:
        root = user_path(chosen.laion_root)
    elif inputs and "laion" in inputs:
        root = Path(inputs["laion"]).parent
    else:
        raise MenagerieError(
            "Reader laion: found no data, expected a tree of LAION-fMRI. Set option laion_root to one, or fetch one "
            "(docs/laion.md)."
        )
    if not root.is_dir():
        raise MenagerieError(
            f"Reader laion: folder {root} is missing. Set option laion_root to the folder with derivatives/."
        )
    return Layout(root)


def stimuli_folder(layout: Layout, chosen: Options) -> Path:
    """Folder of the images and their table."""
    return user_path(chosen.stimuli_folder) if chosen.stimuli_folder else layout.stimuli


def stimulus_files(layout: Layout, chosen: Options) -> dict[str, Path]:
    """Files that the images are read from, by name: those that are there."""
    folder = stimuli_folder(layout, chosen)
    files = {"images": images_file(folder), "metadata": metadata_file(folder), "twin_note": layout.twin_note}
    return {name: path for name, path in files.items() if path.is_file()}


def subject_files(layout: Layout, chosen: Options, subject: str) -> dict[str, Path | list[Path]]:
    """Files of a subject's target and noise ceilings: of those that may be opened, the ones that are there.

    All ROI masks count, since the table of units has a column of each, and all sessions: which of them hold an image
    only their tables say.

    Raises
    ------
    MenagerieError
        When a region's expression does not parse, or the subject is unknown.
    """
    check_subject(subject)
    volumes = Volumes(layout, subject, chosen.noise_ceiling_map)
    rois = [path for paths in volumes.rois.values() for path in paths]
    several = {
        "volumes": [*volumes.maps(names_of(chosen.regions, DEFAULT_REGIONS)), *rois],
        "trials": [layout.trials(subject, session) for session in SESSIONS],
        "betas": [layout.betas(subject, session) for session in SESSIONS],
    }
    there = {name: [path for path in paths if path.is_file()] for name, paths in several.items()}
    note = {"twin_note": layout.twin_note} if layout.twin_note.is_file() else {}
    return note | {name: paths for name, paths in there.items() if paths} | own_masks(chosen, subject)


def own_masks(chosen: Options, subject: str | None) -> dict[str, list[Path]]:
    """Masks of the user's own, outside the tree.

    Raises
    ------
    MenagerieError
        When the option ``regions`` is wrong.
    """
    paths = mask_paths(chosen.regions, DEFAULT_REGIONS, subject) if subject else []
    found = [path for path in paths if path.is_file()]
    return {"masks": found} if found else {}


def missing_files(layout: Layout, chosen: Options, subjects: Sequence[str]) -> list[Path]:
    """Files that a run cannot do without and that are missing.

    Raises
    ------
    MenagerieError
        When a region's expression does not parse.
    """
    folder = stimuli_folder(layout, chosen)
    needed = [metadata_file(folder), images_file(folder)]
    for subject in subjects:
        needed += Volumes(layout, subject, chosen.noise_ceiling_map).maps(names_of(chosen.regions, DEFAULT_REGIONS))
    return [path for path in needed if not path.is_file()]
