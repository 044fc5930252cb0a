"""The metrics: how a layer's score for a region is computed. docs/add-a-metric.md adds one.

Their intervals and p are in :mod:`menagerie.linking.resampling`, so that a change there repeats no score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from menagerie.errors import unknown
from menagerie.linking.comparison import Comparison
from menagerie.linking.rsm import UndefinedError, triangle


@dataclass(frozen=True)
class Metric:
    """One way to score a layer.

    Attributes
    ----------
    score
        ``(pair, region, part)`` -> score, and the number of units that it rests on. Raises
        :class:`~menagerie.linking.rsm.UndefinedError` with the reason where there is no score.
    needs_units
        Whether responses of single units are needed; an RSM alone does not do.
    has_ceiling
        Whether the noise ceiling of the region's RSM is a ceiling for this score.
    unit_scores
        Whether the correlations of single units behind the score (``pair.unit_r``) are reported too.
    """

    score: Callable[[Comparison, str, str], tuple[float, int]]
    needs_units: bool = False
    has_ceiling: bool = True
    unit_scores: bool = False


def crsa(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Classical RSA: similarity of the layer's raw RSM and the region's RSM."""
    return float(pair.layer_triangle(part) @ pair.brain.triangle(region, part)), pair.brain.target.n_units(region)


def versa(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Voxel-encoding RSA: similarity of the predictions' RSM and the region's RSM."""
    similarity = float(triangle(pair.predicted_rsm(region, part)) @ pair.brain.triangle(region, part))
    return similarity, pair.brain.target.n_units(region)


def encoding_r(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Mean over units of the correlation of predicted and measured responses.

    Units whose correlation is not defined in this part are left out, which the number of units shows.

    Raises
    ------
    UndefinedError
        When no unit of the region is left.
    """
    units = pair.defined_units(region, part)
    if not units.size:
        raise UndefinedError("encoding_r undefined: no unit of the region varies over images")
    return float(pair.unit_r[part][units].mean()), int(units.size)


MIN_NC = 0.05
"""Units of which a smaller share of the variance can be explained are left out: dividing by it blows up their noise."""


def explainable_units(pair: Comparison, region: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Units of a region whose accuracy and noise ceiling are known and no less than :data:`MIN_NC`, and the ceilings.

    Raises
    ------
    UndefinedError
        When noise ceilings are unknown, or no unit is left.
    """
    ceilings = pair.brain.unit_ceilings[part]
    if ceilings is None:
        raise UndefinedError("undefined: the noise of single units is unknown (no repeats, or no ncsnr)")
    units = pair.defined_units(region, part)
    units = units[ceilings[units] >= MIN_NC]
    if not units.size:
        raise UndefinedError(f"undefined: no unit of the region has a noise ceiling of {MIN_NC} or more")
    return units, ceilings[units]


def encoding_nr(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Noise-normalised encoding: mean over units of ``r / sqrt(nc)``; a model that predicts the signal scores 1.

    ``nc`` is the explainable share of a unit's variance (Schoppe et al. 2016, doi 10.3389/fncom.2016.00010, CC_norm).

    Raises
    ------
    UndefinedError
        As :func:`explainable_units`.
    """
    units, ceilings = explainable_units(pair, region, part)
    return float((pair.unit_r[part][units] / np.sqrt(ceilings)).mean()), int(units.size)


def encoding_ev(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Explained variance: mean over units of ``r^2 / nc``, 0 where r is negative.

    Raises
    ------
    UndefinedError
        As :func:`explainable_units`.
    """
    units, ceilings = explainable_units(pair, region, part)
    return float((np.square(np.maximum(pair.unit_r[part][units], 0.0)) / ceilings).mean()), int(units.size)


METRICS: Mapping[str, Metric] = {
    "crsa": Metric(crsa),
    "versa": Metric(versa, needs_units=True),
    # The ceiling is one of RSMs; a mean over units is not on that scale.
    "encoding_r": Metric(encoding_r, needs_units=True, has_ceiling=False, unit_scores=True),
    "encoding_nr": Metric(encoding_nr, needs_units=True, has_ceiling=False),
    "encoding_ev": Metric(encoding_ev, needs_units=True, has_ceiling=False),
}


USUAL = ("crsa", "versa", "encoding_r")
"""What is scored by default: metrics that ask for no repeats of images."""


def check_metrics(metrics: Iterable[str]) -> None:
    """Refuse names that are no metric.

    Raises
    ------
    MenagerieError
        Naming the first, and the nearest metric.
    """
    for metric in metrics:
        if metric not in METRICS:
            raise unknown("metric", metric, METRICS)
