"""Files that say which images train and which test: lists of ids, and tables with a part for each image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from menagerie.brain.folds import PARTS
from menagerie.brain.formats.table_files import Table, find_column, nearest_column, read_table
from menagerie.brain.names import normal
from menagerie.errors import MenagerieError
from menagerie.files.paths import refuse_special

IMAGE_COLUMNS = ("image", "id", "image_id", "file")
_TABLES = (".csv", ".parquet")
_MOST_BYTES = 50 * 2**20


def read_ids(path: Path) -> list[str]:
    """Ids of a list: one a line (txt), the column image (csv, parquet), or a JSON array.

    Raises
    ------
    MenagerieError
        When the file is missing, of another kind, or holds no id.
    """
    _check(path)
    if path.suffix.lower() in _TABLES:
        table = read_table(path)
        ids = table.texts(_image_column(table))
    elif path.suffix.lower() == ".json":
        ids = _json(path)
        if not isinstance(ids, list) or not all(isinstance(entry, str | int) for entry in ids):
            raise MenagerieError(f"{path}: expected a JSON array of image ids, found {_kind(ids)}. Write one.")
    else:
        ids = [line for line in _text(path).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    ids = [normal(str(entry)) for entry in ids]
    if not ids or "" in ids:
        found = f"an empty id in row {ids.index('') + 1}" if ids else "none"
        raise MenagerieError(f"{path}: expected image ids, found {found}. Write one a line.")
    return ids


def read_table_of_folds(path: Path, columns: Mapping[str, object]) -> list[dict[str, list[str]]]:
    """Folds of a table with a row per image, or image and fold; a row without a part leaves its image out.

    A JSON file holds ``{"train": [...], "test": [...]}``, or an array of such folds.

    Parameters
    ----------
    path
        csv, parquet or json.
    columns
        ``part`` and ``fold``: names of columns where they are not called so.

    Raises
    ------
    MenagerieError
        When a column is missing, or a part is neither train nor test.
    """
    _check(path)
    if path.suffix.lower() == ".json":
        return _json_folds(path)
    if path.suffix.lower() not in _TABLES:
        raise MenagerieError(f"{path}: expected a csv, parquet or json file of a split. Save it as one.")
    table = read_table(path)
    images = [normal(text) for text in table.texts(_image_column(table))]
    parts = [text.strip().casefold() for text in table.texts(_column(table, str(columns.get("part", "part"))))]
    position = find_column(table, str(columns.get("fold", "fold")).casefold())
    if position is None and "fold" in columns:
        _column(table, str(columns["fold"]))
    numbers = ["0"] * len(images) if position is None else [text.strip() for text in table.texts(position)]
    for row, part in enumerate(parts, start=1):
        if part not in (*PARTS, ""):
            raise MenagerieError(
                f"{path}, row {row}: found part '{part}', expected train, test or nothing. Correct the column."
            )
    folds: dict[str, dict[str, list[str]]] = {}
    for image, part, number in zip(images, parts, numbers, strict=True):
        if part:
            folds.setdefault(number, {name: [] for name in PARTS})[part].append(image)
    return [folds[number] for number in sorted(folds, key=lambda text: (len(text), text))]


def _json_folds(path: Path) -> list[dict[str, list[str]]]:
    found = _json(path)
    folds = found if isinstance(found, list) else [found]
    for fold in folds:
        if not isinstance(fold, dict) or not all(isinstance(fold.get(part), list) for part in PARTS):
            raise MenagerieError(
                f'{path}: expected {{"train": [ids], "test": [ids]}}, or an array of these, found {_kind(fold)}. '
                "Correct the file."
            )
    return [{part: [normal(str(entry)) for entry in fold[part]] for part in PARTS} for fold in folds]


def read_json(path: Path) -> object:
    """Content of a JSON file of splits.

    Raises
    ------
    MenagerieError
        When the file is missing, much too large, or no JSON.
    """
    _check(path)
    return _json(path)


def _image_column(table: Table) -> int:
    position = find_column(table, *IMAGE_COLUMNS)
    if position is None:
        raise MenagerieError(
            f"{table.path}: found no column of images among {', '.join(table.names[:8])}, expected one of "
            f"{', '.join(IMAGE_COLUMNS)}. Rename it."
        )
    return position


def _column(table: Table, name: str) -> int:
    position = find_column(table, name.casefold())
    if position is None:
        raise MenagerieError(
            f"{table.path}: found no column '{name}' among {', '.join(table.names[:8])}. Name the column in the "
            f"config, or rename it. {nearest_column(table, name)}".rstrip()
        )
    return position


def _check(path: Path) -> None:
    refuse_special(path, "a list of image ids", "Correct the path.")
    if not path.exists():
        raise MenagerieError(f"Split file {path}: found no such file (from {Path.cwd()}). Correct the path.")
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise MenagerieError(
            f"Split file {path}: found {size >> 20} MiB, expected a list of image ids of at most {_MOST_BYTES >> 20} "
            "MiB. Correct the path."
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise MenagerieError(f"{path}: expected UTF-8 text, one image id a line ({error}). Save it so.") from None


def _json(path: Path) -> object:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise MenagerieError(f"{path}: expected JSON ({error}). Correct the file.") from None


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a text", type(None): "nothing", bool: "a truth value"}
    return names.get(type(value), "a number")
