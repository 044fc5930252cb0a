"""Noise ceilings: error against the true ceiling, and time and memory at full size.

    PYTHONPATH=workflow python benchmarks/ceilings.py accuracy [--data-sets 6]
    PYTHONPATH=workflow python benchmarks/ceilings.py size [--units 8000 --images 1000]

Data are simulated from known covariances: low rank plus white noise, units of unequal variance, power-law spectra.
The true ceiling is found by brute force, from the same covariances, in plain numpy.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np

from menagerie.brain.ceilings import NOISE_SHRINKAGE, noise_ceiling
from menagerie.brain.gsn.reference import rsm_correlation

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

    def responses(self, images: int, rng: np.random.Generator) -> np.ndarray:
        """Single trials, float32 ``(units, images, trials)``."""
        signal = self.draw_signal(images, rng)
        responses = np.empty((signal.shape[1], images, REPEATS), np.float32)
        for k in range(REPEATS):
            responses[:, :, k] = (signal + self.draw_noise(images, rng)).T
        return responses

    def ceiling(self, images: int, simulations: int, rng: np.random.Generator) -> tuple[float, float]:
        """True ceiling for means over the repeats, and its standard error."""
        samples = []
        for _ in range(simulations):
            signal = self.draw_signal(images, rng)
            samples.append(rsm_correlation(signal, signal + self.draw_noise(images, rng) / np.sqrt(REPEATS)))
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
    parser.add_argument("what", choices=("accuracy", "size"))
    parser.add_argument("--data-sets", type=int, default=6)
    parser.add_argument("--units", type=int, default=8000)
    parser.add_argument("--images", type=int, default=1000)
    chosen = parser.parse_args()
    if chosen.what == "accuracy":
        accuracy(chosen.data_sets)
    else:
        size(chosen.units, chosen.images)


if __name__ == "__main__":
    main()
