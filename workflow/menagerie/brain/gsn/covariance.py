"""Covariances that are shrunk towards their diagonal, kept as diagonal + low rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from menagerie.brain.gsn.trials import Trials
from menagerie.errors import MenagerieError

LEVELS = np.linspace(0.0, 1.0, 51)
HELD_OUT = 0.2


@dataclass(frozen=True)
class Shrunk:
    """``level * rows' rows / dof + (1 - level) * diag(variance)``: GSN's shrunken covariance.

    Attributes
    ----------
    rows
        float64 ``(n, units)``: centred observations.
    dof
        Degrees of freedom of the rows.
    level
        What is kept of the off-diagonal entries: 1 keeps the sample covariance, 0 its diagonal only.
    """

    rows: np.ndarray
    dof: int
    level: float

    @property
    def variance(self) -> np.ndarray:
        """Diagonal of the covariance ``(units,)``; shrinkage leaves it as it is."""
        return np.einsum("nv,nv->v", self.rows, self.rows) / self.dof

    @property
    def diagonal(self) -> np.ndarray:
        """Diagonal part ``(units,)`` beside the low-rank part."""
        return (1.0 - self.level) * self.variance

    def dense(self) -> np.ndarray:
        """The ``(units, units)`` matrix, for small cases."""
        return self.level * (self.rows.T @ self.rows) / self.dof + np.diag(self.diagonal)


def split_images(n_images: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images for training and the held-out fifth, as sorted positions."""
    order = rng.permutation(n_images)
    held = max(1, round(HELD_OUT * n_images))
    return np.sort(order[held:]), np.sort(order[:held])


def noise_covariance(
    trials: Trials, rng: np.random.Generator, levels: np.ndarray = LEVELS, by: str = "likelihood"
) -> Shrunk:
    """Covariance over trials within images, pooled over images by degrees of freedom, and shrunk (GSN, step 1).

    ``by`` "likelihood": the level is judged on the contrasts of the held-out images, whose covariance is the noise
    covariance itself (GSN's code takes the residuals, whose covariance is smaller by (t - 1) / t).
    ``by`` "moments": :func:`moment_level` of all images.
    """
    if by == "moments":
        rows = trials.contrasts()
        return Shrunk(rows, len(rows), moment_level(rows))
    repeated = np.flatnonzero(trials.counts > 1)
    train, held = (repeated[part] for part in split_images(repeated.size, rng))
    fitted = trials.contrasts(train)
    level = best_level(fitted, len(fitted), trials.contrasts(held), levels, "noise")
    rows = trials.contrasts()
    return Shrunk(rows, len(rows), level)


def moment_level(rows: np.ndarray) -> float:
    """Shrinkage level that keeps the energy (sum of squares) of the off-diagonal covariances right.

    The sample covariance C of n Gaussian rows overstates it: E tr(C^2) = (1 + 1/n) tr(N^2) + tr(N)^2 / n, and
    E C_vv^2 = (1 + 2/n) N_vv^2. The level is the root of the unbiased off-diagonal energy over the sample's own.
    """
    n = len(rows)
    gram = rows.T @ rows if rows.shape[1] <= n else rows @ rows.T
    variance = np.einsum("nv,nv->v", rows, rows) / n
    total, diagonal = float(np.vdot(gram, gram)) / n**2, float(variance @ variance)
    unbiased = n**2 / ((n - 1) * (n + 2)) * (total - variance.sum() ** 2 / n) - n / (n + 2) * diagonal
    return float(np.sqrt(np.clip(unbiased / (total - diagonal), 0.0, 1.0)))


def data_covariance(means: np.ndarray, rng: np.random.Generator, levels: np.ndarray = LEVELS) -> Shrunk:
    """Covariance over images of the trial means ``(images, units)``, shrunk (GSN, step 1)."""
    train, held = split_images(len(means), rng)
    centre = means[train].mean(axis=0)
    level = best_level(means[train] - centre, len(train) - 1, means[held] - centre, levels, "data")
    return Shrunk(means - means.mean(axis=0), len(means) - 1, level)


def best_level(train: np.ndarray, dof: int, held: np.ndarray, levels: np.ndarray, what: str) -> float:
    """Shrinkage level with the highest likelihood of held-out rows.

    Raises
    ------
    MenagerieError
        When a unit has no variance in the training rows.
    """
    if len(levels) == 1:
        return float(levels[0])
    return float(levels[np.argmin(negative_log_likelihood(train, dof, held, levels, what))])


def negative_log_likelihood(
    train: np.ndarray, dof: int, held: np.ndarray, levels: np.ndarray, what: str = "data"
) -> np.ndarray:
    """Mean negative log likelihood of held-out rows at each level, up to a constant ``(levels,)``.

    With units scaled to unit variance, the covariance is ``level R + (1 - level) I``, R the correlation matrix. So
    one eigendecomposition, of R or of the Gram matrix of the rows, whichever is smaller, serves all levels; exact.
    A singular covariance gives infinity.

    Raises
    ------
    MenagerieError
        When a unit has no variance in the training rows.
    """
    variance = np.einsum("nv,nv->v", train, train) / dof
    if (variance == 0).any():
        raise MenagerieError(
            f"Noise ceiling: unit {np.flatnonzero(variance == 0)[0]} has no {what} variance in four fifths of the "
            "images. Drop units that hardly ever respond."
        )
    scale = 1.0 / np.sqrt(variance)
    train, held = train * scale, held * scale
    values, projected = _project(train, dof, held)
    rest = np.maximum(np.einsum("nv,nv->n", held, held) - projected.sum(axis=1), 0.0).mean()
    n_rest = train.shape[1] - values.size
    energy = projected.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = levels[:, None] * values + (1.0 - levels[:, None])
        nll = (np.log(spread) + energy / spread).sum(axis=1)
        if n_rest:
            nll += n_rest * np.log1p(-levels) + rest / (1.0 - levels)
    return np.where(np.isfinite(nll), nll, np.inf)


def _project(train: np.ndarray, dof: int, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues ``(k,)`` of the training correlation matrix, and squared projections ``(held, k)`` on its vectors."""
    n, units = train.shape
    if units <= n:
        values, vectors = eigh(train.T @ train / dof)
        return values, (held @ vectors) ** 2
    values, vectors = eigh(train @ train.T / dof)
    kept = values > values[-1] * n * np.finfo(float).eps  # centring makes one of them zero
    values, vectors = values[kept], vectors[:, kept]
    return values, (held @ train.T @ vectors) ** 2 / (values * dof)
