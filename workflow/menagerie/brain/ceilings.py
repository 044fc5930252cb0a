"""Noise ceilings of RSMs: how well a perfect model could do, given the noise in the measured responses.

The method is GSN (Kay et al. 2025, doi 10.1371/journal.pcbi.1012092); ``docs/noise-ceilings.md`` tells it in full.
Estimate on images that the main analysis does not use.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa

from menagerie.brain.fold_ceilings import uncertain
from menagerie.brain.gsn.covariance import LEVELS, Shrunk, data_covariance, noise_covariance
from menagerie.brain.gsn.monte_carlo import (
    SCALES,
    build_model,
    ceiling_sample,
    data_reliability,
    match_scale,
    reliability_curve,
)
from menagerie.brain.gsn.separate import separate
from menagerie.brain.gsn.signal_test import ERROR_RATE, signal_p
from menagerie.brain.gsn.space import Compressed, span
from menagerie.brain.gsn.trials import MIN_IMAGES, check_trials
from menagerie.brain.gsn.uncertainty import Fit, ceiling_interval
from menagerie.errors import MenagerieError, unknown
from menagerie.files.columns import REAL, REGION, WHO, WHOLE, column
from menagerie.files.tables import read_provenance, read_table, write_table

MAX_SIMULATED_IMAGES = 500
SCALE_SIMULATIONS = 20
CEILINGS = pa.schema(
    [
        *WHO[:2],
        REGION,
        column("simulation", WHOLE, meaning="Monte Carlo run, from 0"),
        column(
            "ceiling",
            REAL,
            meaning="noise ceiling of the RSM in that run; the ceiling is their median",
            unit="Pearson r",
        ),
        *(
            column(f"ceiling_{end}", REAL, meaning=f"{word} end of the 95 % interval of the ceiling", unit="Pearson r")
            for end, word in (("low", "lower"), ("high", "upper"))
        ),
    ]
)
NOISE_SHRINKAGE = ("moments", "likelihood")


@dataclass(frozen=True)
class NoiseCeiling:
    """Noise ceiling of one set of units.

    Attributes
    ----------
    median
        The ceiling (Pearson r): median of the samples.
    low, high
        95 % interval of the ceiling, over images and trials (:func:`menagerie.brain.gsn.uncertainty.ceiling_interval`).
    p_signal
        p of responses without signal (:func:`menagerie.brain.gsn.signal_test.signal_p`); at most .05.
    samples
        ``(n_simulations,)`` ceilings, one per simulation.
    ncsnr
        ``(units,)`` SD of the signal over SD of the noise of a single trial, per unit; 0 where no signal is left.
    trials
        Trials per image whose mean the ceiling is for.
    scale
        Post-hoc factor on the signal covariance. GSN stops at 2; ours may go on to 20.
    scale_at_limit
        True where the data are more reliable than the model at the largest scale: the ceiling may be too low.
    shrinkage_data, shrinkage_noise
        What shrinkage kept of the off-diagonal covariances, from 0 to 1.
    reliability_data, reliability_model
        Split-half RSM reliability of the data, and of the model at the chosen scale.
    reliability_error
        Standard error of the reliability of the data, over images.
    n_iterations
        Rounds until signal and noise covariance were both positive semi-definite.
    approximation_signal, approximation_noise
        Bound on the relative error (Frobenius norm) of the covariances that the low-rank form makes; 0 where exact.
    n_units, n_images, n_simulated_images
        Size of the data, and images in each simulation.
    """

    median: float
    low: float
    high: float
    p_signal: float
    samples: np.ndarray
    ncsnr: np.ndarray
    trials: float
    scale: float
    scale_at_limit: bool
    shrinkage_data: float
    shrinkage_noise: float
    reliability_data: float
    reliability_error: float
    reliability_model: float
    n_iterations: int
    approximation_signal: float
    approximation_noise: float
    n_units: int
    n_images: int
    n_simulated_images: int


def noise_ceiling(
    responses: np.ndarray,
    n_simulations: int = 50,
    seed: int = 0,
    *,
    trials: float | None = None,
    n_simulated_images: int | None = None,
    levels: Sequence[float] = LEVELS,
    noise_shrinkage: str = "moments",
) -> NoiseCeiling:
    """Noise ceiling of the RSM of a set of units, by GSN.

    Parameters
    ----------
    responses
        ``(units, images, trials)`` single-trial responses. Images may have unequal numbers of trials: a missing
        trial is NaN in every unit.
    n_simulations
        Monte Carlo runs for the ceiling.
    seed
        Seed of the held-out fifth, of random split halves and of the simulations.
    trials
        Trials that the analysed responses are averaged over; by default the harmonic mean of the counts given
        (their common number where they are equal).
    n_simulated_images
        Images in each simulation; by default as many as were given, at most 500.
    levels
        Shrinkage levels to choose from (what is kept of the off-diagonal covariances) where likelihood chooses.
    noise_shrinkage
        How the noise covariance's level is found. "likelihood": as GSN has it, like that of the data covariance.
        "moments", the default: so that the energy of the noise correlations, which the ceiling rests on, is
        unbiased; likelihood shrinks it away where units outnumber images, and ceilings come out .02 to .04 too low.

    Raises
    ------
    MenagerieError
        Wrong shape, one trial only, too few images, constant units, stray NaN, or no reliable signal.

    Notes
    -----
    With uneven repeats: noise covariance pooled by degrees of freedom; the harmonic mean of the trial counts stands
    for t wherever noise is averaged; images with one trial inform the data covariance only.
    """
    _check_settings(n_simulations, trials, n_simulated_images, levels)
    if noise_shrinkage not in NOISE_SHRINKAGE:
        raise unknown("noise_shrinkage", noise_shrinkage, NOISE_SHRINKAGE)
    given = check_trials(responses)
    fold_seed, split_seed, scale_seed, ceiling_seed, test_seed = np.random.SeedSequence(seed).spawn(5)
    p = _check_signal(np.asarray(responses), np.random.default_rng(test_seed))
    rng = np.random.default_rng(fold_seed)
    means, t = given.means(), given.harmonic
    levels = np.asarray(levels, float)
    noise, data = noise_covariance(given, rng, levels, noise_shrinkage), data_covariance(means, rng, levels)
    space = span(means, noise.rows)
    whole_data, diagonal_data = space.compress(data)
    whole_noise, diagonal_noise = space.compress(noise)
    parts = separate(space, whole_data, whole_noise, given.n_images, t)
    mean = means.mean(axis=0)
    model = build_model(space, mean, parts)

    n = n_simulated_images or min(given.n_images, MAX_SIMULATED_IMAGES)
    half = given.half_size
    scale_seeds, ceiling_seeds = scale_seed.spawn(SCALE_SIMULATIONS), ceiling_seed.spawn(n_simulations)
    curves = np.array([reliability_curve(model, half, SCALES, n, s) for s in scale_seeds])
    curve = np.median(curves, axis=0)
    reliability, error = data_reliability(given, np.random.default_rng(split_seed))
    scale = _scale(curve, reliability, parts.signal)
    target = trials or t
    lost = space.loss(data.diagonal - noise.diagonal / t, diagonal_data.plus(-1.0 / t, diagonal_noise))
    samples = np.array([ceiling_sample(model, scale, target, n, s) for s in ceiling_seeds])
    low, high = ceiling_interval(
        Fit(
            space=space,
            mean=mean,
            parts=parts,
            model=model,
            trace=float((data.variance - noise.variance / t).sum()),
            trials=target,
            half=half,
            reliability=reliability,
            error=error,
            curves=curves,
            scale=scale,
            median=float(np.median(samples)),
            n_images=given.n_images,
            n_simulated=n,
            curve_seeds=scale_seeds,
            ceiling_seeds=ceiling_seeds,
        )
    )
    return NoiseCeiling(
        median=float(np.median(samples)),
        low=low,
        high=high,
        p_signal=p,
        samples=samples,
        ncsnr=_ncsnr(data, noise, t),
        trials=float(target),
        scale=scale,
        scale_at_limit=bool(reliability > curve.max()),
        shrinkage_data=data.level,
        shrinkage_noise=noise.level,
        reliability_data=reliability,
        reliability_error=error,
        reliability_model=float(np.interp(scale, SCALES, curve)),
        n_iterations=parts.n_iterations,
        approximation_signal=_relative(lost, parts.signal),
        approximation_noise=_relative(space.loss(noise.diagonal, diagonal_noise), parts.noise),
        n_units=given.n_units,
        n_images=given.n_images,
        n_simulated_images=n,
    )


def _check_settings(
    n_simulations: int, trials: float | None, n_simulated_images: int | None, levels: Sequence[float]
) -> None:
    if n_simulations < 1:
        raise MenagerieError(f"Noise ceiling: n_simulations is {n_simulations}; it must be 1 or more.")
    if trials is not None and not trials > 0:
        raise MenagerieError(f"Noise ceiling: trials is {trials}; it must be above 0, or None for those of the data.")
    if n_simulated_images is not None and n_simulated_images < MIN_IMAGES:
        raise MenagerieError(
            f"Noise ceiling: n_simulated_images is {n_simulated_images}; it must be {MIN_IMAGES} or more."
        )
    if not len(levels) or not all(0.0 <= level <= 1.0 for level in levels):
        raise MenagerieError(f"Noise ceiling: shrinkage levels {list(levels)}; they must lie between 0 and 1.")


def _check_signal(responses: np.ndarray, rng: np.random.Generator) -> float:
    p = signal_p(responses, rng)
    if p > ERROR_RATE:
        raise MenagerieError(
            "Noise ceiling: the responses carry no reliable signal (patterns of one image agree no better across "
            f"repeats than those of different images: p = {p:.3f}, above {ERROR_RATE}). Leave the region out, or give "
            "more repeats or images."
        )
    return p


def _scale(curve: np.ndarray, reliability: float, signal: Compressed) -> float:
    scale = match_scale(curve, reliability)
    if scale <= 0 or signal.inner(signal) == 0:
        raise MenagerieError(
            f"Noise ceiling: the responses carry no reliable signal (split-half RSM reliability {reliability:.3f}, "
            f"without any signal {curve[0]:.3f}). Leave the region out, or give more repeats or images."
        )
    if reliability > curve.max():
        warnings.warn(
            f"Noise ceiling: split-half RSM reliability of the data ({reliability:.3f}) is above that of the model at "
            f"the largest scale ({curve.max():.3f}); the ceiling may be too low. Give more images.",
            stacklevel=3,
        )
    return scale


def _ncsnr(data: Shrunk, noise: Shrunk, trials: float) -> np.ndarray:
    """SD of the signal over SD of the noise, from the diagonals; negative signal variance counts as 0."""
    signal = np.maximum(data.variance - noise.variance / trials, 0.0)
    return np.sqrt(signal / noise.variance)


def _relative(loss: float, covariance: Compressed) -> float:
    size = np.sqrt(covariance.inner(covariance))
    return float(loss / size) if size > 0 else 0.0


def region_ceilings(
    repeats: np.ndarray, regions: Mapping[str, np.ndarray], n_simulations: int = 50, seed: int = 0, **settings
) -> dict[str, NoiseCeiling]:
    """Noise ceiling of every region.

    Parameters
    ----------
    repeats
        ``(trials, images, units)`` as in :attr:`menagerie.brain.target.Target.repeats`, of images that the main
        analysis does not use.
    regions
        Region name -> bool mask ``(units,)``.
    n_simulations, seed, **settings
        As for :func:`noise_ceiling`. Each region has its own random stream, so adding one changes no other.

    Raises
    ------
    MenagerieError
        As :func:`noise_ceiling`, with the region's name.
    """
    ceilings = {}
    for region, mask in regions.items():
        try:
            responses = repeats[:, :, np.asarray(mask, bool)].transpose(2, 1, 0)
            ceilings[region] = noise_ceiling(responses, n_simulations, [seed, crc32(region.encode())], **settings)
        except MenagerieError as error:
            raise MenagerieError(f"Region {region}: {error}") from error
    return ceilings


def defined_ceilings(
    repeats: np.ndarray, regions: Mapping[str, np.ndarray], n_simulations: int = 50, seed: int = 0
) -> tuple[dict[str, NoiseCeiling], dict[str, str]]:
    """Noise ceiling of every region that has one, and region -> reason for the others; arguments as
    :func:`region_ceilings`."""
    ceilings, reasons = {}, {}
    for region, mask in regions.items():
        try:
            ceilings |= region_ceilings(repeats, {region: mask}, n_simulations, seed)
        except MenagerieError as error:
            reasons[region] = str(error)
    return ceilings, reasons


def read_ceilings(path: str | Path) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Region -> median ceiling, and region -> ends of its interval, from a table of :func:`write_ceilings`."""
    columns = read_table(path).to_pydict()
    samples: dict[str, list[float]] = {}
    for region, ceiling in zip(columns["region"], columns["ceiling"], strict=True):
        samples.setdefault(region, []).append(ceiling)
    ends = zip(columns["region"], columns["ceiling_low"], columns["ceiling_high"], strict=True)
    medians = {region: float(np.median(values)) for region, values in samples.items()}
    return medians, {region: (low, high) for region, low, high in ends}


