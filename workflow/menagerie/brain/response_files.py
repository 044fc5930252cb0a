"""Responses and unit tables as users keep them: npy, csv or parquet, checked with messages that name the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from menagerie.errors import MenagerieError

_SEPARATOR = ";"  # between the regions of one unit
_WHOLE_BRAIN = "all"
_TEXT_COLUMNS = ("image", "file", "id", "unit", "region", "regions")  # "001" is a name, not the number 1


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
        Ids of the rows, None where the file has no column ``image``.
    units
        Names of the units, None where the file has no names.
    """

    path: Path
    responses: np.ndarray
    images: list[str] | None = None
    units: list[str] | None = None


def read_table(path: Path) -> pd.DataFrame:
    """A csv or parquet file as a table.

    Raises
    ------
    MenagerieError
        When it cannot be read or is empty.
    """
    try:
        table = (
            pd.read_parquet(path)
            if path.suffix == ".parquet"
            else pd.read_csv(path, dtype=dict.fromkeys(_TEXT_COLUMNS, str))
        )
    except Exception as error:  # pandas raises many kinds for a damaged file
        raise MenagerieError(
            f"{path} cannot be read as a table ({error}). Save it again as csv (with a header line) or parquet."
        ) from error
    if table.empty:
        raise MenagerieError(f"{path} has no rows. A table needs a header line and at least one row.")
    return table


def read_responses(path: Path) -> ResponseFile:
    """Responses of one file, ``(n, v)`` or ``(n, v, t)`` in npy, ``(n, v)`` in csv and parquet.

    Raises
    ------
    MenagerieError
        When the file cannot be read, has other dimensions, or holds something else than numbers.
    """
    return _read_array(path) if path.suffix == ".npy" else _read_response_table(path)


def _read_array(path: Path) -> ResponseFile:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise MenagerieError(
            f"{path} cannot be read as an array ({error}). Save plain numbers with numpy.save(path, responses)."
        ) from error
    if values.ndim not in (2, 3) or values.dtype.kind not in "fiu" or 0 in values.shape:
        raise MenagerieError(
            f"{path}: expected numbers of shape images x units or images x units x repeats, "
            f"found {values.dtype} of shape {values.shape}. Save it so with numpy.save."
        )
    values = values.astype(np.float64)
    return ResponseFile(path, values if values.ndim == 3 else values[:, :, None])


def _read_response_table(path: Path) -> ResponseFile:
    table = read_table(path)
    images = None
    if "image" in table:
        images = [str(name) for name in table.pop("image")]
        if len(set(images)) < len(images):
            twice = next(name for name in images if images.count(name) > 1)
            raise MenagerieError(
                f"{path}: image '{twice}' has several rows. Give repeats as several files: responses_1, responses_2, "
                "..."
            )
    for name in table.columns:
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = np.flatnonzero(numbers.isna() & table[name].notna())
        if wrong.size:
            raise MenagerieError(
                f"{path}, column '{name}', row {wrong[0] + 1}: expected a number, found "
                f"{table[name].iloc[wrong[0]]!r}. "
                "Every column but 'image' is a unit; keep other information in the unit table."
            )
        table[name] = numbers
    if table.shape[1] == 0:
        raise MenagerieError(f"{path} has no columns of responses; every column but 'image' is a unit.")
    return ResponseFile(
        path, table.to_numpy(dtype=np.float64)[:, :, None], images, [str(name) for name in table.columns]
    )


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
        rows = [file.images.index(name) for name in first.images] if first.images else slice(None)
        stacked.append(file.responses[rows])
    return ResponseFile(first.path, np.concatenate(stacked, axis=2), first.images, first.units)


def read_units(path: Path, n_units: int, names: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Unit table as columns ``(v,)``, in the order of the responses' columns.

    Rows are matched by column ``unit`` where the responses have unit names, by position elsewhere.

    Raises
    ------
    MenagerieError
        When the number of rows or the names do not fit.
    """
    table = read_table(path)
    if len(table) != n_units:
        raise MenagerieError(
            f"{path} has {len(table)} rows for {n_units} units of responses; there must be one row a unit."
        )
    if "unit" in table and names is not None:
        table["unit"] = table["unit"].astype(str)
        if sorted(table["unit"]) != sorted(names):
            strange = sorted(set(table["unit"]) ^ set(names)) or ["a name that occurs twice"]
            raise MenagerieError(
                f"{path}: column 'unit' does not name the columns of the responses one to one (first: {strange[0]})."
            )
        table = table.set_index("unit", drop=False).loc[list(names)]
    if bad := [name for name in map(str, table.columns) if "/" in name]:
        raise MenagerieError(f"{path}: column '{bad[0]}' has a slash in its name. Rename it.")
    return {str(name): _plain(column) for name, column in table.items()}


def _plain(column: pd.Series) -> np.ndarray:
    """Numbers and truth values as they are, all else as text (empty cells: empty text)."""
    values = column.to_numpy()
    if values.dtype.kind in "fiub":
        return values
    return np.array(
        ["" if missing else str(value) for value, missing in zip(values, column.isna(), strict=True)], dtype=object
    )


def split_regions(units: dict[str, np.ndarray], n_units: int, where: Path) -> dict[str, np.ndarray]:
    """Region -> bool mask ``(v,)`` from column ``regions`` (or ``region``); without it, one region of all units.

    A unit may lie in several regions, separated by semicolons, or in none (empty cell).

    Raises
    ------
    MenagerieError
        When no unit has a region or a name has a slash.
    """
    column = next((units[name] for name in ("regions", "region") if name in units), None)
    if column is None:
        return {_WHOLE_BRAIN: np.ones(n_units, dtype=bool)}
    memberships = [_names(cell) for cell in column]
    names = list(dict.fromkeys(name for cell in memberships for name in cell))
    if not names:
        raise MenagerieError(
            f"{where}: the column of regions is empty. Name a region for some units, or drop the column."
        )
    if bad := [name for name in names if "/" in name]:
        raise MenagerieError(f"{where}: region '{bad[0]}' has a slash in its name. Rename it.")
    return {name: np.array([name in cell for cell in memberships]) for name in names}


def _names(cell: object) -> list[str]:
    if isinstance(cell, float | np.floating):
        if np.isnan(cell):
            return []
        cell = int(cell) if float(cell).is_integer() else cell
    return [name.strip() for name in str(cell).split(_SEPARATOR) if name.strip()]
