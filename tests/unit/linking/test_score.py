"""Scores of a layer against the definitions, written out in plain numpy."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from menagerie.brain.folds import even_odd
from menagerie.errors import MenagerieError
from menagerie.files.geometry import fold
from menagerie.linking import score_layer
from menagerie.linking.arrays import symmetric
from menagerie.linking.comparison import Brain, Comparison, match_images

from .builders import features_of, image_ids, layer_of, rsm_target_of, target_of

PENALTIES = (1.0, 10.0, 100.0)


def by_key(table):
    return {(r["region"], r["metric"], r["part"]): r for r in table.to_pylist()}


def score(layer, target, **options):
    return by_key(score_layer(layer, target, model="m", depth=0.5, **({"penalties": PENALTIES} | options)))


def similarity(a, b):
    pairs = np.triu_indices(len(a), k=1)
    return np.corrcoef(np.corrcoef(a)[pairs], np.corrcoef(b)[pairs])[0, 1]


def plain_predictions(features, responses, training="slope"):
    """Predictions of both parts in float64 by refitting, with the penalty of the best LOO correlation.

    The slope part of a LOO prediction lacks the share of the left-out response that the mean of the others holds.
    """
    scaled = (features - features[::2].mean(0)) / features[::2].std(0)
    x, y, new = scaled[::2], responses[::2].astype(float), scaled[1::2]

    def fit(x, y, new, penalty):
        m, c = y.mean(0), x.mean(0)
        kernel = (x - c) @ (x - c).T + penalty * np.eye(len(x))
        return (new - c) @ (x - c).T @ np.linalg.solve(kernel, y - m) + m

    rest = [np.arange(len(x)) != i for i in range(len(x))]
    loo = np.array([[fit(x[k], y[k], x[~k], a)[0] for k in rest] for a in PENALTIES])
    if training == "slope":
        loo += (y - y.mean(0)) / (len(y) - 1)
    units = range(y.shape[1])
    best = [max(range(len(PENALTIES)), key=lambda a: np.corrcoef(loo[a][:, u], y[:, u])[0, 1]) for u in units]
    test = [fit(x, y, new, a) for a in PENALTIES]
    return {
        "train": np.array([loo[best[u]][:, u] for u in units]).T,
        "test": np.array([test[best[u]][:, u] for u in units]).T,
    }


@pytest.mark.parametrize("training", ["slope", "whole"])
def test_scores_equal_their_definitions(training):
    features = features_of()
    target = target_of(features)
    found = score(layer_of(features), target, training=training)
    assert len(found) == 2 * 3 * 2 and {row["status"] for row in found.values()} == {"ok"}
    predicted = plain_predictions(features, target.responses, training)
    for part, start in (("train", 0), ("test", 1)):
        for region, mask in target.regions.items():
            measured, p = target.responses[start::2, mask].astype(float), predicted[part][:, mask]
            expected = {
                "crsa": similarity(features[start::2], measured),
                "versa": similarity(p, measured),
                "encoding_r": np.mean([np.corrcoef(p[:, u], measured[:, u])[0, 1] for u in range(mask.sum())]),
            }
            for metric, value in expected.items():
                row = found[region, metric, part]
                assert row["score"] == pytest.approx(value, abs=2e-5), (region, metric, part)
                assert (row["n_images"], row["n_units"]) == (20, mask.sum())


def test_images_are_matched_by_id_and_keep_their_half():
    features = features_of(n=44)
    target = target_of(features)
    keep = np.random.default_rng(3).permutation(44)[:36]
    subset = replace(target, image_ids=image_ids(44)[keep], responses=target.responses[keep])
    rows = match_images(subset, image_ids(44), even_odd(image_ids(44)))
    for (of_layer, of_target), parity in zip((rows["train"], rows["test"]), (0, 1), strict=True):
        assert (of_layer % 2 == parity).all() and np.array_equal(keep[of_target], of_layer)
        assert np.array_equal(of_layer, np.sort(of_layer))
    found = score(layer_of(features), subset, image_ids=image_ids(44))
    test = rows["test"][0]
    expected = similarity(features[test], target.responses[test][:, target.regions["late"]])
    assert found["late", "crsa", "test"]["score"] == pytest.approx(expected, abs=1e-5)
    assert found["late", "crsa", "test"]["n_images"] == len(test)


def test_missing_images_are_named():
    features = features_of()
    with pytest.raises(MenagerieError, match=r"2 of 40 images are not in the layer's geometry .image038, image039"):
        score(layer_of(features[:38]), target_of(features), image_ids=image_ids(38))


def test_geometry_of_other_images_is_refused():
    with pytest.raises(MenagerieError, match="do not fit 40 images"):
        score(layer_of(features_of(n=36)), target_of(features_of()))


def test_target_with_rsms_only_takes_part_in_crsa_and_says_why_not_elsewhere():
    features = features_of()
    found = score(layer_of(features), rsm_target_of(features))
    expected = similarity(features[1::2], target_of(features).responses[1::2])
    assert found["it", "crsa", "test"]["score"] == pytest.approx(expected, abs=1e-5)
    assert found["it", "crsa", "test"]["n_units"] == 0
    for metric in ("versa", "encoding_r"):
        for part in ("train", "test"):
            assert found["it", metric, part]["score"] is None
            assert "no unit responses in this dataset" in found["it", metric, part]["status"]


def test_layer_that_cannot_be_scored_hands_its_status_on():
    broken = replace(
        layer_of(features_of()), status="constant over images", rdm_triu=np.empty(0), gram_triu=np.empty(0)
    )
    found = score(broken, target_of(features_of()))
    assert {(row["score"], row["status"]) for row in found.values()} == {(None, "constant over images")}


def test_image_without_pattern_leaves_only_its_half_undefined():
    target = target_of(features_of())
    target.responses[5, target.regions["late"]] = 2.5
    found = score(layer_of(features_of()), target)
    assert found["late", "versa", "train"]["status"] == "ok"
    for metric in ("crsa", "versa"):
        assert found["late", metric, "test"]["score"] is None
        assert "constant pattern" in found["late", metric, "test"]["status"]
    assert found["early", "crsa", "test"]["status"] == "ok"
    assert found["late", "encoding_r", "test"]["status"] == "ok"


def test_constant_units_are_left_out_of_encoding_and_counted():
    features = features_of()
    plain = score(layer_of(features), target_of(features))
    target = target_of(features)
    target.responses[::2, 0] = 4.0
    found = score(layer_of(features), target)
    assert found["early", "encoding_r", "train"]["n_units"] == plain["early", "encoding_r", "train"]["n_units"] - 1
    assert np.isfinite(found["early", "versa", "test"]["score"])
    target.responses[::2] = 4.0
    found = score(layer_of(features), target)
    assert found["early", "encoding_r", "train"]["score"] is None
    assert "no unit of the region varies" in found["early", "encoding_r", "train"]["status"]


def test_unknown_names_are_refused_with_the_nearest():
    features = features_of()
    with pytest.raises(MenagerieError, match="Did you mean 'versa'"):
        score(layer_of(features), target_of(features), metrics=["vesra"])
    with pytest.raises(MenagerieError, match="Did you mean 'early'"):
        score(layer_of(features), target_of(features), regions=["earli"])


def test_regions_share_one_ridge_without_changing_scores():
    features = features_of()
    target = target_of(features)
    together = score(layer_of(features), target)
    alone = score(layer_of(features), target, regions=["late"])
    assert len(alone) == 6
    for key, row in alone.items():
        assert row["score"] == pytest.approx(together[key]["score"], abs=1e-6)


def test_torch_tensors_give_the_same_scores():
    torch = pytest.importorskip("torch")
    features = features_of()
    for target in (target_of(features), rsm_target_of(features)):
        numpy_scores = score(layer_of(features), target)
        for key, row in score(layer_of(features), target, array=torch.asarray).items():
            assert row["score"] == (row["score"] and pytest.approx(numpy_scores[key]["score"], abs=1e-6))
            assert row["status"] == numpy_scores[key]["status"]


def test_scoring_starts_without_torch_pandas_and_snakemake():
    code = (
        "import menagerie.linking.evaluate, sys; print([m for m in ('torch','pandas','snakemake') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert result.stdout.strip() == "[]", result.stderr


def test_a_subject_prepared_once_gives_every_layer_the_same_scores():
    target = target_of(features_of())
    brain = Brain(target)
    for seed in (1, 2):
        layer = layer_of(features_of(seed=seed))
        assert score(layer, brain) == score(layer, target)


def test_triangles_unfold_where_they_are():
    matrix = np.random.default_rng(0).standard_normal((7, 7)).astype(np.float32)
    matrix += matrix.T
    torch = pytest.importorskip("torch")
    whole = symmetric(torch.asarray(fold(matrix, with_diagonal=True)), 7, None)
    strict = symmetric(torch.asarray(fold(matrix, with_diagonal=False)), 7, 0.5)
    np.testing.assert_array_equal(whole.numpy(), matrix)
    np.fill_diagonal(matrix, 0.5)
    np.testing.assert_array_equal(strict.numpy(), matrix)


def test_similarities_close_to_1_keep_their_digits_on_tensors():
    torch = pytest.importorskip("torch")
    layer, target = layer_of(features_of()), target_of(features_of())
    close = replace(layer, rdm_triu=layer.rdm_triu * np.float32(1e-6))
    expected, found = (
        Comparison(close, Brain(target, array=array)).layer_rsm("train") for array in (np.asarray, torch.asarray)
    )
    np.testing.assert_array_equal(found.numpy(), expected)
