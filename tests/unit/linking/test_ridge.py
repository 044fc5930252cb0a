"""The ridge against refits that leave each image out, and an exhaustive search over penalties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menagerie.errors import MenagerieError
from menagerie.linking.ridge import PENALTIES as PENALTIES_OF_THE_PAPER
from menagerie.linking.ridge import CentredKernel, block_size, loo_ridge
from menagerie.linking.rsm import BLOCK

PENALTIES = (1.0, 10.0, 1e2, 1e3, 1e4)


def primal_fit(features, responses, penalty):
    """Weights and intercept of ridge in the features, intercept not penalised."""
    centre, mean = features.mean(0), responses.mean(0)
    x = features - centre
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (responses - mean))
    return weights, mean - centre @ weights


def brute_force_loo(features, responses, penalty):
    """LOO predictions by refitting without each image."""
    predictions = np.empty_like(responses)
    for image in range(len(features)):
        rest = np.arange(len(features)) != image
        weights, intercept = primal_fit(features[rest], responses[rest], penalty)
        predictions[image] = features[image] @ weights + intercept
    return predictions


def simulate(n=24, p=40, v=7, seed=0):
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((n, p)) * np.arange(1, p + 1) ** -0.5 * 4 + 2
    responses = features @ generator.standard_normal((p, v)) * 0.2 + generator.standard_normal((n, v)) + 3
    return features, responses


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-9), (np.float32, 2e-5)])
def test_loo_predictions_and_choice_equal_refits(dtype, tolerance):
    features, responses = simulate()
    fit = loo_ridge((features @ features.T).astype(dtype), responses.astype(dtype), PENALTIES)
    refits = np.array([brute_force_loo(features, responses, a) for a in PENALTIES])
    r = np.array([[np.corrcoef(refit[:, u], responses[:, u])[0, 1] for u in range(7)] for refit in refits])
    assert fit.choice.tolist() == r.argmax(axis=0).tolist()
    assert fit.penalty.tolist() == [PENALTIES[i] for i in r.argmax(axis=0)]
    np.testing.assert_allclose(fit.loo_r, r.max(axis=0), atol=tolerance)
    np.testing.assert_allclose(fit.loo_predictions, refits[fit.choice, :, np.arange(7)].T, atol=tolerance * 10)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-9), (np.float32, 1e-4)])
@pytest.mark.parametrize("n_new", [2, 11], ids=["by one operator a penalty", "by the eigenvectors"])
def test_predictions_of_new_images_equal_primal_ridge(n_new, dtype, tolerance):
    features, responses = simulate()
    new = simulate(n=n_new, seed=1)[0]
    fit = loo_ridge((features @ features.T).astype(dtype), responses.astype(dtype), PENALTIES)
    expected = np.empty((n_new, 7))
    for unit, penalty in enumerate(fit.penalty):
        weights, intercept = primal_fit(features, responses, penalty)
        expected[:, unit] = (new @ weights + intercept)[:, unit]
    np.testing.assert_allclose(fit.predict((new @ features.T).astype(dtype)), expected, atol=tolerance)


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(4, 14),
    p=st.integers(1, 20),
    v=st.integers(1, 5),
    scale=st.sampled_from([1e-20, 1e-3, 1.0, 1e4, 1e20]),
    duplicates=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_loo_is_exact_for_any_kernel(n, p, v, scale, duplicates, seed):
    features, responses = simulate(n, p, v, seed)
    if duplicates:
        features[: n // 2] = features[-(n // 2) :]
    fit = loo_ridge(features @ features.T, responses * scale, (5.0,))
    expected = brute_force_loo(features, responses, 5.0) * scale
    np.testing.assert_allclose(fit.loo_predictions, expected, rtol=1e-6, atol=1e-7 * scale)


def test_constant_unit_is_marked_and_predicted_by_its_mean():
    features, responses = simulate()
    responses[:, 3] = 0.1
    fit = loo_ridge((features @ features.T).astype(np.float32), responses.astype(np.float32), PENALTIES)
    assert fit.defined.tolist() == [True] * 3 + [False] + [True] * 3
    assert np.isnan(fit.loo_r[3]) and np.isfinite(np.delete(fit.loo_r, 3)).all()
    np.testing.assert_allclose(fit.loo_predictions[:, 3], 0.1, rtol=1e-6)
    np.testing.assert_allclose(fit.predict(features @ features.T)[:, 3], 0.1, rtol=1e-6)


def test_layer_without_variance_predicts_the_mean_of_the_other_images():
    responses = simulate()[1]
    fit = loo_ridge(np.ones((24, 24)), responses, PENALTIES)
    others = (responses.sum(0) - responses) / 23
    np.testing.assert_allclose(fit.loo_predictions, others, rtol=1e-12)


def test_blocks_do_not_change_results():
    features, responses = simulate(v=100)
    kernel = features @ features.T
    whole = loo_ridge(kernel, responses, PENALTIES)
    blocked = loo_ridge(CentredKernel.of(kernel), responses, PENALTIES, memory_budget=1)
    assert block_size(24, 5, 8, 1) == 16
    np.testing.assert_allclose(blocked.loo_predictions, whole.loo_predictions, rtol=1e-12)
    assert np.array_equal(blocked.choice, whole.choice)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"responses": np.zeros((9, 2))}, "24 training images"),
        ({"penalties": (1.0, 0.0)}, "positive"),
        ({"penalties": ()}, "positive"),
        ({"responses": np.full((24, 2), np.nan)}, "responses hold NaN"),
        ({"kernel_train": np.full((24, 24), np.inf)}, "kernel hold NaN"),
    ],
)
def test_bad_input_is_named(change, message):
    features, responses = simulate()
    good = {"kernel_train": features @ features.T, "responses": responses, "penalties": PENALTIES}
    with pytest.raises(MenagerieError, match=message):
        loo_ridge(**(good | change))


@pytest.mark.parametrize(("roundings", "is_defined"), [(1, False), (6, False), (40, True), (4000, True)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_unit_that_varies_by_rounding_errors_of_its_mean_is_constant(roundings, is_defined, dtype):
    """Responses around 100 in steps of their precision: eight roundings tell nothing, forty are a signal."""
    features, responses = simulate()
    step = np.finfo(dtype).eps * 100
    responses[:, 2] = 100 + step * roundings * np.where(np.arange(24) % 2, 1, -1)
    fit = loo_ridge((features @ features.T).astype(dtype), responses.astype(dtype), PENALTIES)
    assert fit.defined.tolist() == [True, True, is_defined, True, True, True, True]
    assert np.isfinite(fit.loo_r[2]) == is_defined
    if not is_defined:
        np.testing.assert_allclose(fit.loo_predictions[:, 2], 100, rtol=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_one_response_far_from_all_others_is_a_signal(sign):
    """By 60 roundings of the mean, to either side; all others are within 3 of it."""
    features, responses = simulate()
    responses[:, 2] = 100
    responses[5, 2] += sign * 60 * np.finfo(np.float64).eps * 100
    assert loo_ridge(features @ features.T, responses, PENALTIES).defined.all()


def test_of_equally_good_penalties_the_first_is_chosen():
    features, responses = simulate()
    fit = loo_ridge(features @ features.T, responses, (50.0, 50.0, 50.0))
    assert fit.choice.tolist() == [0] * 7
    tied = loo_ridge(features @ features.T, responses, (1e4, 10.0, 10.0))
    assert set(tied.choice.tolist()) <= {0, 1} and 1 in tied.choice


@pytest.mark.parametrize(("n", "penalties", "itemsize"), [(24, 5, 8), (500, 7, 4), (2000, 7, 4)])
def test_a_block_takes_what_memory_allows_and_no_more(n, penalties, itemsize):
    """In a block of b units: predictions at every penalty, the units and a copy; beside it, the operators."""

    def taken(units):
        return penalties * n * n * itemsize + units * (penalties + 2) * n * itemsize

    for units in (16, 17, 100):
        assert block_size(n, penalties, itemsize, taken(units)) == units
        assert block_size(n, penalties, itemsize, taken(units + 1) - 1) == units
    assert block_size(n, penalties, itemsize, 0) == block_size(n, penalties, itemsize, taken(15)) == 16
    assert block_size(n, penalties, itemsize, 1 << 50) == BLOCK


def test_an_automatic_grid_leaves_four_fifths_of_the_freedom_and_ends_beyond_the_largest_eigenvalue():
    features = simulate(n=60, p=200)[0]
    kernel = CentredKernel.of(features @ features.T)
    grid = np.array(kernel.grid())
    values = np.sort(np.linalg.eigvalsh(np.cov(features.T)) * 59)[::-1][:59]
    assert (values / (values + grid[0])).sum() == pytest.approx(0.8 * 59, rel=1e-6)
    assert grid[-1] == pytest.approx(10 * values[0])
    steps = np.diff(np.log10(grid))
    np.testing.assert_allclose(steps, steps[0])
    assert steps[0] <= 1 and len(grid) == np.ceil(np.log10(grid[-1] / grid[0])) + 1


def test_an_automatic_grid_of_few_dimensions_starts_at_a_thousandth_of_the_mean():
    features = simulate(n=60, p=5)[0]
    kernel = CentredKernel.of(features @ features.T)
    total = ((features - features.mean(axis=0)) ** 2).sum()
    assert kernel.grid()[0] == pytest.approx(total / 59 / 1000)
    assert CentredKernel.of(np.ones((9, 9))).grid() == PENALTIES_OF_THE_PAPER


def test_a_kernel_without_variance_is_told_from_a_faint_one():
    """A layer whose features vary by 1e-6 of their size predicts; rounding errors of a constant one do not."""
    features = simulate()[0]
    faint = 1e3 + 1e-3 * features
    assert CentredKernel.of(faint @ faint.T).eigenvalues[-1] == pytest.approx(
        1e-6 * CentredKernel.of(features @ features.T).eigenvalues[-1], rel=1e-3
    )
    constant = np.full((24, 24), 0.1) + np.finfo(float).eps * 0.01 * np.random.default_rng(0).standard_normal((24, 24))
    for scale in (1e-20, 1.0, 1e20):
        assert not CentredKernel.of(scale * constant).eigenvalues.any()
        assert CentredKernel.of(scale * faint @ faint.T).eigenvalues.any()


@pytest.mark.parametrize("training", ["slope", "whole"])
def test_deviations_and_predictions_differ_by_the_means(training):
    features, responses = simulate()
    fit = loo_ridge(features @ features.T, responses, PENALTIES, training=training)
    whole = loo_ridge(features @ features.T, responses, [float(fit.penalty[0])], training="whole")
    np.testing.assert_allclose(fit.loo_predictions[:, 0], whole.loo_predictions[:, 0], rtol=1e-9)
    np.testing.assert_allclose(fit.predict_deviations(features @ features.T).T + responses.mean(axis=0),
                               fit.predict(features @ features.T))  # fmt: skip
    np.testing.assert_allclose((features @ features.T - (features @ features.T).mean(axis=0)) @ fit.dual_coef,
                               fit.predict_deviations(features @ features.T).T, atol=1e-9)  # fmt: skip


@pytest.mark.parametrize("n", [2, 3])
def test_three_images_are_the_fewest(n):
    kernel, responses = np.diag(np.arange(1.0, n + 1)), np.arange(2.0 * n).reshape(n, 2)
    if n == 3:
        assert loo_ridge(kernel, responses, (1.0,)).loo_predictions.shape == (3, 2)
    else:
        with pytest.raises(MenagerieError, match="at least 3"):
            loo_ridge(kernel, responses, (1.0,))


def test_sums_that_overflow_are_not_taken_for_infinite_values():
    """Of 168 responses of a fiftieth of the largest number; each by itself is finite."""
    features, responses = simulate()
    huge = np.full_like(responses, np.finfo(np.float64).max / 50)
    with np.errstate(over="ignore"):
        fit = loo_ridge(features @ features.T, huge, (10.0,))
    assert not fit.defined.any()
