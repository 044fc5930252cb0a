import numpy as np
import pandas as pd
import pytest
import synthetic

from menagerie.brain.folds import even_odd
from menagerie.brain.target import Target
from menagerie.figures import style
from menagerie.figures.overview import overview_figure
from menagerie.figures.overview_table import (
    component_order,
    link_best,
    networks_by_experiment,
    networks_by_source,
    pair_ranks,
    reliability,
)
from menagerie.files.geometry import LayerGeometry, fold
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.measures import measure

N = 40
FOLD = even_odd([f"image{i:02d}" for i in range(N)])


def target(subject="A", *, units=True, ceiling=0.8):
    rng = np.random.default_rng(3)
    ids = np.array([f"image{i:02d}" for i in range(N)])
    responses = rng.normal(size=(N, 12)).astype(np.float32)
    region = np.arange(12) < 8
    who = {"dataset": "nsd", "subject": subject, "stimuli": "images", "image_ids": ids}
    if not units:
        ceilings = {"even_odd/0": {"IT": ceiling}} if ceiling else {}
        return Target(**who, rsms={"IT": np.corrcoef(responses)}, ceilings=ceilings)
    table = {"ncsnr": np.r_[np.arange(8) / 8, [np.nan] * 4]}
    return Target(**who, responses=responses, regions={"IT": region, "V1": ~region}, units=table)


def layer(index):
    rng = np.random.default_rng(index)
    features = rng.normal(size=(N, 20)) + target().responses[:, :1] * index
    gram = (features - features.mean(axis=0)) @ (features - features.mean(axis=0)).T
    upper = fold(np.corrcoef(features), with_diagonal=False)
    return LayerGeometry(f"blocks.{index}", index, 20, upper, fold(gram, with_diagonal=True))


def scored(brain, units=True):
    rows = []
    for model, index in (("weak", 1), ("strong", 2)):
        for metric in ("crsa", "versa") if units else ("crsa",):
            score = measure(metric).score(Comparison(layer(index), brain), "IT", "test")[0]
            rows.append((model, "IT", metric, f"blocks.{index}", index, score, "ok"))
    return pd.DataFrame(rows, columns=["model", "region", "metric", "layer", "layer_index", "score", "status"])


MODELS = pd.DataFrame(
    {
        "id": list("abcd"),
        "provider": ["own", "timm", "timm", "timm"],
        "training": ["trained", "trained", "random", "trained"],
    }
)
DATA = {"one": pd.DataFrame({"model": ["a", "a", "c"], "training": ["trained", "trained", "random"]})}


def draw(linked, targets, width=style.PAGE_WIDTH):
    parts = reliability(targets, lambda subject: FOLD), networks_by_source(MODELS), networks_by_experiment(DATA), linked
    return overview_figure(*parts, {"strong": "Strong-Net"}, "nsd", width=width)


def test_reliability_holds_quantiles_over_the_units_of_a_region():
    table = reliability([target("A"), target("B")], lambda subject: FOLD).set_index(["subject", "region"])
    assert table.loc[("A", "IT"), "median"] == np.median(np.arange(8) / 8)
    assert table.loc[("B", "IT"), "low"] == pytest.approx(np.quantile(np.arange(8) / 8, 0.05))
    assert table.loc[("A", "V1")].isna().sum() == 6, "a region whose units have no ncsnr has no quantiles"
    assert reliability([target(units=False)], lambda subject: FOLD)["ceiling"].iloc[0] == 0.8


def test_networks_are_counted_once():
    assert networks_by_source(MODELS).to_numpy().tolist() == [["timm", 2, 1], ["own", 1, 0]]
    assert networks_by_experiment(DATA).to_numpy().tolist() == [["one", 1, 1]]


def test_the_linked_rsms_are_those_that_the_scores_compare():
    brain = Brain(target())
    scores = scored(brain)
    linked = link_best(scores, lambda model, index: layer(index), brain)
    best = scores[scores["metric"] == "versa"].sort_values("score")["model"].iloc[-1]
    assert linked.model == best
    upper = np.triu_indices(N // 2, 1)
    for _, score, rsm in linked.linked.values():
        assert np.corrcoef(rsm[upper], linked.brain[upper])[0, 1] == pytest.approx(score, abs=1e-5)
    assert link_best(scores.assign(status="constant"), lambda model, index: layer(index), brain) is None


def test_images_come_in_the_order_of_the_first_component():
    place = np.random.default_rng(0).permutation(30)
    pattern = np.linspace(-1, 1, 30)[place]
    order = component_order(np.outer(pattern, pattern))
    steps = np.diff(pattern[order])
    assert (steps > 0).all() or (steps < 0).all()


def test_ranks_of_pairs_keep_the_order_and_leave_the_diagonal_out():
    rsm = np.corrcoef(np.random.default_rng(0).normal(size=(9, 20)))
    ranks = pair_ranks(rsm)
    upper = np.triu_indices(9, 1)
    assert np.isnan(np.diag(ranks)).all()
    assert (np.argsort(ranks[upper]) == np.argsort(rsm[upper])).all()
    assert (ranks[upper].min(), ranks[upper].max()) == (0, 1)
    np.testing.assert_array_equal(ranks[upper], ranks.T[upper])


@pytest.mark.parametrize("width", [style.PAGE_WIDTH, style.NARROW_WIDTH])
@pytest.mark.parametrize("units", [True, False])
def test_matrices_are_drawn_in_order_and_no_labels_overlap(units, width):
    brain = Brain(target(units=units))
    linked = link_best(scored(brain, units), lambda model, index: layer(index), brain)
    figure = draw(linked, [target("A", units=units), target("B", units=units)], width)
    images = [image.get_array() for ax in figure.axes for image in ax.images]
    assert len(images) == (3 if units else 2)
    wanted = pair_ranks(linked.brain[np.ix_(linked.order, linked.order)])
    np.testing.assert_array_equal(np.ma.filled(images[0], np.nan), wanted)
    boxes = synthetic.label_boxes(figure)
    assert len(boxes) > 15
    assert synthetic.overlaps(boxes) == []
    assert synthetic.outside(figure, boxes) == []
    assert any("no veRSA" in text for text, _ in boxes) == (not units)


def test_without_scores_or_reliability_the_figure_says_so():
    texts = " ".join(text for text, _ in synthetic.label_boxes(draw(None, [target(units=False, ceiling=None)])))
    assert "no network has a score" in texts and "not known" in texts


def test_the_same_input_gives_the_same_bytes(tmp_path):
    brain = Brain(target())
    linked = link_best(scored(brain), lambda model, index: layer(index), brain)
    first, second = ([p.read_bytes() for p in style.save(draw(linked, [target()]), tmp_path / name)] for name in "ab")
    assert first == second
