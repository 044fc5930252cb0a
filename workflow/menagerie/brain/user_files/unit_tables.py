"""Tables of units: which row is which unit, and which regions a unit lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menagerie.brain.formats.table_files import (
    Table,
    find_column,
    is_count,
    is_id_name,
    is_shuffled_count,
    nearest_column,
    read_table,
)
from menagerie.brain.names import duplicates, pairs_by_order
from menagerie.brain.remarks import Remark, plain
from menagerie.errors import MenagerieError

WHOLE_BRAIN = "all"
MOST_COLUMNS = 5000
_SEPARATOR = ";"  # between the regions of one unit
_REGIONS = ("regions", "region")
_NUMBERS = frozenset({"x", "v1", "var1", "no", "nr", "num", "number"})  # as programs call a column of row names
_TEXT = frozenset({"unit", *_REGIONS})  # "001" is a name, not the number 1


@dataclass(frozen=True)
class UnitTable:
    """What is known of the units.

    Attributes
    ----------
    columns
        Name -> ``(v,)``: numbers, truth values or text, in the order of the responses' columns.
    regions
        Region -> bool mask ``(v,)``.
    remarks
        What deserves a look.
    """

    columns: dict[str, np.ndarray]
    regions: dict[str, np.ndarray]
    remarks: tuple[Remark, ...] = ()


def read_units(path: Path, n_units: int, names: Sequence[str] | None) -> UnitTable:
    """A unit table, csv or parquet, in the order of the responses' columns.

    Rows are matched by name where the responses have unit names: by the column ``unit``, or by the one column or index
    that holds just these names. By order elsewhere.

    Raises
    ------
    MenagerieError
        When the number of rows, the names or the regions do not fit.
    """
    table = read_table(path)
    if len(table.names) > MOST_COLUMNS:
        raise MenagerieError(
            f"{path} has {len(table.names):,} columns, expected at most {MOST_COLUMNS:,}: one a property of units, one "
            "row a unit. Is it turned on its side?"
        )
    if table.n_rows != n_units:
        raise MenagerieError(
            f"{path} has {table.n_rows} rows for {n_units} units of responses; there must be one row a unit."
        )
    place, remarks = _name_column(table, names)
    order = _order(table, place, names) if place is not None and names is not None else np.arange(n_units)
    columns: dict[str, np.ndarray] = {}
    for position, name in enumerate(table.names):
        if name and not (position in table.index and is_count(table.texts(position))):
            columns[name] = _values(table, position)[order]
    if bad := [name for name in columns if "/" in name]:
        raise MenagerieError(f"{path}: column '{bad[0]}' has a slash in its name. Rename it.")
    column = find_column(table, *_REGIONS)
    if column is None:
        hint = nearest_column(table, *_REGIONS, "roi", "rois", "area")
        text = f"{path} has no column 'regions', so all units are one region '{WHOLE_BRAIN}'."
        return UnitTable(columns, whole_brain(n_units), (*remarks, Remark(text, hint.replace("Did you mean", "Is it"))))
    regions, more = _split(np.array(table.texts(column), dtype=object)[order], path)
    return UnitTable(columns, regions, (*table.remarks, *remarks, *more))


def names_of_regions(path: Path | None) -> list[str]:
    """Regions that a unit table names, in their order; without a table, the one region of all units.

    Raises
    ------
    MenagerieError
        When the table cannot be read, or its column of regions is empty.
    """
    table = read_table(path) if path else None
    column = find_column(table, *_REGIONS) if table else None
    return [WHOLE_BRAIN] if column is None else list(_split(np.array(table.texts(column), dtype=object), path)[0])


def whole_brain(n_units: int) -> dict[str, np.ndarray]:
    """The one region of data without a table of units."""
    return {WHOLE_BRAIN: np.ones(n_units, dtype=bool)}


def _name_column(table: Table, names: Sequence[str] | None) -> tuple[int | None, list[Remark]]:
    """The column that holds the names of the units; None where rows are matched by order."""
    place = find_column(table, "unit")
    if names is None:
        _refuse_sorted(table)
        labels, are_names = _labels(table, place)
        pairs = pairs_by_order(labels, f"{table.path} (responses have no unit names)", "column")
        advice = "Check these pairs, or save responses as csv or parquet with named columns."
        return place, [Remark(pairs.text, advice) if are_names else pairs]
    if place is not None:
        return place, []
    wanted = sorted(names)
    same = [position for position in range(len(table.names)) if sorted(table.texts(position)) == wanted]
    if same:
        called = f"column '{table.names[same[0]]}'" if table.names[same[0]] else "its index"
        return same[0], [plain(f"{table.path}: units are named by {called}.")]
    for index in table.index:
        cells = table.texts(index)
        if not is_count(cells):
            raise MenagerieError(
                f"{table.path}: its index ({', '.join(cells[:3])}, ...) does not name the columns of the responses "
                f"({', '.join(names[:3])}, ...), expected the same names. Name units in a column 'unit', or drop the "
                "index."
            )
    _refuse_sorted(table)
    return None, [pairs_by_order(names, str(table.path))]


def _refuse_sorted(table: Table) -> None:
    """Refuse numbers of units or rows in another order than that of the rows, which is all there is to match by."""
    for place, name in enumerate(table.names):
        by_name = place in table.index or is_id_name(name) or name.casefold() in _NUMBERS
        cells = table.texts(place) if by_name else []
        if cells and is_shuffled_count(cells):
            called = f"column '{name}'" if name else "the index"
            raise MenagerieError(
                f"{table.path}: {called} numbers the units {', '.join(cells[:3])}, ..., so its rows were sorted, but "
                "responses do not name their units so, expected rows in the order of the units. Sort the table by it; "
                "if its rows already lie as the units do, delete it; or save responses as csv or parquet with these "
                "names."
            )


def _labels(table: Table, place: int | None) -> tuple[list[str], bool]:
    """What to show of each row, its unit's name, else its region, else its number; and whether it is a name."""
    like_ids = [position for position, name in enumerate(table.names) if position in table.index or is_id_name(name)]
    for column in ([place] if place is not None else []) + like_ids:
        if not is_count(table.texts(column)):
            return table.texts(column), True
    regions = find_column(table, *_REGIONS)
    return (table.texts(regions) if regions is not None else [f"row {n + 1}" for n in range(table.n_rows)]), False


