"""The run's models among the published ones: their places, and benchmarks that do not mix."""

import numpy as np
import pandas as pd
import pytest

from menagerie.report.standing_section import standing_facts
from menagerie.statistics.benchmark import N_UNITS, SURVEY_SETTINGS
from menagerie.statistics.published import Published, read_published, similarity_tables
from menagerie.statistics.standing import Origin, neighbours, standing

TARGET = {"reader": "nsd", "simulated": "no", "zscore": "within session"}
STIMULI = {"reader": "nsd", "simulated": "no", "images": "shared1000"}
NSD = Origin((TARGET,) * 4, STIMULI)
SUBJECTS = {"subj01": "1", "subj02": "2", "subj05": "5", "subj07": "7"}


def run_scores(means: dict[str, float], metric: str = "crsa", half: float = 0.06) -> pd.DataFrame:
    """Rows of model_scores on the survey's benchmark; subjects lie around the mean of their model."""
    shifts = dict(zip(SUBJECTS, (-0.02, 0.02, 0.01, -0.01), strict=True))
    rows = [
        {
            "dataset": "people",
            "region": "OTC",
            "metric": metric,
            "subject": subject,
            "model": model,
            "score": mean + shift,
            "ci_low": mean + shift - half,
            "ci_high": mean + shift + half,
            "n_images": 500,
            "n_units": N_UNITS[SUBJECTS[subject]],
            "status": "ok",
        }
        for model, mean in means.items()
        for subject, shift in shifts.items()
    ]
    return pd.DataFrame(rows)


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
    return run_scores({"new": 0.62, "old3": 0.35})


def placed(scores, published, origin=NSD, settings=SURVEY_SETTINGS):
    return standing(scores, published, {"people": origin}, settings)


def test_rank_interval_and_percentile(scores, published):
    new, old = placed(scores, published).to_dict("records")
    assert (new["model"], new["rank"], new["n_published"], new["percentile"]) == ("new", 4, 10, 70)
    assert (new["rank_best"], new["rank_worst"]) == (4, 5)  # 0.56 to 0.68
    assert np.isnan(new["published_score"]) and new["score"] == pytest.approx(0.62)
    assert (old["rank"], old["n_published"]) == (7, 9)  # not ranked against itself
    assert old["published_score"] == pytest.approx(0.3)


def test_settings_that_differ_from_the_survey_are_told(scores, published):
    assert set(placed(scores, published)["note"]) == {""}
    told = placed(scores, published, settings={**SURVEY_SETTINGS, "layers": "all"})["note"]
    assert set(told) == {"layers: all (survey: second_half)"}


@pytest.mark.parametrize(
    ("changes", "origin", "reason"),
    [
        ({}, Origin(({**TARGET, "reader": "own"},), STIMULI), "read by the reader nsd"),
        ({}, Origin((TARGET, {**TARGET, "simulated": "yes"}), STIMULI), "not marked as measured"),
        ({}, Origin((TARGET,), {**STIMULI, "images": "special515"}), "'special515', those of the published scores"),
        ({}, Origin(({**TARGET, "zscore": "no"},), STIMULI), "not z-scored within session"),
        ({"subject": "subj03"}, NSD, "lacks subject 1, 2, 5, 7"),
        ({"n_images": 92}, NSD, "rest on 92 test images, the published ones on 500"),
        ({"n_units": 4000}, NSD, "OTC has 4,000 voxels in subject subj01, the published one 8,088"),
    ],
)
def test_another_benchmark_is_refused_by_name(scores, published, changes, origin, reason):
    table = placed(scores.assign(**changes), published, origin)
    assert len(table) == 1 and table["model"].isna().all() and table["rank"].isna().all()
    assert reason in table["status"].iloc[0]


def test_another_region_is_refused_beside_the_published_one(scores, published):
    both = pd.concat([scores, scores.assign(region="EVC", n_units=100)])
    table = placed(both, published)
    assert table[table["region"] == "EVC"]["status"].tolist() == ["published are scores of region OTC only"]
    assert table[table["region"] == "OTC"]["status"].tolist() == ["ok", "ok"]


