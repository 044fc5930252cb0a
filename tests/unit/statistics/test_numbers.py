"""Intervals, breakpoints, ties and maps against their definitions, at the edges too."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from menagerie.errors import MenagerieError
from menagerie.linking.schemas import SCHEMAS
from menagerie.statistics import breakpoints
from menagerie.statistics.breakpoints import Segmented, delta_interval, fit_breakpoints, profile_interval
from menagerie.statistics.contrasts import filtered, level_means, unit_rows
from menagerie.statistics.experiments import Analysis, Experiment
from menagerie.statistics.intervals import bootstrap_mean, spearman
from menagerie.statistics.multiplicity import corrected
from menagerie.statistics.persons import contrast, draws_of, person_effects
from menagerie.statistics.similarity import classical_mds, concave_hull, second_order, upper_values
from menagerie.statistics.ties import add_ties, may_be_best
from menagerie.statistics.variation import breakpoint_rows, correlation_rows, leaderboard, model_means, stability_rows

# ---- intervals


@pytest.mark.parametrize(("n", "is_exact"), [(1, True), (5, True), (6, False)])
def test_up_to_five_values_all_resamples_are_taken(n, is_exact):
    values = np.random.default_rng(n).random(n)
    intervals = {bootstrap_mean(values, n_resamples=50, seed=seed) for seed in range(3)}
    assert (len(intervals) == 1) is is_exact
    if is_exact:
        means = [np.mean(one) for one in product(values, repeat=n)]
        assert bootstrap_mean(values, level=0.8) == pytest.approx(tuple(np.quantile(means, [0.1, 0.9])))
    with pytest.raises(MenagerieError, match="0 values"):
        bootstrap_mean([])


def test_rank_correlations_have_the_p_and_the_degrees_of_freedom_of_student():
    x, y = np.random.default_rng(3).normal(size=(2, 12))
    found = spearman(x, y, n_resamples=60, seed=2, level=0.5)
    r = stats.spearmanr(x, y).statistic
    t = r * np.sqrt(10 / (1 - r**2))
    assert found["p"] == pytest.approx(2 * stats.t(10).sf(abs(t))) and found["df"] == 10 and found["n"] == 12
    drawn = np.random.default_rng(2).integers(12, size=(60, 12))
    samples = [stats.spearmanr(x[one], y[one]).statistic for one in drawn]
    expected = np.quantile(samples, [0.25, 0.5, 0.75])
    assert (found["ci_low"], found["median"], found["ci_high"]) == pytest.approx(tuple(expected))
    assert spearman([1, 2, 3, 4], [1, 2, 4, 3], 20)["n"] == 4  # resamples of one model have no correlation
    for bad in ([1, 2, 3], [1, 2, 3, np.nan]):
        with pytest.raises(MenagerieError, match="four are needed"):
            spearman(bad, bad[::-1])
    with pytest.raises(MenagerieError, match="constant"):
        spearman(np.arange(9), np.ones(9))


def test_corrected_p_leave_gaps_as_they_are():
    found = corrected(np.array([0.01, np.nan, 0.04]), "holm")
    assert found[[0, 2]].tolist() == [0.02, 0.04] and np.isnan(found[1])
    assert np.isnan(corrected(np.full(2, np.nan), "fdr_bh")).all()


# ---- breakpoints


@pytest.fixture(scope="module")
def bent():
    x = np.arange(1, 61, dtype=float)
    y = 0.6 - 0.001 * x - 0.02 * np.maximum(x - 20, 0) + 0.018 * np.maximum(x - 41, 0)
    y += np.random.default_rng(2).normal(0, 0.01, 60)
    return fit_breakpoints(x, y)


def curve(x, a, b, c, d, first, second):
    return a + b * x + c * np.maximum(x - first, 0) + d * np.maximum(x - second, 0)


@pytest.mark.parametrize("which", [0, 1])
def test_delta_intervals_are_those_of_nonlinear_least_squares(bent, which):
    """Covariance from the derivative of the curve in all six numbers, by differences; n - 6 degrees of freedom."""
    at = np.concatenate([bent.coefficients, bent.breakpoints])
    np.testing.assert_allclose(bent.predict(bent.x), curve(bent.x, *at))
    assert bent.rss == pytest.approx(np.sum((bent.y - bent.predict(bent.x)) ** 2), rel=1e-6)
    step = 1e-6
    jacobian = np.column_stack(
        [(curve(bent.x, *(at + step * row)) - curve(bent.x, *(at - step * row))) / (2 * step) for row in np.eye(6)]
    )
    covariance = np.linalg.inv(jacobian.T @ jacobian) * bent.rss / 54
    half = np.sqrt(np.diag(covariance))[4 + which] * stats.t(54).ppf(0.975)
    low, high = delta_interval(bent, which)
    # The variance is that of the linearised model, whose steps may take a little more off.
    assert (high - low) / 2 == pytest.approx(half, rel=0.02) and (high + low) / 2 == bent.breakpoints[which]
    narrow = delta_interval(bent, which, level=0.5)
    assert (narrow[1] - narrow[0]) / (high - low) == pytest.approx(stats.t(54).ppf(0.75) / stats.t(54).ppf(0.975))


@pytest.mark.parametrize("which", [0, 1])
def test_at_the_ends_of_a_profile_interval_the_fit_is_as_much_worse_as_f_allows(bent, which):
    bound = bent.rss * (1 + stats.f(1, 54).ppf(0.95) / 54)
    for end in profile_interval(bent, which):
        grid = np.linspace(2, 59, 4000)
        others = grid[grid > end] if which == 0 else grid[grid < end]
        best = np.inf
        for other in others[:: 1 + len(others) // 800]:
            basis = breakpoints._basis(bent.x, np.sort([end, other]))
            best = min(best, np.sum((bent.y - basis @ np.linalg.lstsq(basis, bent.y, rcond=None)[0]) ** 2))
        assert best == pytest.approx(bound, rel=2e-3)


@pytest.mark.parametrize("which", [0, 1])
def test_at_the_ends_of_a_score_interval_a_step_is_on_the_edge(bent, which):
    """Its t, by statsmodels, of a step added at the end, with the other breakpoint where it fits best."""
    low, high = breakpoints.score_interval(bent, which)
    assert low < bent.breakpoints[which] < high
    ts = []
    for end in (low, high):
        psi = breakpoints._profile(bent, which, end)[0]
        design = np.column_stack([breakpoints._basis(bent.x, psi), bent.x > end])
        t = OLS(bent.y, design).fit().tvalues[-1]
        assert breakpoints._step_statistic(bent, which, end) == pytest.approx(t, rel=1e-6)
        ts.append(abs(t))
    assert max(ts) <= stats.t(54).ppf(0.975) + 1e-6
    beyond = [abs(breakpoints._step_statistic(bent, which, end)) for end in (low - 1e-3, high + 1e-3)]
    assert min(beyond) > stats.t(54).ppf(0.975) - 1e-6


def test_one_breakpoint_too_and_points_in_any_order():
    x = np.arange(20.0)
    y = np.where(x > 8.5, 0.3 * (x - 8.5), 0.0)
    order = np.random.default_rng(0).permutation(20)
    fit = fit_breakpoints(x[order], y[order], n_breakpoints=1)
    assert fit.breakpoints == pytest.approx([8.5], abs=1e-3) and fit.rss < 1e-9
    np.testing.assert_allclose(fit.coefficients, [0, 0, 0.3], atol=1e-4)
    assert np.array_equal(fit.x, x) and fit.n_optima >= 1
    noisy = fit_breakpoints(x, y + np.random.default_rng(1).normal(0, 0.1, 20), n_breakpoints=1)
    low, high = profile_interval(noisy)
    bound = noisy.rss * (1 + stats.f(1, 16).ppf(0.95) / 16)
    for end in (low, high):
        assert breakpoints._profile(noisy, 0, end)[1] == pytest.approx(bound, rel=1e-3)


@pytest.mark.parametrize(("n", "is_fitted"), [(8, True), (7, False)])
def test_two_breakpoints_need_eight_points(n, is_fitted):
    y = np.random.default_rng(0).random(n)
    if is_fitted:
        assert len(fit_breakpoints(np.arange(n), y).breakpoints) == 2
    else:
        with pytest.raises(MenagerieError, match="need 8"):
            fit_breakpoints(np.arange(n), y)
    with pytest.raises(MenagerieError, match="not finite"):
        fit_breakpoints(np.arange(9), [*range(8), np.nan])


def test_breakpoints_of_resampled_models_are_ranked_anew():
    scores = np.random.default_rng(0).normal(size=20)
    rng, found = np.random.default_rng(3), []
    for _ in range(4):
        drawn = np.sort(rng.choice(scores, size=20))[::-1]
        found.append(fit_breakpoints(np.arange(1, 21), drawn, 2, n_starts=2, grid=25).breakpoints)
    expected = np.quantile(found, [0.1, 0.9], axis=0).T
    np.testing.assert_allclose(breakpoints.bootstrap_intervals(scores, 2, 4, 3, 0.8), expected)


def test_a_segmented_line_bends_where_it_says():
    fit = Segmented(np.array([2.0, 4.0]), np.array([1.0, 0.5, -0.5, 2.0]), 0.0, np.arange(6.0), np.zeros(6), 1)
    assert fit.predict(np.array([0.0, 2.0, 4.0, 5.0])).tolist() == [1.0, 2.0, 2.0, 4.0]


# ---- ties


def hsu(scores, drawn, level):
    """By its words: in, unless another is better by more than the level's quantile of the largest studentised error."""
    found = []
    for i in range(len(scores)):
        errors = [drawn[j] - drawn[i] - np.mean(drawn[j] - drawn[i]) for j in range(len(scores)) if j != i]
        sds = [error.std() for error in errors]
        limit = np.quantile(np.max([e / s for e, s in zip(errors, sds, strict=True)], axis=0), level)
        gaps = [scores[j] - scores[i] for j in range(len(scores)) if j != i]
        found.append(bool(max(g / s for g, s in zip(gaps, sds, strict=True)) <= limit))
    return found


