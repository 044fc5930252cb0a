"""Do two groups of people order the same things alike? Rank correlation of level means, tested by permutation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

N_PERMUTATIONS = 9999  # scipy takes every permutation where there are fewer: up to seven levels
LEAST = 4
"""Levels that an order needs: of three, the same order still has p = 1/6."""
TIE = 1e-12  # correlations that differ by rounding alone
FORMULA = "Spearman over levels"


def order(one: pd.Series, other: pd.Series, seed: int = 0) -> dict[str, float | str]:
    """Spearman correlation of two series of level means, over the levels that both have.

    Parameters
    ----------
    one, other
        Mean scores by level.
    seed
        Of the permutations.

    Returns
    -------
    dict
        ``estimate``, ``n`` levels, ``p`` (one-sided: orders as much alike), ``p_opposite`` (orders as little), and the
        interval ``ci_low``, ``ci_high`` of Bonett and Wright (2000, Psychometrika 65, eq. 4), which takes levels for a
        sample. A ``note`` in place of what there is not.
    """
    both = pd.concat([one, other], axis=1, join="inner").dropna()
    found: dict[str, float | str] = {"n": len(both), "formula": FORMULA}
    if len(both) < LEAST:
        return found | {"note": f"{len(both)} levels in common; an order needs {LEAST}"}
    x, y = stats.rankdata(both.to_numpy(), axis=0).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return found | {"note": "every level has the same score, so there is no order"}
    test = stats.permutation_test(
        (x,),
        lambda drawn, axis: _correlation(drawn, y, axis),
        permutation_type="pairings",
        alternative="greater",
        vectorized=True,
        n_resamples=N_PERMUTATIONS,
        rng=seed,
    )
    r, null = float(test.statistic), test.null_distribution
    low, high = spearman_interval(r, len(both))
    drawn = len(null) == N_PERMUTATIONS  # not every permutation: the observed one is counted with them
    opposite = (np.sum(null <= r + TIE) + drawn) / (len(null) + drawn)
    return found | {"estimate": r, "ci_low": low, "ci_high": high, "p": float(test.pvalue), "p_opposite": opposite}


def spearman_interval(r: float, n: int) -> tuple[float, float]:
    """95 % interval of a rank correlation of ``n`` pairs (Bonett and Wright 2000, eq. 4); a point at +-1."""
    if abs(r) >= 1 - 1e-12:
        return float(np.sign(r)), float(np.sign(r))
    half = stats.norm.ppf(0.975) * np.sqrt((1 + r * r / 2) / (n - 3))
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    return float(low), float(high)


def _correlation(drawn: np.ndarray, ranks: np.ndarray, axis: int) -> np.ndarray:
    drawn = drawn - drawn.mean(axis=axis, keepdims=True)
    fixed = ranks - ranks.mean()
    return (drawn * fixed).sum(axis=axis) / np.sqrt((drawn**2).sum(axis=axis) * (fixed**2).sum())
