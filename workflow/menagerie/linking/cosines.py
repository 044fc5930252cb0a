"""Measures that are a cosine: of two matrices over images, one of the layer and one of the region, each of norm 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from menagerie.linking.arrays import host
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.kernels import cosine_influence
from menagerie.linking.measures import Measure


def cosine_measure(
    name: str,
    of_layer: Callable[[Comparison, str], np.ndarray],
    of_region: Callable[[Brain, str, str], np.ndarray],
    scaled: Callable[[np.ndarray], np.ndarray],
    *,
    needs_units: bool = False,
) -> Measure:
    """A measure from the matrices that it compares.

    Parameters
    ----------
    name
        Of the measure; the region's matrix is kept under it for all layers.
    of_layer, of_region
        ``(pair, part)`` and ``(brain, region, part)`` -> ``(n, n)``.
    scaled
        Such a matrix -> the one whose entries are multiplied, of norm 1.
    needs_units
        Whether RSMs alone do not do.
    """

    def compared(pair: Comparison, region: str, part: str) -> tuple[np.ndarray, np.ndarray]:
        layer = pair.once((name, part), lambda: scaled(of_layer(pair, part)))
        return layer, pair.brain.once((name, region, part), lambda: scaled(of_region(pair.brain, region, part)))

    def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
        a, b = compared(pair, region, part)
        return float((a * b).sum()), pair.brain.target.n_units(region)

    def influence(pair: Comparison, region: str) -> np.ndarray:
        return cosine_influence(*compared(pair, region, "test"))

    return Measure(score, needs_units=needs_units, compared=compared, influence=influence)


def layer_rsm(pair: Comparison, part: str) -> np.ndarray:
    """RSM of the layer's raw features, on the host."""
    return host(pair.layer_rsm(part))


def region_rsm(brain: Brain, region: str, part: str) -> np.ndarray:
    """RSM of the region, on the host."""
    return host(brain.rsm(region, part))