def test_the_set_of_the_best_is_hsus():
    rng = np.random.default_rng(0)
    sets = []
    for number in range(40):
        scores = (0.03, 0.3)[number % 2] * rng.random(6)
        drawn = scores[:, None] + rng.uniform(0.005, 0.03, (6, 1)) * rng.standard_normal((6, 200))
        for level in (0.5, 0.95):
            found = may_be_best(scores, drawn, level).tolist()
            assert found == hsu(scores, drawn, level)
            sets.append(sum(found))
    assert min(sets) == 1 and max(sets) > 3
    gaps = np.where(rng.random(200) < 0.3, np.nan, drawn)
    kept = np.isfinite(gaps[0])
    assert may_be_best(scores, gaps).tolist() == hsu(scores, drawn[:, kept], 0.95)


def test_models_with_the_same_errors_tie_only_at_the_same_score():
    drawn = np.tile(np.random.default_rng(0).standard_normal(50), (2, 1))
    assert may_be_best(np.array([0.5, 0.5 - 5e-7]), drawn).all()
    assert may_be_best(np.array([0.5, 0.5 - 2e-6]), drawn).tolist() == [True, False]
    assert may_be_best(np.array([0.5]), drawn[:1]).all()


@pytest.mark.parametrize(("undefined", "has_ties"), [(20, True), (21, False)])
def test_nine_resamples_in_ten_must_be_there_for_ties(undefined, has_ties):
    keys = {"dataset": "d", "region": "r", "metric": "crsa", "split": "e", "selected_on": "train", "subject": "s"}
    drawn = 0.5 + 0.01 * np.random.default_rng(0).standard_normal(200)
    drawn[:undefined] = np.nan
    resamples = pa.Table.from_pylist(
        [keys | {"model": m, "score": 0.5, "drawn": drawn} for m in "ab"], schema=SCHEMAS["resamples"]
    )
    scores = pa.Table.from_pylist(
        [keys | {"model": m, "score": 0.5, "status": "ok"} for m in "ab"], schema=SCHEMAS["model_scores"]
    )
    found = add_ties(scores, resamples).to_pylist()
    assert [row["ties_with_best"] for row in found] == ([True, True] if has_ties else [None, None])


