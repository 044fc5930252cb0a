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
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from menagerie.brain.options import fill_options
from menagerie.brain.stimuli import Stimuli, train_mask
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError, unknown

INPUTS: dict[str, str] = {}  # nothing is downloaded; see inputs
OPTIONS = {"folder": None}
MIN_IMAGES = 8  # half of them, 4 images, give 6 pairs: fewer make no correlation of RSMs


def default_subjects(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Subfolders that hold responses, in alphabetical order.

    Raises
    ------
    MenagerieError
        When the folder does not exist or no subfolder holds responses.
    """
    folder = _folder(options)
    subjects = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("responses*.*"))))
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
    if subject is not None:
        responses = {
            f"responses_{number}": path for number, path in enumerate(_response_files(folder, subject), start=1)
        }
        units = _find_table(folder / subject, "units")
        return responses | ({"units": units} if units else {})
    order = folder / "images.csv"
    return {"images": _list_images(folder)[0]} | ({"order": order} if order.is_file() else {})


def read_stimuli(
    options: Mapping[str, Any], inputs: Mapping[str, Path]
) -> tuple[Iterable[np.ndarray], list[str], dict[str, str]]:
    """The images as 8-bit RGB, in the order of images.csv or of their file names.

    Raises
    ------
    MenagerieError
        When there are too few images, the order is ambiguous, ids repeat, or an image cannot be used.
    """
    folder = _folder(options)
    paths, ids = _list_images(folder)
    if len(paths) < MIN_IMAGES:
        raise MenagerieError(
            f"{folder / 'images'} holds {len(paths)} images; at least {MIN_IMAGES} are needed, half for training and "
            "half for test. Add images."
        )
    return _read_images(paths), ids, {"source": str(folder), "n_images": str(len(ids))}


def _read_images(paths: Sequence[Path]) -> Iterator[np.ndarray]:
    from menagerie.brain.images import read_image  # here, because planning the workflow imports readers

    for path in paths:
        yield read_image(path)[0]


def read_target(
    dataset: str, subject: str, *, options: Mapping[str, Any], inputs: Mapping[str, Path], stimuli: Stimuli
) -> Target:
    """One subject's responses; noise ceilings where there are repeats.

    Raises
    ------
    MenagerieError
        When responses do not fit the images, hold NaN or infinite values, units do not vary, or the unit table does
        not fit.
    """
    from menagerie.brain import repeats as repetition
    from menagerie.brain.response_files import read_responses, read_units, split_regions, stack_repeats

    folder = _folder(options)
    content = stack_repeats([read_responses(path) for path in _response_files(folder, subject)])
    rows = _match_images(content.images, len(content.responses), content.responses.shape[1], stimuli, content.path)
    order = np.argsort(rows)
    rows = rows[order]
    trials = content.responses[order].transpose(2, 0, 1)  # (t, n, v)
    _check_values(trials, content.path)
    responses = repetition.mean_over_repeats(trials, str(content.path))
    train = train_mask(len(stimuli))[rows]
    _check_variance(responses, train, content.units, content.path)
    n_units = responses.shape[1]
    table = _find_table(folder / subject, "units")
    units = read_units(table, n_units, content.units) if table else {}
    regions = split_regions(units, n_units, table or content.path)
    several = (~np.isnan(trials[:, :, 0])).sum(axis=0).max() > 1
    ceilings, details = {}, {"ceiling": "absent: no repeats"}
    if several:
        ceilings, details = repetition.measured_ceilings(trials, regions, train)
        units = {"ncsnr": repetition.estimate_ncsnr(trials)} | units
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli.path.stem,
        image_ids=np.asarray(stimuli.image_ids[rows], dtype=object),
        responses=responses.astype(np.float32),
        repeats=trials.astype(np.float32) if several else None,
        regions=regions,
        units=units,
        ceilings=ceilings,
        provenance={"reader": "own", "simulated": "no", "source": str(folder), "repeats": str(len(trials)), **details},
    )


def _folder(options: Mapping[str, Any]) -> Path:
    given = fill_options("own", options, OPTIONS)["folder"]
    if not given:
        raise MenagerieError(
            "Reader own needs the option 'folder' (config key datasets.<name>.options.folder), found none. See "
            "docs/add-a-dataset.md."
        )
    folder = Path(str(given)).expanduser()
    if not folder.is_dir():
        raise MenagerieError(
            f"Option 'folder' of reader own: found no folder {folder} (from {Path.cwd()}), expected a folder with "
            "images "
            "and subjects. Correct the path."
        )
    return folder


def _find_table(folder: Path, stem: str) -> Path | None:
    found = [folder / f"{stem}{suffix}" for suffix in (".csv", ".parquet") if (folder / f"{stem}{suffix}").is_file()]
    if len(found) > 1:
        raise MenagerieError(f"{folder} holds both {found[0].name} and {found[1].name}. Keep one.")
    return found[0] if found else None


def _response_files(folder: Path, subject: str) -> list[Path]:
    """The file ``responses.*``, or the files ``responses_*.*`` in the order of their numbers."""
    place = folder / subject
    if not place.is_dir():
        raise unknown(f"subject of {folder}", subject, default_subjects({"folder": folder}))
    files = [path for path in place.glob("responses*.*") if path.suffix in (".npy", ".csv", ".parquet")]
    single = [path for path in files if path.stem == "responses"]
    numbered = sorted(
        (path for path in files if path.stem.startswith("responses_")), key=lambda path: _natural(path.name)
    )
    if len(single) > 1 or (single and numbered) or len({path.suffix for path in numbered}) > 1:
        names = ", ".join(sorted(path.name for path in single + numbered))
        raise MenagerieError(
            f"{place} holds {names}: keep either one file 'responses', or files 'responses_1', 'responses_2', ... of "
            "one kind."
        )
    if not single and not numbered:
        found = ", ".join(sorted(path.name for path in place.iterdir())[:5]) or "nothing"
        raise MenagerieError(
            f"{place} has no responses.npy, .csv or .parquet, found {found}. See docs/add-a-dataset.md."
        )
    return single or numbered


def _list_images(folder: Path) -> tuple[list[Path], list[str]]:
    """Image files in their order, and their ids."""
    place = folder / "images"
    if not place.is_dir():
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise MenagerieError(f"{folder} has no folder 'images', found {found}. Put the image files there.")
    files = {path.name: path for path in place.iterdir() if path.is_file() and not path.name.startswith(".")}
    order = folder / "images.csv"
    if order.is_file():
        return _follow_order(order, files)
    names = sorted(files)
    if names != sorted(files, key=_natural):
        raise MenagerieError(
            f"{place}: the order of the images is ambiguous: by alphabet '{_first_difference(files)[0]}' comes before "
            f"'{_first_difference(files)[1]}', by number it comes after. Write {order.name} with a column 'file' in "
            "the order of the responses, "
            "or fill the numbers up with zeros."
        )
    ids = [Path(name).stem for name in names]
    return [files[name] for name in names], _unique(ids, place)


def _follow_order(order: Path, files: Mapping[str, Path]) -> tuple[list[Path], list[str]]:
    from menagerie.brain.response_files import read_table

    table = read_table(order)
    if "file" not in table:
        raise MenagerieError(f"{order} needs a column 'file'; found {', '.join(map(str, table.columns))}. Rename it.")
    names = [str(name) for name in table["file"]]
    missing = [name for name in names if name not in files]
    if missing:
        raise MenagerieError(
            f"{order} names {len(missing)} files that are not in the folder 'images' (first: {missing[0]}). "
            "Correct the names."
        )
    ids = [str(value) for value in table["id"]] if "id" in table else [Path(name).stem for name in names]
    return [files[name] for name in names], _unique(ids, order)


def _unique(ids: list[str], where: Path) -> list[str]:
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise MenagerieError(f"{where}: image id '{twice}' occurs several times. Give each image its own name.")
    return ids


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorting key in which numbers count as numbers."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def _first_difference(names: Iterable[str]) -> tuple[str, str]:
    ordered = sorted(names)
    return next((a, b) for a, b in pairwise(ordered) if _natural(a) > _natural(b))


def _match_images(images: list[str] | None, n_rows: int, n_units: int, stimuli: Stimuli, where: Path) -> np.ndarray:
    """Position in the stimulus set of every row of responses, ``(n,)``."""
    n = len(stimuli)
    if images is None:
        if n_rows != n:
            hint = " They look transposed: rows must be images." if n_units == n else ""
            raise MenagerieError(
                f"{where} has {n_rows} rows of responses, the stimulus set has {n} images; without names they must be "
                f"equal.{hint} "
                "For responses to some of the images, save a csv or parquet file with a column 'image'."
            )
        return np.arange(n)
    positions = {str(name): position for position, name in enumerate(stimuli.image_ids)}
    found = [positions.get(name, positions.get(Path(name).stem, -1)) for name in images]
    if -1 in found:
        strange = [name for name, position in zip(images, found, strict=True) if position < 0]
        error = unknown(f"image in {where}, column 'image'", strange[0], positions)
        raise MenagerieError(
            f"{error} {len(strange)} of {n_rows} rows have no image among the {n} of the stimulus set."
        )
    if len(set(found)) < len(found):
        raise MenagerieError(
            f"{where}: two rows name the same image, once with and once without file ending. Keep one."
        )
    if len(found) < MIN_IMAGES:
        raise MenagerieError(
            f"{where} has responses to {len(found)} images; at least {MIN_IMAGES} are needed. Add rows."
        )
    return np.array(found)


def _check_values(trials: np.ndarray, where: Path) -> None:
    if np.isinf(trials).any():
        _, image, unit = np.argwhere(np.isinf(trials))[0]
        raise MenagerieError(
            f"{where}: infinite response of unit {unit} to image {image} (both counted from 0), expected finite "
            "numbers. "
            "Mend or drop it."
        )


def _check_variance(responses: np.ndarray, train: np.ndarray, names: list[str] | None, where: Path) -> None:
    for half, mask in (("training", train), ("test", ~train)):
        if np.count_nonzero(mask) < MIN_IMAGES // 2:
            raise MenagerieError(
                f"{where}: {np.count_nonzero(mask)} images of the {half} half (every second image of the stimulus "
                "set) have responses; "
                f"at least {MIN_IMAGES // 2} are needed."
            )
        flat = np.flatnonzero(np.ptp(responses[mask], axis=0) == 0)
        if flat.size:
            first = names[flat[0]] if names else flat[0]
            raise MenagerieError(
                f"{where}: {flat.size} of {responses.shape[1]} units respond alike to all {half} images (first unit: "
                f"{first}), "
                "so they correlate with nothing. Drop them from responses and unit table."
            )
