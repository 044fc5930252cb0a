"""Predictions for new images, against scikit-learn's ridge on the standardised features themselves."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from menagerie.brain.folds import Fold
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError
from menagerie.files.geometry import LayerGeometry, fold
from menagerie.linking.predict import check_kernel, predict_images, selected_layers

N, NEW, P, V = 24, 5, 12, 6
IDS = [f"image{i:02d}" for i in range(N)]
ALL = [*IDS, *(f"new/{i}" for i in range(NEW))]
FOLDS = (
    Fold("k2", 0, tuple(IDS[:12]), tuple(IDS[12:])),
    Fold("k2", 1, tuple(IDS[12:]), tuple(IDS[:12])),
)


def geometry(features, index=0, status="ok"):
    gram = features @ features.T
    triangle = fold(gram.astype(np.float32), with_diagonal=True)
    strict = fold(gram.astype(np.float32), with_diagonal=False)  # no RSM is looked at
    return LayerGeometry(f"layer{index}", index, features.shape[1], strict, triangle, status=status)


@pytest.fixture
def data():
    generator = np.random.default_rng(0)
    features = generator.standard_normal((N + NEW, P))
    responses = features[:N] @ generator.standard_normal((P, V)) + 3 + generator.standard_normal((N, V))
    masks = {"odd": np.arange(V) % 2 == 1, "all": np.ones(V, dtype=bool)}
    return features, Target("d", "s", "d", np.array(IDS), responses.astype(np.float32), masks)


def sklearn(features, target, fold, penalty, units):
    rows = [IDS.index(image) for image in fold.train]
    model = Ridge(penalty).fit(features[rows], target.responses[rows][:, units].astype(float))
    return model.predict(features[N:]).T


def test_new_images_are_predicted_as_by_a_ridge_on_the_features(data):
    features, target = data
    units, predicted = predict_images([(geometry(features), FOLDS[0])], target, ALL, NEW, "odd", penalties=[10.0])
    assert list(units) == [1, 3, 5]
    np.testing.assert_allclose(predicted, sklearn(features, target, FOLDS[0], 10.0, units), rtol=1e-4)


def test_a_subject_may_lack_images_that_the_layer_has(data):
    features, target = data
    seen = [k for k in range(N) if k not in (0, 5)]
    part = replace(target, image_ids=np.array(IDS)[seen], responses=target.responses[seen])
    train = Fold("k2", 0, tuple(IDS[k] for k in seen if k < 12), tuple(IDS[12:]))
    units, predicted = predict_images([(geometry(features), train)], part, ALL, NEW, "all", penalties=[10.0])
    np.testing.assert_allclose(predicted, sklearn(features, target, train, 10.0, units), rtol=1e-4)


def test_folds_are_averaged_each_with_its_layer(data):
    features, target = data
    other = np.random.default_rng(1).standard_normal(features.shape)
    layers = [(geometry(features), FOLDS[0]), (geometry(other, 1), FOLDS[1])]
    units, predicted = predict_images(layers, target, ALL, NEW, "all", penalties=[10.0])
    each = [sklearn(shown, target, part, 10.0, units) for shown, part in zip((features, other), FOLDS, strict=True)]
    np.testing.assert_allclose(predicted, np.mean(each, axis=0), rtol=1e-4, atol=1e-5)


def test_new_images_do_not_move_what_is_predicted_for_the_others(data):
    features, target = data
    first = predict_images([(geometry(features), FOLDS[0])], target, ALL, NEW, "all", penalties=[10.0])[1]
    wild = features.copy()
    wild[-1] *= 100
    second = predict_images([(geometry(wild), FOLDS[0])], target, ALL, NEW, "all", penalties=[10.0])[1]
    np.testing.assert_array_equal(first[:, :-1], second[:, :-1])


def test_a_layer_or_a_target_that_cannot_predict_says_so(data):
    features, target = data
    broken = geometry(features, status="constant over images")
    with pytest.raises(MenagerieError, match=r"layer0 cannot predict.*constant over images"):
        predict_images([(broken, FOLDS[0])], target, ALL, NEW, "all")
    alone = Target("d", "s", "d", np.array(IDS), rsms={"all": np.eye(N)})
    with pytest.raises(MenagerieError, match="found RSMs only"):
        predict_images([(geometry(features), FOLDS[0])], alone, ALL, NEW, "all")


def test_a_network_that_sees_the_old_images_otherwise_is_refused(data):
    features, _ = data
    scored = geometry(features[:N])
    check_kernel(scored, geometry(features))
    check_kernel(scored, geometry(features + 1e-5))
    with pytest.raises(MenagerieError, match="layer0: found a kernel of the scored images that differs"):
        check_kernel(scored, geometry(features * 1.01))


def test_layers_are_those_that_were_selected():
    rows = [
        {"subject": subject, "region": "IT", "fold": number, "layer_index": index, "metric": metric, "status": status}
        for subject, number, index, metric, status in (
            ("s1", 0, 4, "encoding_r", "ok"),
            ("s1", 1, 5, "encoding_r", "ok"),
            ("s1", 0, 9, "crsa", "ok"),
            ("s2", 0, None, "encoding_r", "no layer"),
        )
    ]
    assert selected_layers(rows, {"metric": "encoding_r"}) == {("s1", "IT"): {0: 4, 1: 5}}
