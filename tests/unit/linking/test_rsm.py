"""RSMs against numpy in float64, and what happens where they are not defined."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menagerie.linking.rsm import UndefinedError, pattern_rsm, rsm, rsm_similarity, upper


def test_equals_numpy_in_float64():
    features = np.random.default_rng(0).standard_normal((40, 300)).astype(np.float32)
    found = rsm(features)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.corrcoef(features.astype(np.float64)), atol=5e-7)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 12),
    p=st.integers(2, 60),
    scale=st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e30]),
    seed=st.integers(0, 10**6),
)
def test_any_shape_and_scale(n, p, scale, seed):
    features = np.random.default_rng(seed).standard_normal((n, p))
    found = rsm((features * scale).astype(np.float32))
    np.testing.assert_allclose(found, np.corrcoef((features * scale).astype(np.float32).astype(float)), atol=2e-6)
    assert np.array_equal(found, found.T) and np.array_equal(np.diag(found), np.ones(n))


def test_duplicated_rows_correlate_perfectly():
    features = np.random.default_rng(1).standard_normal((4, 50)).astype(np.float32)
    found = rsm(np.vstack([features, features]))
    np.testing.assert_allclose(np.diag(found[:4, 4:]), 1, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e30])
def test_constant_row_is_reported_by_position(value):
    features = np.random.default_rng(2).standard_normal((5, 33)).astype(np.float32)
    features[3] = value
    with pytest.raises(UndefinedError, match=r"1 of 5 images have a constant pattern \(first: row 3\)"):
        rsm(features)


def test_nan_is_reported():
    features = np.ones((3, 4), dtype=np.float32)
    features[0, 0] = np.nan
    with pytest.raises(UndefinedError):
        rsm(features)


def test_input_is_left_as_it_was():
    features = np.random.default_rng(3).standard_normal((5, 9))
    before = features.copy()
    rsm(features)
    pattern_rsm(features.T, np.zeros(9))
    assert np.array_equal(features, before)


@pytest.mark.parametrize("shrinkage", [1.0, 1e-2, 1e-4])
def test_patterns_with_large_means_keep_their_precision(shrinkage):
    generator = np.random.default_rng(4)
    deviations = (shrinkage * generator.standard_normal((200, 30))).astype(np.float32)
    means = generator.standard_normal(200)
    truth = np.corrcoef(deviations.T.astype(float) + means)
    # Relative to how far similarities are from 1: float32 patterns would lose this at small shrinkage.
    np.testing.assert_allclose(pattern_rsm(deviations, means) - 1, truth - 1, rtol=0, atol=2e-6 * np.ptp(truth))


def test_pattern_without_variance_is_reported():
    means = np.random.default_rng(5).standard_normal(20)
    deviations = np.random.default_rng(6).standard_normal((20, 6)).astype(np.float32)
    deviations[:, 2] = (3.0 - means).astype(np.float32)
    with pytest.raises(UndefinedError, match="row 2"):
        pattern_rsm(deviations, means)


def test_similarity_uses_each_pair_once():
    a, b = (np.corrcoef(np.random.default_rng(seed).standard_normal((9, 20))) for seed in (7, 8))
    rows, columns = np.triu_indices(9, k=1)
    assert np.array_equal(upper(a), a[rows, columns])
    expected = np.corrcoef(a[rows, columns], b[rows, columns])[0, 1]
    assert rsm_similarity(a, b) == pytest.approx(expected, abs=1e-14)


def test_similarity_of_constant_triangle_is_undefined():
    flat = np.full((5, 5), 0.3)
    with pytest.raises(UndefinedError, match="equally similar"):
        rsm_similarity(flat, np.corrcoef(np.random.default_rng(0).standard_normal((5, 9))))
