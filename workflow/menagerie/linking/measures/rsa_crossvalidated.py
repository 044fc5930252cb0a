"""Cross-validated RSA: whitened cosine of a layer's distances and the region's, each repeat held against the others.

What it asks: whitened RSA on squared Euclidean distances, those of the region without the bias that noise adds to them:
products of patterns take two different repeats (leave-one-out; the whitened unbiased cosine). It needs single repeats.
Invariant to rotation and to one factor. 1 for equal distances and no noise, 0 on average for responses of pure noise; a
layer that is unrelated to the signal scores above 0: compare with p, or among layers. Intervals are conservative where
images are few and repeats noisy.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.comparison import Comparison
from menagerie.linking.kernels import cosine_influence, doubly_centred, unit
from menagerie.linking.measures import Measure
from menagerie.linking.rsm import UndefinedError


def crossvalidated_gram(repeats: np.ndarray) -> np.ndarray:
    """``(n, n)`` mean over pairs of different repeats of products of patterns.

    Parameters
    ----------
    repeats
        ``(t, n, v)`` single repeats by images and units; NaN where an image lacks a repeat.

    Raises
    ------
    UndefinedError
        When two images, or an image and itself, have no two different repeats.
    """
    there = np.isfinite(repeats).all(axis=2)
    centred = repeats.astype(np.float64)
    centred -= centred[there].mean(axis=0)
    centred[~there] = 0.0
    total, counts = centred.sum(axis=0), there.sum(axis=0, dtype=np.float64)
    products, pairs = total @ total.T, np.outer(counts, counts)
    for one, known in zip(centred, there.astype(np.float64), strict=True):
        products -= one @ one.T
        pairs -= np.outer(known, known)
    if not (pairs > 0).all():
        raise UndefinedError("undefined: images without two repeats cannot be cross-validated")
    return products / pairs


def _region(pair: Comparison, region: str, part: str) -> np.ndarray:
    target = pair.brain.target
    if target.repeats is None:
        raise UndefinedError("undefined: single repeats of the images are not known")
    gram = crossvalidated_gram(target.repeats[:, pair.brain.rows[part][1]][:, :, target.regions[region]])
    return unit(doubly_centred(gram), float(np.linalg.norm(gram)))


def _layer(gram: np.ndarray) -> np.ndarray:
    return unit(doubly_centred(gram), float(np.linalg.norm(gram)))


def compared(pair: Comparison, region: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """``(n, n)`` doubly centred Gram matrices, the region's cross-validated, of norm 1."""
    layer = pair.once(("rsa_crossvalidated", part), lambda: _layer(pair.layer_gram(part)))
    return layer, pair.brain.once(("rsa_crossvalidated", region, part), lambda: _region(pair, region, part))


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Whitened unbiased cosine."""
    a, b = compared(pair, region, part)
    return float((a * b).sum()), pair.brain.target.n_units(region)


def influence(pair: Comparison, region: str) -> np.ndarray:
    """``(n,)`` of each test image."""
    return cosine_influence(*compared(pair, region, "test"))


MEASURE = Measure(score, needs_units=True, needs_repeats=True, compared=compared, influence=influence)
