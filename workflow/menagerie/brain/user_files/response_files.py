"""Files of responses: which column names the images, which are units, and which are neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menagerie.brain.formats import array_files
from menagerie.brain.formats.table_files import (
    Table,
    is_count,
    is_id_name,
    names_images,
    numbers_rows,
    only_rises,
    read_table,
)
from menagerie.brain.names import duplicates, positions
from menagerie.brain.remarks import Remark, plain
from menagerie.brain.user_files.not_responses import refuse_other_arrays, refuse_other_tables
from menagerie.errors import MenagerieError, unknown

SUFFIXES = (".npy", ".csv", ".parquet")


@dataclass(frozen=True)
class ResponseFile:
    """Content of one file.

    Attributes
    ----------
    path
        Where it was read.
    responses
        float64 ``(n, v, t)``: image, unit, repeat.
    images
        Ids of the rows, None where the file does not name them.
    units
        Names of the units, None where the file has no names.
    remarks
        What deserves a look.
    """

    path: Path
    responses: np.ndarray
    images: list[str] | None = None
    units: list[str] | None = None
    remarks: tuple[Remark, ...] = ()


def read_responses(path: Path, ids: Sequence[str] = ()) -> ResponseFile:
    """Responses of one file, ``(n, v)`` or ``(n, v, t)`` in npy, ``(n, v)`` in csv and parquet.

    Parameters
    ----------
    path
        The file.
    ids
        Ids of the images that a column may name; a column ``image`` names them whatever they are.

    Raises
    ------
    MenagerieError
        When the file cannot be read, has other dimensions, holds something else than numbers, or holds a column of
        which it is not clear that it is a unit.
    """
    if path.suffix.lower() != ".npy":
        return responses_of_table(read_table(path), ids)
    return responses_of_array(array_files.open_array(path), path, ids)


def responses_of_array(values: np.ndarray, path: Path, ids: Sequence[str]) -> ResponseFile:
    """Responses ``(n, v)`` or ``(n, v, t)`` of an array that was read from ``path``.

    Raises
    ------
    MenagerieError
        As :func:`read_responses`.
    """
    check_shape(values, len(ids), path)
    values = array_files.as_float(values, str(path))
    values = values if values.ndim == 3 else values[:, :, None]
    names = [f"unit {unit} (counted from 0)" for unit in range(values.shape[1])]
    return ResponseFile(path, values, remarks=_counting_columns(values[:, :, 0], names, path))


def check_shape(values: np.ndarray, n_images: int, path: Path) -> None:
    """Refuse an array that is not images x units, or images x units x repeats.

    Raises
    ------
    MenagerieError
        For other dimensions, and for RSMs and RDMs.
    """
    if values.dtype.kind in "biuf":  # what is no number is named where numbers are read
        refuse_other_arrays(values, n_images, path)
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise MenagerieError(
            f"{path}: expected numbers of shape images x units or images x units x repeats, "
            f"found {values.dtype} of shape {values.shape}. Save it so with numpy.save."
        )


def _counting_columns(values: np.ndarray, names: Sequence[str], path: Path) -> tuple[Remark, ...]:
    """Refuse a column that numbers the rows, and remark on one that only rises."""
    if counting := np.flatnonzero(numbers_rows(values)).tolist():
        raise MenagerieError(
            f"{path}: {names[counting[0]]} numbers the rows, expected responses. Delete it; if it names the images, "
            "save a csv or parquet file and call the column 'image'."
        )
    rising = np.flatnonzero(only_rises(values)).tolist()
    text = f"{path}: {names[rising[0]]} holds whole numbers that only rise or only fall." if rising else ""
    return (Remark(text, "Delete it if it holds ids or times."),) if rising else ()


def responses_of_table(table: Table, ids: Sequence[str]) -> ResponseFile:
    """Responses of a table with one row an image.

    Raises
    ------
    MenagerieError
        As :func:`read_responses`.
    """
    path = table.path
    refuse_other_tables(table, ids)
    named, remarks = _image_column(table, ids)
    images = None if named is None else _image_names(table, named)
    left_out, more = _unused_columns(table, named, ids)
    columns = [place for place in range(len(table.names)) if place not in left_out and place != named]
    if not columns:
        raise MenagerieError(f"{path} has no columns of responses; every column but 'image' is a unit.")
    values = table.numbers(columns)
    refuse_other_arrays(values, 0, path)
    units = [table.names[place] for place in columns]
    rising = _counting_columns(values, [f"column '{name}'" for name in units], path)
    return ResponseFile(path, values[:, :, None], images, units, (*table.remarks, *remarks, *more, *rising))


def _image_column(table: Table, ids: Sequence[str]) -> tuple[int | None, list[Remark]]:
    """The column that names the images: ``image``, or another that by its name may, where it names each row's image."""
    called_so = [place for place, name in enumerate(table.names) if name.casefold() == "image"]
    if len(called_so) > 1:
        raise MenagerieError(f"{table.path}: found {len(called_so)} columns 'image', expected one. Rename the others.")
    if called_so:
        return called_so[0], []
    candidates = [place for place, name in enumerate(table.names) if place in table.index or is_id_name(name)]
    # A bare number names an image only where the column says so: elsewhere it is that of a row, a trial or a session.
    candidates = [place for place in candidates if names_images(table.names[place]) or not _whole(table, place)]
    found = {place: positions(table.texts(place), ids) for place in candidates}
    naming = {place: rows for place, rows in found.items() if ids and -1 not in rows and len(set(rows)) == len(rows)}
    if len({tuple(rows) for rows in naming.values()}) > 1:
        names = " and ".join(f"'{table.names[place]}'" for place in naming)
        raise MenagerieError(
            f"{table.path}: columns {names} name different images in the same row, expected one column 'image'. Rename "
            "the one that is meant to 'image', and delete the other."
        )
    if not naming:
        return None, []
    place = next(iter(naming))
    return place, [plain(f"{table.path}: images are named by {_called(table, place)}.")]


