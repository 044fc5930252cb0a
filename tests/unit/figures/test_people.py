"""The figure of an experiment in single people."""

import experiments
import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.colors import to_rgba

from menagerie.figures import style
from menagerie.figures.people import MOST_ROWS, people_figure
from menagerie.statistics.persons import IMAGES, MODELS, PERSON

SUBJECTS = ("subj01", "subj02", "subj05", "subj07")


def effects(levels=("trained",), metrics=("crsa", "versa"), regions=("OTC", "EVC"), seed=0):
    generator = np.random.default_rng(seed)
    rows = []
    for region in regions:
        for level in levels:
            for subject in SUBJECTS:
                for metric in metrics:
                    estimate = 0.1 + 0.05 * generator.standard_normal()
                    of = {"dataset": "nsd", "region": region, "metric": metric, "term": f"training[T.{level}]"}
                    of |= {"subject": subject, "analysis": PERSON, "estimate": estimate}
                    for sample, half in ((MODELS, 0.05), (IMAGES, 0.02)):
                        rows.append(of | {"sample": sample, "ci_low": estimate - half, "ci_high": estimate + half})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("width", [style.PAGE_WIDTH, style.NARROW_WIDTH])
def test_marks_and_lines_are_where_the_table_says(width):
    table = effects()
    figure = people_figure(experiments.experiment(), table, "nsd", width=width)
    for ax, region in zip(figure.axes, ("OTC", "EVC"), strict=True):
        here = table[table["region"] == region]
        drawn = sorted(x for marks in ax.collections if hasattr(marks, "get_offsets") for x in _marks(marks))
        assert drawn == pytest.approx(sorted(here["estimate"]))  # once over models, once over images
        spans = sorted((s[0][0], s[1][0]) for lines in ax.collections for s in _segments(lines))
        expected = sorted(here[["ci_low", "ci_high"]].itertuples(index=False, name=None))
        assert np.ravel(spans) == pytest.approx(np.ravel(expected))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(SUBJECTS)


def _marks(collection):
    """Positions of scattered marks; lines have none."""
    return collection.get_offsets()[:, 0] if len(getattr(collection, "get_sizes", list)()) else []


def _segments(collection):
    return collection.get_segments() if hasattr(collection, "get_segments") else []


def test_crsa_is_open_and_versa_filled():
    figure = people_figure(experiments.experiment(), effects(), "nsd")
    faces = {
        tuple(face) for marks in figure.axes[0].collections if len(_marks(marks)) for face in marks.get_facecolor()
    }
    assert faces == {to_rgba("white"), to_rgba(style.BLUE)}


def test_of_many_levels_the_largest_differences_are_drawn():
    table = effects(levels=[f"level{number}" for number in range(30)], metrics=("versa",), regions=("OTC",))
    figure = people_figure(experiments.experiment(), table, "nsd")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == MOST_ROWS
    means = table.groupby("term")["estimate"].mean().abs()
    assert means.idxmax().partition("T.")[2].removesuffix("]") in labels[0] + " ".join(labels)


@pytest.mark.parametrize("width", [style.PAGE_WIDTH, style.NARROW_WIDTH])
def test_no_labels_overlap(width):
    figure = people_figure(experiments.experiment(), effects(), "nsd", width=width)
    assert synthetic.overlaps(synthetic.label_boxes(figure)) == []


def test_without_single_subjects_a_sentence_says_so():
    figure = people_figure(experiments.experiment(), effects(), "another")
    assert "no scores of single subjects" in figure.texts[0].get_text()
