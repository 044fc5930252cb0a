"""Each way of selecting a layer finds what was planted where it looks, and never looks at what it reports."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from menagerie.brain.folds import Fold, even_odd
from menagerie.errors import MenagerieError
from menagerie.linking import score_layer
from menagerie.linking.fold_means import Samples, mean_over_folds, mean_samples, row_key
from menagerie.linking.schemas import SCHEMAS
from menagerie.linking.select import FoldsOf, select_layers
from menagerie.linking.select_on import SelectOn

from .builders import features_of, image_ids, layer_of, target_of

N = 60
IDS = image_ids(N).tolist()
OWN = even_odd(IDS)
HALVES = Fold("halves", 0, tuple(IDS[: N // 2]), tuple(IDS[N // 2 :]))
FEATURES = [features_of(n=N, seed=seed) for seed in range(4)]


@pytest.fixture(scope="module")
def scores():
    """Layer 0 is planted in a's early images, 1 in its late ones, 2 in b, 3 in a's other subject."""
    early = np.arange(N)[:, None] < N // 2
    mixed = np.where(early, FEATURES[0], 1.2 * FEATURES[1])
    planted = {("a", "s"): mixed, ("b", "s"): FEATURES[2], ("a", "t"): FEATURES[3]}
    tables = []
    for (dataset, subject), features in planted.items():
        target = target_of(features, noise=0.2, dataset=dataset, subject=subject)
        folds = [OWN, HALVES] if dataset == "a" else [OWN]
        for index, layer in enumerate(FEATURES):
            options = {"model": "m", "depth": index / 3, "metrics": ["crsa"], "regions": ["late"], "folds": folds}
            tables.append(score_layer(layer_of(layer, index), target, **options))
    return pa.concat_tables(tables)


def layer(scores, how, split="even_odd", folds=None):
    rows = select_layers(scores, {"a": [how]}, folds).to_pylist()
    (row,) = (row for row in rows if (row["dataset"], row["subject"], row["split"]) == ("a", "s", split))
    assert row["selected_on"] == how.label
    return row["layer_index"]


def test_every_way_finds_what_was_planted_there(scores):
    assert layer(scores, SelectOn()) in (0, 1)
    assert layer(scores, SelectOn(), "halves") == 0
    assert layer(scores, SelectOn(split="halves")) == 0
    assert layer(scores, SelectOn(dataset="b")) == 2
    assert layer(scores, SelectOn(dataset="b", region="late"), "halves") == 2
    assert layer(scores, SelectOn(others=True)) == 3


def test_rows_of_every_way_stand_side_by_side(scores):
    ways = [SelectOn(), SelectOn(dataset="b"), SelectOn(others=True)]
    rows = [row for row in select_layers(scores, {"a": ways}).to_pylist() if row["subject"] == "s"]
    assert [(r["dataset"], r["split"], r["selected_on"]) for r in rows] == [
        *(("a", split, way) for split in ("even_odd", "halves") for way in ("train", "b", "other_subjects")),
        ("b", "even_odd", "train"),
    ]


def test_selecting_knows_training_scores_only(scores):
    rows = scores.to_pylist()
    spoilt = [row | {"score": -row["score"] if row["part"] == "test" else row["score"]} for row in rows]
    spoilt = pa.Table.from_pylist(spoilt, schema=SCHEMAS["layer_scores"])
    for how in (SelectOn(), SelectOn(dataset="b"), SelectOn(others=True), SelectOn(split="halves")):
        assert layer(scores, how) == layer(spoilt, how)


def folds_of(**changes):
    own = FoldsOf("set", [OWN, HALVES])
    return {("a", "s"): own, ("a", "t"): own, ("b", "s"): FoldsOf("set", [OWN])} | changes


def test_images_that_are_tested_select_no_layer(scores):
    with pytest.raises(MenagerieError, match=r"datasets\.a\.select_on, split halves: found 15 images .first: image001"):
        layer(scores, SelectOn(split="halves"), folds=folds_of())
    with pytest.raises(
        MenagerieError, match=r"found 15 images .*train fold 0 of split even_odd and test fold 0 of split h"
    ):
        layer(scores, SelectOn(dataset="b"), folds=folds_of())
    with_own = {key: replace(of, stimuli="other") if key[0] == "b" else of for key, of in folds_of().items()}
    assert layer(scores, SelectOn(dataset="b"), folds=with_own) == 2
    assert layer(scores, SelectOn(others=True), folds=folds_of()) == 3


@pytest.mark.parametrize("how", [SelectOn(dataset="c"), SelectOn(dataset="b", region="V9")])
def test_nothing_to_select_on_is_an_error(scores, how):
    with pytest.raises(MenagerieError, match=f"found no scores of {how.label} for model m, subject s, region late"):
        layer(scores, how)


@pytest.mark.parametrize(
    "entry", ["tran", {"dataset": "b", "split": "x"}, {"region": "IT"}, {"split": 3}, None, ["train"], {}, ""]
)
def test_other_words_are_refused(entry):
    with pytest.raises(MenagerieError, match=r"Config key datasets\.a\.select_on: found"):
        SelectOn.of(entry, "datasets.a.select_on")


@pytest.mark.parametrize(
    ("entry", "expected", "label"),
    [
        ("train", SelectOn(), "train"),
        ("other_subjects", SelectOn(others=True), "other_subjects"),
        ({"split": "x"}, SelectOn(split="x"), "split x"),
        ({"dataset": "b"}, SelectOn(dataset="b"), "b"),
        ({"dataset": "b", "region": "r"}, SelectOn(dataset="b", region="r"), "b/r"),
    ],
)
def test_ways_are_read_and_named(entry, expected, label):
    assert SelectOn.of(entry) == expected and expected.label == label


def fold_rows(*values, **changes):
    base = {"dataset": "a", "subject": "s", "model": "m", "region": "r", "metric": "versa", "split": "five"}
    base |= {"selected_on": "train", "layer": "l1", "layer_index": 1, "depth": 0.5, "n_units": 9, "status": "ok"}
    rows = []
    for number, (score, low, high) in enumerate(values):
        rows.append(base | {"fold": number, "score": score, "ci_low": low, "ci_high": high, "n_images": 10 + number})
        rows[-1] |= {"train_score": score / 2, "noise_ceiling": 0.5 + number / 10}
    for number, change in changes.items():
        rows[int(number[1:])] |= change
    return pa.Table.from_pylist(rows, schema=SCHEMAS["fold_scores"])


def test_a_split_is_the_mean_over_its_folds():
    table = fold_rows((0.2, 0.1, 0.4), (0.4, 0.3, 0.5), (0.3, 0.2, 0.4))
    (row,) = mean_over_folds(table).to_pylist()
    assert (row["n_folds"], row["n_images"], row["layer_index"]) == (3, 33, 1)
    assert row["score"] == pytest.approx(0.3) and row["train_score"] == pytest.approx(0.15)
    assert row["noise_ceiling"] == pytest.approx(0.6)
    assert row["ci_low"] is row["ci_high"] is row["p"] is None
    (overlapping,) = mean_over_folds(table, overlapping=True).to_pylist()
    assert overlapping["n_images"] == 12


def test_interval_and_p_of_a_split_come_from_the_mean_of_its_folds_samples():
    table = fold_rows((0.2, 0.1, 0.4), (0.4, 0.3, 0.5))
    (key,) = {row_key(row) for row in table.to_pylist()}
    drawn, permuted = np.random.default_rng(0).normal(0.3, 0.1, (2, 2, 400))
    samples = mean_samples([Samples(*one) for one in zip(drawn, permuted, strict=True)], overlap=False)
    (row,) = mean_over_folds(table, {key: samples}).to_pylist()
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(np.quantile(drawn.mean(0), [0.025, 0.975]))
    assert row["p"] == (1 + (permuted.mean(0) >= row["score"] - 1e-6).sum()) / 401


def test_folds_with_the_same_images_vary_as_if_they_rose_and_fell_together():
    permuted = np.random.default_rng(0).normal(0, 0.1, (2, 4000))
    apart, together = (mean_samples([Samples(None, one) for one in permuted], overlap) for overlap in (False, True))
    assert apart.permuted.std() == pytest.approx(0.1 / np.sqrt(2), rel=0.05)
    assert together.permuted.std() == pytest.approx(0.1, rel=0.05)


def test_one_fold_stays_as_it_is():
    table = fold_rows((0.2, 0.1, 0.4))
    (row,) = mean_over_folds(table).to_pylist()
    (before,) = table.to_pylist()
    assert {name: row[name] for name in before if name in row} == {n: v for n, v in before.items() if n in row}


def test_a_fold_without_score_leaves_the_split_without():
    values = [(0.2, 0.1, 0.4)] * 3
    (row,) = mean_over_folds(fold_rows(*values, f1={"score": None, "status": "no layer"})).to_pylist()
    assert row["score"] is None and row["status"] == "fold 1: no layer"


def test_the_layer_of_most_folds_stands_for_the_split():
    values = [(0.2, 0.1, 0.4)] * 3
    (row,) = mean_over_folds(fold_rows(*values, f0={"layer_index": 3, "layer": "l3", "depth": 1.0})).to_pylist()
    assert (row["layer"], row["depth"]) == ("l1", 0.5)
