"""Datasets whose scores come from tables (config key ``scores``): their files and splits, known while planning."""

from __future__ import annotations

import re
from collections.abc import Mapping

from menagerie.errors import MenagerieError, unknown
from menagerie.files.paths import user_path
from menagerie.files.views import DEFAULT_SPLIT, DEFAULT_WAY
from menagerie.models.columns import model_columns
from menagerie.statistics.benchmark import published_files
from menagerie.statistics.score_columns import NUMBERS, REQUIRED, TEXTS

SURVEY = "survey"
"""Key of an entry that stands for the 2024 survey's own tables, which lie in several files."""


def splits_of_tables(name: str, entry: Mapping) -> tuple[str, ...]:
    """Splits that a dataset's tables hold, as the config names them.

    Raises
    ------
    MenagerieError
        When a table has a column of splits whose levels the config does not list, or a name cannot be part of a file's.
    """
    if SURVEY in entry:
        return (DEFAULT_SPLIT,)
    found: dict[str, None] = {}
    for table in entry["tables"]:
        values = table.get("values", {})
        if "split" in values:
            found[str(values["split"])] = None
        elif "split" in entry["columns"]:
            levels = [level for level in entry.get("levels", {}).get("split", {}).values() if level is not None]
            if not levels:
                raise MenagerieError(
                    f"Config key scores.{name}: found columns.split without levels.split, expected the splits by name, "
                    "since figures are called by them. Add levels: {split: {name in the table: name}}."
                )
            found |= dict.fromkeys(map(str, levels))
        else:
            found[DEFAULT_SPLIT] = None
    for split in found:
        if not re.fullmatch(r"[A-Za-z0-9_]+", split):
            raise MenagerieError(
                f"Config key scores.{name}: found the split {split!r}, expected letters, digits and _ (it is part of "
                "file names). Rename it under levels or values."
            )
    return tuple(found)


def check_tables(name: str, entry: Mapping) -> None:
    """Refuse an entry that lacks a required column, names one that scores do not have, or a file that is not there.

    Raises
    ------
    MenagerieError
        With the nearest name that there is.
    """
    if SURVEY in entry:
        return
    known = (*TEXTS, *NUMBERS)
    key = f"config key scores.{name}"
    for table in entry["tables"]:
        values = table.get("values", {})
        for column in (*entry["columns"], *values, *entry.get("levels", {})):
            if column not in known:
                raise unknown(f"column of scores in {key}", column, known)
        if missing := [column for column in REQUIRED if column not in entry["columns"] and column not in values]:
            raise MenagerieError(
                f"C{key[1:]}: found no {missing[0]} for {table['file']}, expected all of {', '.join(REQUIRED)}. Name "
                "its column under columns, or its value under values."
            )
        if "selected_on" in values and values["selected_on"] != DEFAULT_WAY:
            raise MenagerieError(
                f"C{key[1:]}: found selected_on {values['selected_on']}, expected {DEFAULT_WAY}. Give the scores a "
                "dataset of their own."
            )
    if entry["models"] not in model_columns():
        raise unknown(f"column of the model table in {key}.models", entry["models"], model_columns())
    for label, path in table_files(entry).items():
        if not user_path(path).is_file():
            raise MenagerieError(f"C{key[1:]}, {label}: found no file {path}, expected a table. Correct the path.")


def table_files(entry: Mapping, published_folder: str = "") -> dict[str, str]:
    """Files that a dataset's scores are read from, by name."""
    if SURVEY in entry:
        return published_files(published_folder)
    files = {f"table {number}": str(table["file"]) for number, table in enumerate(entry["tables"], start=1)}
    return files | ({"ceilings": str(entry["ceilings"]["file"])} if "ceilings" in entry else {})


def without_files(entry: object) -> object:
    """What an entry says besides where files lie: their contents count, not their paths."""
    if isinstance(entry, Mapping):
        return {key: without_files(part) for key, part in entry.items() if key not in ("file", "folder", "url")}
    return list(map(without_files, entry)) if isinstance(entry, list) else entry
