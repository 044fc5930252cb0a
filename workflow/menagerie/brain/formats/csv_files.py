"""Csv files as other programs write them: encodings, separators, row names, decimal commas; doubtful ones are refused.

Nothing is guessed from content: names of columns come from the header line alone, and cells stay text until
:meth:`CsvTable.numbers` reads them, so that "001" and "NA" stay what they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from pathlib import Path

import numpy as np

from menagerie.brain.names import duplicates, normal
from menagerie.brain.remarks import Remark, plain
from menagerie.errors import MenagerieError
from menagerie.files.paths import refuse_special

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_MISSING = frozenset({"", "na", "nan", "n/a", "#n/a", "null", "none"})
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_SAMPLE = 20  # lines that a separator must fit


@dataclass(frozen=True)
class CsvTable:
    """A csv file: names of its columns, and its cells as text.

    Attributes
    ----------
    path
        Where it was read.
    names
        Names of the columns in composed Unicode form; empty for one without a name.
    index
        Positions of columns that hold names of rows.
    n_rows
        Rows below the header line.
    remarks
        What deserves a look.
    """

    path: Path
    names: list[str]
    index: list[int]
    n_rows: int
    remarks: tuple[Remark, ...]
    _text: str = field(repr=False)
    _separator: str = field(repr=False)

    def texts(self, position: int) -> list[str]:
        """Cells of a column, without white space around them; empty where a cell is."""
        return [normal(row[position]) for row in self._rows()]

    def numbers(self, positions: Sequence[int]) -> np.ndarray:
        """Some columns as float64 ``(rows, columns)``, NaN where a cell is empty or says NA, NaN, N/A, null or none.

        Raises
        ------
        MenagerieError
            When a cell is no number, or its commas can be read in two ways.
        """
        if not positions:
            return np.empty((self.n_rows, 0))
        pick = itemgetter(*positions) if len(positions) > 1 else lambda row: (row[positions[0]],)
        may_hold_commas = self._separator != "," or '"' in self._text
        comma = may_hold_commas and self._decimal_comma(pick)
        values = np.empty((self.n_rows, len(positions)))
        for number, row in enumerate(self._rows()):
            values[number] = self._row(pick(row), comma, number, positions)
        return values

    def _row(self, cells: Sequence[str], comma: bool, row: int, positions: Sequence[int]) -> list[float]:
        # Python reads "1_000" as a number; no other program writes it as one.
        if not comma and "_" not in "".join(cells):
            with suppress(ValueError):
                return [float(cell) for cell in cells]
        return [self._number(cell, comma, row, position) for cell, position in zip(cells, positions, strict=True)]

    def _number(self, cell: str, comma: bool, row: int, position: int) -> float:
        text = cell.strip()
        if text.casefold() in _MISSING:
            return np.nan
        try:
            if "_" in text:
                raise ValueError
            return float(text.replace(",", ".") if comma else text)
        except ValueError:
            raise not_a_number(self.path, self.names[position], row, cell) from None

    def _decimal_comma(self, pick: itemgetter) -> bool:
        """Whether numbers have decimal commas, from all cells with a comma; refuses what can be read in two ways."""
        with_comma, points = [], False
        for row in self._rows():
            cells = pick(row)
            with_comma += [cell.strip() for cell in cells if "," in cell]
            points = points or any("." in cell for cell in cells)
        if not with_comma:
            return False
        thousands = all(_THOUSANDS.fullmatch(cell) for cell in with_comma)
        if points or thousands:
            raise MenagerieError(
                f"{self.path}: found numbers with commas ('{with_comma[0]}'), which may be decimal commas or "
                "separators of thousands, expected decimal points and no other mark. Save it again so."
            )
        return True

    def _rows(self) -> Iterator[list[str]]:
        rows = records(self._text, self._separator, self.path)
        next(rows)
        for row in rows:
            if row or len(self.names) == 1:  # an empty line is an empty cell of a table with one column
                yield row or [""]


def not_a_number(path: Path, name: str, row: int, cell: object) -> MenagerieError:
    """The error for a cell; ``row`` counts from 0 below the header line."""
    return MenagerieError(
        f"{path}, column '{name}', row {row + 1}: expected a number, found {str(cell)[:60]!r}. Every column but "
        "'image' is a unit; keep other information in the unit table."
    )


def read_csv(path: Path, rows: int | None = None) -> CsvTable:
    """A csv file with a header line; of a large one the first ``rows`` rows only, if that is asked for.

    Separators may be commas, semicolons or tabs, where the header line and the rows agree on one. Row names as R writes
    them (one cell more in every row than in the header line) are a column without a name.

    Raises
    ------
    MenagerieError
        When it cannot be read as UTF-8, no separator fits, rows differ in length, or names of columns repeat.
    """
    text = read_text(path, rows).strip("\r\n") + "\n"
    separator = find_separator(text, path)
    lines = records(text, separator, path)
    header = [normal(name) for name in next(lines, [])]
    widths, last_is_empty, n_rows, n_blank = set(), True, 0, 0
    for row in lines:
        if row:
            n_rows += 1
            widths.add(len(row))
            last_is_empty = last_is_empty and not row[-1].strip()
        else:
            n_blank += 1
    if not n_rows:
        raise MenagerieError(f"{path} has no rows. A table needs a header line and at least one row.")
    header = _fit_header(path, text, separator, header, widths, last_is_empty)
    header, index = _named(path, text, separator, header)
    n_rows += n_blank if len(header) == 1 else 0
    remarks = [] if separator == "," else [plain(f"{path}: read with {_SEPARATORS[separator]} between columns.")]
    return CsvTable(path, header, index, n_rows, tuple(remarks), text, separator)


def read_text(path: Path, rows: int | None = None) -> str:
    """Content of a text file in UTF-8, with or without byte order mark; of ``rows`` lines after the first, if given.

    Raises
    ------
    MenagerieError
        When it is in another encoding, or no text.
    """
    refuse_special(path, "a table", "Correct the path.")
    with path.open("rb") as file:
        data = file.read() if rows is None else b"".join(islice(file, rows + 1))
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise MenagerieError(f"{path}: found UTF-16 text, expected UTF-8. Save it again as csv UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MenagerieError(
            f"{path} cannot be read as a table: found a byte that is not UTF-8 (byte {error.start}), expected UTF-8 "
            "text. Save it again as csv UTF-8 (with a header line) or parquet."
        ) from None
    if "\0" in text:
        raise MenagerieError(f"{path} cannot be read as a table: found NUL bytes, expected text. Save it again as csv.")
    return text


def records(text: str, separator: str, path: Path) -> Iterator[list[str]]:
    """Lines of csv text as cells; an empty line has none.

    Raises
    ------
    MenagerieError
        When a line breaks the rules of csv.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise MenagerieError(
            f"{path} cannot be read as a table (line {reader.line_num}: {error}), expected csv with text in double "
            "quotes. Save it again."
        ) from None


