import numpy as np
import pandas as pd
import pytest
import synthetic

from menagerie.errors import MenagerieError
from menagerie.figures.tidy import model_metadata, scored, short


def test_metadata_fills_what_is_missing_and_tells_equal_names_apart():
    models = pd.DataFrame(
        {
            "id": ["a", "a_random", "b", "c"],
            "display_name": ["Net", "Net", "Twin", "Twin"],
            "task": ["classification", "random", None, ""],
            "top1": ["75.1", "", None, "80"],
        }
    )
    tidy = model_metadata(models)
    assert list(tidy["display_name"]) == ["Net", "Net (random)", "Twin [b]", "Twin [c]"]
    assert list(tidy["training"]) == ["trained", "random", "trained", "trained"]
    np.testing.assert_array_equal(tidy["top1"], [75.1, np.nan, np.nan, 80])


def test_metadata_names_the_model_that_is_listed_twice():
    with pytest.raises(MenagerieError, match="'a' is listed twice"):
        model_metadata(pd.DataFrame({"id": ["a", "b", "a"]}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda layers: layers.drop(columns="depth"), "column 'depth' is missing"),
        (lambda layers: layers.assign(metric="crsaa"), "Did you mean 'crsa'"),
        (lambda layers: layers.assign(model="model_0"), "missing from the models table: 'model_0'"),
        (lambda layers: layers.assign(status="constant"), "no row has a score"),
        (lambda layers: layers.assign(score=np.nan), "status is 'ok' but the score is empty"),
    ],
)
def test_bad_tables_are_refused_with_the_place(spoil, message):
    layers, _ = synthetic.scores(2, n_layers=2)
    with pytest.raises(MenagerieError, match=message):
        scored(spoil(layers), synthetic.models(2), "nsd", schema="layer_scores")


def test_an_unknown_dataset_is_named_with_the_nearest():
    layers, _ = synthetic.scores(2, n_layers=2)
    with pytest.raises(MenagerieError, match="Did you mean 'nsd'"):
        scored(layers, synthetic.models(2), "nds", schema="layer_scores")


def test_short_names_keep_both_ends():
    assert short("ResNet-50") == "ResNet-50"
    long = "a" * 30 + "b" * 30
    assert len(short(long)) == 34
    assert short(long).startswith("aaa") and short(long).endswith("bbb")
