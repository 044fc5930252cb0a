"""Experiments in single persons: over models, and over images."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from menagerie.report.person_section import person_sentences
from menagerie.statistics.experiments import Analysis, Experiment
from menagerie.statistics.persons import draws_of, person_effects

GROUPS = Experiment("training", "Training", "training", "random", (Analysis("sound", formula="score ~ training"),), {})
PAIRS = Experiment("training", "Training", "training", "random", (Analysis("sound", pair="family"),), {})


def scores(gap=0.2, n=6, noise=0.03, subjects=("s1", "s2"), seed=0):
    """Scores of n networks of each kind, twins of one family each."""
    generator = np.random.default_rng(seed)
    rows = [
        {"dataset": "d", "subject": subject, "region": "r", "metric": "crsa", "model": f"{kind}{number}"}
        | {"family": f"f{number}", "training": kind}
        | {"score": 0.3 + gap * (kind == "trained") + noise * generator.standard_normal()}
        for subject in subjects
        for kind in ("random", "trained")
        for number in range(n)
    ]
    data = pd.DataFrame(rows)
    return data.assign(training=pd.Categorical(data["training"], ["random", "trained"]))


def draws(data, shared=0.1, own=0.01, r=500):
    """Resamples whose errors are mostly shared by all models, as those over the same images are."""
    generator = np.random.default_rng(1)
    error = {subject: shared * generator.standard_normal(r) for subject in data["subject"].unique()}
    drawn = [row.score + error[row.subject] + own * generator.standard_normal(r) for row in data.itertuples()]
    return draws_of(data.assign(drawn=drawn))


def test_a_difference_is_told_in_each_person_over_models_and_over_images():
    data = scores()
    found = person_effects(GROUPS, data, draws(data)).set_index(["subject", "sample"])
    assert list(found.index) == [(s, sample) for s in ("s1", "s2") for sample in ("models", "images")]
    for subject in ("s1", "s2"):
        own = data[data["subject"] == subject]
        x, y = (own.loc[own["training"] == kind, "score"] for kind in ("trained", "random"))
        row = found.loc[subject, "models"]
        assert row["estimate"] == pytest.approx(x.mean() - y.mean())
        assert row["p"] == pytest.approx(2 / 924, rel=0.01)  # 12 choose 6 divisions, the observed one and its mirror
        low, high = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high))
        row = found.loc[subject, "images"]
        assert row["p"] == pytest.approx(2 / 501) and row["ci_high"] - row["ci_low"] < 0.05, "shared errors cancel"
    assert (found["p_holm"] == found["p"]).all(), "one contrast in each person"


def test_pairs_are_compared_within():
    data = scores(gap=0.05, noise=0.0)
    family = {f"f{number}": 0.1 * number for number in range(6)}
    jitter = 0.005 * np.random.default_rng(3).standard_normal(len(data))
    data = data.assign(score=data["score"] + data["family"].map(family) + jitter)
    paired, apart = (person_effects(one, data, {}).query("subject == 's1'").iloc[0] for one in (PAIRS, GROUPS))
    assert paired["p"] == pytest.approx(2 / 64) and apart["p"] > 0.5
    assert (paired["n"], apart["n"]) == (6, 12)
    assert paired["estimate"] == pytest.approx(apart["estimate"])


def test_one_model_a_level_allows_no_test_over_models():
    data = scores(n=1)
    found = person_effects(GROUPS, data, draws(data))
    models = found[found["sample"] == "models"]
    assert models["p"].isna().all() and models["note"].str.startswith("1 model in one of the levels").all()
    assert found.loc[found["sample"] == "images", "p"].notna().all()


def test_several_contrasts_of_a_person_are_corrected_together():
    data = pd.concat(
        [
            scores(gap=gap, noise=0.1, seed=seed).assign(region=region)
            for gap, seed, region in ((0.12, 0, "a"), (0.1, 1, "b"))
        ]
    )
    found = person_effects(GROUPS, data, {}).query("subject == 's1'").sort_values("p")
    assert found["p_holm"].tolist() == pytest.approx(
        [2 * found["p"].iloc[0], max(found["p"].iloc[1], 2 * found["p"].iloc[0])]
    )


def test_sentences_say_in_how_many_people_and_under_which_sample():
    data = scores(subjects=("s1", "s2", "s3"))
    swap = data["subject"] == "s3"
    data.loc[swap, "training"] = data.loc[swap, "training"].map({"random": "trained", "trained": "random"})
    (told,) = person_sentences(person_effects(GROUPS, data, draws(data)), "random")["d"]
    assert told.startswith("cRSA, r: trained is above random in 2 of 3 subjects (difference \N{MINUS SIGN}0.")
    assert told.endswith("p < .05 over models in 2 of 3; p < .05 over images in 2 of 3).")
    assert person_sentences(pd.DataFrame(), "random") == {}


def test_an_experiment_without_a_single_test_says_why_in_every_row():
    """One model a level in every contrast and no resamples: effects without p, not an error."""
    data = scores(n=1)
    for experiment in (GROUPS, PAIRS):
        found = person_effects(experiment, data, {})
        assert len(found) == 2 and found["estimate"].notna().all()
        assert found[["ci_low", "ci_high", "p", "p_holm", "p_fdr"]].isna().all(axis=None)
        assert found["note"].str.contains("no test over models").all()
