"""RSA by cosine: cosine of the dissimilarities (1 - r) of a layer's raw features and those of the region.

What it asks: as cRSA, with the zero of dissimilarity kept: two images that are the same stay the same. Invariant to one
factor for all dissimilarities. 1 for equal ratios of dissimilarities; unrelated RDMs score far above 0, as all entries
are positive: compare with p, or among layers.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.arrays import host
from menagerie.linking.comparison import Comparison
from menagerie.linking.kernels import cosine_influence, unit
from menagerie.linking.measures import Measure


def compared(pair: Comparison, region: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """``(n, n)`` dissimilarities of layer and region, of norm 1."""
    layer = pair.once(("rsa_cosine", part), lambda: _unit(host(pair.layer_rsm(part))))
    return layer, pair.brain.once(("rsa_cosine", region, part), lambda: _unit(host(pair.brain.rsm(region, part))))


def _unit(rsm: np.ndarray) -> np.ndarray:
    rdm = 1 - rsm
    np.fill_diagonal(rdm, 0.0)
    return unit(rdm, float(len(rdm)))


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Cosine over pairs of images."""
    a, b = compared(pair, region, part)
    return float((a * b).sum()), pair.brain.target.n_units(region)


def influence(pair: Comparison, region: str) -> np.ndarray:
    """``(n,)`` of each test image."""
    return cosine_influence(*compared(pair, region, "test"))


MEASURE = Measure(score, compared=compared, influence=influence)
