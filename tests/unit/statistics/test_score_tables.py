"""Score tables of others as the scores of a run: what is read, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from menagerie.errors import MenagerieError
from menagerie.linking.schemas import SCHEMAS
from menagerie.statistics.score_tables import plain_name, read_scores
from menagerie.survey.score_sources import check_tables, splits_of_tables, table_files, without_files

MODELS = [{"id": "net_a", "published_id": "Net-A_supervised"}, {"id": "net_b", "published_id": "Net-B"}]
MODELS += [{"id": "own", "published_id": ""}]
COLUMNS = {
    "subject": "subj",
    "model": "network",
    "region": "roi",
    "metric": "measure",
    "score": "test",
    "layer": "layer",
}


def rows(**changes):
    table = pd.DataFrame(
        [
            {"subj": subject, "network": network, "roi": "otc", "measure": measure, "test": 0.1 * i, "layer": f"l{i}"}
            for i, (subject, network, measure) in enumerate(
                (s, n, m) for s in ("s1", "s2") for n in ("Net/A_supervised", "Net-B") for m in ("crsa", "wrsa")
            )
        ]
    )
    return table.assign(**changes)


def entry_of(folder: Path, table: pd.DataFrame, name="scores.csv", values=None, **changes) -> dict:
    path = folder / name
    table.to_csv(path, index=False) if name.endswith("csv") else table.to_parquet(path, index=False)
    tables = [{"file": str(path), "values": values or {}}]
    entry = {"tables": tables, "columns": COLUMNS, "levels": {"metric": {"wrsa": "versa"}, "region": {"otc": "OTC"}}}
    return entry | {"models": "published_id", "unknown_models": "stop"} | changes


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_columns_and_levels_are_renamed(tmp_path, name):
    table, models, left_out = read_scores("laion", entry_of(tmp_path, rows(), name), MODELS)
    assert table.schema.equals(SCHEMAS["model_scores"])
    found = table.to_pandas()
    assert set(found["model"]) == {"net_a", "net_b"} and set(found["metric"]) == {"crsa", "versa"}
    assert found["score"].tolist() == pytest.approx([0.1 * i for i in range(8)])
    assert (
        found[["dataset", "region", "split", "selected_on", "status"]] == ["laion", "OTC", "even_odd", "train", "ok"]
    ).all(axis=None)
    assert found["layer"].tolist() == [f"l{i}" for i in range(8)] and found["n_folds"].eq(1).all()
    assert found["ci_low"].isna().all() and found["noise_ceiling"].isna().all()
    assert [model["id"] for model in models] == ["net_a", "net_b"] and left_out == []


def test_values_hold_for_all_rows_of_a_table_and_tables_are_joined(tmp_path):
    first = entry_of(tmp_path, rows(), "a.csv", {"split": "tau", "n_folds": 5})
    second = entry_of(tmp_path, rows(), "b.csv", {"split": "ood"})
    entry = first | {"tables": first["tables"] + second["tables"]}
    found = read_scores("laion", entry, MODELS)[0].to_pandas()
    assert found.groupby("split")["n_folds"].first().to_dict() == {"tau": 5, "ood": 1} and len(found) == 16
    assert splits_of_tables("laion", entry) == ("tau", "ood")


def test_empty_scores_stay_as_rows_without_one(tmp_path):
    scores = [0.1, np.nan, *[0.2] * 6]
    found = read_scores("laion", entry_of(tmp_path, rows(test=scores)), MODELS)[0].to_pandas()
    assert found["status"].tolist() == ["ok", "no score in the table", *["ok"] * 6]
    assert np.isnan(found["score"][1])


def test_levels_set_to_null_leave_rows_out(tmp_path):
    levels = {"metric": {"wrsa": None}}
    found = read_scores("laion", entry_of(tmp_path, rows(), levels=levels), MODELS)[0].to_pandas()
    assert set(found["metric"]) == {"crsa"} and len(found) == 4


def test_ceilings_come_from_a_table_of_their_own(tmp_path):
    pd.DataFrame({"subj": ["s1", "s2"], "roi": "otc", "nc": [0.8, np.nan]}).to_csv(tmp_path / "nc.csv", index=False)
    columns = {"subject": "subj", "region": "roi", "noise_ceiling": "nc"}
    ceilings = {"file": str(tmp_path / "nc.csv"), "columns": columns, "values": {"split": "even_odd"}}
    table = rows(measure=["crsa", "encoding_r"] * 4)
    found = read_scores("laion", entry_of(tmp_path, table, ceilings=ceilings), MODELS)[0].to_pandas()
    known = found[(found["subject"] == "s1") & (found["metric"] == "crsa")]
    assert (known["noise_ceiling"] == 0.8).all() and found["noise_ceiling"].notna().sum() == len(known) == 2
    other = entry_of(tmp_path, table, values={"split": "tau"}, ceilings=ceilings)
    assert read_scores("laion", other, MODELS)[0].to_pandas()["noise_ceiling"].isna().all()


def test_ceilings_bring_their_intervals(tmp_path):
    table = pd.DataFrame({"subj": ["s1", "s2"], "nc": [0.8, 0.7], "lo": [0.7, np.nan], "hi": [0.9, 0.8]})
    table.to_csv(tmp_path / "nc.csv", index=False)
    columns = {"subject": "subj", "noise_ceiling": "nc", "ceiling_low": "lo", "ceiling_high": "hi"}
    ceilings = {"file": str(tmp_path / "nc.csv"), "columns": columns}
    found = read_scores("laion", entry_of(tmp_path, rows(), ceilings=ceilings), MODELS)[0].to_pandas()
    first = found[found["subject"] == "s1"][["noise_ceiling", "ceiling_low", "ceiling_high"]].to_numpy(dtype=float)
    assert (first == [0.8, 0.7, 0.9]).all()
    assert found.loc[found["subject"] == "s2", "ceiling_low"].isna().all()
    table.assign(lo=[0.81, 0.6]).to_csv(tmp_path / "nc.csv", index=False)
    with pytest.raises(MenagerieError, match=r"row 1: found ceiling_low 0.81 above noise_ceiling 0.8"):
        read_scores("laion", entry_of(tmp_path, rows(), ceilings=ceilings), MODELS)


def test_ps_come_along_and_must_be_ps(tmp_path):
    columns = COLUMNS | {"p": "prob"}
    found = read_scores("d", entry_of(tmp_path, rows(prob=[0.01] * 7 + [None]), columns=columns), MODELS)[0].to_pandas()
    assert (found["p"].dropna() == 0.01).all() and found["p"].isna().sum() == 1
    with pytest.raises(MenagerieError, match="found a p outside 0 to 1"):
        read_scores("d", entry_of(tmp_path, rows(prob=[0.01] * 7 + [-2.0]), columns=columns), MODELS)


def test_tables_of_every_layer_go_through_selection(tmp_path):
    table = pd.DataFrame(
        [
            {
                "subj": "s1",
                "network": "Net-B",
                "roi": "otc",
                "measure": "crsa",
                "layer": layer,
                "half": half,
                "test": score,
            }
            for layer, scores in {"x": (0.1, 0.9), "y": (0.4, 0.2), "z": (0.3, 0.8)}.items()
            for half, score in zip(("fit", "eval"), scores, strict=True)
        ]
    )
    levels = {"part": {"fit": "train", "eval": "test"}}
    entry = entry_of(tmp_path, table, columns=COLUMNS | {"part": "half"}, levels=levels)
    (row,) = read_scores("laion", entry, MODELS)[0].to_pylist()
    assert (row["layer"], row["layer_index"], row["train_score"], row["score"]) == ("y", 1, 0.4, 0.2)


def test_models_without_a_row(tmp_path):
    table = rows(network=["Net-A_supervised", "Net-C random"] * 4).drop_duplicates(["subj", "network", "measure"])
    entry = entry_of(tmp_path, table)
    with pytest.raises(MenagerieError, match=r"'Net-C random'.*1 of 2 models .* leave_out or keep"):
        read_scores("laion", entry, MODELS)
    found, models, left_out = read_scores("laion", entry | {"unknown_models": "leave_out"}, MODELS)
    assert set(found.to_pandas()["model"]) == {"net_a"} and left_out == ["Net-C random"] and len(models) == 1
    found, models, _ = read_scores("laion", entry | {"unknown_models": "keep"}, MODELS)
    kept = next(model for model in models if model["id"] == "Net-C-random")
    assert (kept["display_name"], kept["training"]) == ("Net-C random", "random")


BAD = {
    "a file that is not there": (lambda e: e | {"tables": [{"file": "nowhere.csv"}]}, "no file nowhere.csv"),
    "a column that is not there": (
        lambda e: e | {"columns": COLUMNS | {"score": "tset"}},
        r"'tset'. Did you mean 'test'",
    ),
    "a metric of another name": (lambda e: e | {"levels": {}}, "'wrsa'.*set it to null"),
    "several models of one id": (
        lambda e: e | {"levels": e["levels"] | {"model": {"Net-B": "Net+B"}}, "unknown_models": "stop"},
        "'Net\\+B'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_entries_are_refused(tmp_path, case):
    change, message = BAD[case]
    with pytest.raises(MenagerieError, match=message):
        read_scores("laion", change(entry_of(tmp_path, rows())), MODELS)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (rows(test=["0.1", "much", *["0.2"] * 6]), "'much'"),
        (rows(test=[np.inf] * 8), "infinite score"),
        (rows(subj=["", *["s1"] * 7]), "row without subject"),
        (pd.concat([rows(), rows()[:1]]), r"2 rows that share a place with another .first: subject s1, model net_a"),
    ],
)
def test_wrong_tables_are_refused(tmp_path, table, message):
    with pytest.raises(MenagerieError, match=message):
        read_scores("laion", entry_of(tmp_path, table), MODELS)


def test_entries_are_checked_while_planning(tmp_path):
    entry = entry_of(tmp_path, rows())
    check_tables("laion", entry)
    bad = {
        "Did you mean 'metric'": entry | {"columns": COLUMNS | {"metrics": "measure"}},
        "found no score for": entry | {"columns": {k: v for k, v in COLUMNS.items() if k != "score"}},
        "Did you mean 'published_id'": entry | {"models": "publishd_id"},
        "found no file": entry | {"tables": [{"file": str(tmp_path / "other.csv")}]},
        "selected_on": entry | {"tables": [entry["tables"][0] | {"values": {"selected_on": "tau"}}]},
    }
    for message, wrong in bad.items():
        with pytest.raises(MenagerieError, match=message):
            check_tables("laion", wrong)
    with pytest.raises(MenagerieError, match=r"columns\.split without levels\.split"):
        splits_of_tables("laion", entry | {"columns": COLUMNS | {"split": "split"}})
    with pytest.raises(MenagerieError, match="expected letters, digits and _"):
        splits_of_tables("laion", entry | {"tables": [{"file": "x", "values": {"split": "a b"}}]})


def test_paths_do_not_count_in_recipes(tmp_path):
    entry = entry_of(tmp_path, rows())
    moved = entry | {"tables": [{"file": "elsewhere.csv", "values": {}}]}
    assert without_files(entry) == without_files(moved) and table_files(entry) != table_files(moved)
    assert plain_name("Net/A+B") == "Net-A_B"


def test_the_published_scores_on_laion_fmri(shared, root):
    """Every network of the published tables has its row in the table of models."""
    import yaml

    from menagerie.models.registry import read_registry

    if not (shared / "published_laion").is_dir():
        pytest.skip("../shared/published_laion is not there")
    config = yaml.safe_load((root / "config" / "published_laion.yaml").read_text())["scores"]["laion"]
    for one in (*config["tables"], config["ceilings"]):
        one["file"] = str(shared / Path(one["file"]).relative_to("../shared"))
    models = [spec.as_row() for spec in read_registry(root / "config" / "models.tsv").values()]
    table, known, _ = read_scores("laion", config | {"unknown_models": "stop"}, models)
    found = table.to_pandas()
    assert len(known) == 118 and set(found["split"]) == {"even_odd", "tau", "cluster_k5", "ood"}
    assert found.groupby(["subject", "model", "metric", "split"]).size().max() == 1
    first = pd.read_csv(config["tables"][0]["file"])
    own = found[found["split"] == "even_odd"]
    assert own["score"].sum() == pytest.approx(first["test_score"].sum())
