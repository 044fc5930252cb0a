"""Effects against numbers of R, and against formulas of linear algebra: neither needs ../shared.

Wald intervals and p of R are from its fits to the published tables (stats, lme4, parameters). The data sets are two
that come with R: Dyestuff of lme4 (Davies & Goldsmith 1972) and sleep (Student 1908).
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from menagerie import statistics
from menagerie.errors import MenagerieError
from menagerie.statistics.effects import effects_table, fit_effects, fit_mixed, paired_effects

# What: estimate, standard error, degrees of freedom, lower and upper limit (95 %), p.
R = {
    "lm, 220 rows": (-0.0407484357925905, 0.006122643624162668, 215, -0.05281652835956972, -0.028680343225611277,
                     2.3129940164185103e-10),
    "lm, 40 rows": (0.06403657109369698, 0.01180572799722181, 35, 0.040069669087769946, 0.08800347309962402,
                    4.436654366919903e-06),
    "lm, 36 rows": (-0.006577603822092509, 0.007338667676361953, 24, -0.021723869483602026, 0.00856866183941701,
                    0.3789983455570002),
}  # fmt: skip


@pytest.mark.parametrize("name", R)
def test_intervals_and_p_are_those_of_r(name):
    estimate, error, df, low, high, p = R[name]
    row = effects_table(["x"], [estimate], [error], df, df + 5, "y ~ x").iloc[0]
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), abs=1e-9)
    assert row["p"] == pytest.approx(p, rel=1e-6)  # of both sides
    assert effects_table(["x"], [-estimate], [error], df, df + 5, "y ~ x")["p"][0] == row["p"]


DYESTUFF = """1545 1440 1440 1520 1580 1540 1555 1490 1560 1495 1595 1550 1605 1510 1560
              1445 1440 1595 1465 1545 1595 1630 1515 1635 1625 1520 1455 1450 1480 1445"""


def test_the_mixed_model_of_lme4s_example():
    """lmer(Yield ~ 1 + (1 | Batch), Dyestuff): REML criterion 319.6543, SD 42.001 and 49.510, 1527.50 (SE 19.383)."""
    data = pd.DataFrame({"y": np.array(DYESTUFF.split(), float), "batch": np.repeat(list("ABCDEF"), 5)})
    fit = fit_mixed(data, "y ~ 1 + (1 | batch)")
    row = fit.effects.iloc[0]
    assert fit.reml_criterion == pytest.approx(319.6543, abs=1e-4)
    assert fit.sd_group == {"Intercept": pytest.approx(42.001, abs=2e-3)}
    assert fit.sd_residual == pytest.approx(49.510, abs=1e-3)
    assert row["estimate"] == pytest.approx(1527.5, abs=1e-9)
    assert row["df"] == 27 and row["n"] == 30  # 30 rows less an intercept and two variances
    half = (row["ci_high"] - row["ci_low"]) / 2
    assert half == pytest.approx(stats.t(27).ppf(0.975) * 19.383, rel=1e-4)


SLEEP = ([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


def test_pairs_of_rs_sleep():
    """t.test(..., paired = TRUE): t = 4.0621, df = 9, p = 0.002833, mean 1.58, 95 % from 0.7001142 to 2.4598858."""
    data = pd.DataFrame(
        {"score": [*SLEEP[0], *SLEEP[1]], "drug": list("a" * 10 + "b" * 10), "person": [*range(10)] * 2}
    )
    row = paired_effects(data, "drug", "person", "a").iloc[0]
    assert row["estimate"] == pytest.approx(1.58)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)
    assert row["p"] == pytest.approx(0.002833, abs=5e-7) and row["df"] == 9
    assert row["n"] == 10 and row["note"] == ""


@pytest.fixture
def twins():
    """12 architectures x 2 diets x 4 people, as in the comparison of ImageNet-1K with 21K."""
    rng = np.random.default_rng(4)
    rows = [(a, d, s) for a in range(12) for d in "ab" for s in "wxyz"]
    data = pd.DataFrame(rows, columns=["architecture", "diet", "person"])
    own, slope = 0.05 * rng.standard_normal(12), 0.03 * rng.standard_normal(12)
    noise = 0.01 * rng.standard_normal(len(data))
    mean = own[data["architecture"]] + slope[data["architecture"]] * (data["diet"] == "b")
    return data.assign(score=0.3 + mean + noise)


def minus_twice_log_likelihood(data, fixed, random, covariance, residual):
    """Restricted, as lme4 has it, of a Gaussian with these covariances; by the formula of the marginal model."""
    X = np.column_stack(fixed).astype(float)
    Z = np.column_stack(random).astype(float)
    together = np.equal.outer(*[data["architecture"].to_numpy()] * 2)
    V = (Z @ covariance @ Z.T) * together + residual**2 * np.eye(len(data))
    inverse = np.linalg.inv(V)
    information = X.T @ inverse @ X
    y = data["score"].to_numpy()
    rest = y - X @ np.linalg.solve(information, X.T @ inverse @ y)
    logs = np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1]
    return logs + rest @ inverse @ rest + (len(y) - X.shape[1]) * np.log(2 * np.pi)


def test_random_intercepts_in_a_balanced_design_are_the_analysis_of_variance(twins):
    fit = fit_mixed(twins, "score ~ diet + person + (1 | architecture)")
    one = np.ones(96)
    fixed = [one, twins["diet"] == "b", *(twins["person"] == s for s in "xyz")]
    X, dummies = np.column_stack(fixed).astype(float), np.eye(12)[twins["architecture"]]
    y = twins["score"].to_numpy()
    both = np.column_stack([X, dummies])
    rests = [y - z @ np.linalg.lstsq(z, y, rcond=None)[0] for z in (X, both)]
    within = rests[1] @ rests[1] / (96 - 4 - 12)
    between = (rests[0] @ rests[0] - rests[1] @ rests[1]) / 11
    assert fit.sd_residual == pytest.approx(np.sqrt(within), rel=1e-5)
    assert fit.sd_group["Intercept"] == pytest.approx(np.sqrt((between - within) / 8), rel=1e-4)
    row = fit.effects.set_index("term").loc["diet[T.b]"]
    assert row["df"] == 89  # as R's parameters: 96 rows, 5 effects, 2 variances
    half = stats.t(89).ppf(0.975) * np.sqrt(within * 2 / 48)
    assert row["ci_high"] - row["estimate"] == pytest.approx(half, rel=1e-4)
    expected = minus_twice_log_likelihood(twins, fixed, [one], np.eye(1) * fit.sd_group["Intercept"] ** 2,
                                          fit.sd_residual)  # fmt: skip
    assert fit.reml_criterion == pytest.approx(expected, abs=1e-4)


def test_random_slopes_give_the_paired_standard_error_and_count_three_variances(twins):
    """In balanced data a slope per pair is the paired comparison, whose error is that of the differences."""
    fit = fit_mixed(twins, "score ~ diet + (diet | architecture)")
    row = fit.effects.set_index("term").loc["diet[T.b]"]
    assert row["df"] == 90  # 96 rows, 2 effects, 2 variances and a covariance of the random part, 1 of the residuals
    paired = paired_effects(twins, "diet", "architecture", "a", distribution="z").iloc[0]
    assert row["estimate"] == pytest.approx(paired["estimate"], abs=1e-7)
    half = (row["ci_high"] - row["estimate"]) / stats.t(90).ppf(0.975)
    assert half == pytest.approx((paired["ci_high"] - paired["estimate"]) / stats.norm.ppf(0.975), rel=1e-3)
    assert set(fit.sd_group) == {"Intercept", "diet[T.b]"}
    assert fit.sd_group["diet[T.b]"] == pytest.approx(0.03, rel=0.6)


def test_ten_times_the_scores_are_ten_times_the_spread(twins):
    tenfold = twins.assign(score=10 * twins["score"])
    small, large = (fit_mixed(data, "score ~ diet", "architecture") for data in (twins, tenfold))
    assert large.sd_residual == pytest.approx(10 * small.sd_residual, rel=1e-4)
    assert large.reml_criterion - small.reml_criterion == pytest.approx(2 * 94 * np.log(10), abs=1e-3)


@pytest.mark.parametrize(("rows", "fits"), [(5, False), (6, True)])
def test_one_degree_of_freedom_is_the_least(rows, fits):
    """Five effects leave nothing of 5 rows, and 1 of 6."""
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.standard_normal((rows, 5)), columns=["score", *"abcd"])
    if fits:
        assert fit_effects(data, "score ~ a + b + c + d")["df"].eq(1).all()
    else:
        with pytest.raises(MenagerieError, match="no degrees of freedom"):
            fit_effects(data, "score ~ a + b + c + d")


@pytest.mark.parametrize(("rows", "fits"), [(6, False), (7, True)])
def test_one_degree_of_freedom_is_the_least_of_mixed_models_too(rows, fits):
    rng = np.random.default_rng(1)
    data = pd.DataFrame(rng.standard_normal((rows, 4)), columns=["score", *"abc"]).assign(g=np.arange(rows) % 2)
    data["score"] += 3.0 * data["g"]
    if fits:
        assert fit_mixed(data, "score ~ a + b + c + (1 | g)").effects["df"].eq(1).all()
    else:
        with pytest.raises(MenagerieError, match="no degrees of freedom"):
            fit_mixed(data, "score ~ a + b + c + (1 | g)")


def test_names_of_the_room_are_looked_up_when_they_are_asked_for():
    assert statistics.fit_effects is fit_effects
    with pytest.raises(AttributeError, match="no attribute 'fit_efects'"):
        _ = statistics.fit_efects
