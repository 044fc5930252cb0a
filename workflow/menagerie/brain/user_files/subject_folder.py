"""The files of one subject in a user's folder: which hold responses, and which is the table of units."""

from __future__ import annotations

import re
from pathlib import Path

from menagerie.brain.names import is_system_file, natural_key
from menagerie.errors import MenagerieError, unknown

_NUMBERED = re.compile(r"responses_(\d+)")
_KINDS = (".npy", ".csv", ".parquet")


def response_candidates(place: Path) -> list[Path]:
    """Files of responses in a subject's folder, whatever comes after ``responses``."""
    files = [path for path in place.iterdir() if path.is_file() and path.suffix.lower() in _KINDS]
    return [path for path in files if path.stem == "responses" or path.stem.startswith("responses_")]


def unit_table(place: Path) -> Path | None:
    """The table of units in a subject's folder.

    Raises
    ------
    MenagerieError
        When there are several.
    """
    found = [path for path in place.iterdir() if path.stem == "units" and path.suffix.lower() in (".csv", ".parquet")]
    if len(found) > 1:
        raise MenagerieError(f"{place} holds both {found[0].name} and {found[1].name}. Keep one.")
    return found[0] if found else None


def response_files(place: Path) -> list[Path]:
    """The file ``responses.*`` of a subject, or files ``responses_<number>.*`` in the order of their numbers.

    Raises
    ------
    MenagerieError
        When there is no such folder or file, or it is not clear which files are the repeats.
    """
    if not place.is_dir():
        known = [path.name for path in place.parent.iterdir() if path.is_dir() and response_candidates(path)]
        raise unknown(f"subject of {place.parent}", place.name, known)
    files = sorted(response_candidates(place), key=lambda path: natural_key(path.name))
    names = ", ".join(path.name for path in files)
    if not files:
        present = sorted(path.name for path in place.iterdir() if not is_system_file(path.name))
        hint = f" {unknown('file', present[0], ['responses.npy'])}".partition(" Known")[0] if present else ""
        raise MenagerieError(
            f"{place} has no responses.npy, .csv or .parquet, found {', '.join(present[:5]) or 'nothing'}. See "
            f"docs/add-a-dataset.md.{hint if 'mean' in hint else ''}"
        )
    single = len(files) == 1 and files[0].stem == "responses"
    numbers = [int(number[1]) for path in files if (number := _NUMBERED.fullmatch(path.stem))]
    alike = len({path.suffix for path in files}) == 1 and len(set(numbers)) == len(files)
    if not single and not alike:
        raise MenagerieError(
            f"{place} holds {names}: keep either one file 'responses', or files 'responses_1', 'responses_2', ... of "
            "one kind."
        )
    return files
