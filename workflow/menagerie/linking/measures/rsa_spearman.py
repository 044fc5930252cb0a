"""Rank RSA: Spearman's correlation of the RSM of a layer's raw features and the region's RSM.

What it asks: as cRSA, but only whether the order of all pairs of images by similarity is the same. Invariant to any
monotone change of similarities, and robust to single large ones. 1 for the same order, 0 on average for unrelated RSMs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from menagerie.linking.arrays import host
from menagerie.linking.comparison import Comparison
from menagerie.linking.kernels import unit
from menagerie.linking.measures import Measure


def compared(pair: Comparison, region: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """``(n, n)`` centred ranks of the pairs of images, of norm 1, zero on the diagonal."""
    layer = pair.once(("rsa_spearman", part), lambda: ranked(host(pair.layer_rsm(part))))
    return layer, pair.brain.once(("rsa_spearman", region, part), lambda: ranked(host(pair.brain.rsm(region, part))))


def ranked(rsm: np.ndarray) -> np.ndarray:
    """Ranks of the similarities of an ``(n, n)`` RSM, ties shared, centred, of norm 1.

    Raises
    ------
    UndefinedError
        When all pairs are equally similar.
    """
    upper = np.triu(np.ones(rsm.shape, dtype=bool), 1)
    ranks = rankdata(rsm[upper])
    found = np.zeros(rsm.shape)
    found[upper] = ranks - ranks.mean()
    return unit(found + found.T, float(np.linalg.norm(ranks)))


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Correlation of the ranks."""
    a, b = compared(pair, region, part)
    return float((a * b).sum()), pair.brain.target.n_units(region)


def influence(pair: Comparison, region: str) -> np.ndarray:
    """``(n,)`` of each test image: what its pairs add by their own ranks, and by moving those of others."""
    a, b = compared(pair, region, "test")
    upper = np.triu(np.ones(a.shape, dtype=bool), 1)
    x, y = (np.sqrt(2) * matrix[upper] for matrix in (a, b))  # of norm 1
    moved_x, moved_y = _moved(x), _moved(y)
    pairs = x * y + moved_x(y) + moved_y(x)
    pairs -= (x @ y) / 2 * (x * x + 2 * moved_x(x) + y * y + 2 * moved_y(y))
    found = np.zeros(a.shape)
    found[upper] = pairs - pairs.mean()
    return len(a) * (found + found.T).sum(axis=1)


def _moved(x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """How much each pair adds to ``x @ y`` by raising the ranks in ``x`` of pairs above it by one, of ties by half."""
    order = np.argsort(x, kind="stable")
    starts = np.unique(x[order], return_index=True)[1]
    sizes = np.diff([*starts, len(x)])
    ranks = rankdata(x)
    step = 1 / np.linalg.norm(ranks - ranks.mean())

    def of(y: np.ndarray) -> np.ndarray:
        sums = np.add.reduceat(y[order], starts)
        found = np.empty(len(x))
        found[order] = np.repeat(sums[::-1].cumsum()[::-1] - sums / 2, sizes)
        return step * found

    return of


MEASURE = Measure(score, compared=compared, influence=influence)
