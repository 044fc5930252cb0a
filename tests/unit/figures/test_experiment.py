import experiments
import numpy as np
import pytest
import synthetic
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from menagerie.figures import style
from menagerie.figures.experiment import experiment_figure
from menagerie.figures.experiment_table import boxes, ribbons
from menagerie.statistics.experiments import Experiment

WIDTHS = [style.PAGE_WIDTH, style.NARROW_WIDTH]


def spans(figure, which):
    """Score intervals of the filled rectangles of all panels, sorted."""
    patches = [p for ax in figure.axes for p in ax.patches if isinstance(p, Rectangle) and p.get_zorder() in (2, 4)]
    bounds = [(p.get_y(), p.get_height()) if which == "y" else (p.get_x(), p.get_width()) for p in patches]
    return np.sort(np.round([(low, low + size) for low, size in bounds], 9), axis=0)


@pytest.mark.parametrize(("n_models", "width", "which"), [(6, style.PAGE_WIDTH, "y"), (60, style.NARROW_WIDTH, "x")])
def test_boxes_and_ribbons_are_drawn_where_the_table_says(n_models, width, which):
    experiment, data = experiments.experiment(), experiments.data(n_models)
    table = boxes(experiment, data, "nsd")
    bands = ribbons(experiment, table)
    drawn = spans(experiment_figure(experiment, data, "nsd", width=width), which)
    wanted = np.concatenate([table[["low", "high"]].to_numpy(), bands[["low", "high"]].to_numpy()])
    np.testing.assert_allclose(drawn, np.sort(wanted, axis=0), atol=1e-8)


def test_the_long_line_is_the_mean_and_fill_is_the_metric():
    experiment, data = experiments.experiment(), experiments.data()
    table = boxes(experiment, data, "nsd")
    ax = experiment_figure(experiment, data, "nsd").axes[0]
    lines = sorted(line.get_ydata()[0] for line in ax.lines if line.get_zorder() == 3.5)
    np.testing.assert_allclose(lines, sorted(table["score"]))
    white = [p for p in ax.patches if p.get_zorder() == 4 and p.get_facecolor()[:3] == (1, 1, 1)]
    assert sorted(round(p.get_y(), 9) for p in white) == sorted(table[table["metric"] == "crsa"]["low"].round(9))


def test_second_axis_and_band_only_with_a_known_ceiling():
    experiment = experiments.experiment()
    known = experiment_figure(experiment, experiments.data(), "nsd").axes[0]
    assert len(known.child_axes) == 1
    share = known.child_axes[0]
    share.figure.draw_without_rendering()
    assert share.get_ylim()[1] == pytest.approx((known.get_ylim()[1] / 0.815) ** 2)
    bare = experiment_figure(experiment, experiments.data(ceiling=None), "nsd")
    assert bare.axes[0].child_axes == []
    assert "noise ceiling" not in [text.get_text() for text in bare.legends[0].get_texts()]


def test_one_subject_gives_marks_in_place_of_boxes():
    figure = experiment_figure(experiments.experiment(), experiments.data(subjects=("A",)), "nsd")
    ax = figure.axes[0]
    assert [p for p in ax.patches if p.get_zorder() == 4] == []
    assert sum(line.get_marker() not in ("None", "") for line in ax.lines) == 12


def test_an_empty_experiment_says_why_in_a_sentence():
    data = experiments.data().iloc[:0]
    reason = "experiment test is left out: no plain network"
    figure = experiment_figure(experiments.experiment(), data, "nsd", reason=reason)
    text = " ".join(figure.texts[0].get_text().split())
    assert text == "One kind against another: nothing to draw, test is left out: no plain network."
    assert figure.axes == []


def test_regions_have_panels_in_the_order_of_the_table():
    figure = experiment_figure(experiments.experiment(), experiments.data(regions=("V1", "IT")), "nsd")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["V1", "IT"]


CASES = {
    "levels": ("levels", "kind", 10),
    "many levels": ("levels", "kind", 56),
    "tasks": ("models", "kind", 24),
    "pairs": ("pairs", "kind", 24),
    "many pairs": ("pairs", "kind", 130),
    "metric": ("pairs", "metric", 8),
    "too many to name": ("pairs", "metric", 224),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", CASES)
def test_no_labels_overlap(case, width):
    figure, factor, n_models = CASES[case]
    pair = {"kind": "architecture", "metric": "model"}[factor] if figure == "pairs" else ""
    data = experiments.data(n_models, figure=figure, subjects=("A", "B"), regions=("V1", "IT")[: 1 + (n_models < 30)])
    drawn = experiment_figure(experiments.experiment(figure, factor, pair), data, "nsd", width=width)
    boxes_ = synthetic.label_boxes(drawn)
    assert len(boxes_) > 8
    assert synthetic.overlaps(boxes_) == []
    assert synthetic.outside(drawn, boxes_) == []


def test_the_same_data_give_the_same_bytes(tmp_path):
    experiment, data = experiments.experiment(), experiments.data()
    first = [p.read_bytes() for p in style.save(experiment_figure(experiment, data, "nsd"), tmp_path / "a")]
    second = [p.read_bytes() for p in style.save(experiment_figure(experiment, data, "nsd"), tmp_path / "b")]
    assert first == second


def test_networks_of_a_metric_experiment_have_the_colour_of_their_training_and_metrics_their_fill():
    entry = {"title": "t", "factor": "metric", "levels": ["crsa", "versa"], "reference": "crsa", "figure": "pairs"}
    one = Experiment.from_entry("metrics", entry | {"analyses": [{"analysis": "sound", "pair": "model"}]})
    data = experiments.data()
    half = data["model"].isin(sorted(set(data["model"]))[::2])
    ax = experiment_figure(one, data.assign(training=np.where(half, "random", "trained")), "nsd").axes[0]
    edges = {to_hex(patch.get_edgecolor()).upper() for patch in ax.patches if patch.get_zorder() == 4}
    assert edges == {look["color"] for look in style.TRAINING.values()}
    opened = [patch.get_facecolor()[3] == 0 for patch in ax.patches if patch.get_zorder() == 2]
    assert sorted(opened) == [False, True]


@pytest.mark.parametrize("text", [r"$\frac{a$", "$x^2$", "$", r"a $\undefined$ b"])
def test_a_dollar_in_a_label_is_a_dollar(text, tmp_path):
    entry = experiments.experiment().as_entry() | {"labels": {"plain": text}, "title": text}
    figure = experiment_figure(Experiment.from_entry("test", entry), experiments.data(), "nsd")
    style.save(figure, tmp_path / "figure", note=text)
    assert any(text in label.get_text() for label in figure.findobj(lambda found: hasattr(found, "get_text")))
