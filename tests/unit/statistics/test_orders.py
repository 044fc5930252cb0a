"""Orders of levels: rank correlation, its permutation p, its interval."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from menagerie.statistics.orders import order, spearman_interval


def series(values):
    return pd.Series(values, index=[f"level{number}" for number in range(len(values))], dtype=float)


def test_small_orders_are_compared_with_every_permutation():
    x, y = np.array([0.1, 0.4, 0.2, 0.9, 0.5]), np.array([0.3, 0.2, 0.4, 0.8, 0.6])
    found = order(series(x), series(y))
    r = stats.spearmanr(x, y).statistic
    null = np.array([stats.spearmanr(np.array(drawn), y).statistic for drawn in permutations(x)])
    assert found["estimate"] == pytest.approx(r)
    assert found["p"] == pytest.approx(np.mean(null >= r - 1e-9))
    assert found["p_opposite"] == pytest.approx(np.mean(null <= r + 1e-9))


def test_four_levels_reach_significance_in_the_same_order_alone():
    same = order(series([1, 2, 3, 4]), series([0.1, 0.2, 0.3, 0.9]))
    assert (same["estimate"], same["ci_low"], same["ci_high"]) == (1.0, 1.0, 1.0)
    assert same["p"] == pytest.approx(1 / 24) and same["p_opposite"] == 1
    reverse = order(series([4, 3, 2, 1]), series([0.1, 0.2, 0.3, 0.9]))
    assert reverse["p"] == 1 and reverse["p_opposite"] == pytest.approx(1 / 24)
    swapped = order(series([1, 2, 4, 3]), series([0.1, 0.2, 0.3, 0.9]))
    assert swapped["p"] == pytest.approx(4 / 24)


def test_large_orders_count_the_observed_one_among_the_permutations():
    x = np.random.default_rng(0).standard_normal(40)
    found = order(series(x), series(x))
    assert found["p"] == pytest.approx(1e-4) and found["p_opposite"] == 1
    found = order(series(x), series(-x))
    assert found["p"] == 1 and found["p_opposite"] == pytest.approx(1e-4)


def test_the_null_rejects_at_its_level():
    generator = np.random.default_rng(1)
    p = [order(series(generator.standard_normal(6)), series(generator.standard_normal(6)))["p"] for _ in range(200)]
    assert 1 <= sum(np.array(p) < 0.05) <= 20


def test_an_interval_covers_as_it_says():
    generator = np.random.default_rng(2)
    cov = [[1, 0.6], [0.6, 1]]
    truth = 6 / np.pi * np.arcsin(0.3)  # of ranks, for normal variables with correlation .6
    inside = 0
    for _ in range(400):
        x, y = generator.multivariate_normal([0, 0], cov, 30).T
        low, high = spearman_interval(stats.spearmanr(x, y).statistic, 30)
        inside += low <= truth <= high
    assert 0.92 <= inside / 400 <= 0.98


@pytest.mark.parametrize("r", [np.nextafter(1, 0), 1.0, np.nextafter(1, 2)])
def test_a_perfect_order_is_a_point_whatever_its_rounding(r):
    assert spearman_interval(r, 4) == (1.0, 1.0) and spearman_interval(-r, 4) == (-1.0, -1.0)


def test_what_has_no_order_says_why():
    assert "3 levels in common" in order(series([1, 2, 3]), series([1, 2, 3]))["note"]
    assert "same score" in order(series([1, 1, 1, 1]), series([1, 2, 3, 4]))["note"]
    assert "same score" in order(series([1, 2, 3, 4]), series([1, 1, 1, 1]))["note"]
    with_gap = series([1, 2, 3, 4, np.nan])
    assert order(with_gap, series([1, 2, 3, 4, 5]))["n"] == 4
