"""Explainable variance explained."""

import numpy as np
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


def test_interval_takes_the_ends_that_are_furthest_apart() -> None:
    """Means over subjects of the ceiling's ends: 0.4 and 0.8; a lower end below 0 explains nothing."""
    table = scores(
        subject=["a", "b"],
        metric=["crsa"] * 2,
        score=[0.3, 0.1],
        ci_low=[0.2, -0.1],
        ci_high=[0.4, 0.3],
        noise_ceiling=[0.5, 0.7],
        ceiling_low=[0.3, 0.5],
        ceiling_high=[0.7, 0.9],
    )
    found = add_explained(table)
    assert found["explained_low"].to_pylist() == pytest.approx([(0.2 / 0.8) ** 2, 0.0])
    assert found["explained_high"].to_pylist() == pytest.approx([(0.4 / 0.4) ** 2, (0.3 / 0.4) ** 2])


def test_interval_is_empty_where_an_end_is_unknown_or_unbounded() -> None:
    table = scores(
        subject=["a", "a", "a"],
        region=["r", "s", "t"],
        metric=["crsa"] * 3,
        score=[0.3] * 3,
        ci_low=[0.2, None, 0.2],
        ci_high=[0.4, 0.4, 0.4],
        noise_ceiling=[0.5] * 3,
        ceiling_low=[0.0, 0.4, None],
        ceiling_high=[0.8, 0.6, None],
    )
    found = add_explained(table)
    assert found["explained_low"].to_pylist() == [pytest.approx(0.0625), None, None]
    assert found["explained_high"].to_pylist() == [None, pytest.approx(1.0), None]


def test_box_interval_covers_at_least_95_percent_of_simulated_shares() -> None:
    """Independent normal errors of score and ceiling, each with its own 95 % interval."""
    rng = np.random.default_rng(0)
    n, score, ceiling, errors = 4000, 0.4, 0.7, (0.03, 0.05)
    s, c = score + errors[0] * rng.standard_normal(n), ceiling + errors[1] * rng.standard_normal(n)
    table = scores(
        subject=["a"] * n,
        region=[f"r{number}" for number in range(n)],
        metric=["crsa"] * n,
        score=s.tolist(),
        ci_low=(s - 1.96 * errors[0]).tolist(),
        ci_high=(s + 1.96 * errors[0]).tolist(),
        noise_ceiling=c.tolist(),
        ceiling_low=(c - 1.96 * errors[1]).tolist(),
        ceiling_high=(c + 1.96 * errors[1]).tolist(),
    )
    low, high = (np.array(add_explained(table)[f"explained_{end}"].to_pylist()) for end in ("low", "high"))
    assert np.mean((low <= (score / ceiling) ** 2) & ((score / ceiling) ** 2 <= high)) >= 0.95
