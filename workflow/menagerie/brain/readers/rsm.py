"""Your own RSMs or RDMs: a folder with images, and matrices of similarities or dissimilarities; no code is needed.

    <folder>/images/                   image files of any common kind, and optionally images.csv, as for reader own
    <folder>/<subject>/<region>.npy    the matrix of one subject and region, images x images; or .csv, .parquet, .mat,
                                       .h5, .hdf5; several sessions as a stack (sessions x images x images), or as
                                       <region>_session1.npy, <region>_session2.npy, ...
    <folder>/<region>.npy              instead of folders: one file a region with all subjects (subjects x images x
                                       images), or a file of rsatoolbox or of the RSA toolbox that names them

Options
-------
folder : path
    The folder, relative to the repository root or absolute.
kind : "auto" (default), "similarity" or "dissimilarity"
    What the matrices hold; "auto" recognises it by the diagonal (ones or zeros) and refuses what leaves doubt.
variable : text, optional
    Of MATLAB and HDF5 files with several matrices, the variable or dataset to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from menagerie.brain.fold_ceilings import Found, ceilings_by_fold, uncertain
from menagerie.brain.folds import Fold, check_parts, folds_or_default
from menagerie.brain.options import fill_options
from menagerie.brain.remarks import Remark, log, plain
from menagerie.brain.rsms.rsm_subjects import Rsms, common_rows, list_files, list_subjects, read_rsms, sub_rsm
from menagerie.brain.rsms.rsm_values import check_kind
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import Target
from menagerie.brain.user_files import image_folder as user_images
from menagerie.brain.user_files.image_folder import dataset_folder, list_images, read_folder
from menagerie.errors import unknown

INPUTS: dict[str, str] = {}  # nothing is downloaded; see inputs
OPTIONS = {"folder": None, "kind": "auto", "variable": None}


def default_subjects(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Folders of subjects, or the subjects that files with several name (``s01``, ``s02``, ... where they name none).

    Raises
    ------
    MenagerieError
        When there are no files, or one cannot be read.
    """
    settings = _settings(options)
    folder = _folder(settings)
    files = list_files(folder)
    ids = () if files[0].subject else list_images(folder).ids
    return list_subjects(files, ids, settings["variable"] or "")


known_subjects = default_subjects


def inputs(
    options: Mapping[str, Any], resources: str = "resources", subject: str | None = None
) -> dict[str, Path | list[Path]]:
    """Files that the stimulus set (no subject) or a subject's target depends on, by name.

    A target depends on the files of all subjects, since the others are its noise ceiling.

    Raises
    ------
    MenagerieError
        When the folder, its images or files of RSMs do not exist, or the order of images is ambiguous.
    """
    folder = _folder(_settings(options))
    if subject is None:
        return list_images(folder).inputs
    return {"rsms": [file.path for file in list_files(folder)]}


def read_stimuli(
    options: Mapping[str, Any], inputs: Mapping[str, Path]
) -> tuple[Iterable[np.ndarray], list[str], dict[str, str]]:
    """The images as 8-bit RGB, in the order of images.csv or of their file names.

    Raises
    ------
    MenagerieError
        When there are too few images, the order is ambiguous, ids repeat, or an image cannot be used.
    """
    return read_folder(_folder(_settings(options)))


def image_column(options: Mapping[str, Any], column: str, image_ids: Sequence[str]) -> list[str]:
    """Group of every image: a column of images.csv."""
    return user_images.image_column(_folder(_settings(options)), column, image_ids)


def group_files(options: Mapping[str, Any]) -> list[Path]:
    """Files that groups are read from."""
    return [_folder(_settings(options)) / user_images.ORDER]


