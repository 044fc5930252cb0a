"""Tables of users, csv or parquet, and what the names of their columns say.

A column that names images, or numbers rows, trials or sessions, is never a unit. Which columns these are, is decided by
name (:func:`is_id_name`) and, for columns without a telling name, by their values (:func:`numbers_rows`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from menagerie.brain.formats import csv_files
from menagerie.brain.formats.csv_files import CsvTable, read_csv
from menagerie.brain.names import normal
from menagerie.errors import MenagerieError, unknown

SUFFIXES = (".csv", ".parquet")
_IMAGE_WORDS = """
image images img imgs picture pictures pic pics photo photograph stimulus stimuli stim exemplar object scene file files
filename filepath path nsd coco nsdid cocoid imageid imgid stimulusid stimid imagename stimulusname imagefile
stimulusfile
"""
_OTHER_WORDS = """
trial trials session sessions run runs block blocks subject subjects subj participant animal monkey repeat repeats
repetition rep presentation index idx id ids row rows rowname rownames rownumber rowid item items order position onset
offset duration time timestamp date datetime condition conditions cond category class label labels name names trialid
sessionid subjectid unit units voxel neuron channel electrode
"""
_QUALIFIER_WORDS = "id ids name names no nr num number numbers index idx file filename path key code order label"
_IMAGES = frozenset(_IMAGE_WORDS.split())
_THINGS = _IMAGES | frozenset(_OTHER_WORDS.split())
_QUALIFIERS = frozenset(_QUALIFIER_WORDS.split())
_RISING = 12

Table = CsvTable  # or a ParquetTable, which has the same attributes and methods


def read_table(path: Path, rows: int | None = None) -> Table:
    """A csv or parquet file of a user; its first ``rows`` rows only, where that is given.

    Raises
    ------
    MenagerieError
        When it cannot be read, or is empty.
    """
    try:
        if path.suffix.lower() == ".parquet":
            from menagerie.brain.formats.parquet_files import read_parquet  # here, because planning reads images.csv

            return read_parquet(path, rows)
        return read_csv(path, rows)
    except OSError as error:
        raise MenagerieError(
            f"{path} cannot be read as a table ({error.strerror}), expected a csv or parquet file. Correct its rights."
        ) from None


def count_rows(path: Path) -> int:
    """Rows of a table that can be read, without reading them all."""
    if path.suffix.lower() == ".parquet":
        from menagerie.brain.formats import parquet_files

        return parquet_files.count_rows(path)
    return csv_files.count_rows(path)


def find_column(table: Table, *names: str) -> int | None:
    """Position of the column with one of these names, whatever its case; None where there is none.

    Raises
    ------
    MenagerieError
        When several columns have one of the names.
    """
    found = [position for position, name in enumerate(table.names) if name.casefold() in names]
    if len(found) > 1:
        given = " and ".join(f"'{table.names[position]}'" for position in found)
        raise MenagerieError(f"{table.path}: found columns {given}, expected one of them. Delete or rename the other.")
    return found[0] if found else None


def nearest_column(table: Table, *names: str) -> str:
    """A hint at the column that was perhaps meant; empty where none is near."""
    for name in names:
        message = str(unknown("column", name, filter(None, table.names)))
        if "Did you mean" in message:
            return message[message.index("Did you mean") :].partition("?")[0] + "?"
    return ""


def is_id_name(name: str) -> bool:
    """Whether a column's name says that it names images, rows, trials or the like: "Image_ID", "trial no"."""
    return not any(letter.isalnum() for letter in name) or _is_about(name, _THINGS)


def is_count(cells: Sequence[str]) -> bool:
    """Whether cells are 0, 1, 2, ... or 1, 2, 3, ..., as programs number rows."""
    return list(cells) in ([str(number + first) for number in range(len(cells))] for first in (0, 1))


def is_shuffled_count(cells: Sequence[str]) -> bool:
    """Whether cells are the numbers of :func:`is_count` in another order, as of rows that were sorted."""
    numbers = [int(cell) for cell in cells if cell.isdecimal()]
    n = len(cells)
    return len(numbers) == n and not is_count(cells) and sorted(numbers) in ([*range(n)], [*range(1, n + 1)])


def names_images(name: str) -> bool:
    """Whether a column's name says that it names images: "stimulus", "Image_ID", "file name"."""
    return _is_about(name, _IMAGES)


def _is_about(name: str, things: frozenset[str]) -> bool:
    words = [word.casefold() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", normal(name))]
    joined = "".join(words)
    if joined in things or (things is _THINGS and re.fullmatch(r"unnamed(\d+)+|level\d+", joined)):
        return True
    return bool(words) and words[0] in things and all(word in _QUALIFIERS for word in words[1:])


def numbers_rows(values: np.ndarray) -> np.ndarray:
    """Bool ``(columns,)``: columns of ``(rows, columns)`` that number the rows instead of measuring anything.

    Whole numbers that rise or fall by one from row to row, or (of 12 rows and more) are consecutive numbers in any
    order, each once, where other columns are not. Of 12 counts between 1 and 12 chance makes one column in 20,000 so.
    """
    with np.errstate(invalid="ignore"):
        whole = (values == np.round(values)).all(axis=0)
        steps = np.diff(values, axis=0)
        counting = whole & ((steps == 1).all(axis=0) | (steps == -1).all(axis=0))
        if len(values) >= _RISING:
            counting |= whole & (np.diff(np.sort(values, axis=0), axis=0) == 1).all(axis=0)
    return counting & (len(values) > 2) & ~counting.all()


def only_rises(values: np.ndarray) -> np.ndarray:
    """Bool ``(columns,)``: columns of whole numbers that only rise, or only fall, where other columns do not.

    Among 12 rows chance does so once in 240 million columns; ids of sorted images and times of trials do.
    """
    with np.errstate(invalid="ignore"):
        steps = np.diff(values, axis=0)
        monotonic = (values == np.round(values)).all(axis=0) & ((steps > 0).all(axis=0) | (steps < 0).all(axis=0))
    return monotonic & (len(values) >= _RISING) & ~monotonic.all()
