"""Noise-ceiling maps: from percent of the variance to ncsnr, which expressions and metrics speak of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from menagerie.brain.laion.layout import CEILING_MAPS
from menagerie.brain.remarks import Remark
from menagerie.errors import MenagerieError

# Some voxel of a brain at 7T has a ceiling far above this; the largest value of a map of ncsnr lies far below.
LEAST_MAXIMUM = 10.0


def ncsnr_of(percent: np.ndarray, name: str) -> np.ndarray:
    """float32 ``(voxels,)``: SD of the signal over SD of the noise of one trial.

    With f the share of the variance of mean responses that is signal, and m the mean of 1 / repeats over images,
    ``f = ncsnr^2 / (ncsnr^2 + m)`` (Allen et al. 2022, Methods; the dataset's documentation), so that
    ``ncsnr = sqrt(f m / (1 - f))``.

    Parameters
    ----------
    percent
        ``(voxels,)``: 100 f; NaN stays NaN, and 100 becomes NaN, since no finite ncsnr belongs to it.
    name
        Map that it comes from ("12rep", "4rep", "allrep"), which says what m is.
    """
    f = np.asarray(percent, dtype=np.float64) / 100
    f = np.where(f < 1, f, np.nan)
    return np.sqrt(f * CEILING_MAPS[name] / (1 - f)).astype(np.float32)


def check_percent(values: np.ndarray, path: Path) -> list[Remark]:
    """Refuse a map that does not hold percent; a remark where voxels have no finite ncsnr.

    Raises
    ------
    MenagerieError
        When values are below 0 or above 100, or none is above :data:`LEAST_MAXIMUM`, as in a map of shares or of ncsnr.
    """
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if low < 0 or high > 100 or (known.size and high <= LEAST_MAXIMUM):
        raise MenagerieError(
            f"LAION-fMRI noise-ceiling map {path}: found values from {low:g} to {high:g}, expected percent of the "
            f"variance (0 to 100, the largest above {LEAST_MAXIMUM:g}). A map of shares or of ncsnr is none: fetch the "
            "file again."
        )
    lost = int(np.count_nonzero(values == 100))
    text = f"{path}: {lost} voxels have a ceiling of 100 %, to which no finite ncsnr belongs; they count as unknown."
    return [Remark(text)] if lost else []