# ---- maps


def test_pairs_are_taken_once_and_maps_have_their_signs():
    assert upper_values(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])).tolist() == [2, 3, 6]
    points = np.random.default_rng(1).normal(size=(12, 2)) * [3, 1]
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    found, values = classical_mds(1 - distance)
    assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()
    np.testing.assert_allclose(values[:2], np.sum(found**2, axis=0))
    assert (np.diff(values) <= 1e-12).all()
    assert classical_mds(1 - distance[:3, :3])[0].shape == (3, 2)
    for few in (1 - distance[:2, :2], np.ones((4, 4))):
        with pytest.raises(MenagerieError, match="fewer than 2 dimensions"):
            classical_mds(few)


def test_rsms_that_hardly_vary_or_are_not_finite_are_refused():
    rng = np.random.default_rng(0)
    fine = rng.random(30)
    assert second_order(iter([fine, 1e-6 * fine[::-1]]), 2)[0, 1] == pytest.approx(np.corrcoef(fine, fine[::-1])[0, 1])
    for bad in (0.3 + 1e-14 * fine, np.where(fine > 0.5, np.nan, fine)):
        with pytest.raises(MenagerieError, match="constant or not finite"):
            second_order(iter([bad]), 1)
    with pytest.raises(MenagerieError, match="No RSMs"):
        second_order(iter([]), 0)