def remarks_on_ceilings(
    path: str | Path, ceilings: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]
) -> dict[str, str]:
    """Entries of provenance for regions without a ceiling, as the table says, and for uncertain ceilings."""
    reasons = read_provenance(path).get("no_ceiling", {})
    return {f"ceiling_{region}": f"absent: {why}" for region, why in reasons.items()} | uncertain(ceilings, intervals)


def write_ceilings(
    path: str | Path, dataset: str, subject: str, ceilings: Mapping[str, NoiseCeiling], provenance: Mapping[str, object]
) -> None:
    """Write the samples of one subject's regions as a table with the schema ``ceilings``."""
    regions = [region for region, ceiling in ceilings.items() for _ in ceiling.samples]
    columns = {
        "dataset": [dataset] * len(regions),
        "subject": [subject] * len(regions),
        "region": regions,
        "simulation": [i for ceiling in ceilings.values() for i in range(len(ceiling.samples))],
        "ceiling": [float(value) for ceiling in ceilings.values() for value in ceiling.samples],
        "ceiling_low": [ceiling.low for ceiling in ceilings.values() for _ in ceiling.samples],
        "ceiling_high": [ceiling.high for ceiling in ceilings.values() for _ in ceiling.samples],
    }
    write_table(path, pa.table(columns, schema=CEILINGS), provenance)
