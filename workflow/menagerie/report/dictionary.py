"""The column dictionary of the documentation, written from the schemas so that the two cannot part.

``python -m menagerie.report.dictionary docs/results.md`` brings the page up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from menagerie.brain.ceilings import CEILINGS
from menagerie.errors import MenagerieError
from menagerie.figures.leaderboard_table import COLUMNS
from menagerie.files.storage import atomic
from menagerie.linking.schemas import SCHEMAS as SCORES
from menagerie.models.columns import model_columns
from menagerie.statistics.schemas import SCHEMAS as ANALYSES

BEGIN = "<!-- columns: begin (written by `python -m menagerie.report.dictionary docs/results.md`) -->"
END = "<!-- columns: end -->"
TYPES = {
    "string": "text",
    "double": "number",
    "int32": "whole number",
    "int64": "whole number",
    "bool": "true or false",
    "list<element: float>": "list of numbers",
    "list<item: double>": "list of numbers",
}


def column_dictionary() -> str:
    """Markdown: one section a table, one row a column, with type, unit and meaning."""
    parts = []
    for name, schema in {**SCORES, **ANALYSES, "ceilings": CEILINGS, "models": model_columns().values()}.items():
        notes = [{key.decode(): text.decode() for key, text in (field.metadata or {}).items()} for field in schema]
        rows = [
            (field.name, TYPES.get(str(field.type), str(field.type)), note.get("unit", ""), note.get("meaning", ""))
            for field, note in zip(schema, notes, strict=True)
        ]
        parts.append(_section(f"`{name}`", ("column", "type", "unit", "meaning"), rows))
    rows = [(name, unit, meaning) for name, (unit, meaning) in COLUMNS.items()]
    parts.append(_section("`leaderboard.csv`", ("column", "unit", "meaning"), rows))
    return "\n".join(parts)


def with_dictionary(page: str) -> str:
    """Page with the text between its two markers replaced.

    Raises
    ------
    MenagerieError
        When a marker is missing.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise MenagerieError(f"The page must hold the lines '{BEGIN}' and '{END}' once each.")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{column_dictionary()}\n{END}{rest.split(END)[1]}"


def _section(title: str, heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *((f"`{row[0]}`", *row[1:]) for row in rows)]
    body = "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
    return f"### {title}\n\n{body}\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    text = with_dictionary(path.read_text(encoding="utf-8"))
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
