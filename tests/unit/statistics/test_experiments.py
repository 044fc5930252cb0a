"""Experiments: definitions that are refused, data that are confounded, runs that lack models."""

import numpy as np
import pandas as pd
import pytest
import yaml

from menagerie.errors import MenagerieError
from menagerie.linking.schemas import SCHEMAS
from menagerie.models.registry import read_registry
from menagerie.statistics.contrasts import MEAN, experiment_data, experiment_effects, join_metadata, left_out
from menagerie.statistics.experiments import (
    SCORE_COLUMNS,
    Experiment,
    choose_experiments,
    read_experiments,
    require_models,
)

ENTRY = {
    "title": "Twins",
    "factor": "training",
    "reference": "random",
    "constant": ["architecture_class"],
    "analyses": [{"analysis": "sound", "pair": "architecture"}],
}


@pytest.fixture
def read(tmp_path):
    def write_and_read(**changes):
        path = tmp_path / "experiments.yaml"
        path.write_text(yaml.safe_dump({"twins": ENTRY | changes}))
        return read_experiments(path)["twins"]

    return write_and_read


@pytest.fixture
def joined():
    generator = np.random.default_rng(0)
    models = pd.DataFrame(
        [
            {
                "id": f"{kind}{i}",
                "training": kind,
                "architecture": f"net{i}",
                "architecture_class": "CNN",
                "data": "",
                "mean": [0.5, 0.4],
            }
            for i in range(4)
            for kind in ("trained", "random")
        ]
    )
    rows = [
        {"dataset": "d", "region": "r", "metric": "crsa", "subject": s, "model": m, "status": "ok"}
        for m in models["id"]
        for s in ("s1", "s2")
    ]
    scores = pd.DataFrame(rows)
    scores["score"] = scores["model"].str.startswith("trained") * 0.3 + generator.normal(0, 0.01, len(scores))
    return join_metadata(scores, models)


def test_shipped_experiments_fit_the_registry(root):
    experiments = read_experiments(root / "config" / "experiments.yaml")
    rows = [spec.as_row() | {"model": spec.id} for spec in read_registry(root / "config" / "models.tsv").values()]
    for experiment in experiments.values():
        require_models(experiment, rows)
        assert Experiment.from_entry(experiment.name, experiment.as_entry()) == experiment
        assert {one.analysis for one in experiment.analyses} == {"published", "sound"}


def test_score_columns_are_those_of_the_table():
    assert set(SCORE_COLUMNS) | {"status"} == set(SCHEMAS["model_scores"].names)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factor": "trainig"}, "Did you mean 'training'"),
        ({"filter": {"dataa": "imagenet"}}, "Did you mean 'data'"),
        ({"colour": "red"}, "key at twins"),
        ({"reference": "none", "levels": ["random", "trained"]}, "reference of experiment twins"),
        ({"analyses": [{"analysis": "sound"}]}, "either a formula or a pair"),
        ({"analyses": [{"analysis": "sound", "formula": "score ~ task"}]}, "lacks the factor training"),
        ({"analyses": [{"analysis": "sound", "formula": "score ~ training + subject"}]}, "averages over subjects"),
        ({"analyses": [{"analysis": "sound", "pair": "twin"}]}, "column in twins.analyses.0"),
        ({"analyses": []}, "twins.analyses"),
    ],
)
def test_wrong_definitions_are_refused(read, changes, message):
    with pytest.raises(MenagerieError, match=message):
        read(**changes)


def test_empty_sets_are_refused_by_name(read):
    with pytest.raises(MenagerieError, match="twins is empty"):
        require_models(read(filter={"data": "nothing"}), [{"model": "a", "training": "random", "data": "imagenet"}])
    with pytest.raises(MenagerieError, match="level of training"):
        require_models(read(levels=["random", "fine-tuned"]), [{"model": "a", "training": "random"}])


