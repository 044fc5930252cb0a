"""Templates of pages, and the filters that they share."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from menagerie.report.findings import number, plural

TEMPLATES = Path(__file__).parents[2] / "report"
NO_BREAK = "\N{NO-BREAK SPACE}"


def templates() -> Environment:
    """Templates of the folder workflow/report: text is escaped, a name that is not given is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, plural=plural, unbroken=unbroken)
    return environment


def unbroken(text: str) -> str:
    """Sentence whose numbers keep their units and signs on the same line."""
    return (
        text.replace("p = ", f"p{NO_BREAK}={NO_BREAK}")
        .replace("p < ", f"p{NO_BREAK}<{NO_BREAK}")
        .replace("n = ", f"n{NO_BREAK}={NO_BREAK}")
        .replace("r = ", f"r{NO_BREAK}={NO_BREAK}")
        .replace(" %", f"{NO_BREAK}%")
    )
