"""Procrustes similarity: how well the best rotation and scaling of the layer's features meets the region's responses.

What it asks: the cosine of the angular Procrustes distance, ``|X'Y|_* / (|X| |Y|)``, of the layer (its standardised
projection) and the region's responses, both centred over images. Invariant to rotation and to one factor; the distance
itself is a metric. 1 for equal geometry. Unrelated features score far above 0 when there are many of them and few
images: compare with p, or among layers, not with 0.
"""

from __future__ import annotations

import math

import numpy as np

from menagerie.linking.comparison import Comparison
from menagerie.linking.kernels import doubly_centred, nuclear, root_of
from menagerie.linking.measures import Measure
from menagerie.linking.rsm import UndefinedError


def compared(pair: Comparison, region: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """``(n, n)`` centred Gram matrix of the layer with a trace of 1, and an ``(n, r)`` root of that of the region."""
    layer = pair.once(("procrustes", part), lambda: _scaled(pair.layer_gram(part)))
    root = pair.brain.once(("procrustes", region, part), lambda: root_of(_scaled(pair.brain.gram(region, part))))
    return layer, root


def _scaled(gram: np.ndarray) -> np.ndarray:
    centred = doubly_centred(gram)
    power = float(np.trace(centred))
    if not power > 1e-10 * float(np.trace(gram)):
        raise UndefinedError("undefined: all images are alike")
    return centred / power


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Nuclear norm of the cross-covariance over the root of both variances."""
    return nuclear(*compared(pair, region, part)), pair.brain.target.n_units(region)


def influence(pair: Comparison, region: str) -> np.ndarray:
    """``(n,)`` of each test image, from the singular vectors of the cross-covariance."""
    layer, root = compared(pair, region, "test")
    values, vectors = np.linalg.eigh(root.T @ layer @ root)
    real = values > len(values) * np.finfo(float).eps * values[-1]
    vectors, values = vectors[:, real], np.sqrt(values[real])
    shares = np.einsum("ir,ir->i", layer @ (root @ vectors) / values, root @ vectors)
    total = math.fsum(values)
    own = (np.diag(layer) + np.square(root).sum(axis=1)) / 2
    return len(layer) * (shares - total * own)


MEASURE = Measure(score, needs_units=True, compared=compared, influence=influence)
