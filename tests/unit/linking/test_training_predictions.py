"""What stands for predictions of training images: the slope part of a LOO prediction knows nothing of the response."""

import numpy as np
import pytest

from menagerie.linking import score_layer
from menagerie.linking.ridge import PENALTIES, SLOPE, WHOLE, CentredKernel, loo_ridge
from menagerie.linking.select import select_layers

from .builders import features_of, layer_of, target_of
from .test_ridge import brute_force_loo, simulate


@pytest.mark.parametrize("penalty", [1e-2, 5.0, 1e6])
def test_the_slope_part_is_the_prediction_without_the_mean_of_the_others(penalty):
    features, responses = simulate()
    fit = loo_ridge(features @ features.T, responses, (penalty,), training=SLOPE)
    expected = brute_force_loo(features, responses, penalty) + (responses - responses.mean(0)) / (len(responses) - 1)
    np.testing.assert_allclose((fit.loo_deviations + fit.means[:, None]).T, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fit.loo_predictions, brute_force_loo(features, responses, penalty), rtol=1e-9, atol=1e-9)


def test_the_slope_part_of_an_image_does_not_depend_on_its_response():
    features, responses = simulate(v=2)
    other = responses.copy()
    other[5] += [100.0, -3.0]
    found = {}
    for training in (SLOPE, WHOLE):
        fits = [loo_ridge(features @ features.T, y, (50.0,), training=training) for y in (responses, other)]
        found[training] = [fit.loo_deviations[:, 5] for fit in fits]
    np.testing.assert_allclose(*found[SLOPE], rtol=1e-9)
    assert np.abs(np.subtract(*found[WHOLE])).min() > 0.1


def draws(n_draws, training, penalties):
    """Layer selected by veRSA, of one with the signal and one of three unrelated features; 100 images each."""
    chosen = []
    for draw in range(n_draws):
        true = features_of(n=100, seed=draw)
        target = target_of(true, noise=0.5, seed=1000 + draw)
        layers = [layer_of(true, 0), layer_of(features_of(n=100, p=3, seed=5000 + draw), 1)]
        options = {"model": "m", "depth": 0.5, "penalties": penalties, "metrics": ["versa"], "regions": ["late"]}
        tables = [score_layer(layer, target, training=training, **options).to_pylist() for layer in layers]
        train = [next(row["score"] for row in table if row["part"] == "train") for table in tables]
        chosen.append(int(np.argmax(train)))
    return chosen


def test_unrelated_layers_are_never_selected_where_the_ridge_shrinks():
    penalties = (1e3, 1e4, 1e5)
    assert sum(draws(40, WHOLE, penalties)) == 40
    assert sum(draws(40, SLOPE, penalties)) == 0


def test_a_layer_without_variance_has_no_training_score():
    target = target_of(features_of())
    constant = layer_of(features_of() * 0 + np.random.default_rng(0).standard_normal((40, 30)) * 1e-30)
    flat = type(constant)(**{**vars(constant), "gram_triu": np.zeros_like(constant.gram_triu)})
    rows = score_layer(flat, target, model="m", depth=0.5, metrics=["versa", "encoding_r"])
    assert {row["status"] == "ok" for row in rows.to_pylist()} == {False}
    assert {row["layer"] for row in select_layers(rows).to_pylist()} == {None}


def test_the_automatic_grid_spans_from_hardly_any_shrinkage_to_scaling():
    features, responses = simulate()
    kernel = features @ features.T
    eigenvalues = np.linalg.eigvalsh(kernel - kernel.mean(0) - kernel.mean(1)[:, None] + kernel.mean())[1:]
    grid = loo_ridge(kernel, responses, "auto").penalties
    assert (eigenvalues / (eigenvalues + grid[0])).sum() == pytest.approx(0.8 * 23) and grid[0] < eigenvalues.mean()
    assert grid[-1] == pytest.approx(10 * eigenvalues.max())
    assert np.all(np.diff(np.log10(grid)) <= 1 + 1e-9) and np.all(np.diff(grid) > 0)
    np.testing.assert_allclose(loo_ridge(kernel * 1e6, responses, "auto").penalties, np.array(grid) * 1e6)
    assert CentredKernel.of(np.ones((9, 9))).grid() == PENALTIES
    few = CentredKernel.of(features[:, :3] @ features[:, :3].T)  # three dimensions leave three degrees of freedom
    assert few.grid()[0] == pytest.approx(few.eigenvalues.mean() / 1000)


def test_dual_coefficients_weigh_the_training_images():
    features, responses = simulate()
    new = simulate(n=5, seed=1)[0]
    fit = loo_ridge(features @ features.T, responses, PENALTIES)
    predicted = (new - features.mean(0)) @ (features - features.mean(0)).T @ fit.dual_coef + fit.means
    np.testing.assert_allclose(predicted, fit.predict(new @ features.T), rtol=1e-8)


def test_shares_of_units_at_the_ends_of_the_grid():
    features = features_of()
    target = target_of(features)

    def shares(penalties):
        rows = score_layer(layer_of(features), target, model="m", depth=0.5, penalties=penalties).to_pylist()
        assert {row["at_lowest_penalty"] for row in rows if row["metric"] == "crsa"} == {None}
        (late,) = {
            (row["at_lowest_penalty"], row["at_highest_penalty"])
            for row in rows
            if row["region"] == "late" and row["metric"] != "crsa"
        }
        return late

    assert (
        shares((1.0, 100.0))
        == shares((100.0, 1.0))
        == (pytest.approx(1 - shares((1.0, 100.0))[1]), shares((1.0, 100.0))[1])
    )
    assert 0 < shares((1.0, 100.0))[0] < 1
    low, high = shares((1e4, 1e5, 1e6))
    fit = loo_ridge(layer_of(features).gram()[::2, ::2], target.responses[::2, 8:], (1e4, 1e5, 1e6), training=SLOPE)
    assert (low, high) == (np.mean(fit.choice == 0), np.mean(fit.choice == 2))
    assert shares((10.0,)) == (None, None)
