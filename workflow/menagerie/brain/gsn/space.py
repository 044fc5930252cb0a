"""Covariances compressed to the span of the data, with the rest isotropic.

A shrunken covariance is ``U A U' + D``: low rank in the span of the data, plus a diagonal D. With W an orthonormal
basis of that span (and of the constant pattern), it is replaced by

    W core W' + rest (I - W W'),   core = W' C W,   rest = mean variance per dimension outside the span.

This is the orthogonal projection (Frobenius) on all matrices of that form. It keeps the trace, keeps positive
semi-definite matrices so, and leaves the low-rank part as it is: only D changes, by what couples the span with its
complement, and not at all when the rows span all units or D is constant. Sums, PSD projections and draws stay in
this form, so nothing of size units x units is ever built. Projection on PSD matrices never enlarges a Frobenius
distance, so the distance that :meth:`Space.loss` gives bounds the error of everything that follows in one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cholesky, eigh, qr

from menagerie.brain.gsn.covariance import Shrunk


@dataclass(frozen=True)
class Compressed:
    """``W core W' + rest (I - W W')``.

    Attributes
    ----------
    core
        float64 ``(r, r)``, symmetric.
    rest
        Variance in each of the ``n_rest`` dimensions outside the span.
    factor
        ``(r, k)`` with ``factor factor' = core``, where :func:`nearest_psd` made one.
    """

    core: np.ndarray
    rest: float
    n_rest: int
    factor: np.ndarray | None = None

    def plus(self, weight: float, other: Compressed) -> Compressed:
        """``self + weight * other``."""
        return Compressed(self.core + weight * other.core, self.rest + weight * other.rest, self.n_rest)

    def times(self, weight: float) -> Compressed:
        """``weight * self``."""
        return Compressed(weight * self.core, weight * self.rest, self.n_rest)

    def inner(self, other: Compressed) -> float:
        """Frobenius inner product of the two ``(units, units)`` matrices."""
        return float(np.vdot(self.core, other.core)) + self.n_rest * self.rest * other.rest


@dataclass(frozen=True)
class Space:
    """Orthonormal basis of the data's span.

    Attributes
    ----------
    basis
        float64 ``(units, r)``; None stands for the identity (the rows span all units).
    ones
        ``(r,)``: coordinates of the constant pattern, of norm 1. It always lies in the span.
    """

    basis: np.ndarray | None
    ones: np.ndarray
    n_units: int

    @property
    def n_rest(self) -> int:
        """Dimensions outside the span."""
        return self.n_units - self.ones.size

    def coordinates(self, rows: np.ndarray) -> np.ndarray:
        """Coordinates ``(n, r)`` of rows ``(n, units)``."""
        return rows if self.basis is None else rows @ self.basis

    def compress(self, covariance: Shrunk) -> tuple[Compressed, Compressed]:
        """A shrunken covariance whose rows lie in the span, compressed; and its diagonal part alone."""
        rows = self.coordinates(covariance.rows)
        diagonal = self.compress_diagonal(covariance.diagonal)
        low_rank = Compressed(rows.T @ rows, 0.0, self.n_rest)
        return diagonal.plus(covariance.level / covariance.dof, low_rank), diagonal

    def compress_diagonal(self, diagonal: np.ndarray) -> Compressed:
        """Compress a diagonal matrix of variances ``(units,)``."""
        if self.basis is None:
            return Compressed(np.diag(diagonal), 0.0, 0)
        scaled = np.sqrt(diagonal)[:, None] * self.basis
        core = scaled.T @ scaled  # a product with itself: BLAS does half of the work
        return Compressed(core, float(diagonal.sum() - np.trace(core)) / self.n_rest, self.n_rest)

    def loss(self, diagonal: np.ndarray, kept: Compressed) -> float:
        """Frobenius distance between a covariance and its compressed form, from its diagonal part before and after."""
        return 0.0 if self.basis is None else float(np.sqrt(max(diagonal @ diagonal - kept.inner(kept), 0.0)))

    def correlation(self, a: Compressed, b: Compressed) -> float:
        """Pearson correlation over all entries of two ``(units, units)`` matrices."""
        size = float(self.n_units) ** 2
        total_a, total_b = (self.n_units * float(self.ones @ x.core @ self.ones) for x in (a, b))
        cross = a.inner(b) - total_a * total_b / size
        spread = (a.inner(a) - total_a**2 / size) * (b.inner(b) - total_b**2 / size)
        return cross / float(np.sqrt(spread)) if spread > 0 else 0.0

    def dense(self, covariance: Compressed) -> np.ndarray:
        """The ``(units, units)`` matrix, for small cases."""
        if self.basis is None:
            return covariance.core
        inside = self.basis @ (covariance.core - covariance.rest * np.eye(self.ones.size)) @ self.basis.T
        return inside + covariance.rest * np.eye(self.n_units)


def span(means: np.ndarray, contrasts: np.ndarray) -> Space:
    """Space of the constant pattern, the trial means (not centred) and the noise contrasts.

    QR rather than an eigendecomposition: a third of the time, and orthonormal also where rows depend on each other.
    """
    n_units = means.shape[1]
    if 1 + len(means) + len(contrasts) >= n_units:
        return Space(None, np.full(n_units, n_units**-0.5), n_units)
    rows = np.concatenate([np.ones((1, n_units)), means, contrasts])
    basis, _ = qr(rows.T, mode="economic", overwrite_a=True, check_finite=False)
    return Space(basis, basis.T @ np.full(n_units, n_units**-0.5), n_units)


def nearest_psd(covariance: Compressed) -> tuple[Compressed, bool]:
    """Nearest positive semi-definite matrix in the Frobenius norm (Higham 1988), and whether it had to change.

    Negative eigenvalues are set to zero: those of the core, and the rest's.
    """
    core = (covariance.core + covariance.core.T) / 2.0
    rest = max(covariance.rest, 0.0)
    try:
        factor = cholesky(core, lower=True, check_finite=False)
        return Compressed(core, rest, covariance.n_rest, factor), rest != covariance.rest
    except LinAlgError:
        values, vectors = eigh(core, overwrite_a=True, check_finite=False)
    factor = vectors[:, values > 0] * np.sqrt(values[values > 0])
    return Compressed(factor @ factor.T, rest, covariance.n_rest, factor), True
