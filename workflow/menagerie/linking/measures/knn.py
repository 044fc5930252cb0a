"""Mutual nearest neighbours: share of each image's ten nearest images in the layer that are its nearest in the region.

What it asks: is the local neighbourhood the same, whatever happens to large distances? Neighbours by the RSMs (raw
features; responses). Invariant to whatever keeps the order of similarities of each image. 1 for equal neighbourhoods;
chance is 10 / (n - 1) for n images, so that scores of different numbers of images do not compare. Intervals are
conservative, 1.4 times as wide as they need be.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.arrays import host
from menagerie.linking.comparison import Comparison
from menagerie.linking.measures import Measure
from menagerie.linking.rsm import UndefinedError

K = 10


def neighbours(rsm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(n, n)`` bool: is an image (column) one of the :data:`K` nearest of another (row)? And ``(n,)``, the next one.

    Raises
    ------
    UndefinedError
        When there are too few images for a neighbour more.
    """
    n = len(rsm)
    if n < K + 3:
        raise UndefinedError(f"undefined: {n} images, where {K} neighbours need {K + 3}")
    distances = -np.array(rsm, dtype=np.float64)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")
    near = np.zeros((n, n), dtype=bool)
    np.put_along_axis(near, order[:, :K], True, axis=1)
    return near, order[:, K]


def _both(pair: Comparison, region: str, part: str) -> tuple[tuple, tuple]:
    layer = pair.once(("knn", part), lambda: neighbours(host(pair.layer_rsm(part))))
    return layer, pair.brain.once(("knn", region, part), lambda: neighbours(host(pair.brain.rsm(region, part))))


def compared(pair: Comparison, region: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """``(n, n)`` neighbourhoods of layer and region, so that their inner product is the score."""
    (a, _), (b, _) = _both(pair, region, part)
    return a / (len(a) * K), b.astype(np.float64)


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Mean overlap of the two neighbourhoods of an image."""
    (a, _), (b, _) = _both(pair, region, part)
    return float(np.count_nonzero(a & b) / (len(a) * K)), pair.brain.target.n_units(region)


def influence(pair: Comparison, region: str) -> np.ndarray:
    """``(n,)`` jackknife influence of each test image: without it, the next one is a neighbour of those it was near."""
    (a, next_a), (b, next_b) = _both(pair, region, "test")
    n, rows = len(a), np.arange(len(a))
    gained_a, gained_b = b[rows, next_a].astype(int), a[rows, next_b].astype(int)
    same = (next_a == next_b).astype(int)
    change = (a & ~b) * gained_a[:, None] + (b & ~a) * gained_b[:, None]
    change = change + (a & b) * (gained_a + gained_b + same - 1)[:, None]
    overlap = (a & b).sum(axis=1)
    without = (overlap.sum() - overlap + change.sum(axis=0)) / ((n - 1) * K)
    return (n - 1) * (without.mean() - without)


MEASURE = Measure(score, compared=compared, influence=influence)