def find_separator(text: str, path: Path) -> str:
    """The separator that header line and rows agree on; a comma where there is none.

    Raises
    ------
    MenagerieError
        When several fit, or none.
    """
    lines = [line for line in text[:1_000_000].splitlines() if line.strip()][:_SAMPLE]
    if not lines:
        raise MenagerieError(f"{path} has no rows. A table needs a header line and at least one row.")
    present = [separator for separator in _SEPARATORS if separator in lines[0]]
    if not present and (found := _spaced(lines)):
        raise MenagerieError(
            f"{path}: found {found} columns with spaces between them, expected commas, semicolons or tabs. Save it "
            "again so (in R: write.csv, or sep = ',')."
        )
    if len(present) < 2:
        return present[0] if present else ","
    fitting = [separator for separator in present if _fits(lines, separator)]
    if len(fitting) == 1:
        return fitting[0]
    raise MenagerieError(
        f"{path}: found {' and '.join(_SEPARATORS[separator] for separator in present)} in the header line, expected "
        "one kind of separator. Separate columns by commas, and put names that hold one in double quotes."
    )


def _split(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Cells of some lines; none where they break the rules of csv (:func:`records` says how)."""
    try:
        return list(csv.reader(lines, delimiter=separator, skipinitialspace=separator == " "))
    except csv.Error:
        return []


def _spaced(lines: Sequence[str]) -> int:
    """Columns of lines whose cells are separated by spaces, with numbers in the last one; 0 for others."""
    first, *rows = [[cell for cell in row if cell] for row in _split(lines, " ")] or [[]]
    if not rows or len(rows[0]) < 2 or any(len(row) != len(rows[0]) or not _is_number(row[-1]) for row in rows):
        return 0
    return len(rows[0]) if len(first) in (len(rows[0]), len(rows[0]) - 1) else 0


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.strip().casefold() in _MISSING
    return True


def _fits(lines: Sequence[str], separator: str) -> bool:
    widths = [len(row) for row in _split(lines, separator)]
    return min(widths, default=0) > 1 and set(widths[1:]) <= {widths[0], widths[0] + 1}


def _fit_header(
    path: Path, text: str, separator: str, header: list[str], widths: set[int], last_is_empty: bool
) -> list[str]:
    """The header line, with a nameless column of row names added where rows are one cell longer."""
    if widths <= {len(header)}:
        return header
    if widths == {len(header) + 1} and last_is_empty:
        return header
    # R also writes numbers of rows before a column of names; anything else there is a comma too many in every row.
    if widths == {len(header) + 1} and ("image" not in map(str.casefold, header) or _counts(text, separator, path)):
        return ["", *header]
    number, row = next(
        (number, row)
        for number, row in enumerate(records(text, separator, path), start=0)
        if number and row and len(row) != len(header)
    )
    raise MenagerieError(
        f"{path}, row {number}: found {len(row)} cells, expected {len(header)} as in the header line. Put text that "
        f"holds {_SEPARATORS[separator]} in double quotes, and write numbers with decimal points."
    )


def _named(path: Path, text: str, separator: str, header: list[str]) -> tuple[list[str], list[int]]:
    """Names without empty columns at the end, and the position of a nameless first column."""
    if twice := duplicates(name for name in header if name):
        raise MenagerieError(
            f"{path}: column '{twice[0]}' is there twice, expected names that differ (is the header line missing?). "
            "Rename one."
        )
    nameless = [position for position, name in enumerate(header) if not name]
    while nameless and nameless[-1] == len(header) - 1 and len(header) > 1 and _is_empty(text, separator, path, header):
        header, nameless = header[:-1], nameless[:-1]
    if any(position > 0 for position in nameless):
        raise MenagerieError(
            f"{path}: column {nameless[-1] + 1} has no name, expected one for every column. Name or delete it."
        )
    return header, nameless


def _counts(text: str, separator: str, path: Path) -> bool:
    """Whether the first column holds 1, 2, 3, ..."""
    rows = records(text, separator, path)
    next(rows)
    return all(row[0].strip() == str(number) for number, row in enumerate((row for row in rows if row), start=1))


def _is_empty(text: str, separator: str, path: Path, header: list[str]) -> bool:
    rows = records(text, separator, path)
    next(rows)
    return all(len(row) < len(header) or not row[len(header) - 1].strip() for row in rows if row)


def count_rows(path: Path) -> int:
    """Lines of a file below its header line, empty ones at the end left out."""
    refuse_special(path, "a table", "Correct the path.")
    count, tail = 0, b""
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            count += block.count(b"\n")
            tail = (tail + block)[-64:]
    return count - tail[len(tail.rstrip(b"\r\n")) :].count(b"\n")
