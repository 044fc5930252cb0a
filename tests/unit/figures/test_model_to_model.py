import experiments
import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.patches import Polygon

from menagerie.figures import style
from menagerie.figures.model_to_model import model_to_model_figure
from menagerie.figures.model_to_model_table import ENOUGH, ModelSets, mean_similarity, model_maps, model_sets
from menagerie.statistics.similarity import classical_mds, concave_hull

WIDTHS = [style.PAGE_WIDTH, style.NARROW_WIDTH]


def similarity(n_models, metrics=("crsa", "versa"), subjects=("A", "B")):
    rng = np.random.default_rng(n_models)
    first, second = np.triu_indices(n_models, 1)
    names = np.array([f"m{i:02d}" for i in range(n_models)])
    parts = []
    for metric in metrics:
        features = rng.normal(size=(n_models, 30)) + (2 if metric == "versa" else 0.3)
        for subject in subjects:
            r = np.corrcoef(features + 0.1 * rng.normal(size=features.shape))[first, second]
            who = {"dataset": "nsd", "subject": subject, "region": "IT", "metric": metric}
            parts.append(pd.DataFrame({"model_a": names[first], "model_b": names[second], "r": r}).assign(**who))
    return pd.concat(parts, ignore_index=True)


def models(n_models, n_random=0):
    training = ["trained"] * (n_models - n_random) + ["random"] * n_random
    return pd.DataFrame({"id": [f"m{i:02d}" for i in range(n_models)], "training": training})


def sets(n_models):
    one = experiments.experiment()
    return model_sets([one], {one.name: experiments.data(n_models)})


def test_similarities_are_means_over_subjects_and_the_map_is_of_them():
    table = similarity(8)
    maps = model_maps(table, models(8))
    pair = table[(table["metric"] == "crsa") & (table["model_a"] == "m02") & (table["model_b"] == "m05")]["r"]
    matrix = mean_similarity(table[table["metric"] == "crsa"], maps["crsa"].models)
    assert len(pair) == 2 and matrix[2, 5] == matrix[5, 2] == pytest.approx(pair.mean())
    np.testing.assert_allclose(maps["crsa"].values, matrix[np.triu_indices(8, 1)])
    np.testing.assert_allclose(maps["crsa"].points, classical_mds(matrix)[0])


def test_untrained_networks_leave_a_map_that_has_enough_trained_ones():
    assert len(model_maps(similarity(ENOUGH + 3), models(ENOUGH + 3, 3))["crsa"].models) == ENOUGH
    assert len(model_maps(similarity(8), models(8, 3))["crsa"].models) == 8


def test_a_network_that_was_not_compared_with_all_is_left_out():
    table = similarity(6, metrics=("crsa",))
    lost = table[~((table["model_a"] == "m00") & (table["model_b"] == "m03"))]
    assert "m00" not in model_maps(lost, models(6))["crsa"].models


def test_sets_are_the_levels_and_a_metric_compares_no_networks():
    found = sets(8)
    assert dict(found[0].sets) == {"plain": ("m00", "m01", "m02", "m03"), "fancy": ("m04", "m05", "m06", "m07")}
    metric = experiments.experiment("pairs", "metric", "model")
    assert model_sets([metric], {metric.name: experiments.data(8)}) == []
    single = experiments.experiment("models")
    many = model_sets([single], {single.name: experiments.data(10, figure="models")})
    assert list(many[0].sets) == ["10 networks"]


def test_hulls_and_points_are_drawn_where_the_map_says_in_one_scale():
    maps = model_maps(similarity(12), models(12))
    figure = model_to_model_figure(maps, sets(12), "nsd IT")
    panels = [ax for ax in figure.axes if ax.get_aspect() == 1]
    assert len(panels) == 2 and len({(ax.get_xlim(), ax.get_ylim()) for ax in panels}) == 1
    for ax, metric in zip(panels, ("crsa", "versa"), strict=True):
        np.testing.assert_allclose(ax.collections[0].get_offsets(), maps[metric].points)
        hulls = [p for p in ax.patches if isinstance(p, Polygon)]
        for hull, own in zip(hulls, (maps[metric].points[:6], maps[metric].points[6:]), strict=True):
            np.testing.assert_allclose(hull.get_xy()[:-1], concave_hull(own))


def test_histograms_count_every_pair_once():
    figure = model_to_model_figure(model_maps(similarity(9), models(9)), sets(8), "nsd IT")
    histograms = [ax for ax in figure.axes if ax.get_ylabel() == "pairs"]
    assert [sum(p.get_height() for p in ax.patches) for ax in histograms] == [36, 36]


def test_experiments_whose_networks_are_not_on_the_map_have_no_panel():
    maps = model_maps(similarity(9), models(9))
    elsewhere = ModelSets("Elsewhere", {"a": ("x", "y"), "b": ("m00",)})
    titles = [ax.get_title(loc="left") for ax in model_to_model_figure(maps, [elsewhere], "nsd IT").axes]
    assert "Elsewhere" not in titles and titles.count("All networks") == 2


def test_two_networks_have_a_similarity_and_no_map_and_none_a_sentence():
    figure = model_to_model_figure(model_maps(similarity(2), models(2)), [], "nsd IT")
    assert any("no map" in text.get_text() for ax in figure.axes for text in ax.texts)
    empty = model_to_model_figure(model_maps(similarity(2).iloc[:0], models(2)), [], "nsd IT")
    assert empty.axes == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_labels_overlap(width):
    maps = model_maps(similarity(60, subjects=("A",)), models(60))
    several = [ModelSets(f"{one.title} and yet another {i}", one.sets) for i in range(7) for one in sets(60)]
    figure = model_to_model_figure(maps, several, "nsd IT", width=width)
    boxes = synthetic.label_boxes(figure)
    assert len(boxes) > 40
    assert synthetic.overlaps(boxes) == []
    assert synthetic.outside(figure, boxes) == []


def test_the_same_tables_give_the_same_bytes(tmp_path):
    maps = model_maps(similarity(12), models(12))
    first, second = (
        [p.read_bytes() for p in style.save(model_to_model_figure(maps, sets(12), "nsd IT"), tmp_path / name)]
        for name in "ab"
    )
    assert first == second