def is_inside(point, ring):
    """Even or odd number of crossings of a ray."""
    x, y = point
    hits = 0
    for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            hits += 1
    return hits % 2 == 1


@pytest.mark.parametrize("concavity", [0.5, 1.5, 4.0])
def test_hulls_hold_all_points_and_never_cross_themselves(concavity):
    for seed in range(6):
        points = np.random.default_rng(seed).random((40, 2))
        ring = concave_hull(points, concavity)
        corners = {tuple(corner) for corner in ring}
        assert len(corners) == len(ring) and corners <= {tuple(point) for point in points}
        assert all(is_inside(point, ring) for point in points if tuple(point) not in corners)
        edges = list(zip(ring, np.roll(ring, -1, axis=0), strict=True))
        for (a, b), (c, d) in combinations(edges, 2):
            sides = [
                np.cross([*(q - p), 0], [*(r - p), 0])[2] for p, q, r in ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
            ]
            assert not (sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0)


def test_an_edge_is_dug_to_the_nearest_point_that_is_near_enough():
    """A square of side 10; a point half way along, 1 below the upper edge: its ends are 5.1 away."""
    square = [[0, 0], [10, 0], [10, 10], [0, 10]]
    for concavity, is_dug in ((10 / 5.2, True), (10 / 5.0, False)):
        ring = concave_hull([*square, [5, 9]], concavity)
        assert ([5.0, 9.0] in ring.tolist()) is is_dug
    ring = concave_hull([*square, [5, 9], [4, 6]], 1.7)
    assert [5.0, 9.0] in ring.tolist()
    assert concave_hull([[0, 0], [1, 1], [2, 2]]).tolist() == [[0, 0], [1, 1], [2, 2]]


# ---- persons


def people(scores):
    """Data of levels a and b in one subject; ``scores``: level -> list over models."""
    where = {"dataset": "d", "region": "r", "metric": "crsa", "subject": "s"}
    rows = [
        where | {"model": f"{level}{i}", "kind": level, "score": v}
        for level, values in scores.items()
        for i, v in enumerate(values)
    ]  # fmt: skip
    data = pd.DataFrame(rows).assign(pair=lambda t: t["model"].str[1:])
    data["kind"] = pd.Categorical(data["kind"], ["a", "b"])
    return data


