"""Scores that are taken over: exactly those for which nothing has changed, and the same table as scoring all."""

import pyarrow as pa
import pytest

from menagerie.errors import MenagerieError
from menagerie.files.tables import write_table
from menagerie.linking import score_layer
from menagerie.linking.comparison import Comparison
from menagerie.linking.kept import made_from_by_metric, read_kept
from menagerie.linking.measures import RIDGE, measure, module_of
from menagerie.linking.measures.table import TABLE
from menagerie.linking.resampling import INTERVALS, NULLS
from menagerie.provenance.recipe import Recipe

from .builders import features_of, layer_of, repeated_target_of, target_of

METRICS = ("crsa", "versa", "encoding_r")


def scored(metrics=METRICS, penalties=(1.0, 100.0), n_layers=2):
    """Rows of some layers, as a scoring job makes them."""
    features = features_of(24)
    target = target_of(features)
    return [
        score_layer(
            layer_of(features * (1 + i), index=i), target, model="m", depth=i, metrics=metrics, penalties=penalties
        )
        for i in range(n_layers)
    ]


def recipe(**measures):
    settings = {"regions": "all", "measures": measures or dict.fromkeys(METRICS, "code")}
    return Recipe("score", {"model": "m"}, settings=settings, upstream={"geometry": "g"})


def written(path, made, metrics=METRICS, device="cpu"):
    notes = {"made_from": made.fingerprint, "measures": made_from_by_metric(made, device)}
    write_table(path, pa.concat_tables(scored(metrics)), notes)


@pytest.mark.parametrize("present", [("crsa",), ("versa",), ("encoding_r", "crsa"), METRICS])
def test_taken_over_and_scored_rows_are_the_table_of_scoring_all(tmp_path, present):
    path = tmp_path / "t.parquet"
    before = recipe(**dict.fromkeys(present, "code"))
    written(path, before, present)
    wanted = made_from_by_metric(recipe(), "cpu")
    kept = read_kept(path, wanted, recipe().fingerprint if len(present) < 3 else "other")
    assert set(kept.metrics) == set(present)
    missing = [metric for metric in METRICS if metric not in present]
    tables = [kept.beside(new, index, METRICS) for index, new in enumerate(scored(missing))]
    assert pa.concat_tables(tables).equals(pa.concat_tables(scored()))


def test_a_metric_that_goes_takes_its_rows_along(tmp_path):
    path = tmp_path / "t.parquet"
    written(path, recipe())
    after = recipe(crsa="code", versa="code")
    kept = read_kept(path, made_from_by_metric(after, "cpu"), after.fingerprint)
    tables = [kept.beside(new, index, METRICS[:2]) for index, new in enumerate(scored(()))]
    assert pa.concat_tables(tables).equals(pa.concat_tables(scored(METRICS[:2])))


@pytest.mark.parametrize(
    ("after", "device", "held"),
    [
        (recipe(crsa="code", versa="other", encoding_r="code"), "cpu", {"crsa", "encoding_r"}),
        (recipe(crsa="new", versa="new"), "cpu", set()),
        (Recipe("score", {"model": "m"}, settings=recipe().settings, upstream={"geometry": "h"}), "cpu", set()),
        (Recipe("score", {"model": "n"}, settings=recipe().settings, upstream={"geometry": "g"}), "cpu", set()),
        (
            Recipe(
                "score", {"model": "m"}, settings=recipe().settings | {"regions": ["IT"]}, upstream={"geometry": "g"}
            ),
            "cpu",
            set(),
        ),
        (recipe(crsa="code"), "gpu", set()),
        (recipe(), "cpu", set()),  # the same recipe: somebody wants the job repeated
    ],
)
def test_only_scores_for_which_nothing_changed_are_taken_over(tmp_path, after, device, held):
    path = tmp_path / "t.parquet"
    written(path, recipe())
    assert set(read_kept(path, made_from_by_metric(after, device), after.fingerprint).metrics) == held


def test_nothing_is_taken_from_what_cannot_be_read(tmp_path):
    path = tmp_path / "t.parquet"
    wanted = made_from_by_metric(recipe(), "cpu")
    assert not read_kept(path, wanted, "x").metrics
    path.write_bytes(b"no table")
    assert not read_kept(path, wanted, "x").metrics
    write_table(path, pa.concat_tables(scored()), {})  # of an earlier version
    assert not read_kept(path, wanted, "x").metrics


def test_rows_that_are_not_all_there_are_refused(tmp_path):
    path = tmp_path / "t.parquet"
    made = recipe(crsa="code")
    notes = {"made_from": made.fingerprint, "measures": made_from_by_metric(made, "cpu")}
    write_table(path, scored(("crsa",))[0].slice(0, 3), notes)
    kept = read_kept(path, made_from_by_metric(recipe(), "cpu"), "x")
    for index in (0, 1):
        with pytest.raises(MenagerieError, match="Delete the model's scores"):
            kept.beside(scored(("versa", "encoding_r"))[index], index, METRICS)


@pytest.mark.parametrize("metric", TABLE)
def test_a_row_and_its_file_agree(metric, monkeypatch):
    """A score depends on no setting that its file does not name; the row names ways that there are."""
    row, one = TABLE[metric], measure(metric)
    assert row.interval in {"", *INTERVALS} and row.null in {"", *NULLS} and (row.interval or not row.null)
    assert set(one.settings) <= set(RIDGE) and row.source
    features = features_of(40)
    target = repeated_target_of(features)
    if not one.settings:
        monkeypatch.setattr(Comparison, "ridge", property(lambda _: pytest.fail(f"{metric} does not name the ridge")))
    rows = score_layer(layer_of(features), target, model="m", depth=0.0, metrics=[metric]).to_pylist()
    assert all(r["status"] == "ok" for r in rows)
    low, high = (-1e300 if row.low is None else row.low), (1e300 if row.high is None else row.high)
    assert all(low - 1e-9 <= r["score"] <= high + 1e-9 for r in rows)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(MenagerieError, match="Did you mean 'versa'"):
        module_of("vrsa")
    for name in ("table", "__init__", "../measures/crsa", ""):
        with pytest.raises(MenagerieError):
            module_of(name)
