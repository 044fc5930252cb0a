"""Intervals, ceilings and unit scores of selected layers."""

import numpy as np
import pyarrow as pa
import pytest

from menagerie.linking import score_layer
from menagerie.linking.evaluate import evaluate_layers
from menagerie.linking.layer_p import against_chance
from menagerie.linking.score import brains_of
from menagerie.linking.select import select_layers

from .builders import features_of, layer_of, repeated_target_of, rsm_target_of, target_of

PENALTIES = (1.0, 10.0, 100.0)


@pytest.fixture(scope="module")
def layers():
    good = features_of(n=60)
    return [layer_of(features_of(n=60, seed=9), 0), layer_of(good, 1), layer_of(np.tanh(good), 2)]


def report(layers, target, **options):
    scores = [score_layer(x, target, model="m", depth=x.index / 2, penalties=PENALTIES) for x in layers]
    selected = select_layers(pa.concat_tables(scores))
    options = {"penalties": PENALTIES, "n_resamples": 200} | options
    evaluated = evaluate_layers(selected, layers.__getitem__, target, **options)
    return selected, evaluated.folds, evaluated.units


def test_every_score_gets_an_interval_and_its_ceiling(layers):
    selected, table, _ = report(layers, target_of(features_of(n=60)))
    assert table.num_rows == selected.num_rows == 6
    for before, row in zip(selected.to_pylist(), table.to_pylist(), strict=True):
        assert row["ci_low"] < row["score"] < row["ci_high"]
        assert row["score"] == before["score"] and row["layer"] == before["layer"]
        has_ceiling = row["region"] == "late" and row["metric"] != "encoding_r"
        assert row["noise_ceiling"] == (0.8 if has_ceiling else None)
        ends = (row["ceiling_low"], row["ceiling_high"])
        assert ends == ((0.7, 0.85) if has_ceiling else (None, None))


def test_unit_scores_average_to_encoding_r(layers):
    target = target_of(features_of(n=60))
    _, table, units = report(layers, target)
    for row in table.to_pylist():
        if row["metric"] == "encoding_r":
            own = [u for u in units.to_pylist() if u["region"] == row["region"]]
            assert [u["unit"] for u in own] == np.flatnonzero(target.regions[row["region"]]).tolist()
            assert {u["layer"] for u in own} == {row["layer"]}
            assert np.mean([u["score"] for u in own]) == pytest.approx(row["score"], abs=1e-9)
            assert np.mean([u["train_score"] for u in own]) == pytest.approx(row["train_score"], abs=1e-9)
            assert {u["penalty"] for u in own} <= set(PENALTIES)


def test_unit_constant_in_training_has_an_empty_score(layers):
    target = target_of(features_of(n=60))
    target.responses[::2, 0] = 1.5
    _, _, units = report(layers, target)
    first = [u for u in units.to_pylist() if u["unit"] == 0]
    assert all(u["train_score"] is None and u["score"] is None for u in first)
    assert all(u["score"] is not None for u in units.to_pylist() if u["unit"] != 0)


def test_same_seed_same_interval(layers):
    target = target_of(features_of(n=60))
    a, b, c = (report(layers, target, seed=seed)[1]["ci_low"].to_pylist() for seed in (1, 1, 2))
    assert a == b != c
    usual, zero = (report(layers, target, **seeds)[1] for seeds in ({}, {"seed": 0, "permutation_seed": 0}))
    assert usual.equals(zero)


def test_target_with_rsms_only(layers):
    _, table, units = report(layers, rsm_target_of(features_of(n=60)))
    rows = {row["metric"]: row for row in table.to_pylist()}
    assert rows["crsa"]["ci_low"] < rows["crsa"]["score"] < rows["crsa"]["ci_high"]
    assert rows["versa"]["layer"] is None and rows["versa"]["ci_low"] is None
    assert "no unit responses" in rows["versa"]["status"]
    assert units.num_rows == 0


@pytest.mark.parametrize("groups", [None, 2])
def test_p_of_every_layer_is_that_of_the_selected_one(layers, groups):
    """The same permutations: a selected layer's p is the one that it had among all layers."""
    target = target_of(features_of(n=60))
    names = list(map(str, target.image_ids))
    grouped = None if groups is None else {name: str(place // 4) for place, name in enumerate(names)}
    against, options = against_chance(200, 3), {"penalties": PENALTIES}
    metrics = ("crsa", "versa", "encoding_r", "cka")
    tables = [
        score_layer(one, brains_of(target, groups=grouped), model="m", depth=0.5, metrics=metrics, p=against, **options)
        for one in layers
    ]
    scored = pa.concat_tables(tables)
    rows = scored.to_pylist()
    assert all((row["p"] is None) == (row["part"] == "train") for row in rows)
    plain = pa.concat_tables(
        [score_layer(one, target, model="m", depth=0.5, metrics=metrics, **options) for one in layers]
    )
    assert scored.drop_columns("p").equals(plain.drop_columns("p"))
    found = evaluate_layers(
        select_layers(scored),
        layers.__getitem__,
        target,
        groups=grouped,
        n_permutations=200,
        permutation_seed=3,
        **options,
    )
    of = {(row["metric"], row["region"], row["layer_index"]): row["p"] for row in rows if row["part"] == "test"}
    for row in found.folds.to_pylist():
        assert row["p"] == of[row["metric"], row["region"], row["layer_index"]]


def test_a_metric_without_a_test_has_no_p(layers):
    target = repeated_target_of(features_of(n=60))
    table = score_layer(layers[0], target, model="m", depth=0.5, metrics=["encoding_ev"], p=against_chance(100, 0))
    assert set(table["status"].to_pylist()) == {"ok"} and table["p"].null_count == len(table)
