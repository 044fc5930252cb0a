from pathlib import Path

import pytest

from menagerie.errors import MenagerieError
from menagerie.linking.schemas import SCHEMAS as SCORES
from menagerie.report.dictionary import column_dictionary, with_dictionary
from menagerie.statistics.schemas import SCHEMAS as ANALYSES

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


def test_the_page_says_what_the_schemas_say():
    text = PAGE.read_text(encoding="utf-8")
    assert with_dictionary(text) == text, "run: python -m menagerie.report.dictionary docs/results.md"


def test_every_column_has_a_meaning_in_the_dictionary():
    text = column_dictionary()
    for name, schema in {**SCORES, **ANALYSES}.items():
        section = text.split(f"### `{name}`")[1].split("###")[0]
        for field in schema:
            line = next(line for line in section.splitlines() if line.startswith(f"| `{field.name}` |"))
            assert line.split(" | ")[-1].strip(" |") == field.metadata[b"meaning"].decode()


def test_a_page_without_markers_is_refused():
    with pytest.raises(MenagerieError, match="columns: begin"):
        with_dictionary("# No markers here")
