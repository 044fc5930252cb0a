"""Square tables of numbers, with or without names of rows and columns, as csv or parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from menagerie.brain.formats.csv_files import find_separator, read_text, records
from menagerie.brain.names import duplicates, normal
from menagerie.errors import MenagerieError

_MISSING = ("", "na", "nan")


def read_rsm_table(path: Path) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Numbers of a table ``(n, n)``, or of one with a single row or column, and the names of its images.

    Rows and columns of a square table may both be named (in any order), or either, or none; the shape shows which.
    Numbers of rows (0, 1, 2, ... or 1, 2, 3, ...) are no names.

    Raises
    ------
    MenagerieError
        When it cannot be read, has another shape, or rows and columns name different images.
    """
    cells = _parquet_cells(path) if path.suffix.lower() == ".parquet" else _csv_cells(path)
    widths = {len(row) for row in cells}
    if len(widths) == 2 and len(cells[0]) == max(widths) - 1:  # R writes no name over the names of rows
        cells[0].insert(0, "")
        widths = {len(row) for row in cells}
    if len(widths) != 1:
        raise MenagerieError(
            f"{path}: found rows of {min(widths, default=0)} to {max(widths, default=0)} cells, expected a square "
            "table. Write numbers with decimal points, and separate them by commas."
        )
    n_rows, n_columns = len(cells), widths.pop()
    if 1 in (n_rows, n_columns):
        return _numbers(cells, path).ravel(), None
    cells = _names_first(cells)
    has_header, has_index = _labelled(n_rows, n_columns, path, cells)
    columns = [normal(cell) for cell in cells[0][has_index:]] if has_header else None
    rows = [normal(row[0]) for row in cells[has_header:]] if has_index else None
    values = _numbers([row[has_index:] for row in cells[has_header:]], path)
    given = [names for names in (rows, columns) if names is not None and not _is_count(names)]
    for names in given:
        if twice := duplicates(names):
            raise MenagerieError(f"{path}: image '{twice[0]}' is there twice, expected each once. Correct the names.")
    if len(given) == 2:
        values = values[:, _order(*given, path)]
    return values, tuple(given[0]) if given else None


def _names_first(cells: list[list[str]]) -> list[list[str]]:
    """The table with its column of names, if another than the first holds text, in front."""
    sample = (cells[1], cells[-1])
    text = [place for place in range(1, len(cells[0])) if not any(_may_be_number(row[place]) for row in sample)]
    return [[row[text[0]], *row[: text[0]], *row[text[0] + 1 :]] for row in cells] if len(text) == 1 else cells


def _may_be_number(cell: str) -> bool:
    return _is_number(cell) or cell.strip().casefold() in _MISSING


def _labelled(n_rows: int, n_columns: int, path: Path, cells: Sequence[Sequence[str]]) -> tuple[bool, bool]:
    """Whether the first row, and the first column, hold names: what is left must be square."""
    difference = n_rows - n_columns
    if difference == 0:
        both = not _has_empty_diagonal(cells) and (
            not _is_number(cells[0][0]) or not all(map(_is_number, cells[0][1:]))
        )
        return both, both
    if difference in (1, -1):
        return difference == 1, difference == -1
    raise MenagerieError(
        f"{path}: found {n_rows} rows and {n_columns} columns, expected a square table, with or without names of "
        "images. Save one row and one column an image."
    )


def _has_empty_diagonal(cells: Sequence[Sequence[str]]) -> bool:
    """Whether numbers have an empty diagonal: nothing in the corner, as over names, but images are not named .5."""
    if not all(row[place].strip().casefold() in _MISSING for place, row in enumerate(cells)):
        return False
    first = [cell.strip() for cell in cells[0][1:]]
    return all(map(_is_number, first)) and (len(set(first)) < len(first) or not all(map(str.isdecimal, first)))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _order(rows: Sequence[str], columns: Sequence[str], path: Path) -> list[int]:
    """Columns in the order of the rows."""
    place = {name: number for number, name in enumerate(columns)}
    strange = [name for name in rows if name not in place]
    if strange:
        raise MenagerieError(
            f"{path}: found a row '{strange[0]}' without a column of that name, expected the same images in rows and "
            "columns. Correct the names."
        )
    return [place[name] for name in rows]


def _is_count(names: Sequence[str]) -> bool:
    bare = [name.removeprefix("V").removeprefix("X") for name in names]  # as R numbers columns
    return bare in ([str(number + first) for number in range(len(bare))] for first in (0, 1))


def _numbers(cells: Sequence[Sequence[str]], path: Path) -> np.ndarray:
    values = np.empty((len(cells), len(cells[0])))
    for number, row in enumerate(cells):
        for place, cell in enumerate(row):
            text = cell.strip()
            try:
                values[number, place] = np.nan if text.casefold() in _MISSING else float(text.replace("_", "x"))
            except ValueError:
                raise MenagerieError(
                    f"{path}, row {number + 1}, column {place + 1} of the numbers: expected a number, found "
                    f"{cell[:60]!r}. Write numbers with decimal points."
                ) from None
    return values


def _csv_cells(path: Path) -> list[list[str]]:
    text = read_text(path).strip("\r\n")
    first = text.partition("\n")[0].strip()
    if " " in first and not any(mark in first for mark in ",;\t"):  # as numpy.savetxt and R's write.table write
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return [[cell for cell in row if cell] for row in records("\n".join(lines), " ", path)]
    return [row for row in records(text, find_separator(text, path), path) if row]


def _parquet_cells(path: Path) -> list[list[str]]:
    from menagerie.brain.formats.parquet_files import read_parquet

    table = read_parquet(path)
    order = [*table.index, *(place for place in range(len(table.names)) if place not in table.index)]
    names = [table.names[place] for place in order]
    cells = [table.texts(place) for place in order]
    return [names, *map(list, zip(*cells, strict=True))]
