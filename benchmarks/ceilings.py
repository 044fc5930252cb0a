"""Noise ceilings: error against the true ceiling, and time and memory at full size.

    PYTHONPATH=workflow python benchmarks/ceilings.py accuracy [--data-sets 6]
    PYTHONPATH=workflow python benchmarks/ceilings.py compare [--data-sets 20]
    PYTHONPATH=workflow python benchmarks/ceilings.py noise [--data-sets 200]
    PYTHONPATH=workflow python benchmarks/ceilings.py size [--units 8000 --images 1000]

Data are simulated from known covariances: low rank plus white noise, units of unequal variance, power-law spectra.
The true ceiling is found by brute force, from the same covariances, in plain numpy. ``compare`` holds ours against GSN
with all its own choices and against split halves stepped up by Spearman-Brown; ``noise`` counts how often data without
any signal get a ceiling.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np

from menagerie.brain.ceilings import NOISE_SHRINKAGE, noise_ceiling
from menagerie.brain.gsn.covariance import data_covariance, noise_covariance
from menagerie.brain.gsn.monte_carlo import (
    SCALES,
    build_model,
    ceiling_sample,
    data_reliability,
    reliability_curve,
)
from menagerie.brain.gsn.reference import rsm_correlation
from menagerie.brain.gsn.separate import separate
from menagerie.brain.gsn.signal_test import ERROR_RATE, signal_p
from menagerie.brain.gsn.space import span
from menagerie.brain.gsn.trials import check_trials
from menagerie.errors import MenagerieError

RANK = 400
REPEATS = 3


@dataclass(frozen=True)
class Setting:
    """Units, images, SNR of a single trial, decays of the spectra, white share of the noise, spread of unit gains."""

    units: int
    images: int
    snr: float
    signal_decay: float
    noise_decay: float
    white: float
    spread: float


SETTINGS = (
    Setting(60, 800, 0.8, 0.5, 0.3, 0.5, 0.3),
    Setting(100, 1000, 0.5, 0.3, 0.3, 0.1, 0.4),
    Setting(200, 500, 0.5, 0.5, 0.3, 0.5, 0.4),
    Setting(200, 1000, 0.5, 0.5, 0.3, 0.5, 0.4),
    Setting(600, 150, 0.4, 0.5, 0.3, 0.5, 0.4),
    Setting(600, 300, 0.4, 0.5, 0.3, 0.5, 0.4),
    Setting(600, 600, 0.4, 0.5, 0.3, 0.5, 0.4),
    Setting(2400, 300, 0.4, 0.5, 0.3, 0.5, 0.4),
    Setting(2400, 600, 0.4, 0.5, 0.3, 0.5, 0.4),
)


# Name, setting, repeats of an image: fewest and most.
COMPARED = (
    ("few images", Setting(60, 40, 0.8, 0.5, 0.3, 0.5, 0.4), (3, 3)),
    ("few units", Setting(30, 500, 0.5, 0.5, 0.3, 0.5, 0.4), (3, 3)),
    ("steep", Setting(200, 200, 0.5, 0.8, 0.3, 0.5, 0.4), (3, 3)),
    ("flat", Setting(200, 200, 0.5, 0.3, 0.3, 0.5, 0.4), (3, 3)),
    ("steep noise", Setting(200, 200, 0.5, 0.5, 0.7, 0.2, 0.4), (3, 3)),
    ("weak", Setting(600, 100, 0.2, 0.5, 0.3, 0.5, 0.4), (3, 3)),
    ("more units than images", Setting(600, 150, 0.4, 0.5, 0.3, 0.5, 0.4), (3, 3)),
    ("the same, steep", Setting(600, 300, 0.4, 0.8, 0.3, 0.5, 0.4), (3, 3)),
    ("many images", Setting(100, 1000, 0.5, 0.3, 0.3, 0.1, 0.4), (3, 3)),
    ("uneven repeats", Setting(100, 300, 0.5, 0.5, 0.3, 0.5, 0.4), (1, 4)),
    ("many repeats", Setting(50, 200, 0.4, 0.5, 0.3, 0.5, 0.4), (8, 8)),
)
NOISES = ("equal", "unequal units", "correlated", "unequal repeats", "unequal images", "skewed", "missing")
SHAPES = ((30, 100, 3), (200, 40, 2), (8, 300, 4), (500, 60, 3))


class Known:
    """Signal ``S S'`` and noise ``N N' + diag(white^2)`` over units."""

    def __init__(self, setting: Setting, rng: np.random.Generator) -> None:
        gain = np.exp(setting.spread * rng.standard_normal(setting.units))[:, None]
        self.signal = _loadings(setting.units, setting.signal_decay, rng) * setting.snr * gain
        self.noise = _loadings(setting.units, setting.noise_decay, rng) * np.sqrt(1 - setting.white) * gain
        self.white = np.sqrt(setting.white) * gain[:, 0]

    def draw_signal(self, images: int, rng: np.random.Generator) -> np.ndarray:
        """Noiseless responses ``(images, units)``."""
        return rng.standard_normal((images, RANK)) @ self.signal.T

    def draw_noise(self, images: int, rng: np.random.Generator) -> np.ndarray:
        """Noise of one trial ``(images, units)``."""
        white = self.white * rng.standard_normal((images, len(self.white)))
        return rng.standard_normal((images, RANK)) @ self.noise.T + white

    def responses(
        self, images: int, rng: np.random.Generator, repeats: tuple[int, int] = (REPEATS, REPEATS)
    ) -> np.ndarray:
        """Single trials, float32 ``(units, images, trials)``; an image has the fewest to the most of the repeats."""
        signal = self.draw_signal(images, rng)
        fewest, most = repeats
        responses = np.empty((signal.shape[1], images, most), np.float32)
        for k in range(most):
            responses[:, :, k] = (signal + self.draw_noise(images, rng)).T
        if fewest < most:
            responses[:, np.arange(most) >= rng.integers(fewest, most + 1, size=images)[:, None]] = np.nan
        return responses

    def ceiling(
        self, images: int, simulations: int, rng: np.random.Generator, repeats: tuple[int, int] = (REPEATS, REPEATS)
    ) -> tuple[float, float]:
        """True ceiling for means over the repeats (of uneven ones: their harmonic mean), and its standard error."""
        trials = 1 / np.mean(1 / np.arange(repeats[0], repeats[1] + 1))
        samples = []
        for _ in range(simulations):
            signal = self.draw_signal(images, rng)
            samples.append(rsm_correlation(signal, signal + self.draw_noise(images, rng) / np.sqrt(trials)))
        return float(np.median(samples)), float(np.std(samples) / np.sqrt(simulations))


def _loadings(units: int, decay: float, rng: np.random.Generator) -> np.ndarray:
    loadings = rng.standard_normal((units, RANK)) * np.arange(1.0, RANK + 1) ** -decay
    return loadings / np.sqrt(np.mean(np.sum(loadings**2, axis=1)))


def accuracy(data_sets: int) -> None:
    """Print mean and SD over data sets of (estimate - true ceiling), for both ways to shrink the noise."""
    print("| units | images | SNR | true (SE) | " + " | ".join(f"{by}: error, SD" for by in NOISE_SHRINKAGE) + " |")
    for setting in SETTINGS:
        rng = np.random.default_rng(0)
        known = Known(setting, rng)
        true, error = known.ceiling(150, 100, rng)
        cells = {by: [] for by in NOISE_SHRINKAGE}
        for seed in range(data_sets):
            responses = known.responses(setting.images, rng)
            for by in NOISE_SHRINKAGE:
                found = noise_ceiling(responses, 30, seed, n_simulated_images=150, noise_shrinkage=by)
                cells[by].append(found.median - true)
        shown = " | ".join(f"{np.mean(x):+.4f}, {np.std(x):.4f}" for x in cells.values())
        row = f"| {setting.units} | {setting.images} | {setting.snr} | {true:.4f} ({error:.4f}) | {shown} |"
        print(row, flush=True)


def gsn(responses: np.ndarray, seed: int, simulations: int = 50) -> float:
    """Ceiling as GSN has it: both levels by likelihood, scales to 2 in steps of 0.1, simulations of 50 images."""
    given = check_trials(responses)
    rng = np.random.default_rng(seed)
    means, t = given.means(), given.harmonic
    noise, data = noise_covariance(given, rng), data_covariance(means, rng)
    space = span(means, noise.rows)
    parts = separate(space, space.compress(data)[0], space.compress(noise)[0], given.n_images, t)
    model = build_model(space, means.mean(axis=0), parts)
    scales, seeds = SCALES[SCALES <= 2], np.random.SeedSequence(seed).spawn(2 * simulations)
    curves = [reliability_curve(model, given.half_size, scales, 50, s) for s in seeds[:simulations]]
    reliability, _ = data_reliability(given, rng)
    scale = float(scales[np.argmin(np.abs(np.median(curves, axis=0) - reliability))])
    if scale == 0:
        return 0.0
    return float(np.median([ceiling_sample(model, scale, t, 50, s) for s in seeds[simulations:]]))


def split_halves(responses: np.ndarray, seed: int) -> float:
    """Root of the split-half RSM reliability, stepped up by Spearman-Brown; 0 where it is negative."""
    given = check_trials(responses)
    r, _ = data_reliability(given, np.random.default_rng(seed))
    k = given.harmonic / given.half_size
    return float(np.sqrt(max(k * r / (1 + (k - 1) * r), 0.0)))


def compare(data_sets: int) -> None:
    """Print bias and SD over data sets of ours, GSN and split halves, and how often our interval holds the truth."""
    print("| setting | units x images | repeats | true | ours: bias, SD | interval: width, holds true | GSN | halves |")
    for name, setting, repeats in COMPARED:
        rng = np.random.default_rng(1)
        known = Known(setting, rng)
        true, _ = known.ceiling(150, 200, rng, repeats)
        ours, ends, others, refused = [], [], [], 0
        for seed in range(data_sets):
            responses = known.responses(setting.images, rng, repeats)
            others.append((gsn(responses, seed), split_halves(responses, seed)))
            try:
                found = noise_ceiling(responses, 50, seed, n_simulated_images=min(setting.images, 200))
            except MenagerieError:
                refused += 1
                continue
            ours.append(found.median)
            ends.append((found.low, found.high))
        low, high = np.transpose(ends)
        cells = [f"{np.mean(x) - true:+.3f}, {np.std(x):.3f}" for x in (ours, *np.transpose(others))]
        held = f"{np.mean(high - low):.3f}, {np.sum((low <= true) & (true <= high))} of {len(low)}"
        shape = f"{setting.units} x {setting.images} | {'-'.join(map(str, sorted(set(repeats))))}"
        note = f" ({refused} refused)" if refused else ""
        print(f"| {name} | {shape} | {true:.3f} | {cells[0]}{note} | {held} | {cells[1]} | {cells[2]} |", flush=True)
    print(f"{time.process_time():.0f} s of processor time")


def pure_noise(kind: str, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Responses without signal ``(units, images, trials)``."""
    units, images, trials = shape
    noise = rng.standard_normal(shape)
    if kind == "unequal units":
        return noise * np.exp(rng.standard_normal(units))[:, None, None]
    if kind == "correlated":
        shared = np.tensordot(2 * rng.standard_normal((units, 5)), rng.standard_normal((5, images, trials)), 1)
        return noise + shared
    if kind == "unequal repeats":
        return noise * np.geomspace(0.5, 2, trials) + rng.standard_normal((units, 1, trials))
    if kind == "unequal images":
        return noise * np.exp(0.7 * rng.standard_normal(images))[:, None]
    if kind == "skewed":
        return rng.gamma(0.5, size=shape)
    if kind == "missing":
        noise[
            :, rng.permuted(np.tile(np.arange(trials), (images, 1)), axis=1) < rng.integers(trials, size=(images, 1))
        ] = np.nan
    return noise


