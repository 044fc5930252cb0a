"""Selection knows the training half only."""

import pyarrow as pa
import pytest

from menagerie.linking.schemas import SCHEMAS
from menagerie.linking.select import select_layers
from menagerie.linking.select_on import SelectOn


def rows_of(train, test, statuses=None, **key):
    base = {"dataset": "d", "subject": "s", "model": "m", "region": "r", "metric": "versa"}
    base |= {"split": "even_odd", "fold": 0} | key
    rows = []
    for index, (a, b) in enumerate(zip(train, test, strict=True)):
        for part, score in (("train", a), ("test", b)):
            rows.append(
                base
                | {"layer": f"l{index}", "layer_index": index, "depth": index / 4, "part": part, "score": score}
                | {"n_images": 10, "n_units": 5, "status": (statuses or {}).get(index, "ok")}
            )
    return rows


def select(rows):
    return select_layers(pa.Table.from_pylist(rows, schema=SCHEMAS["layer_scores"])).to_pylist()


def test_best_training_score_wins_whatever_the_test_says():
    (row,) = select(rows_of([0.1, 0.5, 0.3], [0.9, -0.2, 0.8]))
    assert (row["layer"], row["layer_index"], row["train_score"], row["score"]) == ("l1", 1, 0.5, -0.2)
    assert row["status"] == "ok" and row["ci_low"] is None


def test_ties_go_to_the_earlier_layer_in_any_row_order():
    rows = rows_of([0.1, 0.5, 0.5], [0.0, 0.1, 0.2])
    assert select(rows)[0]["layer"] == select(rows[::-1])[0]["layer"] == "l1"


def test_layers_without_score_are_passed_over():
    (row,) = select(rows_of([None, 0.2], [None, 0.1], {0: "constant"}))
    assert row["layer"] == "l1"


def test_no_layer_gives_a_row_with_the_reasons():
    (row,) = select(rows_of([None, None], [None, None], {0: "constant", 1: "not finite"}))
    assert row["layer"] is None and row["score"] is None
    assert row["status"] == "no layer has a training score: constant; not finite"


def test_layer_undefined_on_test_stays_selected():
    rows = rows_of([0.9, 0.2], [None, 0.1])
    rows[1]["status"] = "RSM undefined"
    (row,) = select(rows)
    assert (row["layer"], row["score"], row["status"]) == ("l0", None, "RSM undefined")


def test_every_group_gets_its_own_layer():
    rows = (
        rows_of([0.1, 0.2], [0, 0]) + rows_of([0.4, 0.3], [0, 0], subject="t") + rows_of([0, 1], [0, 0], metric="crsa")
    )
    assert [(r["subject"], r["metric"], r["layer"]) for r in select(rows)] == [
        ("s", "versa", "l1"),
        ("t", "versa", "l0"),
        ("s", "crsa", "l1"),
    ]


def test_without_a_layer_the_sizes_are_those_of_the_test_part():
    rows = rows_of([None, None], [None, None], {0: "constant", 1: "constant"})
    for row in rows:
        row |= {"n_images": 11, "n_units": 7} if row["part"] == "test" else {}
    (row,) = select(rows)
    assert (row["n_images"], row["n_units"]) == (11, 7)
    (row,) = select([row for row in rows if row["part"] == "train"])
    assert (row["n_images"], row["n_units"]) == (10, 5)  # without a test part, those of the train part
    assert row["status"] == "no layer has a training score: constant"


def test_a_layer_that_has_no_test_row_says_so():
    rows = [row for row in rows_of([0.9, 0.2], [0.1, 0.1]) if (row["layer"], row["part"]) != ("l0", "test")]
    (row,) = select(rows)
    assert (row["layer"], row["score"], row["n_images"], row["n_units"]) == ("l0", None, 0, 5)
    assert row["status"] == "the selected layer has no test row"


def test_three_reasons_are_told_and_the_others_counted():
    statuses = {k: f"reason {k}" for k in range(5)}
    (row,) = select(rows_of([None] * 5, [None] * 5, statuses))
    assert row["status"].endswith("reason 0; reason 1; reason 2; and 2 more reasons")
    (row,) = select(rows_of([None] * 3, [None] * 3, statuses))
    assert row["status"].endswith("reason 0; reason 1; reason 2")


def test_the_training_score_of_several_subjects_is_their_mean_over_layers_that_all_have():
    rows = rows_of([0.1, 0.1, 0.9], [0.0, 0.1, 0.2], subject="s") + rows_of([0.2, 0.5, 0.4], [0, 0, 0], subject="t")
    rows += rows_of([0.6, None, 0.3], [0, None, 0], {1: "constant"}, subject="u")
    rows += rows_of([None, None, None], [0, 0, 0], dict.fromkeys(range(3), "constant"), subject="v")  # says nothing
    table = pa.Table.from_pylist(rows, schema=SCHEMAS["layer_scores"])
    row = select_layers(table, {"d": [SelectOn(others=True)]}).to_pylist()[0]
    assert (row["subject"], row["layer"], row["score"]) == ("s", "l0", 0.0)
    assert row["train_score"] == pytest.approx((0.2 + 0.6) / 2)
