"""The table of measures as a page, written from their files so that the two cannot part.

``python -m menagerie.report.measures_page docs/measures.md`` brings it up to date.
"""

from __future__ import annotations

import ast
import sys
from importlib.util import find_spec
from pathlib import Path

from menagerie.files.storage import atomic
from menagerie.linking.measures import Measure, measure, module_of
from menagerie.linking.measures.table import TABLE, Row

HEAD = """# Measures

A measure, or metric, says how alike a layer and a region are. `metrics` in a config names those that a run takes; each
is scored on the training and the test part of the images, with an interval and a p where the table says so. Scores are
higher where both are more alike; distances are given as similarities. [add-a-metric.md](add-a-metric.md) adds one; this
page is written from the code by `python -m menagerie.report.measures_page docs/measures.md`.

Layers are compared by what is stored of them: the RSM of raw features, and the Gram matrix of the standardised
projection. What the panel says of noise, of identical and of rotated layers, and what it costs:
[benchmarks.md](benchmarks.md#a-panel-of-measures).

| metric | in figures | needs | range | noise ceiling | interval | p |
| --- | --- | --- | --- | --- | --- | --- |
"""
INTERVALS = {"": "no", "influence": "jackknife, as draws of images"}
NULLS = {"": "no", "nuclear": "permutations, at most 200"}


def page() -> str:
    """The whole page."""
    return (
        HEAD + "".join(_line(name, row, measure(name)) for name, row in TABLE.items()) + "".join(map(_section, TABLE))
    )


def _line(name: str, row: Row, one: Measure) -> str:
    needs = "repeats" if one.needs_repeats else "units" if one.needs_units else "RSMs or units"
    low, high = ("" if end is None else f"{end:g}" for end in (row.low, row.high))
    cells = [
        f"[`{name}`](#{name})",
        row.label,
        needs,
        f"{low or 'no end'} to {high or 'no end'}",
        "that of RSMs" if row.ceiling else "no",
        INTERVALS.get(row.interval, "bootstrap over images"),
        NULLS.get(row.null, "permutations of images"),
    ]
    return "| " + " | ".join(cells) + " |\n"


def _section(name: str) -> str:
    source = find_spec(module_of(name)).origin
    text = ast.get_docstring(ast.parse(Path(source).read_text(encoding="utf-8")))
    return f"\n## `{name}`\n\n{text}\n\nSource: {TABLE[name].source}.\n"


if __name__ == "__main__":
    with atomic(sys.argv[1]) as temporary:
        temporary.write_text(page(), encoding="utf-8")
