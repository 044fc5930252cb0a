"""The sparse random projection: its distribution, and that it is the same everywhere."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from scipy import stats

from menagerie.features import projection
from menagerie.features.projection import ProjectionCache, SparseProjection, matrix_bytes


def test_matrix_follows_its_distribution():
    n_components, n_features = 300, 40_000
    matrix = SparseProjection(n_features, n_components, seed=3).matrix()
    density = 1 / np.sqrt(n_features)
    assert matrix.shape == (n_components, n_features)
    assert matrix.has_canonical_format or matrix.has_sorted_indices
    value = np.sqrt(1 / density) / np.sqrt(n_components)
    np.testing.assert_allclose(np.abs(matrix.data), value, rtol=1e-6)
    cells = n_components * n_features
    assert stats.binomtest(matrix.nnz, cells, density).pvalue > 1e-3
    assert stats.binomtest(int((matrix.data > 0).sum()), matrix.nnz, 0.5).pvalue > 1e-3
    # Entries a row and a column are binomial too, across the border between blocks as well.
    for axis, size in ((1, n_features), (0, n_components)):
        counts = np.diff(matrix.tocsr().indptr) if axis else np.diff(matrix.tocsc().indptr)
        assert counts.var() == pytest.approx(size * density * (1 - density), rel=0.3 if axis else 0.05)
        assert counts.mean() == pytest.approx(size * density, rel=0.02)


def test_gaps_are_geometric():
    density = 0.02
    cells = projection._successes(400_000, density, np.random.default_rng(0))
    assert np.all(np.diff(cells) > 0) and cells[-1] < 400_000
    gaps = np.diff(cells)
    observed = np.bincount(np.minimum(gaps, 100), minlength=101)[1:]
    probabilities = stats.geom.pmf(np.arange(1, 101), density)
    probabilities[-1] += 1 - probabilities.sum()
    assert stats.chisquare(observed, probabilities * observed.sum()).pvalue > 1e-3


def test_successes_continue_until_the_end():
    class Short(np.random.Generator):
        """Deals far fewer gaps than asked for, so that the loop has to go on."""

        def standard_exponential(self, size):
            return super().standard_exponential(max(1, size // 10))

    cells = projection._successes(50_000, 0.1, Short(np.random.PCG64(0)))
    assert len(cells) == pytest.approx(5000, rel=0.1)
    assert cells[-1] > 49_000


def test_one_feature_gives_a_full_matrix():
    matrix = SparseProjection(1, 16).matrix()
    np.testing.assert_allclose(np.abs(matrix.toarray()), 0.25)


def test_product_equals_the_matrix_across_blocks(monkeypatch):
    monkeypatch.setattr(projection, "BLOCK", 100)
    features = torch.randn(7, 950)
    project = SparseProjection(950, 40)
    expected = features.double().numpy() @ project.matrix().toarray().astype(np.float64).T
    np.testing.assert_allclose(project(features).numpy(), expected, atol=1e-4)
    # Kept or generated anew, and whatever images share the batch.
    np.testing.assert_array_equal(SparseProjection(950, 40, keep=False)(features), project(features))
    np.testing.assert_allclose(project(features[2:3]), project(features)[2:3], atol=1e-6)


def test_matrix_is_the_same_on_every_machine():
    """Pinned: a change here changes every survey, so that seeds of old results no longer reproduce them."""
    matrix = SparseProjection(20_000, 50, seed=7).matrix()
    digest = hashlib.sha256(matrix.indices.astype("<i8").tobytes() + matrix.data.astype("<f4").tobytes())
    assert digest.hexdigest()[:16] == "722b19addaa179c7"


def test_seed_and_size_change_the_matrix():
    base = SparseProjection(500, 20, seed=0).matrix()
    assert (base != SparseProjection(500, 20, seed=1).matrix()).nnz
    assert (base[:, :400] != SparseProjection(501, 20, seed=0).matrix()[:, :400]).nnz


def test_cache_shares_and_forgets():
    cache = ProjectionCache(50, seed=0, capacity=2 * matrix_bytes(1000, 50))
    first = cache.get(1000)
    assert cache.get(1000) is first
    cache.get(900)
    assert cache.get(1000) is first
    cache.get(800)
    assert cache.get(1000) is first
    assert list(cache._kept) == [800, 1000]
    large = cache.get(10**6)
    assert not large.keep and list(cache._kept) == [800, 1000]


def test_size_estimate_covers_the_matrix():
    project = SparseProjection(50_000, 64)
    real = sum(block.data.nbytes + block.indices.nbytes + block.indptr.nbytes for block in project.blocks())
    assert real == pytest.approx(matrix_bytes(50_000, 64), rel=0.05)
