"""Paths as people write them."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from menagerie.errors import MenagerieError


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


def near_file(path: Path) -> str:
    """For messages on a file that is not there: a question after the name that is nearest to it; '' without one."""
    try:
        stems = {entry.stem: entry.name for entry in sorted(path.parent.iterdir())}  # endings make any names alike
    except OSError:
        return f" There is no folder {path.parent}."
    near = get_close_matches(path.stem, stems, n=1, cutoff=0.6)
    return f" Did you mean '{stems[near[0]]}'?" if near else ""