def noise_only(data_sets: int) -> None:
    """Print how often responses without signal pass the test for signal."""
    print(f"| units x images x repeats | {' | '.join(NOISES)} |")
    for shape in SHAPES:
        rates = []
        for kind in NOISES:
            rng = np.random.default_rng(0)
            found = [signal_p(pure_noise(kind, shape, rng), rng, 199) <= ERROR_RATE for _ in range(data_sets)]
            rates.append(f"{np.mean(found):.3f}")
        print(f"| {' x '.join(map(str, shape))} | {' | '.join(rates)} |", flush=True)


def size(units: int, images: int) -> None:
    """Print time, peak memory and error of one large estimate."""
    rng = np.random.default_rng(0)
    known = Known(Setting(units, images, 0.4, 0.5, 0.3, 0.5, 0.4), rng)
    responses = known.responses(images, rng)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start, start_cpu = time.perf_counter(), time.process_time()
    found = noise_ceiling(responses)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    true, error = known.ceiling(500, 10, rng)
    print(f"{units} units x {images} images x {REPEATS} trials: {seconds:.0f} s, {cpu:.0f} s of processor time")
    print(f"peak memory {peak:.2f} GiB, {before:.2f} GiB of it before (the data and their making)")
    print(f"ceiling {found.median:.4f}, true {true:.4f} (SE {error:.4f}), samples SD {found.samples.std():.4f}")
    print({name: value for name, value in vars(found).items() if np.ndim(value) == 0})


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("accuracy", "compare", "noise", "size"))
    parser.add_argument("--data-sets", type=int, help="default: 6 for accuracy, 20 for compare, 200 for noise")
    parser.add_argument("--units", type=int, default=8000)
    parser.add_argument("--images", type=int, default=1000)
    chosen = parser.parse_args()
    if chosen.what == "accuracy":
        accuracy(chosen.data_sets or 6)
    elif chosen.what == "compare":
        compare(chosen.data_sets or 20)
    elif chosen.what == "noise":
        noise_only(chosen.data_sets or 200)
    else:
        size(chosen.units, chosen.images)


if __name__ == "__main__":
    main()
