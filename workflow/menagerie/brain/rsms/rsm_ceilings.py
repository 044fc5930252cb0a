"""Noise ceilings of data with RSMs only: from the RSMs of other people, or from several sessions of one.

Ceilings are Pearson correlations of the strict upper triangles of RSMs, over the images of the test part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

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
    k = len(sessions)
    return float(np.sqrt(k * r / (1 + (k - 1) * r))) if r > 0 else float("nan")


def region_ceiling(
    subject: str, sessions: Mapping[str, Sequence[np.ndarray]], images: np.ndarray
) -> tuple[float | None, str]:
    """Noise ceiling of one subject's mean RSM in one region, and how it was found (or why there is none).

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
        ceiling, how = people_ceiling(means[subject], others, images), PEOPLE
    elif len(mine) > 1:
        ceiling, how = session_ceiling(mine, images), SESSIONS.format(count=len(mine))
    else:
        return None, "unknown: one RSM, no second measurement"
    return (ceiling, how) if np.isfinite(ceiling) else (None, "absent: the measurements do not agree above chance")
