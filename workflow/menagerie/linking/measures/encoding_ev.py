"""Explained variance: mean over units of ``r^2 / nc``, 0 where r is negative.

What it asks: as encoding_nr, as a share of the variance that can be explained. Units of no relation add a little
more than 0, since noise is squared. It needs repeats of images (or ncsnr).
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.comparison import Comparison
from menagerie.linking.explainable import explainable_units
from menagerie.linking.measures import RIDGE, Measure


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Mean over units of ``r^2 / nc``, with ``nc`` the explainable share of a unit's variance.

    Raises
    ------
    UndefinedError
        As :func:`~menagerie.linking.explainable.explainable_units`.
    """
    units, ceilings = explainable_units(pair, region, part)
    return float((np.square(np.maximum(pair.unit_r[part][units], 0.0)) / ceilings).mean()), int(units.size)


MEASURE = Measure(score, needs_units=True, settings=RIDGE)
