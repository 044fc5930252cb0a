"""Signal and noise covariances from data and noise covariances (GSN, step 2)."""

from __future__ import annotations

from dataclasses import dataclass

from menagerie.brain.gsn.space import Compressed, Space, nearest_psd

CONVERGED = 0.999
MAX_ITERATIONS = 100


@dataclass(frozen=True)
class Parts:
    """Positive semi-definite signal and noise covariances, and the rounds that they took."""

    signal: Compressed
    noise: Compressed
    n_iterations: int


def weights(n_images: int, trials: float) -> tuple[float, float]:
    """Weights of the noise estimate and of ``trials x (data - signal)`` in the noise update; they sum to 1.

    C images, t trials: ``C (t-1) t^2`` and ``C - 1``, each over ``C t^2 (t-1) + C - 1``.
    """
    own = n_images * trials**2 * (trials - 1.0)
    return own / (own + n_images - 1.0), (n_images - 1.0) / (own + n_images - 1.0)


def separate(space: Space, data: Compressed, noise: Compressed, n_images: int, trials: float) -> Parts:
    """Alternate between signal and noise until both are positive semi-definite and stand still.

    Where the first updated noise is positive semi-definite by itself, the pair is a fixed point and the loop ends at
    once: the update takes from the noise a multiple of the signal's negative part only, hence the next signal
    estimate has the same eigenvectors and the same positive part.
    """
    own, other = weights(n_images, trials)
    current, last = noise, None
    for iteration in range(1, MAX_ITERATIONS + 1):
        signal, _ = nearest_psd(data.plus(-1.0 / trials, current))
        current, changed = nearest_psd(noise.times(own).plus(other * trials, data.plus(-1.0, signal)))
        settled = (last is None and not changed) or (
            last is not None
            and space.correlation(last.signal, signal) > CONVERGED
            and space.correlation(last.noise, current) > CONVERGED
        )
        last = Parts(signal, current, iteration)
        if settled:
            break
    return last
