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

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from menagerie.brain.names import is_system_file, natural_key
from menagerie.brain.options import fill_options
from menagerie.brain.remarks import Remark, guarded, log, plain
from menagerie.brain.stimuli import Stimuli, train_mask
from menagerie.brain.target import Target
from menagerie.brain.user_files.image_folder import dataset_folder, list_images, read_folder
from menagerie.errors import MenagerieError, unknown

INPUTS: dict[str, str] = {}  # nothing is downloaded; see inputs
OPTIONS = {"folder": None}
_NUMBERED = re.compile(r"responses_(\d+)")
_KINDS = (".npy", ".csv", ".parquet")


def default_subjects(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Subfolders that hold responses, in alphabetical order.

    Raises
    ------
    MenagerieError
        When the folder does not exist or no subfolder holds responses.
    """
    folder = _folder(options)
    places = [path for path in folder.iterdir() if path.is_dir() and not is_system_file(path.name)]
    subjects = tuple(sorted(path.name for path in places if _candidates(path)))
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
    files = {f"responses_{number}": path for number, path in enumerate(_response_files(folder, subject), start=1)}
    units = _unit_table(folder / subject)
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


def read_target(
    dataset: str, subject: str, *, options: Mapping[str, Any], inputs: Mapping[str, Path], stimuli: Stimuli
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
    files, table = _response_files(folder, subject), _unit_table(folder / subject)
    found = load_responses(files, table, list(stimuli.image_ids))
    log(found.remarks)
    units, regions = found.units.columns, found.units.regions
    several = (~np.isnan(found.trials[:, :, 0])).sum(axis=0).max() > 1
    ceilings, details = {}, {"ceiling": "absent: no repeats"}
    if several:
        train = train_mask(len(stimuli))[found.rows]
        ceilings, details = repetition.measured_ceilings(found.trials, regions, train)
        units = {"ncsnr": repetition.estimate_ncsnr(found.trials)} | units
    source = {"reader": "own", "simulated": "no", "source": str(folder), "repeats": str(len(found.trials))}
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli.path.stem,
        image_ids=np.asarray(stimuli.image_ids[found.rows], dtype=object),
        responses=found.responses.astype(np.float32),
        repeats=found.trials.astype(np.float32) if several else None,
        regions=regions,
        units=units,
        ceilings=ceilings,
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
        files, table = _response_files(folder, subject), _unit_table(folder / subject)
        looks[subject] = look_at_responses(files, table, images.ids)
        yield from looks[subject].remarks

    for subject in subjects:
        yield from guarded(lambda subject=subject: look(subject))
    yield from compare_subjects(looks)
    sizes = ", ".join(
        f"{subject} {look.n_images} x {look.n_units} x {look.n_repeats}" for subject, look in looks.items()
    )
    yield plain(f"{len(images.ids)} images; images x units x repeats: {sizes or 'none'}")


def _folder(options: Mapping[str, Any]) -> Path:
    return dataset_folder("own", fill_options("own", options, OPTIONS)["folder"])


def _candidates(place: Path) -> list[Path]:
    """Files of responses in a subject's folder, whatever comes after ``responses``."""
    files = [path for path in place.iterdir() if path.is_file() and path.suffix.lower() in _KINDS]
    return [path for path in files if path.stem == "responses" or path.stem.startswith("responses_")]


def _unit_table(place: Path) -> Path | None:
    found = [path for path in place.iterdir() if path.stem == "units" and path.suffix.lower() in (".csv", ".parquet")]
    if len(found) > 1:
        raise MenagerieError(f"{place} holds both {found[0].name} and {found[1].name}. Keep one.")
    return found[0] if found else None


def _response_files(folder: Path, subject: str) -> list[Path]:
    """The file ``responses.*``, or the files ``responses_<number>.*`` in the order of their numbers."""
    place = folder / subject
    if not place.is_dir():
        raise unknown(f"subject of {folder}", subject, default_subjects({"folder": folder}))
    files = sorted(_candidates(place), key=lambda path: natural_key(path.name))
    names = ", ".join(path.name for path in files)
    if not files:
        present = sorted(path.name for path in place.iterdir() if not is_system_file(path.name))
        hint = f" {unknown('file', present[0], ['responses.npy'])}".partition(" Known")[0] if present else ""
        raise MenagerieError(
            f"{place} has no responses.npy, .csv or .parquet, found {', '.join(present[:5]) or 'nothing'}. See "
            f"docs/add-a-dataset.md.{hint if 'mean' in hint else ''}"
        )
    single = len(files) == 1 and files[0].stem == "responses"
    numbers = [int(number[1]) for path in files if (number := _NUMBERED.fullmatch(path.stem))]
    alike = len({path.suffix for path in files}) == 1 and len(set(numbers)) == len(files)
    if not single and not alike:
        raise MenagerieError(
            f"{place} holds {names}: keep either one file 'responses', or files 'responses_1', 'responses_2', ... of "
            "one kind."
        )
    return files
