import numpy as np
import pandas as pd
import pytest
import synthetic
from scipy import stats

from menagerie.figures import style
from menagerie.figures.overall import overall_figure
from menagerie.figures.overall_table import (
    N_DIETS,
    OTHER,
    UNTRAINED,
    breakpoints,
    correlation,
    diet_order,
    points,
    regression,
)
from menagerie.statistics.contrasts import join_metadata
from menagerie.statistics.variation import correlation_rows

WIDTHS = [style.PAGE_WIDTH, style.NARROW_WIDTH]


def tables(n_models, *, metrics=("crsa", "versa", "encoding_r"), ceiling=True, n_subjects=2, diets=3):
    _, scores = synthetic.scores(n_models, metrics=metrics, n_layers=2, ceiling=ceiling, n_subjects=n_subjects)
    models = synthetic.models(n_models)
    names = [f"images{i % diets}" if training == "trained" else "" for i, training in enumerate(models["training"])]
    rng = np.random.default_rng(1)
    data = join_metadata(scores, models.assign(data=names))
    by_model = dict(zip(models["id"], rng.uniform(5, 300, n_models), strict=True))
    data["ed_raw"] = data["model"].map(by_model)
    return data, effects_of(data)


def effects_of(data):
    """Rows as the rule `overall` writes them; breakpoints at ranks that nobody would guess."""
    found = []
    for (region, metric), rows in data.groupby(["region", "metric"]):
        where = {"dataset": "nsd", "region": region, "metric": metric}
        found += [where | row for row in correlation_rows(rows, n_resamples=20)]
        for number in (1, 2) if rows["model"].nunique() >= 12 else ():
            place = {"term": f"rank breakpoint {number}", "estimate": 10.25 * number}
            for note in ("delta method; ...", "bootstrap over models; ..."):
                wide = 4 if note.startswith("bootstrap") else 0.5
                ends = {"ci_low": place["estimate"] - wide, "ci_high": place["estimate"] + wide}
                found.append(where | place | ends | {"note": note})
    return pd.DataFrame(found)


@pytest.fixture(scope="module")
def sixty():
    return tables(60)


def test_points_are_means_over_subjects_in_the_first_region(sixty):
    data, _ = sixty
    table = points(data, "nsd")
    assert set(table["metric"]) == {"crsa", "versa"} and len(table) == 120
    row = table.iloc[70]
    same = data[(data["region"] == "early") & (data["metric"] == row["metric"]) & (data["model"] == row["model"])]
    assert row["score"] == pytest.approx(same["score"].mean())
    versa = table[table["metric"] == "versa"].sort_values("rank")
    assert list(versa["rank"]) == list(range(1, 61)) and versa["score"].is_monotonic_decreasing
    ranks = table.pivot_table(index="model", columns="metric", values="rank")
    assert (ranks["crsa"] == ranks["versa"]).all()


def test_diets_beyond_the_most_common_are_put_together():
    data, _ = tables(90, diets=30, metrics=("crsa",), n_subjects=1)
    order = diet_order(points(data, "nsd"))
    assert len(order) == N_DIETS + 2
    assert order[-2:] == [OTHER, UNTRAINED]


def test_regression_and_band_agree_with_textbook_formulas():
    rng = np.random.default_rng(0)
    x, at = rng.normal(size=30), np.array([-1.0, 0.5, 2.0])
    y = 0.4 * x + rng.normal(size=30)
    design = np.column_stack([np.ones(30), x])
    beta, rest, *_ = np.linalg.lstsq(design, y, rcond=None)
    where = np.column_stack([np.ones(3), at])
    spread = np.sqrt(rest[0] / 28 * np.einsum("ij,jk,ik->i", where, np.linalg.inv(design.T @ design), where))
    half = stats.t(28).ppf(0.975) * spread
    line, low, high = regression(x, y, at)
    np.testing.assert_allclose(line, where @ beta)
    np.testing.assert_allclose([low, high], [where @ beta - half, where @ beta + half])
    assert regression(x[:3], y[:3], at) is None


def test_what_is_drawn_is_what_the_tables_say(sixty):
    data, effects = sixty
    table = points(data, "nsd")
    figure = overall_figure(data, effects, "nsd")
    order = figure.axes[0]
    drawn = np.sort(np.concatenate([c.get_offsets()[:, 1] for c in order.collections if len(c.get_offsets())]))
    np.testing.assert_allclose(drawn, np.sort(table["score"]))
    verticals = [line.get_xdata()[0] for line in order.lines if len(set(line.get_xdata())) == 1]
    assert breakpoints(effects, table) == [(10.25, 6.25, 14.25), (20.5, 16.5, 24.5)]
    assert verticals == [10.25, 20.5]
    rows = effects[(effects["region"] == "early") & (effects["metric"] == "versa")]
    rho = rows[rows["term"] == "Spearman, ED, trained"]["estimate"].iloc[0]
    text = correlation(effects, table, "versa", "ed_raw")
    assert f"{rho:.2f}".replace("-", "\N{MINUS SIGN}") in text and "n = 40" in text
    assert figure.axes[1].get_title(loc="right") == text


def test_the_line_of_regression_leaves_untrained_networks_out(sixty):
    data, effects = sixty
    trained = points(data, "nsd").query("metric == 'versa' and training == 'trained'")
    ax = overall_figure(data, effects, "nsd").axes[1]
    fit = stats.linregress(trained["ed_raw"], trained["score"])
    line = next(line for line in ax.lines if len(line.get_xdata()) == 60)
    np.testing.assert_allclose(line.get_ydata(), fit.intercept + fit.slope * line.get_xdata())


def test_unknown_factors_and_ceilings_leave_their_place_empty():
    data, effects = tables(5, ceiling=False, n_subjects=1)
    figure = overall_figure(data.drop(columns="ed_raw"), effects, "nsd")
    assert "no network has" in figure.axes[1].texts[0].get_text()
    assert not any(ax.child_axes for ax in figure.axes)


def test_a_dataset_without_scores_is_a_sentence(sixty):
    figure = overall_figure(*sixty, "elsewhere")
    assert figure.axes == [] and "elsewhere" in figure.texts[0].get_text()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("n_models", "metrics"), [(224, ("crsa", "versa")), (9, ("crsa",))])
def test_no_labels_overlap(n_models, metrics, width):
    data, effects = tables(n_models, metrics=metrics, n_subjects=1, diets=20)
    figure = overall_figure(data, effects, "nsd", width=width)
    boxes = synthetic.label_boxes(figure)
    assert len(boxes) > 20
    assert synthetic.overlaps(boxes) == []
    assert synthetic.outside(figure, boxes) == []


def test_the_same_tables_give_the_same_bytes(tmp_path, sixty):
    first, second = ([p.read_bytes() for p in style.save(overall_figure(*sixty, "nsd"), tmp_path / n)] for n in "ab")
    assert first == second
