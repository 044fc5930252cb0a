"""Paths as people write them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from menagerie.errors import MenagerieError

SKEW = 60
"""Seconds by which clocks of two machines may differ."""


def user_path(text: str | Path) -> Path:
    """A path with ``~`` and ``~name`` filled in.

    Raises
    ------
    MenagerieError
        When there is no such home folder, or the text cannot be a path.
    """
    if "\0" in str(text):
        raise MenagerieError(f"Path {str(text)!r}: found a NUL character, expected a path. Correct it.")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise MenagerieError(
            f"Path {text}: found no home folder of that name, expected ~ or ~name of a user of this machine. Write the "
            "whole path."
        ) from None


_SEPARATORS = re.compile(r"([@\t\r\n])")  # of a model's builder and its weights, of cells and lines
_PATH = re.compile(r"(file:|\w+/)?(?:~\w*)?/(?:[^/:]+/)*([^/:]+(?::\w+)*)")  # as a whole: folders may have spaces
_FOLDERS = re.compile(r"(?:(?<=file:)|(?<=\w/)|(?<![\w.:/~]))(?:~\w*)?/(?:[^/\s'\"(),;]+/)+")


def without_folders(value: object) -> object:
    """A value as it may be passed on: absolute paths in its texts keep their last name alone (``…/responses.npy``).

    Within a sentence a path ends at a space: of a folder with a space in its name, what follows the space stays there.

    Parameters
    ----------
    value
        A text, or mappings (their keys too) and lists of texts and of whatever else, which stays.
    """
    if isinstance(value, Mapping):
        return {without_folders(key): without_folders(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(entry) for entry in value]
    if not isinstance(value, str):
        return value
    return "".join(_cut(part) for part in _SEPARATORS.split(value))


def _cut(text: str) -> str:
    whole = _PATH.fullmatch(text)
    return f"{whole[1] or ''}…/{whole[2]}" if whole else _FOLDERS.sub("…/", text)


def refuse_special(path: Path, expected: str, then: str) -> None:
    """Refuse a folder, pipe or device, which may never come to an end; a missing file is left to whoever opens it.

    Raises
    ------
    MenagerieError
        Naming the path and what was expected there.
    """
    if path.exists() and not path.is_file():
        found = "a folder" if path.is_dir() else "a pipe or a device"
        raise MenagerieError(f"{path}: found {found}, expected {expected}. {then}")


def refuse_future(path: str | Path) -> None:
    """Refuse a file dated in the future: Snakemake ends every job whose output is older than its input.

    Raises
    ------
    MenagerieError
        Naming file and date.
    """
    path, now = Path(path), time.time()
    if path.exists() and (modified := path.stat().st_mtime) > now + SKEW:
        date, today = (time.strftime("%Y-%m-%d %H:%M", time.localtime(when)) for when in (modified, now))
        raise MenagerieError(
            f"{path}: found the date {date}, expected none after now ({today}), since jobs cannot be newer than what "
            f"they read. Set the clock that wrote it right, or: touch '{path}' (only content decides what runs again)."
        )


def near_file(path: Path) -> str:
    """For messages on a file that is not there: a question after the name that is nearest to it; '' without one."""
    try:
        stems = {entry.stem: entry.name for entry in sorted(path.parent.iterdir())}  # endings make any names alike
    except OSError:
        return f" There is no folder {path.parent}."
    near = get_close_matches(path.stem, stems, n=1, cutoff=0.6)
    return f" Did you mean '{stems[near[0]]}'?" if near else ""