def experiment(**analysis):
    one = Analysis("sound", **analysis)
    return Experiment("e", "E", "kind", "a", (one,), {})


A, B = [0.31, 0.35, 0.28], [0.44, 0.33, 0.47, 0.41]


def test_over_models_intervals_are_welchs_and_p_that_of_all_permutations():
    (row,) = person_effects(experiment(formula="score ~ kind"), people({"a": A, "b": B}), {}).to_dict("records")
    assert row["estimate"] == pytest.approx(np.mean(B) - np.mean(A)) and row["n"] == 7 and row["sample"] == "models"
    va, vb = np.var(A, ddof=1) / 3, np.var(B, ddof=1) / 4
    df = (va + vb) ** 2 / (va**2 / 2 + vb**2 / 3)
    half = stats.t(df).ppf(0.975) * np.sqrt(va + vb)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((row["estimate"] - half, row["estimate"] + half))
    both = np.array(A + B)
    every = [both[list(c)].mean() - np.delete(both, c).mean() for c in combinations(range(7), 4)]
    sides = [np.mean(np.array(every) >= row["estimate"] - 1e-12), np.mean(np.array(every) <= row["estimate"] + 1e-12)]
    assert row["p"] == pytest.approx(2 * min(sides)) and row["p_holm"] == row["p_fdr"] == row["p"]


def test_over_pairs_intervals_are_students_and_p_that_of_all_signs():
    data = people({"a": A, "b": B[:3]})
    (row,) = person_effects(experiment(pair="pair"), data, {}).to_dict("records")
    difference = np.subtract(B[:3], A)
    half = stats.t(2).ppf(0.975) * difference.std(ddof=1) / np.sqrt(3)
    assert row["estimate"] == pytest.approx(difference.mean()) and row["n"] == 3
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((difference.mean() - half, difference.mean() + half))
    every = [np.mean(difference * signs) for signs in product([1, -1], repeat=3)]
    sides = [np.mean(np.array(every) >= row["estimate"] - 1e-12), np.mean(np.array(every) <= row["estimate"] + 1e-12)]
    assert row["p"] == pytest.approx(2 * min(sides))


@pytest.mark.parametrize(("n", "has_test"), [(1, False), (2, True)])
def test_two_models_or_pairs_are_the_fewest(n, has_test):
    for one in (experiment(formula="score ~ kind"), experiment(pair="pair")):
        (row,) = person_effects(one, people({"a": A[:n], "b": B[:n]}), {}).to_dict("records")
        assert np.isfinite(row.get("p", np.nan)) == has_test and ("no test over models" in str(row["note"])) != has_test


def test_over_images_the_difference_of_means_is_drawn():
    rng = np.random.default_rng(0)
    data = people({"a": A, "b": B[:3]})
    drawn = {("d", "s", "r", "crsa", m): v + 0.01 * rng.standard_normal(99)
             for m, v in zip(data["model"], data["score"], strict=True)}  # fmt: skip
    of = {m: drawn["d", "s", "r", "crsa", m] for m in data["model"]}
    difference = np.mean([of[f"b{i}"] - of[f"a{i}"] for i in range(3)], axis=0)
    for one in (experiment(formula="score ~ kind"), experiment(pair="pair")):
        row = person_effects(one, data, drawn).set_index("sample").loc["images"]
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(np.quantile(difference, [0.025, 0.975])))
        assert row["p"] == 2 / 100 and row["estimate"] == pytest.approx(np.mean(B[:3]) - np.mean(A))
        fewer = {key: value for key, value in drawn.items() if key[-1] != "b1"}
        assert person_effects(one, data, fewer)["sample"].tolist() == ["models"]
    assert contrast("kind[T.b]") == "b"
    table = pd.DataFrame(list(drawn), columns=["dataset", "subject", "region", "metric", "model"])
    table["drawn"] = list(drawn.values())
    assert all((draws_of(table)[key] == v).all() for key, v in drawn.items())


# ---- over all models


