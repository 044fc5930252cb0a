"""Intervals, breakpoints, correlations and maps, each against brute force or planted truth."""

import time
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from menagerie.errors import MenagerieError
from menagerie.statistics.breakpoints import (
    Segmented,
    bootstrap_intervals,
    delta_interval,
    fit_breakpoints,
    profile_interval,
    score_interval,
)
from menagerie.statistics.intervals import bootstrap_mean, spearman, without_subject_means
from menagerie.statistics.similarity import _to_segment, classical_mds, concave_hull, second_order
from menagerie.statistics.variation import leaderboard, overall_effects


def test_few_values_are_enumerated():
    values = [0.1, 0.4, 0.35, 0.2]
    means = [np.mean(one) for one in product(values, repeat=4)]
    assert bootstrap_mean(values) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
    assert bootstrap_mean(values, seed=1) == bootstrap_mean(values, seed=2)


def test_many_values_are_resampled():
    values = np.random.default_rng(0).normal(0, 1, 400)
    low, high = bootstrap_mean(values, n_resamples=4000)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.06)


def test_gaps_have_no_interval():
    with pytest.raises(MenagerieError, match="1 of them not finite"):
        bootstrap_mean([0.1, np.nan])


def test_subject_means_are_taken_out():
    scores = np.array([[0.1, 0.5], [0.3, 0.9]])
    centred = without_subject_means(scores)
    np.testing.assert_allclose(centred.mean(axis=0), scores.mean())
    np.testing.assert_allclose(centred[1] - centred[0], scores[1] - scores[0])


def test_spearman_is_scipys_and_its_bootstrap_is_brute_force():
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(2, 30))
    y[:5] = y[5:10]  # ties
    found = spearman(x, y, n_resamples=50, seed=4)
    assert found["estimate"] == pytest.approx(stats.spearmanr(x, y).statistic)
    drawn = np.random.default_rng(4).integers(30, size=(50, 30))
    samples = [stats.spearmanr(x[one], y[one]).statistic for one in drawn]
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(tuple(np.quantile(samples, [0.025, 0.975])))


def test_a_constant_has_no_rank_correlation():
    with pytest.raises(MenagerieError, match="constant"):
        spearman(np.ones(9), np.arange(9))


@pytest.fixture
def broken():
    x = np.arange(1, 121, dtype=float)
    y = 0.7 - 0.001 * x - 0.02 * np.maximum(x - 60, 0) + 0.019 * np.maximum(x - 85, 0)
    return x, y, y + np.random.default_rng(2).normal(0, 0.004, 120)


def test_planted_breakpoints_come_back(broken):
    x, clean, noisy = broken
    np.testing.assert_allclose(fit_breakpoints(x, clean).breakpoints, [60, 85], atol=1e-4)
    fit = fit_breakpoints(x, noisy)
    for which, place in enumerate((60, 85)):
        for interval in (delta_interval, score_interval, profile_interval):
            low, high = interval(fit, which)
            assert low < fit.breakpoints[which] < high
            assert low - 0.3 < place < high + 0.3
            assert high - low < 3


def test_no_grid_point_is_better_than_the_fit(broken):
    x, _, noisy = broken
    noisy = noisy + 0.03 * np.sin(x / 6)  # many valleys
    fit = fit_breakpoints(x, noisy)
    for first, second in product(np.arange(3, 118, 2.5), repeat=2):
        if first < second:
            basis = np.column_stack([np.ones(120), x, np.maximum(x - first, 0), np.maximum(x - second, 0)])
            residuals = noisy - basis @ np.linalg.lstsq(basis, noisy, rcond=None)[0]
            assert fit.rss <= residuals @ residuals + 1e-12


def test_the_delta_interval_is_the_curvature_of_the_error(broken):
    fit = fit_breakpoints(broken[0], broken[2])
    delta, profile = delta_interval(fit), profile_interval(fit)
    assert delta[1] - delta[0] == pytest.approx(profile[1] - profile[0], rel=0.25)


def test_other_models_would_move_the_breakpoint(broken):
    fit = fit_breakpoints(broken[0], np.sort(broken[2])[::-1])
    intervals = bootstrap_intervals(broken[2], n_resamples=30)
    assert intervals.shape == (2, 2)
    assert intervals[0, 1] - intervals[0, 0] > np.diff(delta_interval(fit))[0]


def test_too_few_points():
    with pytest.raises(MenagerieError, match="2 breakpoints need 8"):
        fit_breakpoints(np.arange(6), np.arange(6))


def test_second_order_correlations_are_numpys():
    triangles = np.random.default_rng(0).normal(size=(7, 40_000)) + 3
    triangles[1] = triangles[0] * 2 - 1
    found = second_order(iter(triangles.astype(np.float32)), 7)
    np.testing.assert_allclose(found, np.corrcoef(triangles), atol=1e-6)
    assert found[0, 1] == pytest.approx(1, abs=1e-6)


def test_other_images_are_refused():
    with pytest.raises(MenagerieError, match="same images"):
        second_order(iter([np.arange(10.0), np.arange(15.0)]), 2)
    with pytest.raises(MenagerieError, match="constant"):
        second_order(iter([np.ones(10)]), 1)


