"""Noise-normalised encoding: mean over units of ``r / sqrt(nc)``.

What it asks: as encoding_r, in units of what noise allows: a model that predicts the signal of every unit scores 1,
on average; single scores may be higher, as ceilings are estimates. It needs repeats of images (or ncsnr); units
with a noise ceiling ``nc`` below .05 are left out.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.comparison import Comparison
from menagerie.linking.explainable import explainable_units
from menagerie.linking.measures import RIDGE, Measure


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Mean over units of ``r / sqrt(nc)``, with ``nc`` the explainable share of a unit's variance.

    Raises
    ------
    UndefinedError
        As :func:`~menagerie.linking.explainable.explainable_units`.
    """
    units, ceilings = explainable_units(pair, region, part)
    return float((pair.unit_r[part][units] / np.sqrt(ceilings)).mean()), int(units.size)


MEASURE = Measure(score, needs_units=True, settings=RIDGE)
