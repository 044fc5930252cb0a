"""RSA by cosine: cosine of the dissimilarities (1 - r) of a layer's raw features and those of the region.

What it asks: as cRSA, with the zero of dissimilarity kept: two images that are the same stay the same. Invariant to one
factor for all dissimilarities. 1 for equal ratios of dissimilarities; unrelated RDMs score far above 0, as all entries
are positive: compare with p, or among layers.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.cosines import cosine_measure, layer_rsm, region_rsm
from menagerie.linking.kernels import unit


def _unit(rsm: np.ndarray) -> np.ndarray:
    """``(n, n)`` dissimilarities, of norm 1."""
    rdm = 1 - rsm
    np.fill_diagonal(rdm, 0.0)
    return unit(rdm, float(len(rdm)))


MEASURE = cosine_measure("rsa_cosine", layer_rsm, region_rsm, _unit)
