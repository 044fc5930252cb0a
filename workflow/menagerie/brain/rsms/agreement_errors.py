"""Standard error and interval of an agreement of RSMs, over images."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95
_MAX_R = 1 - 1e-9  # whose Fisher z is finite


def pair_influence(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What every pair of images adds to Pearson's r of two RSMs, to first order.

    Parameters
    ----------
    a, b
        ``(n, n)`` symmetric RSMs; their diagonals do not count.

    Returns
    -------
    ``(n, n)`` float64: ``x y - r (x^2 + y^2) / 2`` of the similarities x, y standardised over pairs; its mean over
    pairs and its diagonal are 0. All 0 where an RSM does not vary.
    """
    x, y = standardised(a), standardised(b)
    pairs = len(x) * (len(x) - 1)
    r = float(np.vdot(x, y)) / pairs
    return x * y - r / 2 * (x * x + y * y)


def standardised(rsm: np.ndarray) -> np.ndarray:
    """Mean 0 and SD 1 over pairs of different images; diagonal 0."""
    x = np.array(rsm, dtype=np.float64)
    pairs = len(x) * (len(x) - 1)
    np.fill_diagonal(x, 0.0)
    x -= x.sum() / pairs
    np.fill_diagonal(x, 0.0)
    spread = np.sqrt(np.vdot(x, x) / pairs)
    return x / spread if spread > 0 else np.zeros_like(x)


def standard_error(influence: np.ndarray) -> float:
    """Standard error over images of an agreement, or of a mean of several, from its :func:`pair_influence`.

    A mean over pairs of images is a U-statistic: pairs that share an image are correlated. Its variance is
    ``2 / (n (n - 1)) [2 (n - 2) c1 + c2]`` (Hoeffding 1948, Annals of Mathematical Statistics 19, 293-325, eq. 5.13),
    c2 the variance of an influence and c1 the covariance of two that share an image. Where images alone matter, c1 is
    estimated low by a share of ``1 / (n - 1) + 2 / n`` (3 / n). A jackknife or bootstrap counts c2 twice or more, which
    makes intervals of noisy RSMs too wide.

    Parameters
    ----------
    influence
        ``(n, n)``; of several agreements of the same images, their mean.

    Returns
    -------
    In units of r.
    """
    n = len(influence)
    energy = float(np.vdot(influence, influence)) / (n * (n - 1))
    # The rows' sums add up to 0, which takes one of their n degrees of freedom.
    rows = float(np.sum(influence.sum(axis=1) ** 2)) / ((n - 1) * (n - 1))
    shared = max((rows - energy) / (n - 2), 0.0)
    return float(np.sqrt(2 / (n * (n - 1)) * (2 * (n - 2) * shared + energy)))


def fisher_interval(r: float, error: float, n_images: int) -> tuple[float, float]:
    """95 % interval of a correlation with a standard error: symmetric in Fisher's z, Student's t with n - 1 degrees.

    Parameters
    ----------
    r, error
        The correlation and its standard error, Pearson r.
    n_images
        Images that it rests on.
    """
    r = float(np.clip(r, -_MAX_R, _MAX_R))
    reach = float(student.ppf((1 + LEVEL) / 2, n_images - 1)) * error / (1 - r**2)
    return float(np.tanh(np.arctanh(r) - reach)), float(np.tanh(np.arctanh(r) + reach))