def run_table(n=14, subjects=("s1", "s2", "s3")):
    rng = np.random.default_rng(5)
    where = {"dataset": "d", "region": "r", "metric": "crsa"}
    rows = [
        where | {"subject": s, "model": f"m{i:02d}", "score": rng.random(), "ed_raw": rng.random(),
                 "training": "trained" if i % 3 else "random", "top1": float(i), "explained": rng.random()}
        for i in range(n)
        for s in subjects
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_means_and_leaderboards_are_over_subjects():
    table = run_table(4)
    means = model_means(table).set_index("model")
    assert means.loc["m01", "score"] == pytest.approx(table.loc[table["model"] == "m01", "score"].mean())
    assert means.loc["m01", "ed_raw"] == pytest.approx(table.loc[table["model"] == "m01", "ed_raw"].mean())
    board = leaderboard(table)
    assert board["score"].tolist() == pytest.approx(sorted(means["score"], reverse=True))
    assert board["n_subjects"].eq(3).all() and board["rank"].tolist() == [1, 2, 3, 4]
    own = table[table["model"] == board["model"][0]]
    assert board["explained"][0] == pytest.approx(own["explained"].mean())
    alone = leaderboard(table[table["subject"] == "s1"])
    assert alone["ci_low"].isna().all() and len(alone) == 4
    pair = leaderboard(table[table["subject"] != "s1"])
    assert pair["ci_low"].notna().all()
    tied = leaderboard(table.assign(score=0.5))
    assert tied["model"].tolist() == ["m00", "m01", "m02", "m03"]


def test_correlations_are_of_means_in_all_trained_and_random_models():
    table = run_table()
    rows = {row["term"]: row for row in correlation_rows(table, 30)}
    means = model_means(table)
    for group, part in (("all", means), *((g, means[means["training"] == g]) for g in ("trained", "random"))):
        row = rows[f"Spearman, ImageNet top-1, {group}"]
        assert row["estimate"] == pytest.approx(stats.spearmanr(part["top1"], part["score"]).statistic)
        assert row["n"] == len(part) and row["df"] == len(part) - 2


def test_stability_is_that_of_every_pair_of_subjects():
    table = run_table(4)
    wide = table.pivot_table(index="model", columns="subject", values="score")
    expected = [stats.spearmanr(wide[a], wide[b]).statistic for a, b in combinations(wide, 2)]
    rows = stability_rows(table)
    assert [row["estimate"] for row in rows] == pytest.approx([*expected, np.mean(expected)])
    assert f"mean over 3 pairs of subjects, from {min(expected):.3f} to {max(expected):.3f}" == rows[-1]["note"]
    assert stability_rows(table[table["subject"] != "s3"])[-1]["note"] == "one pair of subjects"
    for few in (run_table(3), table[table["subject"] == "s1"]):
        with pytest.raises(MenagerieError, match="two and four are needed"):
            stability_rows(few)


@pytest.mark.parametrize(("n", "is_made"), [(12, True), (11, False)])
def test_twelve_models_are_the_fewest_for_breakpoints(n, is_made):
    table = run_table(n)
    if not is_made:
        with pytest.raises(MenagerieError, match="11 models; two breakpoints need 12"):
            breakpoint_rows(table, 5)
        return
    table["score"] = np.repeat(np.r_[np.linspace(1, 0.9, 4), np.linspace(0.7, 0.3, 5), 0.28, 0.27, 0.26], 3)
    table["score"] += 0.004 * np.random.default_rng(1).standard_normal(36)
    rows = breakpoint_rows(table, 5)
    assert len(rows) == 8 and {row["df"] for row in rows} == {6.0} and {row["n"] for row in rows} == {12}
    assert [row["analysis"] for row in rows[:4]] == ["published", "sound", "sound", "sound"]
    fit = fit_breakpoints(np.arange(1, 13), np.sort(model_means(table)["score"])[::-1])
    for which, four in enumerate((rows[:4], rows[4:])):
        assert {row["estimate"] for row in four} == {fit.breakpoints[which]}
        assert four[0]["term"] == f"rank breakpoint {which + 1}"
        assert (four[0]["ci_low"], four[0]["ci_high"]) == delta_interval(fit, which)


# ---- what takes part


def test_searches_start_from_the_best_cells_that_lie_apart():
    """A twentieth of the range at least, the better ones first."""
    x, cells = np.arange(101.0), [np.array([float(k)]) for k in range(101)]
    assert breakpoints._spread_starts(np.arange(101.0), cells, 4, x) == [0, 6, 12, 18]
    assert breakpoints._spread_starts(np.arange(101.0)[::-1], cells, 2, x) == [100, 94]
    pairs = [np.array([10.0, 50.0]), np.array([10.0, 56.0]), np.array([12.0, 52.0])]
    assert breakpoints._spread_starts(np.array([1.0, 3.0, 2.0]), pairs, 9, x) == [0, 1]


def test_one_positive_eigenvalue_is_no_map():
    """Distances 1, 1 and 5 break the triangle inequality: the second axis would be imaginary."""
    with pytest.raises(MenagerieError, match="fewer than 2 dimensions"):
        classical_mds(1 - np.array([[0.0, 1, 5], [1, 0, 1], [5, 1, 0]]))


def test_filters_take_values_in_or_leave_them_out():
    rows = pd.DataFrame({"task": ["a", "b", "c", "b"], "data": ["x", "x", "y", "y"]})
    assert filtered(rows, {"task": ("a", "b")}).index.tolist() == [0, 1, 3]
    assert filtered(rows, {"not_task": ("a", "b")}).index.tolist() == [2]
    assert filtered(rows, {"task": ("b",), "not_data": ("x",)}).index.tolist() == [3]
    assert len(filtered(rows, {})) == 4
    one = Experiment("e", "E", "task", "a", (), {"task": ("a", "b"), "not_data": ("y",)})
    assert [one.takes(row) for row in rows.to_dict("records")] == [True, True, False, False]


def test_a_region_without_one_of_the_levels_has_no_row():
    data = people({"a": A, "b": B})
    lone = data[data["kind"] == "a"].assign(region="only a")
    other = data[data["kind"] == "b"].assign(region="only b")
    both = pd.concat([data, lone, other], ignore_index=True)
    both["kind"] = pd.Categorical(both["kind"], ["a", "b"])
    rows = person_effects(experiment(formula="score ~ kind"), both, {})
    assert rows["region"].tolist() == ["r"]
    means = person_effects(experiment(formula="score ~ kind"), data.assign(subject="mean"), {})
    assert means.empty, "a mean over subjects is no person"


def test_means_of_levels_are_over_models():
    data = pd.concat([people({"a": A, "b": B}).assign(subject=s) for s in "st"], ignore_index=True)
    data["kind"] = pd.Categorical(data["kind"], ["a", "b"])
    found = list(level_means(experiment(formula="score ~ kind"), data))
    assert [(row["level"], row["n"]) for row in found] == [("a", 3), ("b", 4)]
    assert [row["mean"] for row in found] == pytest.approx([np.mean(A), np.mean(B)])
    assert (found[0]["ci_low"], found[0]["ci_high"]) == pytest.approx(bootstrap_mean(A))


def test_one_row_a_model_or_one_a_subject():
    data = pd.concat([people({"a": A, "b": B}).assign(subject=s, score=lambda t, k=k: t["score"] + k)
                      for k, s in enumerate("st")], ignore_index=True)  # fmt: skip
    by_model = unit_rows(experiment(), Analysis("sound", unit="model"), data)
    assert len(by_model) == 7 and by_model["score"].tolist() == pytest.approx([x + 0.5 for x in A + B])
    for by_score in (Analysis("published", unit="score"), Analysis("sound", pair="subject")):
        assert len(unit_rows(experiment(), by_score, data)) == 14
        with pytest.raises(MenagerieError, match="7 of 7 models have no scores of single subjects"):
            unit_rows(experiment(), by_score, data.assign(subject="mean"))