def _order(table: Table, place: int, names: Sequence[str]) -> np.ndarray:
    """Row of every unit of the responses."""
    cells = table.texts(place)
    if sorted(cells) != sorted(names):
        strange = sorted(set(cells) ^ set(names)) or duplicates(cells)
        raise MenagerieError(
            f"{table.path}: column 'unit' does not name the columns of the responses one to one (first: {strange[0]}). "
            "Correct the names."
        )
    row = {name: number for number, name in enumerate(cells)}
    return np.array([row[name] for name in names], dtype=np.int64)


def _values(table: Table, position: int) -> np.ndarray:
    """Numbers and truth values as they are, all else as text (empty cells: empty text)."""
    cells = table.texts(position)
    if table.names[position].casefold() not in _TEXT:
        given = {cell.casefold() for cell in cells}
        if given and given <= {"true", "false"}:
            return np.array([cell.casefold() == "true" for cell in cells])
        try:
            values = table.numbers([position])[:, 0]
        except MenagerieError:
            pass  # text
        else:
            whole = np.isfinite(values).all() and all(cell.removeprefix("-").isdecimal() for cell in cells)
            return values.astype(np.int64) if whole and np.abs(values).max() < 2**53 else values
    return np.array(cells, dtype=object)


def _split(cells: np.ndarray, where: Path) -> tuple[dict[str, np.ndarray], list[Remark]]:
    """Region -> bool mask ``(v,)``; a unit may lie in several regions, separated by semicolons, or in none."""
    memberships = [[name.strip() for name in _whole(cell).split(_SEPARATOR) if name.strip()] for cell in cells]
    names = list(dict.fromkeys(name for cell in memberships for name in cell))
    if not names:
        raise MenagerieError(
            f"{where}: the column of regions is empty. Name a region for some units, or drop the column."
        )
    if bad := [name for name in names if "/" in name]:
        raise MenagerieError(f"{where}: region '{bad[0]}' has a slash in its name. Rename it.")
    return {name: np.array([name in cell for cell in memberships]) for name in names}, _region_remarks(names, where)


def _whole(cell: str) -> str:
    """A region's number without decimals, which programs add where another cell is empty: "1.0" -> "1"."""
    head, point, tail = cell.partition(".")
    return head if point and head.isdecimal() and tail and not tail.strip("0") else cell


def _region_remarks(names: Sequence[str], where: Path) -> list[Remark]:
    remarks = []
    by_folded: dict[str, list[str]] = {}
    for name in names:
        by_folded.setdefault(name.casefold(), []).append(name)
    for variants in by_folded.values():
        if len(variants) > 1:
            text = f"{where}: regions {' and '.join(variants)} differ in case only; they are scored as {len(variants)}."
            remarks.append(Remark(text, "Write them alike if they are one."))
    if commas := [name for name in names if "," in name]:
        text = f"{where}: region '{commas[0]}' holds a comma; it is one region."
        remarks.append(Remark(text, "Separate several regions by semicolons."))
    if empty := [name for name in names if name.casefold() in ("nan", "none", "null")]:
        remarks.append(Remark(f"{where}: a region is called '{empty[0]}'.", "Leave the cell empty for no region."))
    return remarks
