"""Encoding accuracy: correlation of predicted and measured responses, mean over units.

What it asks: how well do weighted sums of the layer's features predict each unit on images that it was not fitted
on? Ridge as for veRSA. 1 for responses without noise that are linear in the features, 0 on average for unrelated
ones. Noise lowers it, unit by unit (`encoding_nr` divides by that).
"""

from __future__ import annotations

from menagerie.linking.comparison import Comparison
from menagerie.linking.measures import RIDGE, Measure
from menagerie.linking.rsm import UndefinedError


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
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


MEASURE = Measure(score, needs_units=True, settings=RIDGE)
