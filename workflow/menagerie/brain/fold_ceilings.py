"""Noise ceilings of every fold: a ceiling rests on the images of one part, so each fold has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from menagerie.brain.folds import Fold

WIDE = 1.5
"""From this ratio of an interval's ends, squared, a ceiling is called uncertain: so far apart are shares explained."""


class Found(NamedTuple):
    """Region -> ceiling (Pearson r), region -> ends of its 95 % interval, and entries of provenance."""

    ceilings: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    details: dict[str, str]


def is_wide(low: float, high: float) -> bool:
    """Whether shares of explainable variance differ by the factor :data:`WIDE` between the ends of an interval."""
    return high**2 > WIDE * low**2


def uncertain(ceilings: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]) -> dict[str, str]:
    """Entries of provenance for regions whose interval is wide (:func:`is_wide`)."""
    return {
        f"ceiling_{region}": f"uncertain: {ceilings[region]:.2f}, 95 % interval {low:.2f} to {high:.2f}"
        for region, (low, high) in intervals.items()
        if is_wide(low, high)
    }


def ceilings_by_fold(
    folds: Sequence[Fold], image_ids: Sequence[str], estimate: Callable[[Mapping[str, np.ndarray]], Found]
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, tuple[float, float]]], dict[str, str]]:
    """Estimate the ceilings of every fold.

    Parameters
    ----------
    folds
        Of the subject.
    image_ids
        ``(n,)`` images that the subject has seen.
    estimate
        From part -> bool ``(n,)`` to ceilings, their intervals and what provenance says of them.

    Returns
    -------
    ceilings, intervals, details
        Fold (:attr:`Fold.key`) -> region -> Pearson r, and -> ends of the interval; and the details of the first fold,
        with those of others, named by fold, where they differ.
    """
    ceilings, intervals, details = {}, {}, {}
    for fold in folds:
        ceilings[fold.key], intervals[fold.key], told = estimate(fold.masks(image_ids))
        if fold is folds[0]:
            details = dict(told)
        else:
            details |= {f"{name} of {fold.key}": text for name, text in told.items() if details.get(name) != text}
    return ceilings, intervals, details
