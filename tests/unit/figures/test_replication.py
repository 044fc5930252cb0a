"""The replication's figure and page: what they show of a table with planted verdicts."""

import re

import numpy as np
import pandas as pd
import pytest

from menagerie.figures import style
from menagerie.figures.replication import replication_figure
from menagerie.figures.replication_table import datasets_of, findings_of
from menagerie.report.figures import ReportFigure
from menagerie.report.replication_page import render_replication
from menagerie.report.templates import TEMPLATES
from menagerie.statistics.experiments import Analysis, Experiment
from menagerie.statistics.replication import Comparison, replication_table

ANALYSES = (Analysis("published", formula="score ~ family + subject", unit="score"),)
KIND = Experiment("kind", "One <kind> & another", "family", "a", ANALYSES, {}, labels={"b": "the other"}, constant=())
LACKING = Experiment("lacking", "Never there", "family", "a", ANALYSES, {}, ("a", "c"), constant=())
COMPARED = {"original": "old", "replications": ["new"], "generalisations": ["other-tau"], "margin": 0.05}


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(0)
    joined = pd.DataFrame(
        [
            {"dataset": view, "region": "OTC", "metric": metric, "subject": subject, "model": f"{kind}{i}"}
            | {"family": kind, "score": 0.3 + gap * (kind == "b") + 0.02 * generator.standard_normal()}
            for view, gap in (("old", 0.1), ("new", 0.1), ("other-tau", -0.1))
            for metric in ("crsa", "versa")
            for subject in ("p1", "p2", "p3")
            for kind in "ab"
            for i in range(10)
        ]
    )
    return replication_table(Comparison.from_entry(COMPARED), {"kind": KIND, "lacking": LACKING}, joined, {})


def test_findings_are_rows_and_datasets_columns(table):
    found = findings_of({"kind": KIND}, table)
    assert [(one.name, one.label) for one in found] == [
        ("kind", "the other, cRSA"),
        ("kind", "the other, veRSA"),
        ("ranking", "cRSA"),
        ("ranking", "veRSA"),
    ]
    assert datasets_of(table) == {"old": "original", "new": "replication", "other-tau": "generalisation"}
    assert [found[0].of(name, "verdict") for name in ("old", "new", "other-tau")] == [None, "fully", "not at all"]
    assert len(found[0].persons("old")) == len(found[0].persons("new")) == 3
    assert found[0].original()["analysis"] == "published" and found[2].original() is None


@pytest.mark.parametrize("width", [style.PAGE_WIDTH, style.NARROW_WIDTH])
def test_the_figure_draws_every_person_and_fits_its_width(table, width, tmp_path):
    figure = replication_figure({"kind": KIND, "lacking": LACKING}, table, width=width)
    marks = sum(
        len(collection.get_offsets())
        for ax in figure.axes
        for collection in ax.collections
        if hasattr(collection, "get_sizes") and len(collection.get_sizes())
    )
    assert marks == 3 * 3 * 4, "3 persons in 3 datasets, 4 findings"
    texts = {text.get_text() for ax in figure.axes for text in ax.texts}
    assert texts == {"One <kind> & another", "Order of all networks"}
    svg, _ = style.save(figure, tmp_path / "replication")
    found = float(re.search(r'width="([\d.]+)pt"', svg.read_text()).group(1))
    assert found == pytest.approx(width * 72)


def test_without_a_comparison_the_figure_says_so(table):
    original = table[table["role"] == "original"]
    figure = replication_figure({"kind": KIND}, original)
    assert not figure.axes and "No finding can be compared" in figure.texts[0].get_text()


def test_the_page_says_what_was_found(table, tmp_path):
    svg, _ = style.save(replication_figure({"kind": KIND}, table), tmp_path / "replication")
    figure = ReportFigure("Findings", svg, TEMPLATES / "replication.rst", narrow=svg)
    limits = COMPARED | {"limitations": ["They <saw> other images."]}
    page = render_replication("run", limits, {"kind": KIND, "lacking": LACKING}, table, figure, {"other-tau": True})
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Do findings from old hold in new?" in text
    assert "new: fully 4 of 4 findings." in text and "other-tau: partially" not in text
    assert "Responses of other-tau were simulated" in text
    assert "They &lt;saw&gt; other images." in page and "One &lt;kind&gt; &amp; another" in page
    assert "Never there, not asked of old, new, other-tau: experiment lacking is left out" in text
    assert "within ±0.05 replicates" in text
    assert page == render_replication(
        "run", limits, {"kind": KIND, "lacking": LACKING}, table, figure, {"other-tau": True}
    )
    assert "nan" not in text.lower()
