"""Effects against R (stats, lme4, parameters) on the published tables."""

import json

import numpy as np
import pandas as pd
import pytest

from menagerie.statistics import fit_effects
from menagerie.statistics.effects import fit_mixed, paired_effects

METRICS = {"cRSA": "crsa", "veRSA": "wrsa"}


@pytest.fixture(scope="module")
def expected(shared):
    entries = json.loads((shared / "reference" / "statistics_expected.json").read_text())["statistics"]
    return {entry["id"]: entry for entry in entries}


@pytest.fixture(scope="module")
def figure(shared):
    def read(name, metric, **filters):
        table = pd.read_csv(shared / "published" / "figure_data" / f"{name}.csv", dtype={"subj_id": str})
        table = table[table["metric"] == METRICS[metric]]
        for column, values in filters.items():
            table = table[table[column].isin(values)]
            table[column] = pd.Categorical(table[column], values)
        return table.copy()

    return read


def check(entry, row, df=True):
    bounds = entry["tolerance"]
    assert row["estimate"] == pytest.approx(entry["estimate"], abs=bounds["estimate"], rel=0)
    if entry["ci_low"] is not None:
        assert row["ci_low"] == pytest.approx(entry["ci_low"], abs=bounds["ci"], rel=0)
        assert row["ci_high"] == pytest.approx(entry["ci_high"], abs=bounds["ci"], rel=0)
    if entry["p"]:
        assert row["p"] == pytest.approx(entry["p"], rel=bounds["p_relative"], abs=0)
    assert row["n"] == entry["n"]
    if df and entry["df"] is not None:
        assert row["df"] == entry["df"]


def term(effects, name):
    return effects.set_index("term").loc[name]


@pytest.mark.parametrize("metric", METRICS)
class TestLinearModels:
    def test_architecture(self, expected, figure, metric):
        effects = fit_effects(figure("Figure2", metric, contrast=["CNN", "Transformer"]), "score ~ contrast + subj_id")
        check(expected[f"architecture.{metric}.Transformer"], term(effects, "contrast[T.Transformer]"))

    def test_architecture_with_one_row_a_model(self, expected, figure, metric):
        data = figure("Figure2", metric, contrast=["CNN", "Transformer"])
        means = data.groupby(["architecture", "contrast"], observed=True)["score"].mean().reset_index()
        effects = fit_effects(means, "score ~ contrast")
        check(expected[f"architecture_model_unit.{metric}"], term(effects, "contrast[T.Transformer]"))

    def test_contrastive(self, expected, figure, metric):
        data = figure("Figure3", metric, contrast=["Non-Contrastive", "Contrastive"])
        effects = fit_effects(data, "score ~ contrast + subj_id")
        check(expected[f"ssl.{metric}.Contrastive"], term(effects, "contrast[T.Contrastive]"))

    def test_language_alignment_with_interaction(self, expected, figure, metric):
        data = figure("Figure3", metric, contrast=["SimCLR", "CLIP", "SLIP"])
        data["size"] = pd.Categorical(data["model"].str[4], ["B", "S", "L"])
        effects = fit_effects(data, "score ~ contrast * size + subj_id")
        names = {
            **{kind: f"contrast[T.{kind}]" for kind in ("CLIP", "SLIP")},
            **{f"size{size}": f"size[T.{size}]" for size in "SL"},
            **{f"{k}:size{s}": f"contrast[T.{k}]:size[T.{s}]" for k in ("CLIP", "SLIP") for s in "SL"},
        }
        for name, ours in names.items():
            check(expected[f"slip_interaction.{metric}.{name}"], term(effects, ours))

    def test_diets(self, expected, figure, metric):
        data = figure("Figure4B", metric, contrast=["imagenet", "openimages", "places256", "vggface2"])
        effects = fit_effects(data, "score ~ contrast + subj_id")
        for diet in ("openimages", "places256", "vggface2"):
            check(expected[f"ipcl.{metric}.{diet}"], term(effects, f"contrast[T.{diet}]"))


