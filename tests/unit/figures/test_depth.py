import numpy as np
import pytest
import synthetic

from menagerie.errors import MenagerieError
from menagerie.figures import style
from menagerie.figures.depth import BINS, _binned, depth_profiles


def test_few_models_have_a_line_each_that_shows_test_means():
    layers, scores = synthetic.scores(3, regions=("IT",), metrics=("crsa",), n_layers=5)
    figure = depth_profiles(layers, scores, synthetic.models(3), "nsd")
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 5]
    assert len(lines) == 3
    expected = layers[layers["part"] == "test"].groupby(["model", "layer_index"])["score"].mean()
    drawn = sorted(tuple(np.round(line.get_ydata(), 9)) for line in lines)
    wanted = sorted(tuple(np.round(expected[model], 9)) for model in expected.index.levels[0])
    assert drawn == wanted


def test_planted_depth_is_marked_where_it_was_planted_only():
    layers, scores = synthetic.scores(2, n_layers=4, metrics=("crsa",))
    bare = depth_profiles(layers, scores, synthetic.models(2), "nsd")
    marked = depth_profiles(layers, scores, synthetic.models(2), "nsd", planted={"early": 0.37, "elsewhere": 0.1})

    def verticals(figure):
        return [[line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1] for ax in figure.axes]

    assert verticals(bare) == [[], []]
    assert verticals(marked) == [[0.37], []]
    assert "planted" not in " ".join(t.get_text() for t in bare.legends[0].get_texts())


def test_layers_without_a_score_are_left_out():
    layers, scores = synthetic.scores(2, regions=("IT",), metrics=("crsa",), n_layers=5)
    lost = layers["layer_index"] == 2
    layers = layers.assign(status=np.where(lost, "constant", "ok"), score=layers["score"].mask(lost))
    figure = depth_profiles(layers, scores, synthetic.models(2), "nsd")
    assert [len(line.get_xdata()) for line in figure.axes[0].lines].count(4) == 2


def test_quartiles_over_models_at_bin_centres():
    layers, _ = synthetic.scores(1, regions=("IT",), metrics=("crsa",), n_layers=2)
    one = layers.iloc[:2].assign(depth=[0.0, 1.0], score=[0.0, 1.0])
    two = one.assign(model="other", score=[0.0, 3.0])
    centres, quartiles = _binned(synthetic.pd.concat([one, two]))
    assert len(centres) == BINS
    np.testing.assert_allclose(quartiles[1], 2 * centres)


def test_train_scores_alone_are_refused():
    layers, scores = synthetic.scores(2, n_layers=3)
    with pytest.raises(MenagerieError, match="test part"):
        depth_profiles(layers[layers["part"] == "train"], scores, synthetic.models(2), "nsd")


@pytest.mark.parametrize("width", [style.PAGE_WIDTH, style.NARROW_WIDTH])
@pytest.mark.parametrize("n_models", [7, 224])
def test_no_labels_overlap(n_models, width):
    layers, scores = synthetic.scores(n_models, n_layers=4, n_subjects=1, metrics=("crsa",))
    figure = depth_profiles(layers, scores, synthetic.models(n_models), "nsd", width=width, planted={"early": 0.3})
    boxes = synthetic.label_boxes(figure)
    assert len(boxes) > 10
    assert synthetic.overlaps(boxes) == []
    assert synthetic.outside(figure, boxes) == []
