"""The metrics: how a layer's score for a region is computed. docs/add-a-metric.md adds one.

Their intervals and p are in :mod:`menagerie.linking.resampling`, so that a change there repeats no score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

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


METRICS: Mapping[str, Metric] = {
    "crsa": Metric(crsa),
    "versa": Metric(versa, needs_units=True),
    # The ceiling is one of RSMs; a mean over units is not on that scale.
    "encoding_r": Metric(encoding_r, needs_units=True, has_ceiling=False, unit_scores=True),
}


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
