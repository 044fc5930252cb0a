"""Model-to-model similarity of selected layers, against numpy and scikit-learn on the features themselves."""

import h5py
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from menagerie.brain.target import Target
from menagerie.errors import MenagerieError
from menagerie.files.geometry import LayerGeometry, fold, write_geometry
from menagerie.linking.comparison import Brain
from menagerie.statistics.dimensions import selected_dimensions
from menagerie.statistics.representations import compare_models

N, UNITS, PENALTY = 40, 25, 10.0
IDS = np.array([f"image{i:02d}" for i in range(N)], dtype=object)


def geometry(features):
    train = features[::2]
    scaled = (features - train.mean(0)) / train.std(0)
    return LayerGeometry(
        layer="block",
        index=0,
        n_features=features.shape[1],
        rdm_triu=fold(1 - np.corrcoef(features), with_diagonal=False),
        gram_triu=fold(scaled @ scaled.T, with_diagonal=True),
        effective_dimensionality={"raw": 4.0 + features.shape[1], "srp": 3.0},
    )


@pytest.fixture
def features():
    generator = np.random.default_rng(0)
    shared = generator.standard_normal((N, 12))
    return {
        name: shared + weight * generator.standard_normal((N, 12))
        for name, weight in zip("abcd", (0, 1, 2, 9), strict=True)
    }


@pytest.fixture
def target(features):
    generator = np.random.default_rng(1)
    responses = features["a"] @ generator.standard_normal((12, UNITS)) + generator.standard_normal((N, UNITS))
    regions = {"it": np.ones(UNITS, dtype=bool)}
    return Target("toy", "s1", "set", IDS, responses.astype(np.float32), regions)


@pytest.fixture
def scores(features):
    rows = [
        {"dataset": "toy", "subject": "s1", "region": "it", "metric": metric, "model": model, "layer_index": 0}
        for metric in ("crsa", "versa", "encoding_r")
        for model in features
    ]
    return pd.DataFrame(rows).assign(status="ok", score=0.5)


def reweighted(features, target):
    train, test = slice(0, None, 2), slice(1, None, 2)
    scaled = (features - features[train].mean(0)) / features[train].std(0)
    return Ridge(alpha=PENALTY).fit(scaled[train], target.responses[train]).predict(scaled[test])


def test_similarities_are_those_of_the_features(features, target, scores):
    pairs, places = compare_models(scores, lambda model, _: geometry(features[model]), Brain(target), [PENALTY])
    assert set(pairs["metric"]) == {"crsa", "versa"}
    assert len(pairs) == 2 * 6
    inner = np.triu_indices(N // 2, 1)
    for metric, patterns in (
        ("crsa", {m: f[1::2] for m, f in features.items()}),
        ("versa", {m: reweighted(f, target) for m, f in features.items()}),
    ):
        expected = pd.DataFrame({m: np.corrcoef(p)[inner] for m, p in patterns.items()}).corr()
        for row in pairs[pairs["metric"] == metric].itertuples():
            assert row.r == pytest.approx(expected.loc[row.model_a, row.model_b], abs=1e-4)
    assert places.groupby("metric").size().eq(4).all()
    assert np.isfinite(places[["x", "y"]].to_numpy(dtype=float)).all()


def test_two_models_have_no_map(features, target, scores):
    two = scores[scores["model"].isin(["a", "b"])]
    pairs, places = compare_models(two, lambda model, _: geometry(features[model]), Brain(target), [PENALTY])
    assert len(pairs) == 2
    assert places[["x", "y"]].isna().all().all()


def test_models_without_layers_are_left_aside(features, target, scores):
    scores.loc[scores["model"] == "d", "status"] = "constant"
    pairs, _ = compare_models(scores, lambda model, _: geometry(features[model]), Brain(target), [PENALTY])
    assert "d" not in {*pairs["model_a"], *pairs["model_b"]}
    with pytest.raises(MenagerieError, match="toy/s1: no model"):
        compare_models(scores.assign(status="no"), lambda model, _: geometry(features[model]), Brain(target))


def test_dimensions_are_those_of_the_selected_layer(tmp_path, features, scores):
    paths = {("set", model): tmp_path / f"{model}.h5" for model in features}
    for (_, model), path in paths.items():
        write_geometry(path, [geometry(features[model])], image_ids=IDS, attributes={})
    scores["layer_index"] = scores["layer_index"].astype(float)
    scores.loc[0, "layer_index"] = np.nan
    found = selected_dimensions(scores, {"toy": "set"}, paths)
    assert np.isnan(found.loc[0, "ed_raw"])
    assert found["ed_raw"].iloc[1:].eq(16.0).all()
    assert found["ed_srp"].iloc[1:].eq(3.0).all()
    with h5py.File(paths["set", "a"]) as file:
        assert len(file["layers"]) == 1
