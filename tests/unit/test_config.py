"""Configs that do not come from a file, or say the same in other words."""

from __future__ import annotations

import pytest

from menagerie.errors import MenagerieError
from menagerie.files.paths import user_path
from menagerie.models.registry import select_models
from menagerie.survey.config import load_config
from menagerie.survey.contents import Survey

GOOD = {"run": "r", "models": ["timm/test_vit:random"], "datasets": {"d": {"reader": "kriegeskorte92"}}}
RECURSIVE: dict = {}
RECURSIVE["me"] = RECURSIVE


def test_whole_numbers_in_another_spelling() -> None:
    found = load_config(GOOD | {"bootstrap": {"n_resamples": 200.0, "seed": 1.0}, "layers_per_job": 2.0})
    assert repr(found["bootstrap"]) == "{'n_resamples': 200, 'seed': 1}" and repr(found["layers_per_job"]) == "2"


def test_sets_in_one_order() -> None:
    found = load_config(GOOD | {"metrics": ["versa", "crsa"], "penalties": [100, 10.0]})
    assert found["metrics"] == ["crsa", "versa"] and repr(found["penalties"]) == "[10.0, 100.0]"


WRONG = {
    "a number as key": (GOOD | {2024: "x"}, "found the key 2024, expected text as a key"),
    "a truth value as key": (GOOD | {"bootstrap": {True: 1}}, "Config key bootstrap: found the key True"),
    "no number": (GOOD | {"penalties": [float("nan")]}, r"penalties\[0\]: found nan, expected a finite number"),
    "infinite": (GOOD | {"penalties": [float("inf")]}, "expected a finite number"),
    "400 digits": (GOOD | {"penalties": [10**400]}, "expected a finite number"),
    "an object": (GOOD | {"run": object()}, "Config key run: found a object"),
    "bytes": (GOOD | {"run": b"r"}, "found a bytes"),
    "without end": (GOOD | {"bootstrap": RECURSIVE}, "nested without end"),
    "control characters": (GOOD | {"run": "a\x1b[31m"}, "control characters"),
    "no folder of results": (GOOD | {"results": ""}, "Config key results: found '', expected a path without"),
    "braces in a path": (GOOD | {"results": "a{x}b"}, "results: found 'a{x}b', expected a path without { }"),
    "half a number": (GOOD | {"bootstrap": {"n_resamples": 200.5}}, "n_resamples: found 200.5, expected whole number"),
}


@pytest.mark.parametrize("row", WRONG)
def test_wrong_values_are_named(row: str) -> None:
    config, message = WRONG[row]
    with pytest.raises(MenagerieError, match=message):
        Survey.from_config(config)


def test_models_that_differ_in_capitals_only() -> None:
    with pytest.raises(MenagerieError, match=r"test_vit' and 'timm__TEST_vit_random'|differ in capitals only"):
        select_models({}, ["timm/test_vit:random", "timm/TEST_vit:random"])


@pytest.mark.parametrize(("text", "message"), [("~nosuchuser/x", "found no home folder"), ("a\0b", "found a NUL")])
def test_paths_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(MenagerieError, match=message):
        user_path(text)
