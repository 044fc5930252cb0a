from itertools import product

import experiments
import numpy as np
import pytest

from menagerie.errors import MenagerieError
from menagerie.figures.experiment_table import ALL, BOX, boxes, level_order, ribbons


@pytest.fixture(scope="module")
def table():
    return boxes(experiments.experiment(), experiments.data(), "nsd")


def test_boxes_hold_means_and_exact_intervals_without_subject_differences(table):
    data = experiments.data()
    assert list(table.columns) == BOX
    assert len(table) == 6 * 2, "encoding accuracies are on another scale"
    for row in table.itertuples():
        wide = data[data["metric"] == row.metric].pivot(index="model", columns="subject", values="score")
        centred = wide - wide.mean() + wide.to_numpy().mean()
        values = centred.loc[row.column].to_numpy()
        means = [np.mean(drawn) for drawn in product(values, repeat=4)]
        assert row.score == pytest.approx(wide.loc[row.column].mean())
        assert (row.low, row.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_centred_intervals_are_narrower_than_the_subjects_spread(table):
    raw = experiments.data().groupby(["metric", "model"])["score"].std().mean()
    assert (table["high"] - table["low"]).mean() < raw


def test_levels_come_in_their_order_and_models_best_first(table):
    versa = table[table["metric"] == "versa"]
    assert list(dict.fromkeys(versa["level"])) == ["plain", "fancy"]
    for _, rows in versa.groupby("level"):
        assert rows["score"].is_monotonic_decreasing


def test_a_subject_missing_for_one_model_leaves_its_mean_and_the_others_intervals():
    data = experiments.data()
    lost = data[~((data["model"] == "m00") & (data["subject"] == "D"))]
    table = boxes(experiments.experiment(), lost, "nsd").set_index(["metric", "column"])
    assert table.loc[("crsa", "m00"), "n_subjects"] == 3
    known = lost[(lost["model"] == "m00") & (lost["metric"] == "crsa")]["score"]
    assert table.loc[("crsa", "m00"), "score"] == pytest.approx(known.mean())
    assert table["low"].notna().all()


@pytest.mark.parametrize("subjects", [("A",), ("mean",)])
def test_one_subject_and_means_over_subjects_have_no_interval(subjects):
    table = boxes(experiments.experiment(), experiments.data(subjects=subjects), "nsd")
    assert len(table) == 12
    assert table["low"].isna().all()


def test_pairs_are_named_by_their_reference_and_single_members_are_left_out():
    paired = experiments.experiment("pairs", pair="architecture")
    data = experiments.data()
    table = boxes(paired, data[data["model"] != "m03"], "nsd")  # m03 is the fancy twin of m00
    assert set(table["column"]) == {"net1", "net2"}
    assert set(table["name"]) == {"Network-1-P16-Large", "Network-2-P16-Large"}
    assert set(table.groupby(["metric", "column"])["level"].nunique()) == {2}


def test_ribbons_are_level_means_over_models_with_exact_intervals(table):
    bands = ribbons(experiments.experiment(), table)
    assert len(bands) == 4
    for row in bands.itertuples():
        scores = table[(table["metric"] == row.metric) & (table["level"] == row.level)]["score"].to_numpy()
        means = [np.mean(drawn) for drawn in product(scores, repeat=3)]
        assert row.mean == pytest.approx(scores.mean())
        assert (row.low, row.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
        assert row.n == 3


def test_levels_of_single_networks_share_one_ribbon():
    single = experiments.experiment("models")
    data = experiments.data(figure="models")
    table = boxes(single, data, "nsd")
    assert level_order(single, data)[0] == "task_00"
    assert "task 03" in set(table["name"])
    bands = ribbons(single, table)
    assert list(bands["level"]) == [ALL, ALL]
    assert list(bands["n"]) == [6, 6]


def test_another_dataset_is_empty(table):
    assert boxes(experiments.experiment(), experiments.data(), "elsewhere").empty


def test_a_metric_that_figures_do_not_know_is_named():
    with pytest.raises(MenagerieError, match="cca"):
        boxes(experiments.experiment(), experiments.data().assign(metric="cca"), "nsd")
