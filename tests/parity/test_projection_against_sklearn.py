"""The sparse random projection against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.random_projection import SparseRandomProjection, johnson_lindenstrauss_min_dim

from menagerie.features.projection import N_PROJECTIONS, SparseProjection

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataDimensionalityWarning")


def test_dimension_is_the_johnson_lindenstrauss_minimum():
    assert johnson_lindenstrauss_min_dim(1000, eps=0.1) == N_PROJECTIONS


@pytest.mark.parametrize("n_features", [37, 5000, 50_000])
def test_same_matrix_gives_the_same_projection(n_features):
    ours = SparseProjection(n_features, 200, seed=5)
    theirs = SparseRandomProjection(200, random_state=0).fit(np.zeros((1, n_features)))
    theirs.components_ = ours.matrix()
    features = np.random.default_rng(0).standard_normal((6, n_features)).astype(np.float32)
    np.testing.assert_allclose(
        ours(torch.from_numpy(features)).numpy(), theirs.transform(features.astype(np.float64)), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("n_features", [2, 100, 40_000])
def test_matrices_have_one_distribution(n_features):
    ours = SparseProjection(n_features, 400, seed=1).matrix()
    theirs = SparseRandomProjection(400, random_state=2).fit(np.zeros((1, n_features))).components_
    np.testing.assert_allclose(np.unique(ours.data), np.unique(theirs.data), rtol=1e-6)
    # Non-zero entries, and positive ones among them: one probability for both matrices.
    cells = 400 * n_features
    for found, of in (((ours.nnz, theirs.nnz), cells), (((ours.data > 0).sum(), (theirs.data > 0).sum()), None)):
        totals = (of, of) if of else (ours.nnz, theirs.nnz)
        table = [[count, total - count] for count, total in zip(found, totals, strict=True)]
        assert stats.chi2_contingency(table).pvalue > 1e-3
    # Entries a row.
    assert stats.ks_2samp(np.diff(ours.indptr), np.diff(theirs.indptr)).pvalue > 1e-3


def test_distances_survive_as_well_as_with_sklearn():
    rng = np.random.default_rng(3)
    features = (rng.standard_normal((20, 300)) @ rng.standard_normal((300, 20_000))).astype(np.float32)
    ours = SparseProjection(20_000, 1000)(torch.from_numpy(features)).numpy()
    theirs = SparseRandomProjection(1000, random_state=0).fit_transform(features)

    def ratios(projected):
        pairs = np.triu_indices(20, 1)
        squares = [((values[:, None] - values[None]) ** 2).sum(axis=-1)[pairs] for values in (projected, features)]
        return squares[0] / squares[1]

    assert ratios(ours).mean() == pytest.approx(1, abs=0.05)
    assert ratios(ours).std() == pytest.approx(ratios(theirs).std(), rel=0.35)