def _called(table: Table, place: int) -> str:
    if table.names[place]:
        return f"{'the index' if place in table.index else 'column'} '{table.names[place]}'"
    return "the index" if place in table.index else f"column {place + 1}, which has no name"


def _image_names(table: Table, place: int) -> list[str]:
    images = table.texts(place)
    if "" in images:
        raise MenagerieError(
            f"{table.path}, {_called(table, place)}: row {images.index('') + 1} is empty, expected the name of an "
            "image. Fill it in, or delete the row."
        )
    if twice := duplicates(images):
        raise MenagerieError(
            f"{table.path}: image '{twice[0]}' has several rows, expected one. Give repeats as several files: "
            "responses_1, responses_2, ..."
        )
    return images


def _unused_columns(table: Table, named: int | None, ids: Sequence[str]) -> tuple[set[int], list[Remark]]:
    """Columns that are neither units nor names of images; refuses those that leave doubt."""
    left_out: set[int] = set()
    remarks = []
    for place, name in enumerate(table.names):
        if place == named or not (place in table.index or is_id_name(name)):
            continue
        same = named is not None and ids and positions(table.texts(place), ids) == positions(table.texts(named), ids)
        redundant = place in table.index and (
            is_count(table.texts(place)) or (named is not None and _whole(table, place))
        )
        if not (same or redundant):
            raise _no_unit(table, place, ids)
        left_out.add(place)
        remarks.append(Remark(f"{table.path}: {_called(table, place)} is left out: it only numbers the rows."))
    first, step = getattr(table, "row_numbers", (0, 1))
    if named is None and (step != 1 or first not in (0, 1)):
        raise MenagerieError(
            f"{table.path}: pandas numbered its rows {first}, {first + step}, ..., so they were sorted or left out, "
            "expected all rows in the order of the images. Add a column 'image', or save it after "
            "reset_index(drop=True)."
        )
    return left_out, remarks


def _no_unit(table: Table, place: int, ids: Sequence[str]) -> MenagerieError:
    cells = table.texts(place)
    strange = [cell for cell, position in zip(cells, positions(cells, ids), strict=True) if position < 0]
    nearly = f" {unknown('image', strange[0], ids)}" if strange and len(strange) < len(cells) / 2 else ""
    is_index = place in table.index
    return MenagerieError(
        f"{table.path}: {_called(table, place)} {'names no images' if is_index else 'is no unit by its name'}, found "
        f"{', '.join(cells[:3])}, ..., expected names of images. Delete it; call it 'image' if it names the images"
        f"{'' if is_index else '; rename it if it is a unit'}.{nearly}"
    )


def _whole(table: Table, place: int) -> bool:
    """Whether a column holds whole numbers only."""
    return all(cell.removeprefix("-").isdecimal() for cell in table.texts(place))


def stack_repeats(files: Sequence[ResponseFile]) -> ResponseFile:
    """Several files, one repeat each, as one: same images, same units.

    Raises
    ------
    MenagerieError
        When files differ in shape, images or units.
    """
    first = files[0]
    if len(files) == 1:
        return first
    stacked = []
    for file in files:
        if file.responses.shape[2] != 1:
            raise MenagerieError(
                f"{file.path} holds repeats on its third axis, and there are several files. Use one of the two ways."
            )
        if file.responses.shape != first.responses.shape:
            raise MenagerieError(
                f"{file.path} has {file.responses.shape[0]} images x {file.responses.shape[1]} units, "
                f"{first.path.name} has "
                f"{first.responses.shape[0]} x {first.responses.shape[1]}. Give a missing repeat as a row of NaN "
                "(npy) or of empty cells (csv)."
            )
        if file.units != first.units:
            raise MenagerieError(
                f"{file.path}: its units are not those of {first.path.name} in the same order. Save all files alike."
            )
        if (file.images is None) != (first.images is None) or set(file.images or ()) != set(first.images or ()):
            raise MenagerieError(f"{file.path}: its column 'image' does not name the images of {first.path.name}.")
        place = {name: row for row, name in enumerate(file.images or ())}
        rows = [place[name] for name in first.images] if first.images else slice(None)
        stacked.append(file.responses[rows])
    remarks = tuple(dict.fromkeys(remark for file in files for remark in file.remarks))
    return ResponseFile(first.path, np.concatenate(stacked, axis=2), first.images, first.units, remarks)
