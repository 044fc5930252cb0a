"""Repeated presentations, also where images were shown unequally often: means, reliability, noise ceilings.

Repeats are ``(t, n, v)``: repeat, image, unit. A missing repeat is NaN in all units of that image.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from menagerie.brain.fold_ceilings import Found, uncertain
from menagerie.errors import MenagerieError

N_SIMULATIONS = 50


def mean_over_repeats(repeats: np.ndarray, where: str) -> np.ndarray:
    """Mean over the repeats that exist, float64 ``(n, v)``.

    Raises
    ------
    MenagerieError
        When an image lacks only some units in a repeat, or has no repeat at all; ``where`` opens the message.
    """
    refuse_partial(repeats, where)
    never = np.isnan(repeats[:, :, 0]).all(axis=0)
    if never.any():
        raise MenagerieError(
            f"{where}: {never.sum()} of {never.size} images have no responses at all "
            f"(first: image {np.flatnonzero(never)[0]}, counted from 0). Leave these images out."
        )
    return np.nanmean(repeats, axis=0, dtype=np.float64)


def count_repeats(repeats: np.ndarray) -> np.ndarray:
    """``(n,)`` how often each image was shown."""
    return np.count_nonzero(~np.isnan(repeats[:, :, 0]), axis=0)


def refuse_partial(repeats: np.ndarray, where: str, images: np.ndarray | None = None) -> None:
    """Raise where an image lacks only some units in a repeat; ``images`` are the numbers of a sample of images.

    Raises
    ------
    MenagerieError
        With the first such image; ``where`` opens the message.
    """
    missing = np.isnan(repeats)
    partly = missing.any(axis=2) & ~missing.all(axis=2)
    if partly.any():
        repeat, row = np.argwhere(partly)[0]
        unit = int(np.flatnonzero(missing[repeat, row])[0])
        raise MenagerieError(
            f"{where}: NaN in {missing[repeat, row].sum()} of {repeats.shape[2]} units at image "
            f"{row if images is None else images[row]}, repeat {repeat} (counted from 0); first unit {unit}. A repeat "
            "must be there for all units or for none. Drop these units, or set the whole repeat to NaN."
        )


def estimate_ncsnr(repeats: np.ndarray) -> np.ndarray:
    """Noise-ceiling signal-to-noise ratio of each unit, ``(v,)``; 0 where no signal is left.

    Noise variance: over the repeats of an image, pooled by degrees of freedom. Signal variance: that of the mean
    responses less the noise left in them, ``noise * mean(1 / t)`` (Allen et al. 2022, Nature Neuroscience 25, 116-126;
    there with equal ``t``).
    """
    counts = count_repeats(repeats)
    means = np.nanmean(repeats, axis=0, dtype=np.float64)
    squares = np.nansum((repeats - means) ** 2, axis=(0, 1))
    noise = squares / (counts - 1).sum()
    signal = means.var(axis=0, ddof=1) - noise * np.mean(1 / counts)
    return np.sqrt(np.divide(np.maximum(signal, 0.0), noise, out=np.zeros_like(noise), where=noise > 0))


def split_half_reliability(repeats: np.ndarray, *, n_splits: int = 20, seed: int = 0) -> np.ndarray:
    """Reliability of each unit's mean response, ``(v,)``: split-half r over images, stepped up by Spearman-Brown.

    Each image's repeats are halved at random; images with one repeat do not count. The r of halves is the mean over
    random splits.
    """
    rng = np.random.default_rng(seed)
    present = ~np.isnan(repeats[:, :, 0])
    several = present.sum(axis=0) > 1
    repeats, present = repeats[:, several], present[:, several]
    total = np.zeros(repeats.shape[2])
    for _ in range(n_splits):
        rank = np.where(present, rng.random(present.shape), np.inf).argsort(axis=0).argsort(axis=0)
        first = rank < present.sum(axis=0) // 2
        halves = [np.where(half[:, :, None], repeats, np.nan) for half in (first, present & ~first)]
        a, b = (np.nanmean(half, axis=0, dtype=np.float64) for half in halves)
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        scale = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
        total += np.divide((a * b).sum(axis=0), scale, out=np.zeros_like(scale), where=scale > 0)
    half = total / n_splits
    return 2 * half / (1 + half)


def measured_ceilings(
    repeats: np.ndarray, regions: Mapping[str, np.ndarray], train: np.ndarray, *, seed: int = 0
) -> Found:
    """Noise ceilings by GSN from the training images, which the reported scores do not use.

    Parameters
    ----------
    repeats
        ``(t, n, v)``.
    regions
        Region -> bool mask ``(v,)``.
    train
        Bool ``(n,)``.
    seed
        Seed of the simulations.

    Returns
    -------
    Found
        With the reason for each region that has no ceiling, and a remark where it is uncertain.
    """
    from menagerie.brain.ceilings import defined_ceilings  # here, because readers are imported while planning

    found, absent = defined_ceilings(repeats[:, train], regions, N_SIMULATIONS, seed)
    reasons = {f"ceiling_{region}": f"absent: {reason}" for region, reason in absent.items()}
    ceilings = {region: ceiling.median for region, ceiling in found.items()}
    intervals = {region: (ceiling.low, ceiling.high) for region, ceiling in found.items()}
    details = {"ceiling": "GSN (Kay et al. 2025) on the training images", **reasons}
    return Found(ceilings, intervals, details | uncertain(ceilings, intervals))