def test_the_published_size_is_fast():
    generator = np.random.default_rng(0)
    start = time.process_time()
    second_order((generator.random(124_750, dtype=np.float32) for _ in range(224)), 224)
    assert time.process_time() - start < 30


def test_mds_gives_euclidean_points_back():
    points = np.random.default_rng(1).normal(size=(20, 2))
    points -= points.mean(axis=0)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    found, values = classical_mds(1 - distance)
    again = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.testing.assert_allclose(again, distance, atol=1e-12)
    assert abs(values[2]) < 1e-10


def test_a_hull_holds_its_points_and_digs_when_asked():
    angle = np.linspace(0.2 * np.pi, 1.8 * np.pi, 60)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    points = np.vstack([ring, 0.8 * ring])  # a C
    convex, dug = concave_hull(points, concavity=1e9), concave_hull(points, concavity=1.0)
    assert len(dug) > len(convex)
    assert _area(dug) < 0.8 * _area(convex)
    assert {tuple(p) for p in convex} <= {tuple(p) for p in dug}
    np.testing.assert_array_equal(concave_hull([[0, 0], [1, 1]]), [[0, 0], [1, 1]])


def _area(ring):
    x, y = ring.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@pytest.fixture
def joined():
    generator = np.random.default_rng(5)
    quality = generator.random(30)
    rows = [
        {
            "dataset": "d",
            "region": "r",
            "metric": "crsa",
            "subject": subject,
            "model": f"m{i}",
            "score": quality[i] + generator.normal(0, 0.02),
            "training": "trained" if i else "random",
            "top1": 60 + 20 * quality[i],
            "parameters": str(10**6 + i),
            "explained": 0.5,
        }
        for i in range(30)
        for subject in ("s1", "s2")
    ]
    return pd.DataFrame(rows)


def test_overall_finds_what_scores_go_along_with(joined):
    effects = overall_effects(joined, n_resamples=50).set_index("term")
    assert effects.loc["Spearman, ImageNet top-1, all", "estimate"] > 0.95
    assert abs(effects.loc["Spearman, parameters, all", "estimate"]) < 0.6
    assert "not estimated" in effects.loc["Spearman, parameters, random", "note"]
    assert effects.loc["subject stability", "estimate"] > 0.9
    assert effects.loc[["rank breakpoint 1"], "note"].str.split(";").str[0].tolist() == [
        "delta method",
        "score test",
        "profile likelihood",
        "bootstrap over models",
    ]


def test_few_models_have_no_breakpoint(joined):
    effects = overall_effects(joined[joined["model"].isin([f"m{i}" for i in range(6)])], n_resamples=50)
    row = effects.set_index("term").loc["rank breakpoint"]
    assert np.isnan(row["estimate"])
    assert "6 models" in row["note"]


def test_a_leaderboard_has_exact_intervals(joined):
    board = leaderboard(joined)
    assert board["rank"].tolist() == list(range(1, 31))
    assert board["score"].is_monotonic_decreasing
    best = joined.loc[joined["model"] == board["model"][0], "score"]
    assert (board["ci_low"][0], board["ci_high"][0]) == bootstrap_mean(best.to_numpy())


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("places", [[10.2, 10.7], [10.2, 10.2 + 1e-9], [1.5, 29.5]])
def test_breakpoints_without_points_of_their_own_have_no_standard_error(places):
    """Their columns are multiples of each other: an inverse would be noise, with variances below zero."""
    x = np.arange(1, 31, dtype=float)
    y = -0.01 * x + np.random.default_rng(0).normal(0, 0.01, 30)
    fit = Segmented(np.array(places), np.zeros(4), 0.01, x, y, 1)
    with pytest.raises(MenagerieError, match="no point between them or beyond one of them"):
        delta_interval(fit)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_one_bend_asked_for_two_gives_an_interval_and_no_warning():
    x = np.arange(1, 61, dtype=float)
    y = np.where(x > 30, -0.02 * (x - 30), 0.0) + np.random.default_rng(0).normal(0, 0.01, 60)
    low, high = delta_interval(fit_breakpoints(x, y))
    assert np.isfinite([low, high]).all() and low < high


def test_a_curve_without_bends_has_no_breakpoints_and_says_so():
    """A straight line once ended the whole analysis with an error of linear algebra."""
    scores = np.linspace(0.6, 0.1, 24)
    scores[[3, 9]] += 0.01
    rows = pd.DataFrame({"model": [f"m{i:02d}" for i in range(24)], "subject": "1", "score": scores})
    rows = rows.assign(dataset="d", region="r", metric="crsa", training="trained")
    table = overall_effects(rows, n_resamples=100)
    breaks = table[table["term"].str.startswith("rank breakpoint")]
    assert len(breaks) and (breaks["estimate"].notna() | breaks["note"].str.contains("not estimated")).all()


@pytest.mark.parametrize(("point", "distance"), [((4, 2), 2), ((3, -1), 1), ((1, 0), 2), ((7, 1), np.sqrt(5))])
def test_distances_from_a_segment_are_those_from_its_nearest_point(point, distance):
    ends = np.array([3.0, 0.0]), np.array([5.0, 0.0])
    assert _to_segment(np.array(point, dtype=float), *ends) == pytest.approx(distance)