def test_labels_are_for_levels_that_are_there(read):
    labels = {"random": "untrained"}
    assert read(labels=labels).labels == labels
    assert Experiment.from_entry("twins", read(labels=labels).as_entry()).labels == labels
    with pytest.raises(MenagerieError, match=r"level in twins.labels of .*'rndom'. Did you mean 'random'"):
        read(levels=["random", "trained"], labels={"rndom": "untrained"})
    rows = [{"model": "a", "training": "trained"}, {"model": "b", "training": "random"}]
    with pytest.raises(MenagerieError, match=r"level of training in experiment twins.*'rndom'"):
        require_models(read(labels={"rndom": "untrained"}), rows)


def test_unknown_names_in_the_config(read):
    experiment = read()
    assert list(choose_experiments(["twins", "overall"], {"twins": experiment})) == ["twins"]
    with pytest.raises(MenagerieError, match="Did you mean 'twins'"):
        choose_experiments(["twin"], {"twins": experiment})


def test_a_planted_effect_comes_back(read, joined):
    experiment = read()
    effects = experiment_effects(experiment, experiment_data(experiment, joined))
    assert len(effects) == 1
    assert effects["estimate"][0] == pytest.approx(0.3, abs=0.02)
    assert effects["n"][0] == 4
    assert (effects["dataset"][0], effects["analysis"][0]) == ("d", "sound")


def test_confounded_levels_are_refused_or_flagged(read, joined):
    joined.loc[joined["model"] == "trained1", "architecture_class"] = "Transformer"
    with pytest.raises(MenagerieError, match=r"twins is confounded: levels differ in architecture_class.*Transformer"):
        experiment_data(read(), joined)
    flagged = read(confounds="flag")
    effects = experiment_effects(flagged, experiment_data(flagged, joined))
    assert "levels differ in architecture_class" in effects["note"][0]


def test_an_experiment_without_its_models_is_left_out_by_name(read, joined):
    trained_only = joined[joined["training"] == "trained"]
    experiment = read()
    assert "experiment twins is left out" in left_out(experiment, trained_only)
    data = experiment_data(experiment, trained_only)
    assert data.empty
    assert set(data) == set(joined)
    assert experiment_effects(experiment, data).empty
    assert left_out(experiment, joined) == ""


def test_levels_that_a_run_lacks_are_named(read, joined):
    experiment = read(levels=["random", "trained", "distilled"])
    effects = experiment_effects(experiment, experiment_data(experiment, joined))
    assert "levels without models in this run: distilled" in effects["note"][0]


def test_what_cannot_be_estimated_says_why(read, joined):
    experiment = read(analyses=[{"analysis": "published", "formula": "score ~ training + subject", "unit": "score"}])
    effects = experiment_effects(experiment, experiment_data(experiment, joined.assign(subject=MEAN)))
    assert effects["estimate"].isna().all()
    assert "not estimated: 8 of 8 models have no scores of single subjects" in effects["note"][0]


def test_one_row_a_model_is_the_mean_over_subjects(read, joined):
    experiment = read(analyses=[{"analysis": "sound", "formula": "score ~ training"}])
    effects = experiment_effects(experiment, experiment_data(experiment, joined)).set_index("term")
    means = joined.groupby("training")["score"].mean()
    assert effects.loc["training[T.trained]", "estimate"] == pytest.approx(means["trained"] - means["random"])
    assert effects.loc["training[T.trained]", "df"] == 6


def test_metadata_are_plain(joined):
    assert joined["data"].isna().all()
    assert joined["mean"].eq("0.5,0.4").all()


def test_models_without_metadata_are_refused(joined):
    scores = joined[["dataset", "region", "metric", "subject", "model", "score"]].assign(status="ok")
    models = pd.DataFrame({"id": ["random0"], "training": ["random"]})
    with pytest.raises(MenagerieError, match="lacks 7 scored models"):
        join_metadata(scores, models)
