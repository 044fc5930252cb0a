"""GSN in plain numpy: every step as it is written, in full voxel space, float64.

For tests and benchmarks. It differs from the fast path only in keeping shrunken covariances whole (the fast path
compresses their diagonal part where units outnumber rows, see :mod:`menagerie.brain.gsn.space`) and in its own
random draws. Time grows with the cube of the number of units: a few hundred units at most.
"""

from __future__ import annotations

import numpy as np


def shrunken(covariance: np.ndarray, level: float) -> np.ndarray:
    """Covariance with its off-diagonal entries multiplied by ``level``."""
    return level * covariance + (1.0 - level) * np.diag(np.diag(covariance))


def within_image_covariance(responses: np.ndarray) -> np.ndarray:
    """Covariance over trials within images, averaged over images: ``(units, images, trials)`` without gaps."""
    return np.mean([np.cov(responses[:, i]) for i in range(responses.shape[1])], axis=0)


def negative_log_likelihood(covariance: np.ndarray, held: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Mean negative log likelihood of centred rows ``(n, units)``, up to a constant; infinite where singular."""
    result = np.full(len(levels), np.inf)
    for i, level in enumerate(levels):
        matrix = shrunken(covariance, level)
        if np.linalg.matrix_rank(matrix, hermitian=True) == len(matrix):
            energy = np.mean(np.sum(held * np.linalg.solve(matrix, held.T).T, axis=1))
            result[i] = np.linalg.slogdet(matrix)[1] + energy
    return result


def nearest_psd(matrix: np.ndarray) -> np.ndarray:
    """Nearest positive semi-definite matrix in the Frobenius norm (Higham 1988)."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T


def separate(data: np.ndarray, noise: np.ndarray, n_images: int, trials: float) -> tuple[np.ndarray, np.ndarray]:
    """Positive semi-definite signal and noise covariances, by alternation until both correlate above 0.999."""
    common = n_images * trials**2 * (trials - 1) + n_images - 1
    own, other = n_images * (trials - 1) * trials**2 / common, (n_images - 1) / common
    old_signal, old_noise = data - noise / trials, noise
    while True:
        new_signal = nearest_psd(data - old_noise / trials)
        new_noise = nearest_psd(own * noise + other * trials * (data - new_signal))
        pairs = ((old_signal, new_signal), (old_noise, new_noise))
        if all(np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.999 for a, b in pairs):
            return new_signal, new_noise
        old_signal, old_noise = new_signal, new_noise


def rsm_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of the RSMs of two response matrices ``(images, units)``."""
    upper = np.triu_indices(len(a), 1)
    return float(np.corrcoef(np.corrcoef(a)[upper], np.corrcoef(b)[upper])[0, 1])


def _draws(mean: np.ndarray, covariance: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return mean + rng.standard_normal((n, len(mean))) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T


def ceiling_samples(
    mean: np.ndarray,
    signal: np.ndarray,
    noise: np.ndarray,
    trials: float,
    n_images: int,
    n_simulations: int,
    seed: int,
) -> np.ndarray:
    """RSM of a noiseless draw against RSM of the draw plus averaged noise ``(n_simulations,)``.

    With the covariances that made the data this is the true ceiling, by brute force.
    """
    rng = np.random.default_rng(seed)
    samples = np.empty(n_simulations)
    for i in range(n_simulations):
        clean = _draws(mean, signal, n_images, rng)
        samples[i] = rsm_correlation(clean, clean + _draws(0.0 * mean, noise / trials, n_images, rng))
    return samples


def reliability_samples(
    mean: np.ndarray, signal: np.ndarray, noise: np.ndarray, half: int, n_images: int, n_simulations: int, seed: int
) -> np.ndarray:
    """Split-half RSM reliability of simulated experiments with ``half`` trials a half ``(n_simulations,)``."""
    rng = np.random.default_rng(seed)
    samples = np.empty(n_simulations)
    for i in range(n_simulations):
        clean = _draws(mean, signal, n_images, rng)
        a, b = (clean + _draws(0.0 * mean, noise / half, n_images, rng) for _ in range(2))
        samples[i] = rsm_correlation(a, b)
    return samples
