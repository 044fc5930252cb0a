"""Units whose noise is known and small enough to divide by."""

from __future__ import annotations

import numpy as np

from menagerie.linking.comparison import Comparison
from menagerie.linking.rsm import UndefinedError

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
