"""Every set that the models hold is an experiment: its levels exist, and its effects can be estimated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from menagerie.models.registry import read_registry
from menagerie.models.sets import find_sets
from menagerie.statistics.contrasts import experiment_data, experiment_effects
from menagerie.statistics.experiments import Experiment, choose_experiments, require_models
from menagerie.statistics.set_experiments import ALONE, set_experiments

SPECS = read_registry("config/models.tsv")
ROWS = [spec.as_row() | {"model": spec.id} for spec in SPECS.values()]


@pytest.fixture(scope="module")
def found() -> dict[str, Experiment]:
    """Experiments of the table of models, by name."""
    return set_experiments(SPECS.values())


def scores(models: tuple[str, ...], subjects: int = 3) -> pd.DataFrame:
    """Scores of models with their metadata; a network's score depends on its place in the list."""
    noise = np.random.default_rng(0)
    rows = {row["model"]: row for row in ROWS}
    shared = {"dataset": "d", "region": "r", "metric": "crsa", "layer": "l", "layer_index": 1, "status": "ok"}
    return pd.DataFrame(
        rows[model] | shared | {"subject": f"s{number}", "score": place / 10 + 0.01 * noise.standard_normal()}
        for place, model in enumerate(models)
        for number in range(subjects)
    )


def test_names_tell_sets_apart() -> None:
    names = [one.name for one in find_sets(SPECS.values())]
    assert len(names) == len(set(names)) > 100
    assert all(name.replace("_", "").isalnum() for name in names)


def test_every_set_but_those_of_mixed_tasks_is_an_experiment(found: dict[str, Experiment]) -> None:
    left = [one for one in find_sets(SPECS.values()) if one.name not in found]
    assert all(one.factor == "task" for one in left) and len(left) < len(found) / 10
    for experiment in found.values():
        require_models(experiment, ROWS)
        assert experiment.reference in experiment.levels and len(experiment.levels) > 1
        # Models of a level vary only where there are several.
        one_each = len(experiment.filter["model"]) == len(experiment.levels)
        (analysis,) = experiment.analyses
        assert (analysis.unit, analysis.pair) == (("score", "subject") if one_each else ("model", ""))
        assert experiment.figure == ("models" if one_each else "levels")


@pytest.mark.parametrize("factor", ["training", "architecture_class", "architecture", "data", "method"])
def test_effects(factor: str, found: dict[str, Experiment]) -> None:
    experiment = next(one for one in found.values() if one.factor == factor)
    data = experiment_data(experiment, scores(experiment.filter["model"]))
    effects = experiment_effects(experiment, data)
    assert len(effects) and set(effects["analysis"]) == {"sound"} and effects["estimate"].notna().all()
    assert effects["note"].str.contains(ALONE).all() == bool(experiment.analyses[0].pair)


def test_a_config_names_a_set(found: dict[str, Experiment]) -> None:
    assert list(choose_experiments(["set_training_alexnet"], found)) == ["set_training_alexnet"]
