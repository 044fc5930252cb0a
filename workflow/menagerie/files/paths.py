"""Paths as people write them."""

from __future__ import annotations

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
