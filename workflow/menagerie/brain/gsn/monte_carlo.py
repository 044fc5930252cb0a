"""Draws from the fitted model: reliability of split halves, post-hoc scale, ceilings (GSN, steps 3 and 4).

All draws are made in the coordinates of the compressed space: a rotation of the units, under which the RSM stays
the same once every image is centred over units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from menagerie.brain.gsn.separate import Parts
from menagerie.brain.gsn.space import Compressed, Space
from menagerie.brain.gsn.trials import Trials
from menagerie.brain.rsms.agreement_errors import pair_influence, standard_error

# GSN's grid ends at 2; strong shrinkage (many units, few images) needs more, or the ceiling comes out too low.
SCALES = np.concatenate([np.linspace(0.0, 2.0, 21), np.geomspace(2.2, 20.0, 14)])


@dataclass(frozen=True)
class Model:
    """Mean ``(r,)`` and factors ``(r, k)`` of signal and noise, centred over units; float32.

    ``signal_rest`` and ``noise_rest`` are the SDs in each of ``n_rest`` dimensions outside the span.
    """

    mean: np.ndarray
    signal: np.ndarray
    noise: np.ndarray
    signal_rest: float
    noise_rest: float
    n_rest: int


def build_model(space: Space, mean: np.ndarray, parts: Parts) -> Model:
    """Model of responses that are centred over units, from the mean response ``(units,)`` and the covariances."""

    def centred(columns: np.ndarray) -> np.ndarray:
        return (columns - np.multiply.outer(space.ones, space.ones @ columns)).astype(np.float32)

    return Model(
        centred(space.coordinates(mean)),
        centred(parts.signal.factor),
        centred(parts.noise.factor),
        _sd(parts.signal),
        _sd(parts.noise),
        space.n_rest,
    )


def _sd(covariance: Compressed) -> float:
    return float(np.sqrt(covariance.rest))


def rsm_from_gram(gram: np.ndarray) -> np.ndarray:
    """RSM from the Gram matrix ``(n, n)`` of rows that are centred over units."""
    norm = 1.0 / np.sqrt(np.diag(gram))
    rsm = gram * norm[:, None]
    rsm *= norm
    return rsm


def rsm_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two float64 RSMs ``(n, n)`` over their pairs of different images.

    From sums over the whole matrix less the diagonal of ones: several times faster than picking a triangle.
    """
    n = len(a)
    pairs = n * (n - 1)
    sum_a, sum_b = float(a.sum()) - n, float(b.sum()) - n
    aa, bb, ab = (float(np.vdot(x, y)) - n for x, y in ((a, a), (b, b), (a, b)))
    return (ab - sum_a * sum_b / pairs) / float(np.sqrt((aa - sum_a**2 / pairs) * (bb - sum_b**2 / pairs)))


def data_reliability(trials: Trials, rng: np.random.Generator) -> tuple[float, float]:
    """Split-half reliability of the measured RSM: median over splits, and its standard error over images."""
    values, influence = [], None
    for count, halves in enumerate(trials.halves(rng), start=1):
        rsms = []
        for half in halves:
            half = (half - half.mean(axis=1, keepdims=True)).astype(np.float32)
            rsms.append(rsm_from_gram((half @ half.T).astype(np.float64)))
        values.append(rsm_correlation(*rsms))
        found = pair_influence(*rsms)
        influence = found if influence is None else influence + (found - influence) / count
    return float(np.median(values)), standard_error(influence)


def _draw(rng: np.random.Generator, factor: np.ndarray, rest: float, n_rest: int, n: int) -> np.ndarray:
    """Draws ``(n, r + n_rest)``: inside the span, then outside it."""
    inside = rng.standard_normal((n, factor.shape[1]), dtype=np.float32) @ factor.T
    return np.hstack([inside, np.float32(rest) * rng.standard_normal((n, n_rest), dtype=np.float32)])


def _signal_and_noises(
    model: Model, rng: np.random.Generator, n: int, deviation: float, how_many: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Draw a signal, and noises ``deviation x noise`` with the mean response added; each ``(n, r + n_rest)``."""
    signal = _draw(rng, model.signal, model.signal_rest, model.n_rest, n)
    noises = []
    for _ in range(how_many):
        noise = _draw(rng, model.noise, model.noise_rest, model.n_rest, n) * np.float32(deviation)
        noise[:, : model.mean.size] += model.mean
        noises.append(noise)
    return signal, noises


def _gram(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T).astype(np.float64)


def reliability_curve(model: Model, half: int, scales: np.ndarray, n: int, seed: np.random.SeedSequence) -> np.ndarray:
    """Split-half RSM reliability of one simulated experiment at every scale of the signal covariance ``(scales,)``.

    The same draws serve all scales: ``(x + sqrt(c) s)(x + sqrt(c) s)'`` needs three Gram matrices, whatever c.
    """
    signal, noises = _signal_and_noises(model, np.random.default_rng(seed), n, half**-0.5, 2)
    own = _gram(signal, signal)
    grams = [(_gram(x, x), _gram(signal, x)) for x in noises]
    curve = np.empty(len(scales))
    for i, scale in enumerate(scales):
        a, b = (rsm_from_gram(xx + np.sqrt(scale) * (sx + sx.T) + scale * own) for xx, sx in grams)
        curve[i] = rsm_correlation(a, b)
    return curve


def ceiling_sample(model: Model, scale: float, trials: float, n: int, seed: np.random.SeedSequence) -> float:
    """Correlation of the RSM of a noiseless draw with the RSM of the same draw plus noise averaged over trials."""
    signal, (noise,) = _signal_and_noises(model, np.random.default_rng(seed), n, trials**-0.5, 1)
    signal *= np.float32(np.sqrt(scale))
    noise += signal
    signal[:, : model.mean.size] += model.mean
    return rsm_correlation(rsm_from_gram(_gram(signal, signal)), rsm_from_gram(_gram(noise, noise)))


def ceiling_curve(model: Model, scales: np.ndarray, trials: float, n: int, seed: np.random.SeedSequence) -> np.ndarray:
    """:func:`ceiling_sample` of one draw at several scales of the signal covariance ``(scales,)``; 0 at scale 0."""
    signal, (noisy,) = _signal_and_noises(model, np.random.default_rng(seed), n, trials**-0.5, 1)
    own, both, noise = _gram(signal, signal), _gram(signal, noisy), _gram(noisy, noisy)
    centre = (signal[:, : model.mean.size] @ model.mean).astype(np.float64)
    centre, size = np.add.outer(centre, centre), float(model.mean @ model.mean)
    found = np.zeros(len(scales))
    for i in np.flatnonzero(np.asarray(scales) > 0):
        root = np.sqrt(scales[i])
        clean = rsm_from_gram(size + root * centre + scales[i] * own)
        found[i] = rsm_correlation(clean, rsm_from_gram(noise + root * (both + both.T) + scales[i] * own))
    return found


def match_scale(curve: np.ndarray, reliability: float, scales: np.ndarray = SCALES) -> float:
    """Scale at which the simulated reliability meets that of the data.

    GSN takes the nearest scale of the grid; we interpolate between neighbours, since a step of 0.1 alone can move a
    ceiling by 0.01. Below and above the grid, its ends.
    """
    return float(np.interp(reliability, np.maximum.accumulate(curve), scales))
