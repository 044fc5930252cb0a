"""The published tables through this workflow's own path: oracle values, maps of models, and every printed number."""

import json

import numpy as np
import pandas as pd
import pytest

from menagerie.statistics.breakpoints import delta_interval, fit_breakpoints
from menagerie.statistics.contrasts import level_means
from menagerie.statistics.published import ids_of, model_rsm
from menagerie.statistics.reproduce import Paper, disagreements, reproduce
from menagerie.statistics.similarity import classical_mds


@pytest.fixture(scope="module")
def registry(root):
    return root / "config" / "models.tsv"


@pytest.fixture(scope="module")
def paper(shared, registry, root):
    return Paper(shared / "published", registry, root / "config" / "experiments.yaml")


@pytest.fixture(scope="module")
def expected(shared):
    entries = json.loads((shared / "reference" / "statistics_expected.json").read_text())["statistics"]
    return {entry["id"]: entry for entry in entries}


def test_all_models_are_read(paper):
    assert len(paper.means) == 224
    assert paper.means.notna().all().all()
    assert paper.published.models["ed_raw"].notna().all()
    assert set(paper.published.scores["metric"]) == {"crsa", "versa", "encoding_r"}


@pytest.mark.parametrize("metric", ["cRSA", "veRSA"])
def test_experiments_give_the_oracles_values(paper, expected, metric):
    own = metric.lower()
    entries = {
        f"architecture.{metric}.Transformer": ("architecture", "Transformer", 0),
        f"architecture_model_unit.{metric}": ("architecture", "Transformer", 1),
        f"ssl.{metric}.Contrastive": ("contrastive_ssl", "Contrastive", 0),
        f"slip_interaction.{metric}.CLIP": ("language_alignment", "CLIP", 0),
        f"imagenet21k_as_published.{metric}": ("imagenet_size", "imagenet21k", 0),
        f"imagenet21k_paired_intercept.{metric}": ("imagenet_size", "imagenet21k", 1),
        f"imagenet21k_paired_t12.{metric}": ("imagenet_size", "imagenet21k", 2),
        f"ipcl.{metric}.vggface2": ("ipcl_diets", "vggface2", 0),
        f"training.{metric}": ("training", "classification", 0),
    }
    for name, (experiment, level, which) in entries.items():
        table = paper.effects(experiment)
        rows = table[(table["metric"] == own) & table["term"].str.match(rf"\w+\[T\.{level}\]$")]
        row, entry = rows.iloc[which], expected[name]
        bounds = entry["tolerance"]
        assert row["estimate"] == pytest.approx(entry["estimate"], abs=bounds["estimate"]), name
        assert row["ci_low"] == pytest.approx(entry["ci_low"], abs=bounds["ci"]), name
        assert row["ci_high"] == pytest.approx(entry["ci_high"], abs=bounds["ci"]), name
        assert row["n"] == entry["n"], name


@pytest.mark.parametrize("group", ["all", "trained"])
def test_metric_effect(paper, expected, group):
    source = ("effect", "metric_effect", "all", "versa") if group == "all" else ("metric_effect_trained",)
    value, ours, _ = getattr(paper, source[0])(*source[1:])
    entry = expected[f"metric_effect.{group}"]
    assert value.estimate == pytest.approx(entry["estimate"], abs=1e-10)
    assert value.low == pytest.approx(entry["ci_low"], abs=1e-8)
    assert (ours.estimate == value.estimate) == (group == "all")  # one untrained network counted as trained


@pytest.mark.parametrize(
    ("experiment", "level", "name"),
    [
        ("architecture", "Transformer", "Transformer"),
        ("contrastive_ssl", "Contrastive", "Contrastive"),
        ("language_alignment", "SLIP", "SLIP"),
        ("imagenet_size", "imagenet21k", "ImageNet21K"),
    ],
)
@pytest.mark.parametrize("metric", ["cRSA", "veRSA"])
def test_level_means_with_bootstrap_intervals(paper, expected, experiment, level, name, metric):
    rows = level_means(paper.experiments[experiment], paper.data(experiment))
    row = next(one for one in rows if (one["metric"], one["level"]) == (metric.lower(), level))
    entry = expected[f"class_mean_models.{name}.{metric}"]
    assert row["mean"] == pytest.approx(entry["estimate"], abs=1e-10)
    assert row["ci_low"] == pytest.approx(entry["ci_low"], abs=entry["tolerance"]["ci"])
    assert row["ci_high"] == pytest.approx(entry["ci_high"], abs=entry["tolerance"]["ci"])
    assert row["n"] == entry["n"]


@pytest.mark.parametrize("metric", ["cRSA", "veRSA"])
def test_correlations_give_the_oracles_values(paper, expected, metric):
    own = metric.lower()
    for name, source in {
        f"accuracy.{metric}": ("published_top1", own, "trained"),
        f"params.{metric}.trained": ("published_count", own, "trained"),
        f"params.{metric}.random": ("published_count", own, "random"),
    }.items():
        value = paper.factor(*source)[0]
        assert value.estimate == pytest.approx(expected[name]["estimate"], abs=1e-10)
        assert value.p == pytest.approx(expected[name]["p"], rel=1e-6)
        if expected[name]["ci_low"] is not None:
            assert value.low == pytest.approx(expected[name]["ci_low"], abs=expected[name]["tolerance"]["ci"])


def test_the_first_breakpoint_is_the_printed_one(paper):
    scores = np.sort(paper.means["versa"].to_numpy())[::-1]
    fit = fit_breakpoints(np.arange(1, 225), scores)
    assert [round(end, 1) for end in delta_interval(fit)] == [123.6, 124.7]


@pytest.mark.parametrize(("metric", "published"), [("crsa", "CRSA"), ("versa", "WRSA")])
def test_the_map_of_models_is_the_published_one(shared, registry, metric, published):
    figure = pd.read_csv(shared / "published" / "figure_data" / "Figure6B.csv")
    figure = figure[(figure["metric"] == published) & (figure["experiment"] == "Task")]
    ids = ids_of(registry, figure["model_string"])
    points, values = classical_mds(model_rsm(shared / "published", registry, metric).loc[ids, ids].to_numpy())
    theirs = figure[["V1", "V2"]].to_numpy()
    sign = np.sign((points * theirs).sum(axis=0))
    np.testing.assert_allclose(points * sign, theirs, atol=1e-10)
    assert values[0] >= values[1] > 0


def test_every_disagreement_with_print_is_explained(paper):
    table = reproduce(paper)
    wrong = table[table["verdict"] != "agrees"]
    assert (wrong["reason"] != "").all()
    assert len(table) - len(wrong) == 41


def test_disagreements_are_seen():
    value = paper_value(-0.0407, -0.0528, -0.0287, 2e-10)
    assert disagreements("-0.04 [-0.05, -0.03], p < 0.001", value) == []
    assert disagreements("0.04 [-0.05, -0.02], p = 0.002", value) == ["estimate", "upper limit", "p"]


def paper_value(*numbers):
    from menagerie.statistics.reproduce import Value

    return Value(*numbers)
