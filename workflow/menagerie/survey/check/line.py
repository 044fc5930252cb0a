"""One line of the preflight's table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

OK, WARNING, FAILURE = "ok", "warning", "FAILURE"


@dataclass(frozen=True)
class Line:
    """What was looked at, what was found, and what to do where it is not in order."""

    status: str
    what: str
    found: str
    advice: str = ""


def render(lines: Iterable[Line]) -> str:
    """The table as plain text, one line a check, its advice below it."""
    lines = list(lines)
    width = max(len(line.what) for line in lines)
    rows = []
    for line in lines:
        rows.append(f"{line.status:7}  {line.what:{width}}  {line.found}")
        if line.advice:
            rows.append(f"{'':7}  {'':{width}}  -> {line.advice}")
    return "\n".join(rows)


def gigabytes(n_bytes: float) -> str:
    """``1.5 GB``."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.0f} MB"
