"""Signals of simulated voxels: random read-outs of the features planted in their region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from menagerie.errors import MenagerieError


def read_out(
    features: np.ndarray, rows: np.ndarray, known: np.ndarray, n_voxels: int, rng: np.random.Generator
) -> np.ndarray:
    """Noiseless responses of voxels to images, float32 ``(images, n_voxels)``, with mean 0 and SD 1 over the images.

    Each voxel reads out a Gaussian random combination of the features. Images without features get some, drawn with the
    covariance of the others'.

    Parameters
    ----------
    features
        ``(n, p)``.
    rows
        int ``(k,)``: rows of ``features`` of the images that have some.
    known
        bool ``(images,)``: which these are, ``k`` of them.
    n_voxels
        Voxels.
    rng
        Draws mixtures, then weights.
    """
    scaled = compact_features(features)
    values = np.empty((len(known), scaled.shape[1]), dtype=np.float32)
    values[known] = scaled[rows]
    # Random mixtures of the known images: Gaussian with the covariance of their features.
    mixture = rng.standard_normal((int((~known).sum()), len(scaled)), dtype=np.float32)
    values[~known] = mixture @ scaled / np.sqrt(len(scaled))
    weights = rng.standard_normal((scaled.shape[1], n_voxels), dtype=np.float32)
    return _standardise(values @ weights)


def noisy_session(signal: np.ndarray, amplitude: np.ndarray, drift: float, rng: np.random.Generator) -> np.ndarray:
    """Trials of one session, float32 ``(trials, v)``: signal plus noise of SD 1, on the session's own scale.

    Parameters
    ----------
    signal
        ``(trials, v)``, noiseless.
    amplitude
        ``(v,)`` scale of each voxel.
    drift
        SD of the offset and of the log gain of each voxel.
    rng
        Draws noise, then gains and offsets.
    """
    betas = signal + rng.standard_normal(signal.shape, dtype=np.float32)
    gain, offset = drift * rng.standard_normal((2, signal.shape[1]), dtype=np.float32)
    return betas * np.exp(gain) * amplitude + offset


def compact_features(features: np.ndarray) -> np.ndarray:
    """Centred features with at most as many columns as images, and the same inner products between images.

    A Gaussian random read-out is distributed alike for both, since it depends on these products only; so that a
    layer of 400,000 features needs no weights of that length. Single features are not scaled: their covariance is
    what makes the layer's RSM.

    Parameters
    ----------
    features
        ``(images, features)``.

    Returns
    -------
    float32 ``(images, min(features, images))``.
    """
    centred = np.asarray(features, dtype=np.float32)
    centred = centred - centred.mean(axis=0)
    if centred.shape[1] <= len(centred):
        return centred
    values, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    return (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)


def _standardise(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and SD 1; columns without variance are 0."""
    centred = values - values.mean(axis=0)
    sd = centred.std(axis=0)
    return centred / np.where(sd > 1e-7, sd, np.inf)


def check_planted(planted: Mapping[str, np.ndarray], regions: Iterable[str], n_images: int) -> None:
    """Refuse planted features that do not fit.

    Raises
    ------
    MenagerieError
        When a region has none, or they are not finite values of ``n_images`` images.
    """
    if lost := set(regions) - set(planted):
        raise MenagerieError(f"Twin: no features are planted for {', '.join(sorted(lost))}; give them for each region.")
    for region, features in planted.items():
        if np.ndim(features) != 2 or len(features) != n_images or not np.isfinite(features).all():
            raise MenagerieError(
                f"Twin, features planted in {region}: expected finite values of shape ({n_images}, features), "
                f"found shape {np.shape(features)}."
            )
