"""Effects: what is refused, and that planted effects come back."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from menagerie.errors import MenagerieError
from menagerie.statistics import fit_effects
from menagerie.statistics.effects import fit_mixed, paired_effects, split_random


@pytest.fixture
def data():
    generator = np.random.default_rng(1)
    rows = [(m, "ab"[m % 2], s) for m in range(12) for s in "xyz"]
    table = pd.DataFrame(rows, columns=["model", "kind", "subject"])
    shift = generator.normal(0, 0.05, 12)
    effect = table["kind"].map({"a": 0.0, "b": 0.2}) + table["subject"].map({"x": 0, "y": 0.1, "z": -0.1})
    return table.assign(score=0.3 + effect + shift[table["model"]] + generator.normal(0, 0.01, len(table)))


def test_lm_is_least_squares(data):
    effects = fit_effects(data, "score ~ kind + subject").set_index("term")
    design = np.column_stack([np.ones(36), data["kind"] == "b", data["subject"] == "y", data["subject"] == "z"])
    expected = np.linalg.lstsq(design.astype(float), data["score"], rcond=None)[0]
    np.testing.assert_allclose(effects["estimate"], expected, atol=1e-12)
    assert effects["df"].eq(32).all()
    assert list(effects.index) == ["Intercept", "kind[T.b]", "subject[T.y]", "subject[T.z]"]


def test_an_arrow_table_is_the_same(data):
    one, two = fit_effects(data, "score ~ kind"), fit_effects(pa.Table.from_pandas(data), "score ~ kind")
    pd.testing.assert_frame_equal(one, two)


def test_the_first_category_is_the_reference(data):
    data["kind"] = pd.Categorical(data["kind"], ["b", "a"])
    effects = fit_effects(data, "score ~ kind").set_index("term")
    assert effects.loc["kind[T.a]", "estimate"] < -0.1


def test_a_mixed_model_sees_the_spread_of_models(data):
    fit = fit_mixed(data, "score ~ kind + subject + (1 | model)")
    assert fit.sd_residual == pytest.approx(0.01, rel=0.4)
    assert fit.sd_group["Intercept"] == pytest.approx(0.05, rel=0.6)
    plain = fit_effects(data, "score ~ kind + subject").set_index("term")
    mixed = fit.effects.set_index("term")
    assert mixed.loc["kind[T.b]", "estimate"] == pytest.approx(plain.loc["kind[T.b]", "estimate"], abs=1e-9)
    width = mixed["ci_high"] - mixed["ci_low"]
    assert width["kind[T.b]"] > (plain["ci_high"] - plain["ci_low"])["kind[T.b]"]


@pytest.mark.parametrize(
    ("formula", "kind", "message"),
    [
        ("score ~ knd", "lm", "Did you mean 'kind'"),
        ("score ~ kind", "lmer", "kind of model"),
        ("score ~ kind + (1 | model)", "lm", "use kind 'lmm'"),
        ("score ~ kind", "lmm", "needs one random part"),
        ("score ~ C(model) + kind", "lm", "cannot be told from"),
        ("score ~ kind +* subject", "lm", "cannot be read"),
        ("score ~ kind + (1 | nobody)", "lmm", "nobody"),
        ("score ~ subject + (1 | row)", "lmm", "groups of more than one row"),
    ],
)
def test_what_cannot_be_fitted_is_refused(data, formula, kind, message):
    data["row"] = range(len(data))
    with pytest.raises(MenagerieError, match=message.replace("(", r"\(")):
        fit_effects(data, formula, kind=kind)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gaps_are_refused_not_dropped(data, value):
    data.loc[3, "score"] = value
    with pytest.raises(MenagerieError, match="score is empty in 1 of 36 rows"):
        fit_effects(data, "score ~ kind")


def test_a_missing_level_is_refused(data):
    data["kind"] = data["kind"].where(data["model"] > 1, None)
    with pytest.raises(MenagerieError, match="kind is empty in 6"):
        fit_effects(data, "score ~ kind")


def test_constant_scores_have_no_error(data):
    with pytest.raises(MenagerieError, match="do not vary"):
        fit_effects(data.assign(score=0.5), "score ~ 1")


def test_no_degrees_of_freedom(data):
    with pytest.raises(MenagerieError, match="no degrees of freedom"):
        fit_effects(data.iloc[:2], "score ~ subject")


def test_pairs_are_averaged_and_incomplete_ones_said(data):
    data["pair"] = data["model"] // 2
    data = data[data["model"] != 11]
    effects = paired_effects(data, "kind", "pair", "a")
    means = data.groupby(["pair", "kind"])["score"].mean().unstack("kind").dropna()  # noqa: PD010
    assert effects["estimate"][0] == pytest.approx((means["b"] - means["a"]).mean())
    assert effects["n"][0] == 5
    assert "1 of 6 pairs incomplete" in effects["note"][0]


def test_z_intervals_are_narrower(data):
    data["pair"] = data["model"] // 2
    t, z = (paired_effects(data, "kind", "pair", "a", distribution=name).iloc[0] for name in "tz")
    assert t["estimate"] == z["estimate"]
    assert z["ci_high"] - z["ci_low"] == pytest.approx((t["ci_high"] - t["ci_low"]) * 1.95996 / 2.57058, rel=1e-5)
    assert np.isinf(z["df"])


def test_one_pair_is_not_enough(data):
    with pytest.raises(MenagerieError, match="1 complete pairs"):
        paired_effects(data[data["model"] < 2].assign(pair="p"), "kind", "pair", "a")


def test_the_reference_alone_is_no_comparison(data):
    with pytest.raises(MenagerieError, match="nothing to compare"):
        paired_effects(data[data["kind"] == "a"], "kind", "model", "a")


def test_random_parts():
    assert split_random("score ~ a + (1 | g)", None) == ("score ~ a", "1", "g")
    assert split_random("score ~ a + (m | g) + b", None) == ("score ~ a + b", "m", "g")
    assert split_random("score ~ a", "g") == ("score ~ a", "1", "g")
