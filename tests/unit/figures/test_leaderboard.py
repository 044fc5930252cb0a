import numpy as np
import pandas as pd
import pytest
import synthetic

from menagerie.figures import style
from menagerie.figures.leaderboard import leaderboard
from menagerie.figures.leaderboard_table import COLUMNS, leaderboard_table, model_order
from menagerie.linking.measures.table import AXES, TABLE


@pytest.fixture(scope="module")
def small():
    layers, scores = synthetic.scores(6, n_layers=4)
    return synthetic.models(6), layers, scores


def test_table_means_over_subjects_agree_with_a_plain_loop(small):
    models, _, scores = small
    table = leaderboard_table(scores, models, "nsd")
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 6 * 2 * 3
    for row in table.to_dict("records"):
        same = [
            s
            for s in scores.to_dict("records")
            if (s["model"], s["region"], s["metric"]) == (row["model"], row["region"], row["metric"])
        ]
        assert row["score"] == pytest.approx(np.mean([s["score"] for s in same]))
        assert row["ci_low"] == pytest.approx(np.mean([s["ci_low"] for s in same]))
        assert row["score_max"] == max(s["score"] for s in same)
        assert row["n_subjects"] == 4
        ceiling = np.mean([s["noise_ceiling"] for s in same])
        assert row["explained"] == pytest.approx((row["score"] / ceiling) ** 2, nan_ok=True)


def test_ranks_start_at_one_in_every_group_and_follow_the_score(small):
    models, _, scores = small
    for _, group in leaderboard_table(scores, models).groupby(["dataset", "region", "metric"]):
        assert list(group["rank"]) == list(range(1, 7))
        assert group["score"].is_monotonic_decreasing


def test_equal_scores_share_the_better_rank(small):
    models, _, scores = small
    table = leaderboard_table(scores.assign(score=0.25), models, "nsd")
    assert set(table["rank"]) == {1}


def test_a_missing_interval_or_ceiling_of_one_subject_empties_the_mean(small):
    models, _, scores = small
    spoiled = scores.copy()
    spoiled.loc[spoiled["subject"] == "S2", ["ci_low", "noise_ceiling"]] = np.nan
    table = leaderboard_table(spoiled, models, "nsd")
    assert table["ci_low"].isna().all() and table["ci_high"].notna().all()
    assert table["explained"].isna().all()


def test_a_negative_score_explains_nothing(small):
    models, _, scores = small
    table = leaderboard_table(scores.assign(score=-0.5), models, "nsd")
    assert set(table["explained"].dropna()) == {0.0}


def test_the_layer_is_the_one_of_most_subjects_and_ties_go_to_the_earlier(small):
    models, _, scores = small
    one = scores[(scores["model"] == "model_000") & (scores["region"] == "early") & (scores["metric"] == "crsa")]
    one = one.assign(layer_index=[9, 10, 10, 9], layer=["nine", "ten", "ten", "nine"])
    row = leaderboard_table(one, models, "nsd").iloc[0]
    assert (row["layer"], row["layer_votes"]) == ("nine", 2)


def test_rows_without_a_score_take_no_part(small):
    models, _, scores = small
    lost = scores["model"] == "model_001"
    spoiled = scores.assign(status=np.where(lost, "no layer scored", "ok"), score=scores["score"].mask(lost))
    assert "model_001" not in set(leaderboard_table(spoiled, models, "nsd")["model"])


def test_figure_names_every_model_once_in_order_of_the_leading_score(small):
    models, _, scores = small
    figure = leaderboard(scores, models, "nsd")
    table = leaderboard_table(scores, models, "nsd")
    names = dict(zip(table["model"], table["display_name"], strict=True))
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [names[model] for model in model_order(table)]
    assert any("random" in label for label in labels)


def test_upper_axis_appears_only_where_a_ceiling_is_known(small):
    models, _, scores = small
    upper = leaderboard(scores, models, "nsd").axes[0].child_axes
    assert len(upper) == 1
    bare = leaderboard(scores.assign(noise_ceiling=np.nan), models, "nsd")
    assert not any(ax.child_axes for ax in bare.axes)


@pytest.mark.parametrize("width", [style.PAGE_WIDTH, style.NARROW_WIDTH])
@pytest.mark.parametrize("n_models", [12, 224])
def test_no_labels_overlap(n_models, width):
    _, scores = synthetic.scores(n_models, n_layers=3, n_subjects=1, metrics=("crsa", "versa"))
    figure = leaderboard(scores, synthetic.models(n_models), "nsd", width=width)
    boxes = synthetic.label_boxes(figure)
    assert len(boxes) > 20
    assert synthetic.overlaps(boxes) == []
    assert synthetic.outside(figure, boxes) == []


def test_the_same_table_gives_the_same_bytes(small, tmp_path):
    models, _, scores = small
    first = [p.read_bytes() for p in style.save(leaderboard(scores, models, "nsd"), tmp_path / "a.x")]
    second = [p.read_bytes() for p in style.save(leaderboard(scores, models, "nsd"), tmp_path / "b.x")]
    assert first == second
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.x.png", "a.x.svg", "b.x.png", "b.x.svg"]
    assert pd.Timestamp.now().strftime("%Y-%m") not in first[0].decode()


@pytest.mark.parametrize("width", [style.PAGE_WIDTH, style.NARROW_WIDTH])
def test_every_metric_has_its_panel_or_shares_that_of_its_axis(width):
    """A metric that comes has a panel, a title and the name of its axis from its row."""
    _, scores = synthetic.scores(12, n_layers=3, n_subjects=1, regions=("early",), metrics=tuple(TABLE))
    figure = leaderboard(scores, synthetic.models(12), "nsd", width=width)
    labels = {text.replace("\n", " ") for ax in figure.axes for text in (ax.get_xlabel(), ax.get_ylabel())}
    assert set(AXES.values()) <= labels
    assert synthetic.overlaps(synthetic.label_boxes(figure)) == []
