"""Notes in a job's log of what its results were made from, for results that cannot hold one (CSV, figures, pages)."""

from __future__ import annotations

import re
from pathlib import Path

from menagerie.provenance.code import file_sha256

_NOTED = re.compile(r"menagerie: (?P<path>.*) \(sha256 (?P<sha256>\w*)\) was made from recipe (?P<recipe>\w*)")
_BELOW = 65536  # bytes at the end of a log that hold these lines


def note_for_log(path: str | Path, recipe: str) -> str:
    """Line for the log of a job that wrote ``path``."""
    return f"menagerie: {path} (sha256 {file_sha256(path)}) was made from recipe {recipe}"


def noted_in_log(path: Path, log: Path) -> str:
    """Fingerprint of the recipe that a log notes for a result with these bytes; empty where it notes none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _BELOW))
            lines = file.read().decode(errors="replace").splitlines()
        noted = [match for line in lines if (match := _NOTED.fullmatch(line)) and match["path"] == str(path)]
        return noted[-1]["recipe"] if noted and noted[-1]["sha256"] == file_sha256(path) else ""
    except OSError:
        return ""
