"""Classical RSA: Pearson's correlation of the RSM of a layer's raw features and the region's RSM.

What it asks: are the same images alike in the layer, as it is, and in the region? No fit. RSMs are Pearson's
correlations of patterns. Invariant to one factor and one offset for all features of an image; not to stretching of
single features. 1 for RSMs that agree up to factor and offset, 0 on average for unrelated ones.
"""

from __future__ import annotations

from menagerie.linking.arrays import Array
from menagerie.linking.comparison import Comparison
from menagerie.linking.measures import Measure


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Similarity of the layer's raw RSM and the region's RSM."""
    return float(pair.layer_triangle(part) @ pair.brain.triangle(region, part)), pair.brain.target.n_units(region)


def compared(pair: Comparison, region: str, part: str) -> tuple[Array, Array]:
    """The two RSMs."""
    return pair.layer_rsm(part), pair.brain.rsm(region, part)


MEASURE = Measure(score, compared=compared)
