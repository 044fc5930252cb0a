"""Z-scores of voxels over the trials of a session."""

from __future__ import annotations

import numpy as np


def zscore(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Z-scores of each voxel over the trials of its session, and which voxels have any variance.

    The SD is that of the population (divisor: the number of trials), as in the code of NSD's authors. Voxels without
    variance get 0 and False: they must be dropped by the caller.

    Parameters
    ----------
    raw
        int16 or float32 ``(trials, v)``, finite.

    Returns
    -------
    z
        float32 ``(trials, v)``.
    varies
        bool ``(v,)``.
    """
    varies = (raw != raw[0]).any(axis=0)
    values = raw.astype(np.float32)  # a copy; int16 is exact in float32
    values -= raw.mean(axis=0, dtype=np.float64).astype(np.float32)
    sd = np.sqrt(np.mean(np.square(values), axis=0, dtype=np.float64)).astype(np.float32)
    values /= np.where(varies, sd, 1)
    values[:, ~varies] = 0
    return values, varies
