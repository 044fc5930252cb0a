"""Scores from arrays: those of the workflow's own path, without its files."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from menagerie.arrays import report_arrays, score_arrays, target_from
from menagerie.brain.folds import Fold
from menagerie.errors import MenagerieError
from menagerie.features.extract import extract_geometry
from menagerie.features.from_features import geometry_from_features
from menagerie.linking import score_layer

N, P, V = 60, 200, 15


def arrays(seed=0, repeats=None):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((N, P)) * np.arange(1, P + 1) ** -0.5 + 1
    signal = features @ rng.standard_normal((P, V))
    shape = (N, V) if repeats is None else (N, V, repeats)
    return features, (signal if repeats is None else signal[:, :, None]) + rng.standard_normal(shape)


def by(table, **where):
    rows = [row for row in table.to_pylist() if all(row[key] == value for key, value in where.items())]
    assert len(rows) == 1, rows
    return rows[0]


def test_five_lines():
    features, responses = arrays()
    table = score_arrays(features, responses)
    assert table.num_rows == 3 * 2 and set(table["status"].to_pylist()) == {"ok"}
    layer, brain = (np.corrcoef(values[1::2])[np.triu_indices(N // 2, 1)] for values in (features, responses))
    expected = np.corrcoef(layer, brain)[0, 1]
    assert by(table, metric="crsa", part="test")["score"] == pytest.approx(expected, abs=1e-6)


def test_scores_are_those_of_a_network_with_these_features():
    """The same RSM and projection, bit for bit, as extraction makes of a network."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 70), torch.nn.ReLU())
    images = torch.rand(N, 3, 4, 4)
    (_, extracted), = extract_geometry(network, images, ["2"])  # fmt: skip
    with torch.no_grad():
        features = network(images).numpy()
    found = geometry_from_features(features, "2", extracted.index)
    np.testing.assert_allclose(found.rdm_triu, extracted.rdm_triu, atol=1e-6)
    np.testing.assert_allclose(found.gram_triu, extracted.gram_triu, rtol=1e-4, atol=0.05)
    assert found.effective_dimensionality == pytest.approx(extracted.effective_dimensionality, rel=1e-5)
    _, responses = arrays()
    theirs = score_layer(extracted, target_from(responses), model="model", depth=1.0).to_pylist()
    ours = score_arrays({"2": features}, responses).to_pylist()
    assert np.allclose([row["score"] for row in theirs], [row["score"] for row in ours], atol=1e-5)


def test_features_of_any_shape_and_several_layers():
    features, responses = arrays()
    table = score_arrays({"early": features[:, :50].reshape(N, 5, 10), "late": features}, responses, metrics=["crsa"])
    assert [(r["layer"], r["layer_index"], r["depth"]) for r in table.to_pylist()[::2]] == [
        ("early", 0, 0),
        ("late", 1, 1),
    ]
    alone = score_arrays(features[:, :50], responses, metrics=["crsa"])
    assert by(table, layer="early", part="test")["score"] == by(alone, part="test")["score"]


def test_regions_folds_and_repeats():
    features, responses = arrays(repeats=3)
    responses[::5, :, 2] = np.nan
    first = np.arange(V) < 6
    ids = [str(image) for image in range(N)]
    folds = [Fold("mine", 0, tuple(ids[:40]), tuple(ids[40:]))]
    metrics = ["crsa", "encoding_nr", "rsa_crossvalidated"]
    table = score_arrays(features, responses, regions={"first": first}, folds=folds, metrics=metrics)
    assert {(r["region"], r["split"], r["n_units"]) for r in table.to_pylist() if r["metric"] == "crsa"} == {
        ("first", "mine", 6)
    }
    assert {r["n_images"] for r in table.to_pylist()} == {40, 20} and set(table["status"].to_pylist()) == {"ok"}
    own = geometry_from_features(features, train=np.arange(N) < 40)
    assert not np.allclose(own.gram_triu, geometry_from_features(features).gram_triu, rtol=1e-3)
    alone = score_layer(own, target_from(responses, {"first": first}), model="m", depth=1.0, folds=folds)
    again = score_arrays(features, responses, regions={"first": first}, folds=folds)
    assert alone["score"].to_pylist() == again["score"].to_pylist()


def test_a_report_has_intervals_and_p_and_selects_on_training_images():
    features, responses = arrays()
    layers = {"noise": np.random.default_rng(5).standard_normal((N, 30)), "signal": features}
    found = report_arrays(layers, responses, n_resamples=200, n_permutations=200, metrics=["crsa", "cka"])
    scores = score_arrays(layers, responses, metrics=["crsa", "cka"])
    for row in found.models.to_pylist():
        assert row["layer"] == "signal" and row["ci_low"] < row["score"] < row["ci_high"] and row["p"] < 0.05
        assert row["score"] == by(scores, layer="signal", metric=row["metric"], part="test")["score"]
    assert isinstance(found.resamples, pa.Table) and len(found.resamples["drawn"][0]) == 200


def with_value(array, value):
    changed = array.copy()
    changed[3, 2] = value
    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, r: (f[:-1], r), r"found an array \(59, 200\), expected 60 images by features"),
        (lambda f, r: (f[0], r), r"found an array \(200,\)"),
        (lambda f, r: (with_value(f, np.nan), r), "found nan at image 3, feature 2"),
        (lambda f, r: (f, with_value(r, np.inf)), "finite|inf"),
        (lambda f, r: (f, with_value(r, np.nan)), "finite|nan|NaN"),
        (lambda f, r: (f, r[:, 0]), r"expected images x units"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(change, message):
    with pytest.raises(MenagerieError, match=message):
        score_arrays(*change(*arrays()))


@pytest.mark.parametrize("mask", [np.zeros(V, dtype=bool), np.arange(V), np.ones(V - 1, dtype=bool)])
def test_a_region_is_a_mask_of_units(mask):
    features, responses = arrays()
    with pytest.raises(MenagerieError, match="Region V1"):
        score_arrays(features, responses, regions={"V1": mask})


def test_layers_without_geometry_are_rows_with_the_reason():
    _, responses = arrays()
    constant = score_arrays(np.ones((N, 4)), responses).to_pylist()
    same = score_arrays(np.tile(np.arange(4.0), (N, 1)), responses).to_pylist()
    assert all(row["score"] is None and "constant" in row["status"] for row in constant)
    assert all(row["score"] is None and "constant over" in row["status"] for row in same)
