"""Experiments, variation, similarity and sets on the page, from tables as the workflow's own rules make them."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent / "figures"))
import synthetic

from menagerie.figures import style
from menagerie.figures.leaderboard import leaderboard
from menagerie.models.columns import models_table
from menagerie.report import ReportExperiment, ReportFigure, render_report
from menagerie.report.effect_section import contrast, effect_table, p_value, sentences, verdict
from menagerie.report.experiment_section import means_only, models_by_level, question
from menagerie.report.figures import figures_of
from menagerie.report.sets_section import sets_facts
from menagerie.report.templates import TEMPLATES
from menagerie.report.variation_section import overall_facts, similarity_facts
from menagerie.statistics.contrasts import experiment_data, experiment_effects, join_metadata
from menagerie.statistics.experiments import Analysis, Experiment, read_experiments
from menagerie.statistics.variation import overall_effects

ENTRY = {
    "title": "Kinds of networks",
    "factor": "architecture_class",
    "reference": "Convolutional",
    "filter": {"training": "trained"},
    "constant": [],
    "analyses": [
        {
            "analysis": "published",
            "formula": "score ~ architecture_class + subject",
            "unit": "score",
            "note": "too sure",
        },
        {"analysis": "sound", "formula": "score ~ architecture_class", "unit": "model"},
    ],
}


@pytest.fixture(scope="module")
def run():
    models = synthetic.models(10)
    _, scores = synthetic.scores(10, n_layers=4, regions=("early",), metrics=("crsa", "versa"))
    scores = scores[scores["dataset"] == "nsd"]
    return scores, models, join_metadata(scores, models)


@pytest.fixture(scope="module")
def one(run):
    experiment = Experiment.from_entry("kinds", ENTRY)
    data = experiment_data(experiment, run[2])
    return ReportExperiment(experiment, data, experiment_effects(experiment, data))


def test_both_analyses_stand_in_one_row_with_their_numbers(one):
    table = effect_table(one.effects, "architecture_class")
    assert [column["analysis"] for column in table["analyses"]] == ["published", "sound"]
    row = table["rows"][0]
    main = one.effects[one.effects["term"].str.startswith("architecture_class") & (one.effects["metric"] == "crsa")]
    first = main[main["term"] == f"architecture_class[T.{row['contrast']}]"]
    assert row["metric"] == "cRSA"
    for cell, (_, effect) in zip(row["cells"], first.iterrows(), strict=True):
        assert cell["estimate"] == f"{effect['estimate']:.3f}".replace("-", "\N{MINUS SIGN}")
        assert cell["n"] == str(int(effect["n"]))
    shown = sum(cell is not None for row in table["rows"] for cell in row["cells"])
    assert table["others"] == len(one.effects) - shown > 0  # intercepts and subjects


def effect(estimate, low, high, analysis="sound", level="b", p=0.01):
    place = {"dataset": "nsd", "region": "OTC", "metric": "versa"}
    return place | {
        "term": f"f[T.{level}]",
        "estimate": estimate,
        "ci_low": low,
        "ci_high": high,
        "p": p,
        "n": 9,
        "df": 8.0,
        "formula": "score ~ f",
        "analysis": analysis,
        "note": "",
    }


@pytest.mark.parametrize(
    ("published", "sound", "words"),
    [
        ((0.1, 0.05, 0.15), (0.1, -0.05, 0.25), "Only the published interval excludes zero"),
        ((0.1, -0.05, 0.25), (0.1, 0.05, 0.15), "Only the sound interval excludes zero"),
        ((0.1, 0.05, 0.15), (0.1, 0.02, 0.18), "Both intervals exclude zero."),
        ((0.1, 0.05, 0.15), (-0.1, -0.15, -0.05), "on opposite sides"),
        ((0.1, -0.05, 0.25), (0.1, -0.1, 0.3), "Both intervals include zero"),
    ],
)
def test_a_sentence_says_what_changes_under_the_sound_analysis(published, sound, words):
    rows = pd.DataFrame([effect(*published, analysis="published", p=1e-6), effect(*sound)])
    (text,) = sentences(rows, "f", "a")["nsd"]
    assert text.startswith(f"veRSA, OTC: b minus a is 0.100 (95 % interval {number_of(published[1])} to ")
    assert words in text and "p < 0.0001" in text


def number_of(value):
    return f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


def test_an_analysis_that_could_not_be_made_is_said():
    rows = pd.DataFrame([effect(0.1, 0.05, 0.15), effect(np.nan, np.nan, np.nan, analysis="published")])
    assert "the published analysis could not be made" in sentences(rows, "f", "a")["nsd"][0]
    assert verdict(None, rows.iloc[0].to_dict()) == "only one analysis"


def test_many_levels_are_counted():
    levels = {"b": (0.1, 0.05, 0.15), "c": (0.0, -0.1, 0.1), "d": (-0.3, -0.4, -0.2), "e": (0.2, 0.1, 0.3)}
    rows = pd.DataFrame([effect(*numbers, level=level) for level, numbers in levels.items()])
    (text,) = sentences(rows, "f", "a")["nsd"]
    assert "for 3 of 4 levels by the sound analysis" in text
    assert "difference is that of d: \N{MINUS SIGN}0.300" in text


def test_terms_and_p_values():
    assert contrast("f[T.b]", "f") == "b"
    assert contrast("f[T.b]:size[T.L]", "f") == "b : L"
    assert contrast("subject[T.2]", "f") is None and contrast("Intercept", "f") is None
    assert [p_value(p) for p in (1e-9, 0.00059, 0.066, 0.147, np.nan)] == [
        "< 0.0001",
        "0.00059",
        "0.066",
        "0.15",
        "\N{EN DASH}",
    ]


def test_questions_of_the_shipped_experiments(root):
    asked = {name: question(one) for name, one in read_experiments(root / "config" / "experiments.yaml").items()}
    assert asked["architecture"].startswith("Do scores differ between transformers and CNNs among models with")
    assert asked["metric_effect"].startswith("Do scores differ between veRSA and cRSA?")
    assert "levels of goal taskonomy tasks" in asked["taskonomy_tasks"]


def test_means_over_subjects_are_named(one):
    assert means_only(one.data) == ""
    mixed = one.data.assign(subject=one.data["subject"].where(one.data["metric"] == "crsa", "mean"))
    models = mixed["model"].nunique()
    assert means_only(mixed).startswith(f"Only means over subjects are known of veRSA ({models} models):")


def test_overall_findings_are_those_of_the_table(run):
    effects = overall_effects(run[2], n_resamples=100)
    facts = overall_facts(effects)
    text = " ".join(facts["findings"]["nsd"])
    row = effects[(effects["term"] == "subject stability") & (effects["metric"] == "crsa")].iloc[0]
    assert (
        f"cRSA, early: two subjects rank 10 models alike with a Spearman correlation of {row['estimate']:.2f}" in text
    )
    assert len(facts["rows"]) == len(effects)
    assert "two breakpoints need 12" in next(row["note"] for row in facts["rows"] if row["term"] == "rank breakpoint")
    known = {row["factor"]: row["cells"][0]["n"] for row in facts["correlations"] if row["where"] == "cRSA, early"}
    assert known["the number of parameters"] == str(run[1]["parameters"].notna().sum())


def test_a_breakpoint_is_told_with_every_interval():
    common = {"term": "rank breakpoint 1", "n": 224, "p": np.nan}
    delta = effect(124.2, 123.6, 124.7, "published") | common | {"note": "delta method; score there 0.623"}
    resampled = effect(124.2, 107.2, 138.4) | common | {"note": "bootstrap over models; score there 0.623"}
    (text,) = overall_facts(pd.DataFrame([delta, resampled]))["findings"]["nsd"]
    assert "bend first at rank 124.2 of 224 (95 % intervals: delta method 123.6 to 124.7, bootstrap over models" in text


def test_a_relation_of_training_alone_is_told_apart():
    def rho(group, estimate, low, high):
        return effect(estimate, low, high) | {"term": f"Spearman, ED, {group}"}

    groups = [rho("all", 0.5, 0.4, 0.6), rho("trained", 0.0, -0.2, 0.2), rho("random", 0.1, -0.2, 0.3)]
    text = " ".join(overall_facts(pd.DataFrame(groups))["findings"]["nsd"])
    assert "over all models it goes along with effective dimensionality (0.50" in text
    assert "within neither trained nor untrained" in text
    groups[1] = rho("trained", 0.3, 0.1, 0.5)
    assert "within neither" not in " ".join(overall_facts(pd.DataFrame(groups))["findings"]["nsd"])


def test_similarity_is_averaged_over_subjects_and_split_by_training():
    models = pd.DataFrame({"id": ["a", "b", "c"], "training": ["trained", "trained", "random"]})
    place = {"dataset": "nsd", "region": "OTC", "metric": "crsa"}
    pairs = [("a", "b", 0.8), ("a", "c", 0.2), ("b", "c", 0.4)]
    rows = [
        place | {"subject": subject, "model_a": first, "model_b": second, "r": r + shift}
        for subject, shift in (("1", 0.0), ("2", 0.1))
        for first, second, r in pairs
    ]
    facts = similarity_facts(pd.DataFrame(rows), models)
    assert [(row["kind"], row["pairs"], row["mean"]) for row in facts["rows"]] == [
        ("trained with trained", 1, "0.85"),
        ("trained with untrained", 2, "0.35"),
    ]
    assert "alike are a and b (0.85)" in facts["findings"]["nsd"][0]


def test_sets_of_the_run_and_the_surveys_own(root):
    from menagerie.models.registry import read_registry

    specs = read_registry(root / "config" / "models.tsv").values()
    models = models_table([spec.as_row() for spec in specs if spec.metadata["published_id"]]).to_pandas()
    facts = sets_facts(models)
    survey = {row["column"].removeprefix("compare_"): row for row in facts["survey"]}
    assert {name for name, row in survey.items() if row["set"]} == {
        "diet_ipcl",
        "goal_expertise",
        "goal_selfsupervised",
        "goal_contrastive",
    }
    assert survey["training"]["within"] > 50  # twins are sets, all twins together are none
    assert "data (2 values)" in survey["architecture"]["varies"]
    sizes = [row["models"] for row in facts["sets"]]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == 65


def test_figures_are_found_by_family_experiment_and_dataset(tmp_path):
    paths = [tmp_path / f"{stem}.svg" for stem in ("experiment_kinds_nsd", "experiment_kinds_b_nsd", "overall_nsd")]
    (found,) = figures_of(paths, "experiment", "Kinds", ["nsd", "other"], tmp_path, "kinds")
    assert found.svg == paths[0] and found.narrow == tmp_path / "narrow" / "experiment_kinds_nsd.svg"
    assert found.caption == tmp_path / "experiment.rst" and found.dataset == "nsd"
    assert figures_of(paths, "overview", "Overview", ["nsd"], tmp_path) == []


@pytest.fixture(scope="module")
def whole(run, one, tmp_path_factory):
    """Arguments of a page with every section, without layer scores, as from the published tables."""
    scores, models, joined = run
    scores = scores.assign(layer=None, layer_index=np.nan, depth=np.nan)
    first, second = models["id"][:2]
    row = {"dataset": "nsd", "subject": "mean", "region": "early", "metric": "crsa"}
    svg, _ = style.save(leaderboard(scores, models, "nsd"), tmp_path_factory.mktemp("whole") / "leaderboard_nsd")
    figure = ReportFigure("Kinds of networks", svg, TEMPLATES / "experiment.rst", "nsd", svg)
    claim = {
        "quantity": "models",
        "printed": "2",
        "from_data": "3",
        "ours": "3",
        "verdict": "differs",
        "reason": "typo",
    }
    return {
        "run": "whole",
        "model_scores": scores,
        "models": models,
        "figures": [],
        "datasets": {"nsd": {"simulated": "no"}},
        "provenance": {},
        "experiments": [
            ReportExperiment(one.experiment, one.data, one.effects, figures=[figure]),
            ReportExperiment(
                Experiment.from_entry("other", ENTRY), one.data[:0], one.effects[:0], "experiment other is"
            ),
        ],
        "overall": overall_effects(joined, n_resamples=100),
        "similarity": pd.DataFrame([row | {"model_a": first, "model_b": second, "r": 0.5}]),
        "reproduction": pd.DataFrame([claim]),
    }


def test_every_section_is_there_and_links_to_its_tables(whole):
    page = render_report(**whole)
    for section in ("experiments", "experiment-kinds", "overall", "similarity", "sets", "reproduction"):
        assert f'id="{section}"' in page
    links = set(re.findall(r'href="([^"#]+)"', page))
    folders = ("experiments/kinds", "experiments/overall")
    assert links == {f"{folder}/{name}.parquet" for folder in folders for name in ("data", "effects")}
    assert "Experiment other is." in page and "too sure" in page
    assert "0 of 1 agree with print" in page
    assert "Selected layer" not in page and ">layers<" not in page


def test_sections_without_content_are_absent(whole):
    bare = {key: value for key, value in whole.items() if key not in {"overall", "similarity", "reproduction"}}
    page = render_report(**bare | {"experiments": []})
    for section in ("experiments", "overall", "similarity", "reproduction"):
        assert f'id="{section}"' not in page


def test_a_mean_over_subjects_counts_as_such_on_the_leaderboard(whole):
    scores = whole["model_scores"]
    first = scores["model"].iloc[0]
    here = scores["model"] == first
    means = scores[here].groupby(["dataset", "region", "metric"], as_index=False).first().assign(subject="mean")
    page = render_report(**{**whole, "model_scores": pd.concat([scores[~here], means])})
    assert "1 model has no cRSA or veRSA of single subjects" in page and "mean only" in page
    assert "lack a score for some subjects" not in page


def test_intervals_that_exclude_zero_are_underlined(whole):
    page = render_report(**whole)
    section = page[page.index('id="experiments"') : page.index('<section id="overall"')]
    cells = re.findall(r'<td class="number( clear)?"><b>[^<]*</b><br>([^<]*)<br>', section)
    assert cells
    for clear, interval in cells:
        low, high = (float(end.replace("\N{MINUS SIGN}", "-")) for end in interval.split(" to "))
        assert bool(clear) == (low > 0 or high < 0)


def test_an_experiment_with_one_analysis_says_nothing_of_the_other():
    rows = pd.DataFrame([effect(0.1, 0.05, 0.15, analysis="sound")])
    (text,) = sentences(rows, "f", "a")["nsd"]
    assert "could not be made" not in text and text.endswith(".")


def test_datasets_with_one_score_only_are_named_where_scores_are_compared():
    experiment = Experiment("metric_effect", "Scores", "metric", "crsa", (Analysis("sound", pair="model"),), {})
    rows = [
        {"dataset": dataset, "subject": "s", "model": model, "metric": metric, "score": 0.1}
        for dataset, metrics in (("rsms", ["crsa"]), ("voxels", ["crsa", "versa"]))
        for model in ("a", "b")
        for metric in metrics
    ]
    data = pd.DataFrame(rows)
    told = models_by_level(experiment, data)
    assert told == "2 models, each with both scores (in rsms with one only, so nothing is compared there)."
    assert models_by_level(experiment, data[data["dataset"] == "voxels"]) == "2 models, each with both scores."
