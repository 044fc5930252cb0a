"""Debiased linear CKA: alignment of the layer's and the region's centred Gram matrices over images.

What it asks: are the images that are far apart, and in which directions, the same in the layer (its standardised
projection) and in the region's responses? No fit. Invariant to rotation and to one factor for all features; not to
stretching of single features. 1 for equal geometry, 0 on average for unrelated features, where plain CKA is high as
soon as there are more features than images.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.cosines import cosine_measure
from menagerie.linking.kernels import unbiased, unit


def _unit(gram: np.ndarray) -> np.ndarray:
    """``(n, n)`` U-centred Gram matrix, of norm 1: products give the unbiased HSIC over the root of their own."""
    return unit(unbiased(gram), float(np.linalg.norm(gram)))


MEASURE = cosine_measure("cka", Comparison.layer_gram, Brain.gram, _unit, needs_units=True)
