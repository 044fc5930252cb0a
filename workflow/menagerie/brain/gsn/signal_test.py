"""Is there any signal: a permutation test of images within repeats, exact in its error rate."""

from __future__ import annotations

import numpy as np

ERROR_RATE = 0.05
N_PERMUTATIONS = 999
_BLOCK = 1024  # images of one repeat whose similarities to all of another are held at a time


def signal_p(responses: np.ndarray, rng: np.random.Generator, n_permutations: int = N_PERMUTATIONS) -> float:
    """One-sided p of responses without signal: do patterns of an image agree across repeats, more than others?

    The statistic is the mean Pearson r, over units, of the patterns of an image in two repeats, over images and pairs
    of repeats, each repeat's mean pattern taken off first. Without signal, the images of a repeat may be permuted
    among themselves, every repeat on its own: p is at most any level as often as it says (Phipson & Smyth 2010,
    Statistical Applications in Genetics and Molecular Biology 9, 39). Noise may be correlated and unequal between
    units, and differ between repeats. Correlation leaves out how strong a pattern is, as an RSM does, so that images
    with more noise than others hardly matter.

    Parameters
    ----------
    responses
        ``(units, images, trials)``, checked; a missing trial is NaN in every unit.
    rng
        Of the permutations.
    n_permutations
        How many; p is a multiple of ``1 / (n_permutations + 1)``.
    """
    n_images, n_trials = responses.shape[1:]
    present = ~np.isnan(responses[0])
    patterns = [_patterns(responses[:, :, k], present[:, k]) for k in range(n_trials)]
    orders = [_orders(present[:, k], rng, n_permutations if k else 0, n_permutations + 1) for k in range(n_trials)]
    totals = np.zeros(n_permutations + 1)
    for second in range(1, n_trials):
        for first in range(second):
            partners = np.take_along_axis(orders[second], np.argsort(orders[first], axis=1), axis=1)
            for start in range(0, n_images, _BLOCK):
                rows = slice(start, min(start + _BLOCK, n_images))
                similarity = patterns[first][rows] @ patterns[second].T
                totals += similarity[np.arange(len(similarity)), partners[:, rows]].sum(axis=1, dtype=np.float64)
    return float(np.mean(totals >= totals[0]))  # the first is the order as measured


def _patterns(trial: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Float32 ``(images, units)`` of one repeat ``(units, images)``: centred both ways, norm 1; 0 where missing."""
    rows = np.zeros(trial.shape[::-1], np.float32)
    rows[present] = trial[:, present].T
    rows[present] -= rows[present].mean(axis=0, dtype=np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("nv,nv->n", rows, rows))[:, None]
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


def _orders(present: np.ndarray, rng: np.random.Generator, n_permutations: int, n_rows: int) -> np.ndarray:
    """Int32 ``(n_rows, images)``: orders of the images, the first as it is; missing images keep their place."""
    orders = np.tile(np.arange(len(present), dtype=np.int32), (n_rows, 1))
    if n_permutations:
        there = np.flatnonzero(present).astype(np.int32)
        orders[1:, there] = rng.permuted(np.tile(there, (n_permutations, 1)), axis=1)
    return orders
