"""Models against each other in one subject."""

import numpy as np
import pyarrow as pa
import pytest

from menagerie.brain.folds import Fold
from menagerie.linking import score_layer
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.evaluate import evaluate_layers
from menagerie.linking.pairwise import MAX_ALL, _pairs, compare_pairs
from menagerie.linking.rsm import pattern_rsm, rsm_similarity, triangle
from menagerie.linking.select import FoldsOf, select_layers
from menagerie.linking.select_on import SelectOn
from menagerie.linking.swaps import Patterns, image_signs, p_swapped, swapped_similarity

from .builders import features_of, image_ids, layer_of, rsm_target_of, target_of

PENALTIES = (1.0, 10.0)


def predictions(n=14, v=9, seed=0, shrink=1.0):
    generator = np.random.default_rng(seed)
    means = 3 * generator.standard_normal(v)
    a, b = shrink * generator.standard_normal((2, v, n))
    return a, b, means


@pytest.mark.parametrize("shrink", [1.0, 1e-3])
def test_swapped_rsms_are_those_of_swapped_predictions(shrink):
    a, b, means = predictions(shrink=shrink)
    n = a.shape[1]
    measured = np.corrcoef(np.random.default_rng(5).standard_normal((n, 6)))
    signs = image_signs(n, 30, 1)
    expected = []
    for row in signs:
        mine, theirs = (np.where(row * side > 0, a, b) for side in (1, -1))
        expected.append(np.subtract(*(rsm_similarity(pattern_rsm(side, means), measured) for side in (mine, theirs))))
    patterns = [Patterns.of(side, means) for side in (a, b)]
    assert swapped_similarity(*patterns, triangle(measured), signs) == pytest.approx(expected, abs=1e-7)
    single = [Patterns.of(side.astype(np.float32), means) for side in (a, b)]
    assert swapped_similarity(*single, triangle(measured), signs) == pytest.approx(expected, abs=1e-4)
    (observed,) = swapped_similarity(*patterns, triangle(measured), np.ones((1, n)))
    plain = [rsm_similarity(pattern_rsm(side, means), measured) for side in (a, b)]
    assert observed == pytest.approx(plain[0] - plain[1], abs=1e-7)


def test_groups_are_swapped_as_wholes():
    groups = np.repeat(np.arange(4), 3)
    signs = image_signs(12, 200, 0, groups)
    assert (signs.reshape(200, 4, 3) == signs.reshape(200, 4, 3)[:, :, :1]).all()
    assert abs(signs.mean()) < 0.1


def run(models, target, folds=(), **options):
    """Tables of several models, a layer each, and the comparison of all."""
    layers = {name: layer_of(features) for name, features in models.items()}
    ids = image_ids(len(target.image_ids))
    found = {}
    for name, layer in layers.items():
        rows = score_layer(layer, target, model=name, depth=1.0, image_ids=ids, folds=folds, penalties=PENALTIES)
        of = {(target.dataset, target.subject): FoldsOf(target.stimuli, list(folds))} if folds else None
        selected = select_layers(rows, {target.dataset: [SelectOn()]}, of) if folds else select_layers(rows)
        found[name] = evaluate_layers(
            selected,
            lambda index, layer=layer: layer,
            target,
            image_ids=ids,
            folds=folds,
            penalties=PENALTIES,
            n_resamples=200,
        )
    kinds = ("folds", "resamples", "models")
    tables = [pa.concat_tables(getattr(one, kind) for one in found.values()) for kind in kinds]
    options = {"image_ids": ids, "folds": folds, "penalties": PENALTIES, "n_permutations": 400} | options
    pairs = compare_pairs(tables[0], tables[1], lambda model, index: layers[model], target, **options)
    return pairs.to_pylist(), tables[2].to_pylist()