def test_a_model_without_a_subject_has_no_mean(scores, published):
    gap = scores[(scores["model"] != "new") | (scores["subject"] != "subj07")]
    status = placed(gap, published).set_index("model")["status"]
    assert status.to_dict() == {"new": "no score of subject 7", "old3": "ok"}


def test_further_subjects_do_not_enter_the_mean(scores, published):
    more = pd.concat([scores, scores.assign(subject="subj03", score=0.0)])
    pd.testing.assert_frame_equal(placed(more, published), placed(scores, published))


def pairs(dataset, *rows):
    place = {"dataset": dataset, "subject": "1", "region": "OTC", "metric": "crsa"}
    return pd.DataFrame([place | dict(zip(("model_a", "model_b", "r"), row, strict=True)) for row in rows])


def test_neighbours_in_score_and_in_geometry(scores, published):
    own = pairs("people", ("new", "old3", 0.8), ("new", "mine", 0.9))
    theirs = pairs("nsd", ("old1", "old3", 0.7), ("old3", "old2", 0.6))
    table = neighbours(placed(scores, published), published, own, theirs, {"old6": "Old Six"})
    near = {
        key: list(zip(rows["neighbour"], rows["value"], strict=True))
        for key, rows in table.groupby(["model", "kind", "among"])
    }
    assert near["new", "score", "published"][:2] == [("old6", 0.6), ("old7", 0.7)]
    assert near["new", "geometry", "run"] == [("mine", 0.9), ("old3", 0.8)]
    assert ("new", "geometry", "published") not in near
    assert near["old3", "geometry", "published"] == [("old1", 0.7), ("old2", 0.6)]
    assert "old3" not in dict(near["old3", "score", "published"])
    assert set(table[table["neighbour"] == "old6"]["neighbour_name"]) == {"Old Six"}
    assert set(neighbours(placed(scores, published), published, None, theirs, {})["among"]) == {"published"}


def facts(scores, published, **options):
    table = placed(scores, published, **options)
    near = neighbours(table, published, None, pairs("nsd", ("old1", "old3", 0.7)), {})
    return standing_facts(table, near, pd.DataFrame({"id": ["new", "old3"], "training": "trained"}))


def test_the_page_says_where_the_best_new_model_stands(scores, published):
    found = facts(scores, published, settings={**SURVEY_SETTINGS, "layers": "all"})
    best, calibration, note = found["findings"]["people"]
    assert (
        "of 1 model that was not published, new stands highest, with 0.62 above 70 % of 10 published networks" in best
    )
    assert "(rank 4, 95 % interval 4 to 5)" in best
    assert "1 model of this run is published too; scores here minus the published ones are 0.050." in calibration
    assert "layers: all (survey: second_half)" in note
    assert found["rows"][0]["in_score"].startswith("old6 (0.60), old7 (0.70)") and not found["geometry"]


def test_the_page_says_why_there_is_no_place(scores, published):
    found = facts(scores.assign(n_images=92), published)
    assert found["rows"] == []
    assert "no place among the published: its scores rest on 92 test images" in found["findings"]["people"][0]


def test_published_models_stand_where_they_were_published(shared, root):
    """The published scores by subject as a run's own: every model finds its place again."""
    registry = root / "config" / "models.tsv"
    known = read_published(shared / "published", registry)
    rows = known.scores[(known.scores["subject"] != "mean") & (known.scores["metric"] == "versa")]
    rows = rows.assign(
        dataset="people", ci_low=rows["score"], ci_high=rows["score"], n_units=rows["subject"].map(N_UNITS)
    )
    table = placed(rows, known)
    assert len(table) == rows["model"].nunique() == 118 and (table["status"] == "ok").all()
    assert (table["score"] - table["published_score"]).abs().max() < 1e-9
    means = known.scores[known.scores["metric"] == "versa"].groupby("model")["score"].mean()
    expected = means.rank(ascending=False, method="min").reindex(table["model"]).to_numpy()
    np.testing.assert_array_equal(table["rank"], expected)
    near = neighbours(table, known, None, similarity_tables(shared / "published", registry)[0], {})
    assert (near.groupby(["model", "kind"]).size() == 5).all() and near["model"].nunique() == 118
