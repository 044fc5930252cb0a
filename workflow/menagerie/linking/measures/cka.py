"""Debiased linear CKA: alignment of the layer's and the region's centred Gram matrices over images.

What it asks: are the images that are far apart, and in which directions, the same in the layer (its standardised
projection) and in the region's responses? No fit. Invariant to rotation and to one factor for all features; not to
stretching of single features. 1 for equal geometry, 0 on average for unrelated features, where plain CKA is high as
soon as there are more features than images.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.comparison import Comparison
from menagerie.linking.kernels import cosine_influence, unbiased, unit
from menagerie.linking.measures import Measure


def compared(pair: Comparison, region: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """``(n, n)`` U-centred Gram matrices of layer and region, of norm 1."""
    layer = pair.once(("cka", part), lambda: _unit(pair.layer_gram(part)))
    return layer, pair.brain.once(("cka", region, part), lambda: _unit(pair.brain.gram(region, part)))


def _unit(gram: np.ndarray) -> np.ndarray:
    return unit(unbiased(gram), float(np.linalg.norm(gram)))


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Unbiased HSIC of layer and region over the root of their own."""
    a, b = compared(pair, region, part)
    return float((a * b).sum()), pair.brain.target.n_units(region)


def influence(pair: Comparison, region: str) -> np.ndarray:
    """``(n,)`` of each test image."""
    return cosine_influence(*compared(pair, region, "test"))


MEASURE = Measure(score, needs_units=True, compared=compared, influence=influence)
