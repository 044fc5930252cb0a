"""Interval of a noise ceiling: sampling of the images and trials, and the shape of the signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from menagerie.brain.gsn.monte_carlo import SCALES, Model, build_model, ceiling_curve, match_scale, reliability_curve
from menagerie.brain.gsn.separate import Parts
from menagerie.brain.gsn.space import Space
from menagerie.brain.rsms.agreement_errors import fisher_interval

N_SIMULATIONS = 10
_STEPS = 60  # halvings of the range of the threshold
_MEDIAN = np.sqrt(np.pi / 2)  # SE of a median over that of a mean


@dataclass(frozen=True)
class Fit:
    """A fitted model, and what it was matched to.

    Attributes
    ----------
    space, mean, parts, model
        Where the data lie, their mean response ``(units,)``, the covariances, and the model of these.
    trace
        Sum over units of the signal variance, estimated without bias: may be below 0.
    trials, half
        Trials that the ceiling is for, and trials in a split half.
    reliability, error
        Split-half RSM reliability of the data, and its standard error over images.
    curves
        ``(simulations, scales)`` reliabilities of simulated experiments.
    scale, median
        Scale of the signal, and the ceiling.
    n_images, n_simulated
        Images of the data, and of a simulation.
    curve_seeds, ceiling_seeds
        Of simulated experiments, and of the samples of the ceiling.
    """

    space: Space
    mean: np.ndarray
    parts: Parts
    model: Model
    trace: float
    trials: float
    half: int
    reliability: float
    error: float
    curves: np.ndarray
    scale: float
    median: float
    n_images: int
    n_simulated: int
    curve_seeds: Sequence[np.random.SeedSequence]
    ceiling_seeds: Sequence[np.random.SeedSequence]


def ceiling_interval(fit: Fit) -> tuple[float, float]:
    """95 % interval of the ceiling.

    The ceiling follows the measured reliability, so its interval is that of the reliability (standard error over
    images, and that of the simulated reliabilities it is matched to), carried through the model. Where the fitted
    signal has more variance than the data's own, unbiased estimate, its small dimensions are noise that a positive
    semi-definite matrix cannot cancel, and the ceiling may be too high: the interval then spans that of a second
    model, whose signal lost them (:func:`thinned`). The scale cannot make up for it: it raises all dimensions alike.

    Parameters
    ----------
    fit
        The fitted model.

    Returns
    -------
    low, high
        Pearson r, from 0 to 1; the ceiling lies between.
    """
    ends = fisher_interval(fit.reliability, np.hypot(fit.error, _simulation_error(fit)), fit.n_images)
    seeds = fit.ceiling_seeds[:N_SIMULATIONS]
    few = fit.curves[:N_SIMULATIONS]
    here = _ceilings(fit, fit.model, [fit.scale], seeds)[0]
    low, high = _reached(fit, fit.model, np.median(fit.curves, axis=0), ends, seeds)
    found = [low, here, high]
    if (second := thinned(fit)) is not None:
        curves = [reliability_curve(second, fit.half, SCALES, fit.n_simulated, s) for s in _few(fit.curve_seeds)]
        # Both models met the same draws: what these draws have too much or too little falls out of the difference.
        drift = here - _reached(fit, fit.model, np.median(few, axis=0), [fit.reliability], seeds)[0]
        found += [x + drift for x in _reached(fit, second, np.median(curves, axis=0), ends, seeds)]
    shift = fit.median - here
    low, high = (float(np.clip(end + shift, 0.0, 1.0)) for end in (min(found), max(found)))
    # A reliability that no signal at all would show leaves the ceiling without a lower bound.
    return (0.0 if ends[0] <= np.median(fit.curves[:, 0]) else low), high


def _few(seeds: Sequence[np.random.SeedSequence]) -> Sequence[np.random.SeedSequence]:
    return seeds[:N_SIMULATIONS]


def _simulation_error(fit: Fit) -> float:
    """Standard error of the simulated reliability at the chosen scale, a median over simulations."""
    spread = float(np.interp(fit.scale, SCALES, fit.curves.std(axis=0)))
    return _MEDIAN * spread / np.sqrt(len(fit.curves))


def _reached(
    fit: Fit, model: Model, curve: np.ndarray, reliabilities: Sequence[float], seeds: Sequence[np.random.SeedSequence]
) -> list[float]:
    """Ceilings of a model at reliabilities: 0 where no signal reaches so little, 1 where the grid ends below."""
    found = _ceilings(fit, model, [match_scale(curve, r) for r in reliabilities], seeds)
    return [1.0 if r > curve.max() else x for r, x in zip(reliabilities, found, strict=True)]


def _ceilings(fit: Fit, model: Model, scales: Sequence[float], seeds: Sequence[np.random.SeedSequence]) -> list[float]:
    scales = np.asarray(scales)
    found = [ceiling_curve(model, scales, fit.trials, fit.n_simulated, seed) for seed in seeds]
    return np.mean(found, axis=0).tolist()


def thinned(fit: Fit) -> Model | None:
    """The model whose signal has the variance of the data's own estimate at the same reliability.

    Eigenvalues of the signal are lowered by one threshold, those below it set to 0. A scale keeps the reliability to
    second order, ``tr(S^2) / tr((S + N / half)^2)`` of signal S and noise N; the threshold is found by bisection.

    Returns
    -------
    None where the signal has no more variance than the data's.
    """
    values, vectors = _spectrum(fit.parts.signal.factor)
    noise = np.sum((vectors.T @ fit.parts.noise.factor) ** 2, axis=1)
    energy = fit.parts.noise.inner(fit.parts.noise)
    signal_rest, noise_rest, n_rest = fit.parts.signal.rest, fit.parts.noise.rest, fit.parts.signal.n_rest
    values, noise = np.append(values, signal_rest), np.append(noise, noise_rest)
    weights = np.append(np.ones(len(values) - 1), n_rest)

    def products(threshold: float) -> tuple[float, float, float]:
        """Traces of S, S^2 and S N."""
        kept = np.maximum(values - threshold, 0.0) * weights
        return float(kept.sum()), float(kept @ np.maximum(values - threshold, 0.0)), float(kept @ noise)

    _, square, cross = products(0.0)
    own = fit.scale**2 * square
    reliability = own / (own + 2 * fit.scale * cross / fit.half + energy / fit.half**2)

    def trace(threshold: float) -> float:
        total, square, cross = products(threshold)
        b, a = reliability * cross / fit.half, (1 - reliability) * square
        return total * (b + np.sqrt(b * b + a * reliability * energy / fit.half**2)) / a

    low, high = 0.0, 0.95 * float(values[:-1].max())
    if trace(low) <= max(fit.trace, 0.0):
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if trace(middle) > fit.trace else (low, middle)
    lowered = np.maximum(values - high, 0.0)
    signal = replace(fit.parts.signal, factor=vectors * np.sqrt(lowered[:-1]), rest=float(lowered[-1]))
    return build_model(fit.space, fit.mean, replace(fit.parts, signal=signal))


def _spectrum(factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues above 0 and eigenvectors ``(r, k)`` of ``factor factor'``."""
    if np.triu(factor, 1).any():  # no Cholesky factor: its columns are eigenvectors already
        values = np.sum(factor**2, axis=0)
        return values, factor / np.sqrt(values)
    values, vectors = np.linalg.eigh(factor @ factor.T)
    kept = values > values[-1] * len(values) * np.finfo(float).eps
    return values[kept], vectors[:, kept]
