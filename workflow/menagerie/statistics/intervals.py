"""Bootstrap intervals of means and of rank correlations."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import stats

from menagerie.errors import MenagerieError

N_RESAMPLES = 1000
LEVEL = 0.95
# Up to here every resample is enumerated: 5^5 = 3,125.
MAX_EXACT = 5


def bootstrap_mean(
    values: np.ndarray, n_resamples: int = N_RESAMPLES, seed: int = 0, level: float = LEVEL
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean.

    Parameters
    ----------
    values
        ``(n,)``. Of five values or fewer all ``n^n`` resamples are taken, so the result is exact and needs no seed.
    n_resamples, seed
        Of the bootstrap.
    level
        Share of the resampled means inside.

    Raises
    ------
    MenagerieError
        When there is no value, or one that is not finite.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if not n or not np.isfinite(values).all():
        raise MenagerieError(f"Interval of a mean: {n} values, {int((~np.isfinite(values)).sum())} of them not finite.")
    if n <= MAX_EXACT:
        drawn = np.array(list(product(range(n), repeat=n)))
    else:
        drawn = np.random.default_rng(seed).integers(n, size=(n_resamples, n))
    low, high = np.quantile(values[drawn].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def without_subject_means(scores: np.ndarray) -> np.ndarray:
    """Scores minus their subject's mean plus the grand mean (Cousineau 2005, without Morey's factor).

    Parameters
    ----------
    scores
        ``(m, s)``: models by subjects.
    """
    scores = np.asarray(scores, dtype=float)
    return scores - scores.mean(axis=0) + scores.mean()


def spearman(
    x: np.ndarray, y: np.ndarray, n_resamples: int = N_RESAMPLES, seed: int = 0, level: float = LEVEL
) -> dict[str, float]:
    """Spearman correlation over models, its t approximation of p, and a percentile bootstrap interval over models.

    Returns
    -------
    dict
        ``estimate``, ``ci_low``, ``ci_high``, ``p``, ``n``, ``df``, and ``median`` of the resamples.

    Raises
    ------
    MenagerieError
        For fewer than four models, values that are not finite, or a constant.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) < 4 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise MenagerieError(f"Rank correlation: {len(x)} models, or values that are not finite; four are needed.")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise MenagerieError(f"Rank correlation of {len(x)} models: one of the two is constant.")
    result = stats.spearmanr(x, y)
    drawn = np.random.default_rng(seed).integers(len(x), size=(n_resamples, len(x)))
    samples = _row_correlation(stats.rankdata(x[drawn], axis=1), stats.rankdata(y[drawn], axis=1))
    low, median, high = np.nanquantile(samples, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return {
        "estimate": float(result.statistic),
        "ci_low": float(low),
        "ci_high": float(high),
        "p": float(result.pvalue),
        "n": len(x),
        "df": float(len(x) - 2),
        "median": float(median),
    }


def _row_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = (rows - rows.mean(axis=1, keepdims=True) for rows in (a, b))
    with np.errstate(invalid="ignore"):  # a resample of a single model has no correlation
        return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
