"""Noise ceilings of data with RSMs only: from the RSMs of other people, or from several sessions of one.

Ceilings are Pearson correlations of the strict upper triangles of RSMs, over the images of the test part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from menagerie.brain.gsn.signal_test import ERROR_RATE
from menagerie.brain.rsms.agreement_errors import fisher_interval, pair_influence, standard_error, standardised

N_PERMUTATIONS = 999

PEOPLE = "lower bound: Pearson r of the subject's RSM with the mean of the others' RSMs, test-half pairs"
SESSIONS = (
    "Pearson r of a noiseless RSM with the mean of {count} sessions, from the mean r of pairs of sessions by the "
    "formula of Spearman and Brown, test-half pairs"
)


def rsm_agreement(a: np.ndarray, b: np.ndarray, images: np.ndarray) -> float:
    """Pearson r of two ``(n, n)`` RSMs' strict upper triangles over some images, a bool mask ``(n,)``."""
    rows, columns = np.triu_indices(np.count_nonzero(images), k=1)
    block = np.ix_(images, images)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(a[block][rows, columns], b[block][rows, columns])[0, 1])


def people_ceiling(mine: np.ndarray, others: Sequence[np.ndarray], images: np.ndarray) -> float:
    """Lower bound of the noise ceiling of one person's RSM: agreement with the mean RSM of the other people.

    Nili et al. (2014), PLoS Computational Biology 10, e1003553; there for the mean over subjects.
    """
    return rsm_agreement(mine, np.mean(others, axis=0), images)


def session_ceiling(sessions: Sequence[np.ndarray], images: np.ndarray) -> float:
    """Noise ceiling of the mean of a person's sessions: its correlation with an RSM without noise.

    The reliability of one session is the mean r of all pairs; Spearman and Brown give that of the mean of k sessions,
    ``k r / (1 + (k - 1) r)``; its square root is the correlation with the true RSM. NaN where r is not above 0.
    """
    r = float(np.mean([rsm_agreement(a, b, images) for a, b in combinations(sessions, 2)]))
    return stepped_up(r, len(sessions)) if r > 0 else float("nan")


def stepped_up(r: float, k: int) -> float:
    """Correlation of the mean of k sessions with the true RSM, from the mean r of two; 0 where r is not above 0."""
    return float(np.sqrt(k * r / (1 + (k - 1) * r))) if r > 0 else 0.0


def agreement_p(rsms: Sequence[np.ndarray], images: np.ndarray, seed: int = 0) -> float:
    """One-sided p of RSMs that have nothing in common: do they agree more than with images in another order?

    Mantel's test (1967, Cancer Research 27, 209-220): the images of every RSM but the first are permuted; the statistic
    is the sum over pairs of RSMs of their Pearson r. Exact in its error rate (Phipson & Smyth 2010).

    Parameters
    ----------
    rsms
        Two or more, ``(n, n)`` each.
    images
        Bool ``(n,)``: images to look at.
    seed
        Of the :data:`N_PERMUTATIONS` permutations.
    """
    block, rng = np.ix_(images, images), np.random.default_rng(seed)
    whole = [standardised(rsm[block]) for rsm in rsms]
    n = len(whole[0])
    agreements = np.empty(N_PERMUTATIONS + 1)
    for number in range(len(agreements)):
        orders = [rng.permutation(n) if number and place else np.arange(n) for place in range(len(whole))]
        total = np.sum([rsm[np.ix_(order, order)] for rsm, order in zip(whole, orders, strict=True)], axis=0)
        agreements[number] = np.vdot(total, total)  # the sum of squares of each stays the same
    slack = 1e-9 * agreements[0]  # sums in another order differ by rounding
    return float(np.mean(agreements >= agreements[0] - slack))


class RsmCeiling(NamedTuple):
    """Noise ceiling (Pearson r), ends of its 95 % interval, and how it was found or why there is none."""

    value: float | None
    interval: tuple[float, float] | None
    how: str


def region_ceiling(subject: str, sessions: Mapping[str, Sequence[np.ndarray]], images: np.ndarray) -> RsmCeiling:
    """Noise ceiling of one subject's mean RSM in one region, and how it was found (or why there is none).

    The interval is over images (:mod:`menagerie.brain.rsms.agreement_errors`). RSMs that have nothing in common give
    no ceiling, but in 5 % of cases (:func:`agreement_p`).

    Parameters
    ----------
    subject
        Whose.
    sessions
        Subject -> ``(n, n)`` RSMs of its sessions, over the same images; the other people are those beside ``subject``.
    images
        Bool ``(n,)``: images of the test part.
    """
    means = {name: np.mean(rsms, axis=0) for name, rsms in sessions.items()}
    others = [rsm for name, rsm in means.items() if name != subject]
    mine = sessions[subject]
    if others:
        compared, k, how = [means[subject], np.mean(others, axis=0)], 1, PEOPLE
        ceiling = people_ceiling(means[subject], others, images)
    elif len(mine) > 1:
        compared, k, how = list(mine), len(mine), SESSIONS.format(count=len(mine))
        ceiling = session_ceiling(mine, images)
    else:
        return RsmCeiling(None, None, "unknown: one RSM, no second measurement")
    if not np.isfinite(ceiling) or ceiling <= 0 or (p := agreement_p(compared, images)) > ERROR_RATE:
        found = f"p = {p:.3f}" if np.isfinite(ceiling) and ceiling > 0 else "r is not above 0"
        return RsmCeiling(None, None, f"absent: the measurements do not agree above chance ({found})")
    return RsmCeiling(ceiling, _interval(compared, images, k), how)


def _interval(rsms: Sequence[np.ndarray], images: np.ndarray, k: int) -> tuple[float, float]:
    """Ends of a ceiling's interval, from the mean agreement of RSMs: itself (k = 1), or stepped up to k sessions."""
    block = np.ix_(images, images)
    pairs = list(combinations([rsm[block] for rsm in rsms], 2))
    r = float(np.mean([rsm_agreement(a, b, np.ones(len(a), bool)) for a, b in pairs]))
    error = standard_error(np.mean([pair_influence(a, b) for a, b in pairs], axis=0))
    low, high = fisher_interval(r, error, int(np.count_nonzero(images)))
    return (max(low, 0.0), high) if k == 1 else (stepped_up(low, k), stepped_up(high, k))
