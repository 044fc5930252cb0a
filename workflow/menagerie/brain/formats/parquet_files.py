"""Parquet tables as pandas, polars, R or Arrow write them, with the index that pandas keeps apart restored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from menagerie.brain.formats.csv_files import not_a_number
from menagerie.brain.names import duplicates, normal
from menagerie.brain.remarks import Remark
from menagerie.errors import MenagerieError
from menagerie.files.paths import refuse_special

_NAMELESS = "__index_level_"  # what pandas calls an index without a name
_EXACT = 2**53  # whole numbers above are not exact in float64


@dataclass(frozen=True)
class ParquetTable:
    """A parquet file, with the attributes and methods of :class:`menagerie.brain.formats.csv_files.CsvTable`.

    Attributes
    ----------
    row_numbers
        First row number and step, where pandas kept no index but numbers of rows.
    """

    path: Path
    names: list[str]
    index: list[int]
    n_rows: int
    remarks: tuple[Remark, ...]
    row_numbers: tuple[int, int]
    _table: pa.Table = field(repr=False)

    def texts(self, position: int) -> list[str]:
        """Cells of a column as text; empty where there is none."""
        column = _plain(self._table.column(position))
        return ["" if value is None else normal(_as_text(value)) for value in column.to_pylist()]

    def numbers(self, positions: Sequence[int]) -> np.ndarray:
        """Some columns as float64 ``(rows, columns)``, NaN where a cell is empty.

        Raises
        ------
        MenagerieError
            When a column does not hold numbers, or whole numbers that are too large to be exact.
        """
        values = np.empty((self.n_rows, len(positions)))
        for place, position in enumerate(positions):
            values[:, place] = self._numbers(position)
        return values

    def _numbers(self, position: int) -> np.ndarray:
        name, column = self.names[position], _plain(self._table.column(position))
        kind = column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return np.array([self._parse(cell, name, row) for row, cell in enumerate(column.to_pylist())])
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        if pa.types.is_null(kind):
            return np.full(self.n_rows, np.nan)
        if not number:
            cells = enumerate(column.to_pylist())
            row, cell = next(((row, cell) for row, cell in cells if cell is not None), (0, None))
            raise not_a_number(self.path, name, row, cell)
        if pa.types.is_integer(kind) and self.n_rows:
            limits = pc.min_max(column).as_py()
            if limits["max"] is not None and max(limits["max"], -limits["min"]) > _EXACT:
                raise MenagerieError(
                    f"{self.path}, column '{name}': found whole numbers up to {limits['max']}, expected at most 2**53, "
                    "since larger ones are not exact. Rescale the column, or drop it if it holds ids."
                )
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)

    def _parse(self, cell: str | None, name: str, row: int) -> float:
        if cell is None or not cell.strip() or cell.strip() == "NA":
            return np.nan
        try:
            return float(cell.replace("_", "x"))
        except ValueError:
            raise not_a_number(self.path, name, row, cell) from None


def read_parquet(path: Path, rows: int | None = None) -> ParquetTable:
    """A parquet file; of a large one the first ``rows`` rows only, if that is asked for.

    Raises
    ------
    MenagerieError
        When it is damaged or empty, or names of columns repeat.
    """
    refuse_special(path, "a parquet file", "Correct the path.")
    try:
        with path.open("rb") as file:
            content = pq.ParquetFile(file)
            table = content.read() if rows is None else _first_rows(content, rows)
            table.validate(full=True)  # else text that is not UTF-8 is met later
    except Exception as error:  # Arrow raises many kinds for a damaged file
        raise MenagerieError(
            f"{path} cannot be read as a table ({' '.join(str(error).split())[:200]}), expected parquet. Save it again "
            "as csv (with a header line) or parquet."
        ) from error
    if not table.num_rows or not table.num_columns:
        raise MenagerieError(f"{path} has no rows. A table needs a header line and at least one row.")
    if twice := duplicates(table.column_names):
        raise MenagerieError(f"{path}: column '{twice[0]}' is there twice, expected names that differ. Rename one.")
    index, row_numbers = _pandas_index(table)
    names = ["" if name.startswith(_NAMELESS) else normal(name) for name in table.column_names]
    places = [position for position, name in enumerate(table.column_names) if name in index or not names[position]]
    return ParquetTable(path, names, places, table.num_rows, (), row_numbers, table)


def _first_rows(content: pq.ParquetFile, rows: int) -> pa.Table:
    return pa.Table.from_batches([next(content.iter_batches(batch_size=rows))], schema=content.schema_arrow)


def count_rows(path: Path) -> int:
    """Rows that the footer of a parquet file tells."""
    with path.open("rb") as file:
        return pq.ParquetFile(file).metadata.num_rows


def _pandas_index(table: pa.Table) -> tuple[set[str], tuple[int, int]]:
    """Names of index columns, and first number and step of an index that is a range."""
    try:
        columns = json.loads((table.schema.metadata or {})[b"pandas"])["index_columns"]
        ranges = [entry for entry in columns if isinstance(entry, dict)]
        numbers = (int(ranges[0]["start"]), int(ranges[0]["step"])) if ranges else (0, 1)
        return {entry for entry in columns if isinstance(entry, str)}, numbers
    except (KeyError, ValueError, TypeError):  # written by another program
        return set(), (0, 1)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without dictionary or extension type."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _as_text(value: object) -> str:
    """Whole numbers without decimals, as an id is written; pandas makes ids with a gap floating."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
