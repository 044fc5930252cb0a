"""Noise ceilings of every fold: a ceiling rests on the images of one part, so each fold has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from menagerie.brain.folds import Fold

Found = tuple[dict[str, float], dict[str, str]]  # region -> ceiling; entries of provenance


def ceilings_by_fold(
    folds: Sequence[Fold], image_ids: Sequence[str], estimate: Callable[[Mapping[str, np.ndarray]], Found]
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Estimate the ceilings of every fold.

    Parameters
    ----------
    folds
        Of the subject.
    image_ids
        ``(n,)`` images that the subject has seen.
    estimate
        From part -> bool ``(n,)`` to ceilings and what provenance says of them.

    Returns
    -------
    ceilings, details
        Fold (:attr:`Fold.key`) -> region -> Pearson r; and the details of the first fold, with those of others, named
        by fold, where they differ.
    """
    ceilings, details = {}, {}
    for fold in folds:
        ceilings[fold.key], told = estimate(fold.masks(image_ids))
        if fold is folds[0]:
            details = dict(told)
        else:
            details |= {f"{name} of {fold.key}": text for name, text in told.items() if details.get(name) != text}
    return ceilings, details
