"""Weights that cannot be had are noted, and the note stops to count when they can."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from menagerie.errors import MenagerieError
from menagerie.files.download import Patience
from menagerie.models.absent import AbsentError, absence, note_absence, note_of
from menagerie.models.registry import ModelSpec, select_models
from menagerie.models.weights import fetch_weights
from menagerie.survey.contents import Survey

DEAD = "url:http://127.0.0.1:9/tiny.safetensors"  # the discard port: nobody answers


@pytest.fixture
def spec() -> ModelSpec:
    (found,) = select_models({}, ["timm/test_resnet@gone.pth"])
    return replace(found, id="tiny", weights=DEAD)


def noted(spec: ModelSpec, weights: Path, how: str = "skip") -> MenagerieError:
    with pytest.raises(AbsentError) as caught:
        fetch_weights(spec, weights, patience=Patience(attempts=1))
    return note_absence(spec, weights.parent, caught.value, how)


def test_what_a_user_reads_and_what_the_next_start_knows(spec: ModelSpec, tmp_path: Path) -> None:
    weights = tmp_path / "tiny.safetensors"
    assert absence(spec, weights.parent) == ""
    message = str(noted(spec, weights))
    assert (
        "127.0.0.1:9" in message
        and "Run the same command again" in message
        and str(note_of(spec, weights.parent)) in message
    )
    assert "127.0.0.1:9" in absence(spec, weights.parent)
    assert "Run the same command again" not in str(noted(spec, weights, "stop"))


def test_a_note_stops_to_count(spec: ModelSpec, tmp_path: Path) -> None:
    weights, mirror = tmp_path / "tiny.safetensors", tmp_path / "mirror"
    noted(spec, weights)
    assert absence(replace(spec, weights="url:http://127.0.0.1:9/other.safetensors"), weights.parent) == ""
    copy = mirror / "127.0.0.1" / "tiny.safetensors"
    copy.parent.mkdir(parents=True)
    (mirror / "tiny.safetensors").touch()  # has only the last name in common
    assert absence(spec, weights.parent, mirror)
    copy.touch()
    assert absence(spec, weights.parent, mirror) == ""


def test_a_local_file_that_appears(spec: ModelSpec, tmp_path: Path) -> None:
    weights, file = tmp_path / "tiny.safetensors", tmp_path / "mine.pth"
    here = replace(spec, weights=f"file:{file}")
    noted(here, weights)
    assert "mine.pth" in absence(here, weights.parent)
    file.touch()
    assert absence(here, weights.parent) == ""


def test_a_damaged_note_is_named(spec: ModelSpec, tmp_path: Path) -> None:
    weights = tmp_path / "tiny.safetensors"
    note_of(spec, weights.parent).parent.mkdir()
    note_of(spec, weights.parent).write_text("{")
    with pytest.raises(MenagerieError, match=r"tiny\.json: cannot be read.*Delete it"):
        absence(spec, weights.parent)


def test_a_survey_goes_on_with_the_rest_unless_nothing_is_left(tmp_path: Path) -> None:
    dead = "timm/test_resnet@" + str(tmp_path / "gone.pth")
    raw = {"run": "r", "models": [dead, "timm/test_vit:random"], "resources": str(tmp_path / "resources")}
    raw["datasets"] = {"d": {"reader": "own", "subjects": ["s"]}}
    (lost, twin) = Survey.from_config(raw).models
    spec = Survey.from_config(raw).spec(lost)
    noted(spec, tmp_path / "resources" / "weights" / f"{lost}.safetensors")
    survey = Survey.from_config(raw)
    assert list(survey.models) == [twin] and list(survey.left_out) == [lost] and "gone.pth" in survey.left_out[lost]
    assert list(Survey.from_config(raw | {"missing_weights": "stop"}).models) == [lost, twin]
    with pytest.raises(MenagerieError, match="the weights of all 1 models could not be had"):
        _ = Survey.from_config(raw | {"models": [dead]}).models
