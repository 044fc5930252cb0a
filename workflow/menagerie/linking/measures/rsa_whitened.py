"""Whitened RSA: cosine of dissimilarities (1 - r) after whitening, since dissimilarities that share an image covary.

What it asks: as RSA by cosine, with the weights that are best where noise is the same for all images. Equals linear CKA
of patterns centred and scaled image by image. Invariant to one factor. 1 for equal ratios; unrelated RDMs score above
0: compare with p, or among layers.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.arrays import host
from menagerie.linking.comparison import Comparison
from menagerie.linking.kernels import cosine_influence, doubly_centred, unit
from menagerie.linking.measures import Measure


def compared(pair: Comparison, region: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """``(n, n)`` doubly centred RSMs of layer and region, of norm 1."""
    layer = pair.once(("rsa_whitened", part), lambda: _unit(host(pair.layer_rsm(part))))
    return layer, pair.brain.once(("rsa_whitened", region, part), lambda: _unit(host(pair.brain.rsm(region, part))))


def _unit(rsm: np.ndarray) -> np.ndarray:
    return unit(doubly_centred(rsm), float(np.linalg.norm(rsm)))


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Whitened cosine over pairs of images."""
    a, b = compared(pair, region, part)
    return float((a * b).sum()), pair.brain.target.n_units(region)


def influence(pair: Comparison, region: str) -> np.ndarray:
    """``(n,)`` of each test image."""
    return cosine_influence(*compared(pair, region, "test"))


MEASURE = Measure(score, compared=compared, influence=influence)