def read_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, Any],
    inputs: Mapping[str, Path],
    stimuli: Stimuli,
    folds: Sequence[Fold] = (),
) -> Target:
    """One subject's RSMs, the mean of its sessions in each region, and their noise ceilings.

    Raises
    ------
    MenagerieError
        When the subject has no RSM, a file cannot be read, or a matrix is no RSM of these images.
    """
    settings = _settings(options)
    folder = _folder(settings)
    rsms, remarks = read_rsms(list_files(folder), list(stimuli.image_ids), settings["kind"], settings["variable"] or "")
    log(remarks)
    mine = {region: subjects[subject] for region, subjects in rsms.items() if subject in subjects}
    if not mine:
        raise unknown(f"subject of {folder}", subject, {name for subjects in rsms.values() for name in subjects})
    rows = common_rows([rsm for sessions in mine.values() for rsm in sessions])
    image_ids = stimuli.image_ids[rows]
    folds = folds_or_default(folds, stimuli.image_ids)
    for fold in folds:
        check_parts(fold.among(image_ids), f"{folder}, {subject}", len(image_ids))
    ceilings, intervals, details = ceilings_by_fold(
        folds, image_ids, lambda masks: _ceilings(subject, rsms, rows, masks["test"])
    )
    kinds = sorted({rsm.kind for sessions in mine.values() for rsm in sessions})
    sessions = ", ".join(f"{region}: {len(found)}" for region, found in mine.items())
    source = {"reader": "rsm", "simulated": "no", "source": folder.name, "kind": ", ".join(kinds), "sessions": sessions}
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli.path.stem,
        image_ids=np.asarray(image_ids, dtype=object),
        rsms={region: np.mean([rsm.values for rsm in found], axis=0) for region, found in mine.items()},
        ceilings=ceilings,
        ceiling_intervals=intervals,
        provenance=source | details,
    )


def _ceilings(subject: str, rsms: Rsms, rows: np.ndarray, test: np.ndarray) -> Found:
    """Noise ceiling by region, and how each was found; of the others, those with all images of this subject count."""
    from menagerie.brain.rsms.rsm_ceilings import region_ceiling

    ceilings, intervals, details = {}, {}, {}
    for region, subjects in rsms.items():
        if subject not in subjects:
            continue
        parts = {
            name: [part for rsm in found if (part := sub_rsm(rsm.values, rsm.rows, rows)) is not None]
            for name, found in subjects.items()
        }
        found = region_ceiling(subject, {name: found for name, found in parts.items() if found}, test)
        if found.value is not None:
            ceilings[region], intervals[region] = found.value, found.interval
        details[f"ceiling_{region}"] = found.how
    every = set(details.values())
    details = {"ceiling": every.pop()} if len(every) == 1 else details
    remarks = {f"{name}_uncertain": text for name, text in uncertain(ceilings, intervals).items()}
    return Found(ceilings, intervals, details | remarks)


def examine(options: Mapping[str, Any], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """Look at every image, and read every matrix.

    Raises
    ------
    MenagerieError
        For the first file that would stop the run.
    """
    from menagerie.brain.user_files.image_headers import examine_images
    from menagerie.brain.user_files.subjects import compare_regions

    settings = _settings(options)
    folder = _folder(settings)
    images = list_images(folder)
    yield from (*images.remarks, *examine_images(images))
    rsms, remarks = read_rsms(list_files(folder), images.ids, settings["kind"], settings["variable"] or "")
    yield from remarks
    by_subject = {name: [region for region, found in rsms.items() if name in found] for name in subjects}
    yield from compare_regions(by_subject)
    yield plain(f"{len(images.ids)} images, {len(subjects)} subjects, regions {', '.join(rsms)}")


def region_names(options: Mapping[str, Any], resources: str, subject: str) -> list[str]:
    """Regions of a subject."""
    settings = _settings(options)
    folder = _folder(settings)
    images, variable = list_images(folder), settings["variable"] or ""
    rsms, _ = read_rsms(list_files(folder), images.ids, settings["kind"], variable)
    return [region for region, subjects in rsms.items() if subject in subjects]


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    settings = fill_options("rsm", options, OPTIONS)
    check_kind(settings["kind"])
    return settings


def _folder(settings: Mapping[str, Any]) -> Path:
    return dataset_folder("rsm", settings["folder"])
