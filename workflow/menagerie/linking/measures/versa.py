"""Voxel-encoding RSA: Pearson's correlation of the RSMs of predicted and of measured responses.

What it asks: are the same images alike once each unit has found its own weighting of the layer's features? Ridge
per unit from the standardised projection, fitted on training images. Invariant to rotation and one factor of the
features. 1 for a layer whose weighted sums have the region's geometry; for unrelated ones 0 on average on the test
part, which counts.
"""

from __future__ import annotations

from menagerie.linking.arrays import Array
from menagerie.linking.comparison import Comparison
from menagerie.linking.measures import RIDGE, Measure
from menagerie.linking.rsm import triangle


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Similarity of the predictions' RSM and the region's RSM."""
    similarity = float(triangle(pair.predicted_rsm(region, part)) @ pair.brain.triangle(region, part))
    return similarity, pair.brain.target.n_units(region)


def compared(pair: Comparison, region: str, part: str) -> tuple[Array, Array]:
    """The two RSMs."""
    return pair.predicted_rsm(region, part), pair.brain.rsm(region, part)


MEASURE = Measure(score, needs_units=True, settings=RIDGE, compared=compared)
