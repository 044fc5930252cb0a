"""Explainable variance explained."""

import pytest

from menagerie.files.tables import build_table
from menagerie.linking.schemas import SCHEMAS
from menagerie.statistics.explained import add_explained


def scores(**columns: list):
    n = len(next(iter(columns.values())))
    defaults = {field.name: [None] * n for field in SCHEMAS["model_scores"]}
    return build_table(SCHEMAS["model_scores"], defaults | {"dataset": ["d"] * n, "region": ["r"] * n} | columns)


def test_ceiling_is_the_mean_over_subjects_not_over_rows() -> None:
    table = scores(subject=["a", "a", "b"], metric=["crsa"] * 3, score=[0.3, 0.6, 0.4], noise_ceiling=[0.5, 0.5, 0.7])
    explained = add_explained(table)["explained"].to_pylist()
    assert explained == pytest.approx([(0.3 / 0.6) ** 2, 1.0, (0.4 / 0.6) ** 2])


def test_unknown_stays_unknown() -> None:
    table = scores(
        subject=["a", "b", "a", "a", "a"],
        region=["r", "r", "s", "s", "s"],
        metric=["crsa", "crsa", "encoding_r", "versa", "crsa"],
        score=[0.3, 0.4, 0.2, None, 0.5],
        noise_ceiling=[0.5, None, None, 0.5, 0.5],
    )
    assert add_explained(table)["explained"].to_pylist() == [None, None, None, None, 1.0]


def test_negative_scores_explain_nothing() -> None:
    table = scores(subject=["a"], metric=["crsa"], score=[-0.2], noise_ceiling=[0.5])
    assert add_explained(table)["explained"].to_pylist() == [0.0]