@pytest.mark.parametrize("metric", METRICS)
class TestMixedModels:
    @pytest.mark.parametrize(
        ("analysis", "twins"), [("imagenet21k_as_published", False), ("imagenet21k_paired_intercept", True)]
    )
    def test_imagenet_size(self, expected, figure, metric, analysis, twins):
        data = figure("Figure4A", metric, contrast=["ImageNet1K", "ImageNet21K"])
        data["group"] = data["display_name"] + ("" if twins else data["contrast"].astype(str))
        fit = fit_mixed(data, "score ~ contrast + subj_id + (1 | group)")
        entry = expected[f"{analysis}.{metric}"]
        check(entry, term(fit.effects, "contrast[T.ImageNet21K]"))
        for name, value in (("sd_group", fit.sd_group["Intercept"]), ("sd_residual", fit.sd_residual)):
            bound = expected[f"{analysis}.{metric}.{name}"]
            assert value == pytest.approx(bound["estimate"], rel=bound["tolerance"]["estimate"])
        bound = expected[f"{analysis}.{metric}.remlcrit"]
        assert fit.reml_criterion == pytest.approx(bound["estimate"], abs=bound["tolerance"]["estimate"])

    def test_groups_as_an_argument(self, figure, metric):
        data = figure("Figure4A", metric, contrast=["ImageNet1K", "ImageNet21K"])
        one = fit_effects(data, "score ~ contrast + subj_id + (1 | display_name)", kind="lmm")
        two = fit_effects(data, "score ~ contrast + subj_id", kind="lmm", groups="display_name")
        pd.testing.assert_frame_equal(one, two)

    def test_paired_t(self, expected, figure, metric):
        data = figure("Figure4A", metric, contrast=["ImageNet1K", "ImageNet21K"])
        effects = paired_effects(data, "contrast", "display_name", "ImageNet1K")
        check(expected[f"imagenet21k_paired_t12.{metric}"], effects.iloc[0])


@pytest.fixture(scope="module")
def summary(shared):
    return pd.read_csv(shared / "published" / "source_data" / "results_summary.csv")


@pytest.mark.parametrize("metric", METRICS)
def test_training(expected, summary, metric):
    data = summary[(summary["metric"] == METRICS[metric]) & summary["compare_training"].notna()]
    effects = paired_effects(data, "compare_training", "model", "random", distribution="z")
    check(expected[f"training.{metric}"], effects.iloc[0], df=False)


@pytest.mark.parametrize("group", ["all", "trained"])
def test_metric_effect(expected, summary, group):
    data = summary[summary["metric"].isin(METRICS.values())]
    if group == "trained":
        data = data[~data["model_string"].str.endswith("_random")]
    effects = paired_effects(data, "metric", "model_string", "crsa", distribution="z")
    check(expected[f"metric_effect.{group}"], effects.iloc[0], df=False)


def test_metric_effect_with_a_random_slope(expected, shared):
    folder = shared / "published" / "figure_data"
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in ("Figure2", "Figure3", "Figure4A", "Figure4B")}
    for name in ("Figure4A", "Figure4B"):
        tables[name]["score"] += tables[name]["subj_mean"] - tables[name]["grand_mean"]
    data = pd.concat(tables.values())
    data["score_key"] = data["score"].round(9)
    data = data.drop_duplicates(["metric", "subj_id", "score_key"])
    # A model is known here by its scores: the four subjects in order carry the same name within a figure.
    assert len(data) == expected["metric_effect.subset_lmer"]["n"]
    data["model"] = _name_models(tables).reindex(data["score_key"]).to_numpy()
    fit = fit_mixed(data, "score ~ metric + (metric | model)")
    row = term(fit.effects, "metric[T.wrsa]")
    entry = expected["metric_effect.subset_lmer"]
    assert row["estimate"] == pytest.approx(entry["estimate"], abs=entry["tolerance"]["estimate"])
    error = (row["ci_high"] - row["ci_low"]) / 2
    assert error == pytest.approx((entry["ci_high"] - entry["ci_low"]) / 2, rel=0.005)  # t here, z there


def _name_models(tables):
    """Rounded score -> model, the first figure's name where several figures show a model."""
    keys = {"Figure2": ["architecture"], "Figure3": ["model", "train_task"]}
    keys |= {"Figure4A": ["display_name", "contrast"], "Figure4B": ["contrast"]}
    names = {}
    for figure, columns in keys.items():
        for label, rows in tables[figure].groupby(columns):
            scores = rows["score"].round(9)
            known = {names[value] for value in scores if value in names}
            name = known.pop() if known else (figure, *np.atleast_1d(label))
            names |= dict.fromkeys(scores, "/".join(map(str, name)) if isinstance(name, tuple) else name)
    return pd.Series(names)
