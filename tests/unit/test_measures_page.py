from pathlib import Path

from menagerie.linking.measures.table import TABLE
from menagerie.report.measures_page import page

PAGE = Path(__file__).parents[2] / "docs" / "measures.md"


def test_the_page_says_what_the_files_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m menagerie.report.measures_page docs/measures.md"


def test_every_measure_has_a_row_a_section_and_a_source():
    for name, row in TABLE.items():
        assert f"| [`{name}`](#{name}) | {row.label} |" in page()
        section = page().split(f"\n## `{name}`\n")[1].split("\n## ")[0]
        assert f"Source: {row.source}." in section and len(section.split()) > 15
