"""Your own dataset: a folder with images and one folder per subject. docs/add-a-dataset.md walks through it.

    <folder>/images/                   image files of any common kind
    <folder>/images.csv                optional: column "file" gives the order, column "id" ids other than file names
    <folder>/<subject>/responses.npy   images x units, or images x units x repeats; or responses.csv, responses.parquet;
                                       or one file a repeat: responses_1.csv, responses_2.csv, ...
    <folder>/<subject>/units.csv       optional (or .parquet): one row a unit; column "regions"

Options
-------
folder : path
    The folder, relative to the repository root or absolute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from menagerie.brain.fold_ceilings import ceilings_by_fold
from menagerie.brain.folds import Fold, folds_or_default
from menagerie.brain.names import is_system_file
from menagerie.brain.options import fill_options
from menagerie.brain.remarks import Remark, guarded, log, plain
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import Target
from menagerie.brain.user_files import image_folder as user_images
from menagerie.brain.user_files.image_folder import dataset_folder, list_images, read_folder
from menagerie.brain.user_files.subject_folder import response_candidates, response_files, unit_table
from menagerie.errors import MenagerieError

INPUTS: dict[str, str] = {}  # nothing is downloaded; see inputs
OPTIONS = {"folder": None}


def default_subjects(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Subfolders that hold responses, in alphabetical order.

    Raises
    ------
    MenagerieError
        When the folder does not exist or no subfolder holds responses.
    """
    folder = _folder(options)
    places = [path for path in folder.iterdir() if path.is_dir() and not is_system_file(path.name)]
    subjects = tuple(sorted(path.name for path in places if response_candidates(path)))
    if not subjects:
        raise MenagerieError(
            f"{folder} has no subject: no subfolder with responses.npy, .csv or .parquet. See docs/add-a-dataset.md."
        )
    return subjects


def inputs(
    options: Mapping[str, Any], resources: str = "resources", subject: str | None = None
) -> dict[str, Path | list[Path]]:
    """Files that the stimulus set (no subject) or a subject's target depends on, by name.

    Raises
    ------
    MenagerieError
        When the folder or its images do not exist, the order of images is ambiguous, or responses are missing.
    """
    folder = _folder(options)
    if subject is None:
        return list_images(folder).inputs
    files = {f"responses_{number}": path for number, path in enumerate(response_files(folder / subject), start=1)}
    units = unit_table(folder / subject)
    return files | ({"units": units} if units else {})


def read_stimuli(
    options: Mapping[str, Any], inputs: Mapping[str, Path]
) -> tuple[Iterable[np.ndarray], list[str], dict[str, str]]:
    """The images as 8-bit RGB, in the order of images.csv or of their file names.

    Raises
    ------
    MenagerieError
        When there are too few images, the order is ambiguous, ids repeat, or an image cannot be used.
    """
    return read_folder(_folder(options))


def image_column(options: Mapping[str, Any], column: str, image_ids: Sequence[str]) -> list[str]:
    """Group of every image: a column of images.csv."""
    return user_images.image_column(_folder(options), column, image_ids)


def group_files(options: Mapping[str, Any]) -> list[Path]:
    """Files that groups are read from."""
    return [_folder(options) / user_images.ORDER]


def read_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, Any],
    inputs: Mapping[str, Path],
    stimuli: Stimuli,
    folds: Sequence[Fold] = (),
) -> Target:
    """One subject's responses; noise ceilings where there are repeats.

    Raises
    ------
    MenagerieError
        As :func:`menagerie.brain.user_files.user_responses.load_responses`.
    """
    from menagerie.brain import repeats as repetition
    from menagerie.brain.user_files.user_responses import load_responses

    folder = _folder(options)
    files, table = response_files(folder / subject), unit_table(folder / subject)
    folds = folds_or_default(folds, stimuli.image_ids)
    found = load_responses(files, table, list(stimuli.image_ids), folds)
    log(found.remarks)
    units, regions = found.units.columns, found.units.regions
    several = repetition.count_repeats(found.trials).max() > 1
    ceilings, intervals, details = {}, {}, {"ceiling": "absent: no repeats"}
    if several:
        ceilings, intervals, details = ceilings_by_fold(
            folds,
            stimuli.image_ids[found.rows],
            lambda masks: repetition.measured_ceilings(found.trials, regions, masks["train"]),
        )
        units = {"ncsnr": repetition.estimate_ncsnr(found.trials)} | units
    source = {"reader": "own", "simulated": "no", "source": folder.name, "repeats": str(len(found.trials))}
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli.path.stem,
        image_ids=np.asarray(stimuli.image_ids[found.rows], dtype=object),
        responses=found.responses.astype(np.float32),
        repeats=found.trials.astype(np.float32) if several else None,
        n_repeats=repetition.count_repeats(found.trials),
        regions=regions,
        units=units,
        ceilings=ceilings,
        ceiling_intervals=intervals,
        provenance=source | details,
    )


def examine(options: Mapping[str, Any], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """Look at every file without building anything: headers of all, contents of small ones, samples of large ones.

    Raises
    ------
    MenagerieError
        For the first file that would stop the run.
    """
    from menagerie.brain.user_files.image_headers import examine_images
    from menagerie.brain.user_files.response_samples import Look, look_at_responses
    from menagerie.brain.user_files.subjects import compare_subjects

    folder = _folder(options)
    images = list_images(folder)
    yield from (*images.remarks, *examine_images(images))
    looks: dict[str, Look] = {}

    def look(subject: str) -> Iterator[Remark]:
        files, table = response_files(folder / subject), unit_table(folder / subject)
        looks[subject] = look_at_responses(files, table, images.ids)
        yield from looks[subject].remarks

    for subject in subjects:
        yield from guarded(lambda subject=subject: look(subject))
    yield from compare_subjects(looks)
    sizes = ", ".join(
        f"{subject} {look.n_images} x {look.n_units} x {look.n_repeats}" for subject, look in looks.items()
    )
    yield plain(f"{len(images.ids)} images; images x units x repeats: {sizes or 'none'}")


def region_names(options: Mapping[str, Any], resources: str, subject: str) -> list[str]:
    """Regions of a subject."""
    from menagerie.brain.user_files.unit_tables import names_of_regions

    return names_of_regions(unit_table(_folder(options) / subject))


def _folder(options: Mapping[str, Any]) -> Path:
    return dataset_folder("own", fill_options("own", options, OPTIONS)["folder"])
