"""Whitened RSA: cosine of dissimilarities (1 - r) after whitening, since dissimilarities that share an image covary.

What it asks: as RSA by cosine, with the weights that are best where noise is the same for all images. Equals linear CKA
of patterns centred and scaled image by image. Invariant to one factor. 1 for equal ratios; unrelated RDMs score above
0: compare with p, or among layers.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.cosines import cosine_measure, layer_rsm, region_rsm
from menagerie.linking.kernels import doubly_centred, unit


def _unit(rsm: np.ndarray) -> np.ndarray:
    """``(n, n)`` doubly centred RSM, of norm 1."""
    return unit(doubly_centred(rsm), float(np.linalg.norm(rsm)))


MEASURE = cosine_measure("rsa_whitened", layer_rsm, region_rsm, _unit)