def test_a_better_model_is_told_from_a_worse_one_and_equals_are_not():
    features = features_of(n=200)
    generator = np.random.default_rng(3)
    models = {
        "good": features,
        "same": features + 1e-9 * generator.standard_normal(features.shape),
        "bad": generator.standard_normal(features.shape),
    }
    rows, scores = run(models, target_of(features))
    assert len(rows) == 3 * 3 * 2  # pairs, metrics, regions
    of = {(row["model"], row["region"], row["metric"]): row["score"] for row in scores}
    for row in rows:
        a, b = (of[row[side], row["region"], row["metric"]] for side in ("model_a", "model_b"))
        assert row["difference"] == pytest.approx(a - b, abs=1e-6) and a >= b
        assert row["test"] == ("bootstrap" if row["metric"] == "crsa" else "swap")
        if "bad" in (row["model_a"], row["model_b"]):
            assert row["p"] < 0.05 and row["ci_low"] > 0, row
        else:
            assert abs(row["difference"]) < 1e-5 and row["p"] > 0.5


def test_folds_are_compared_together():
    features = features_of(n=60)
    ids = image_ids(60)
    folds = [Fold("three", k, tuple(np.delete(ids, np.arange(k, 60, 3))), tuple(ids[k::3])) for k in range(3)]
    models = {"good": features, "bad": features + 3 * np.random.default_rng(1).standard_normal(features.shape)}
    rows, scores = run(models, target_of(features), folds)
    of = {(row["model"], row["region"], row["metric"]): row["score"] for row in scores}
    assert {row["split"] for row in rows} == {"three"}
    for row in rows:
        assert row["difference"] == pytest.approx(
            abs(np.subtract(*(of[m, row["region"], row["metric"]] for m in models)))
        )
        assert row["p"] < 0.05


def test_encoding_shares_add_up_and_a_swap_turns_their_sign():
    features = features_of(n=40)
    rows, _ = run({"one": features, "two": np.tanh(2 * features)}, target_of(features), n_permutations=300)
    (row,) = [row for row in rows if row["metric"] == "encoding_r" and row["region"] == "late"]
    target = target_of(features)
    brain = Brain(target, image_ids(40))
    shares = []
    for model in (row["model_a"], row["model_b"]):
        layer = layer_of(features if model == "one" else np.tanh(2 * features))
        pair = Comparison(layer, brain, PENALTIES)
        units = pair.defined_units("late", "test")
        x, y = pair.predicted["test"][units], brain.centred["test"][0][units]
        z = [(side - side.mean(1, keepdims=True)) / side.std(1, keepdims=True) for side in (x, y)]
        shares.append((z[0] * z[1]).mean(axis=0) / x.shape[1])
    assert np.subtract(*shares).sum() == pytest.approx(row["difference"], abs=1e-5)
    signs = image_signs(20, 300, 0)
    assert row["p"] == pytest.approx(p_swapped(row["difference"], signs @ np.subtract(*shares)), abs=0.02)


def test_rsms_alone_are_compared_by_the_bootstrap():
    features = features_of(n=60)
    noisy = features + 2 * np.random.default_rng(1).standard_normal(features.shape)
    rows, _ = run({"good": features, "bad": noisy}, rsm_target_of(features))
    assert [(row["metric"], row["test"]) for row in rows] == [("crsa", "bootstrap")]
    assert rows[0]["ci_low"] > 0 and rows[0]["p"] < 0.05
    without_ids, _ = run({"good": features, "bad": noisy}, rsm_target_of(features), image_ids=None)
    assert without_ids == rows  # the layers' images are the target's then


def test_of_many_models_each_is_compared_with_the_best():
    scores = {f"m{number}": {"score": number / 100} for number in range(MAX_ALL + 1)}
    assert _pairs(scores) == [("m50", f"m{number}") for number in range(49, -1, -1)]
    assert len(_pairs(dict(list(scores.items())[:MAX_ALL]))) == MAX_ALL * (MAX_ALL - 1) / 2
