"""A new model among the published ones: its place, and benchmarks that do not mix."""

import h5py
import numpy as np
import pandas as pd
import pytest

from menagerie.errors import MenagerieError
from menagerie.statistics.published import Published
from menagerie.statistics.standing import require_measured, standing


@pytest.fixture
def published():
    rows = [
        {"metric": metric, "model": f"old{i}", "subject": "mean", "score": i / 10}
        for metric in ("crsa", "versa")
        for i in range(10)
    ]
    return Published(scores=pd.DataFrame(rows), models=pd.DataFrame(), ceilings=pd.DataFrame())


@pytest.fixture
def scores():
    rows = [
        {
            "dataset": "nsd",
            "region": "OTC",
            "metric": "crsa",
            "subject": f"subj0{subject}",
            "model": model,
            "score": value,
            "n_images": 500,
            "status": "ok",
        }
        for model, value in (("new", 0.62), ("old3", 0.35))
        for subject in (1, 2, 5, 7)
    ]
    return pd.DataFrame(rows)


def test_rank_percentile_and_neighbours(scores, published):
    pairs = {"region": "OTC", "metric": "crsa", "model_a": ["new", "old3"], "model_b": ["old3", "x"], "r": [0.8, 0.9]}
    table = standing(scores, published, similarity=pd.DataFrame(pairs))
    assert list(table["model"]) == ["new"]
    row = table.iloc[0]
    assert (row["rank"], row["of"], row["percentile"]) == (4, 10, 70)
    assert row["nearest_in_score"].startswith("old6 (0.600), old7 (0.700)")
    assert row["nearest_in_geometry"] == "old3 (0.800)"
    assert "1 models in both: ours minus published +0.050" in row["calibration"]


def test_a_published_model_is_not_compared_with_itself(scores, published):
    row = standing(scores, published, ["old3"]).iloc[0]
    assert (row["of"], row["rank"]) == (9, 7)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("region", "EVC", "no region OTC"),
        ("n_images", 92, "another benchmark"),
        ("subject", "subj03", "subjects 3"),
        ("dataset", "things", "no scores of dataset 'nsd'"),
    ],
)
def test_benchmarks_do_not_mix(scores, published, column, value, message):
    with pytest.raises(MenagerieError, match=message):
        standing(scores.assign(**{column: value}), published)


def test_a_missing_subject_is_another_benchmark(scores, published):
    with pytest.raises(MenagerieError, match="subjects 1, 2, 5"):
        standing(scores[scores["subject"] != "subj07"], published)


def test_unknown_models(scores, published):
    with pytest.raises(MenagerieError, match="Did you mean 'new'"):
        standing(scores, published, ["nev"])
    assert np.isfinite(standing(scores, published)["score"]).all()


def test_simulated_targets_are_refused(tmp_path):
    for name, simulated in (("1.h5", "no"), ("2.h5", "yes")):
        with h5py.File(tmp_path / name, "w") as file:
            file.create_group("provenance").attrs["simulated"] = simulated
    require_measured([tmp_path / "1.h5"])
    with pytest.raises(MenagerieError, match=r"2\.h5 is not marked as measured"):
        require_measured(sorted(tmp_path.glob("*.h5")))
