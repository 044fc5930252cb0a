"""Simulated brains with a known answer: units that read out planted layers of a network, with noise like fMRI's.

Each unit is a random, dense, linear readout of its region's planted layer. By the Johnson-Lindenstrauss lemma
inner products between images survive such a readout, so the RSM of the responses is that of the layer, up to
noise. A pipeline that works must find the planted layer again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from menagerie.brain.folds import Fold, folds_or_default
from menagerie.brain.repeats import estimate_ncsnr
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError

_BLOCK = 4096  # features whose readout weights are in memory at a time


@dataclass(frozen=True)
class SimulationSettings:
    """How a simulated subject is drawn.

    Attributes
    ----------
    n_units
        Units per region.
    n_repeats
        Presentations of each image; 3, as in the Natural Scenes Dataset (NSD).
    ncsnr_median, ncsnr_spread
        Median and log-SD of the lognormal distribution of the units' ncsnr: signal SD over noise SD of a single
        presentation. The defaults put 95 % of units between .23 and .89, about the range of NSD's responsive voxels.
    mean_share
        How much of a unit's mean response over images is kept, 0 to 1. Networks' features share a large common pattern,
        which would by itself make all images look alike; responses in z-scored fMRI data have none (0).
    seed
        Same seed, dataset and subject name: the same brain.

    Raises
    ------
    MenagerieError
        When a number is out of range.
    """

    n_units: int = 600
    n_repeats: int = 3
    ncsnr_median: float = 0.45
    ncsnr_spread: float = 0.35
    mean_share: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {
            "n_units": (2, np.inf),
            "n_repeats": (2, np.inf),
            "ncsnr_median": (1e-6, np.inf),
            "ncsnr_spread": (0, np.inf),
            "mean_share": (0, 1),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or not low <= value <= high:
                upper = "" if high == np.inf else f" and at most {high}"
                raise MenagerieError(
                    f"Option {name} of the simulated dataset: must be at least {low}{upper}, found {value!r}."
                )


def simulate_target(
    dataset: str,
    subject: str,
    features: Mapping[str, np.ndarray],
    *,
    stimuli: str,
    image_ids: Sequence[str],
    folds: Sequence[Fold] = (),
    planted: Mapping[str, str] | None = None,
    settings: SimulationSettings | None = None,
) -> Target:
    """Draw one subject whose regions read out the given features.

    Parameters
    ----------
    dataset, subject, stimuli
        Names; the first two also seed the draw, so that subjects differ.
    features
        Region -> ``(n, p)`` features of the layer planted there; ``p`` may differ between regions.
    image_ids
        ``(n,)`` ids of the rows.
    folds
        Whose test parts the noise ceilings rest on; by default, that of even_odd.
    planted
        Region -> name of the planted layer, for the record.
    settings
        The distribution that the subject is drawn from.

    Returns
    -------
    Target
        Responses ``(n, v)``: mean over repeats; ``repeats`` ``(t, n, v)``; unit columns ``ncsnr`` (estimated from the
        repeats, as in real data) and ``ncsnr_true``. ``ceilings`` are exact for this very draw: Pearson r between the
        RSM of the noiseless responses and the RSM of the measured ones, which is what a perfect model would score.

    Raises
    ------
    MenagerieError
        When features have another number of images, hold NaN or infinite values, or do not differ between images.
    """
    settings = settings or SimulationSettings()
    n = len(image_ids)
    folds = folds_or_default(folds, image_ids)
    tests = {fold.key: fold.masks(image_ids)["test"] for fold in folds}
    if not features:
        raise MenagerieError(f"Simulated dataset {dataset}: no region. Plant at least one layer (option 'planted').")
    signals, repeats, true_ncsnr = [], [], []
    ceilings: dict[str, dict[str, float]] = {key: {} for key in tests}
    for region, values in features.items():
        _check_features(values, n, f"Simulated dataset {dataset}, region {region}")
        rng = _generator(settings.seed, dataset, subject, region)
        signal = read_out(values, settings.n_units, rng, mean_share=settings.mean_share)
        ncsnr = settings.ncsnr_median * np.exp(settings.ncsnr_spread * rng.standard_normal(settings.n_units))
        noise = rng.standard_normal((settings.n_repeats, n, settings.n_units)) / ncsnr
        signals.append(signal)
        repeats.append((signal + noise).astype(np.float32))
        true_ncsnr.append(ncsnr)
        measured = repeats[-1].mean(axis=0, dtype=np.float64)
        for key, test in tests.items():
            ceilings[key][region] = _rsm_agreement(signal[test], measured[test])
    trials = np.concatenate(repeats, axis=2)
    owner = np.repeat(np.arange(len(features)), settings.n_units)
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli,
        image_ids=np.asarray(image_ids, dtype=object),
        responses=trials.mean(axis=0, dtype=np.float64).astype(np.float32),
        repeats=trials,
        n_repeats=np.full(n, settings.n_repeats),
        regions={region: owner == number for number, region in enumerate(features)},
        units={"ncsnr": estimate_ncsnr(trials), "ncsnr_true": np.concatenate(true_ncsnr)},
        ceilings=ceilings,
        ceiling_intervals={key: {name: (r, r) for name, r in found.items()} for key, found in ceilings.items()},
        provenance={
            "reader": "simulated",
            "simulated": "yes",
            "ceiling": "exact for this draw: Pearson r of the noiseless and the measured RSM, test part",
            **{f"planted_{region}": name for region, name in (planted or {}).items()},
            **{name: str(value) for name, value in vars(settings).items()},
        },
    )


def read_out(features: np.ndarray, n_units: int, rng: np.random.Generator, *, mean_share: float = 0.0) -> np.ndarray:
    """Responses of random linear readouts, float64 ``(n, n_units)``, SD 1 over images for every unit.

    Each image's features are centred first, as an RSM does, so that correlations between images are inner products,
    which Gaussian weights keep in expectation. ``mean_share`` of each unit's mean over images is kept.
    """
    n, p = features.shape
    row_mean = features.mean(axis=1, dtype=np.float64)
    signal = np.zeros((n, n_units))
    for start in range(0, p, _BLOCK):
        block = features[:, start : start + _BLOCK] - row_mean[:, None]
        signal += block @ rng.standard_normal((block.shape[1], n_units))
    mean = signal.mean(axis=0)
    deviation = signal - mean
    return (deviation + mean_share * mean) / deviation.std(axis=0)


def _check_features(features: np.ndarray, n_images: int, where: str) -> None:
    if features.ndim != 2 or len(features) != n_images:
        raise MenagerieError(
            f"{where}: expected features of {n_images} images x features, found shape {features.shape}."
        )
    if not np.isfinite(features).all():
        raise MenagerieError(f"{where}: the planted features hold NaN or infinite values. Plant another layer.")
    if np.ptp(features, axis=0).max(initial=0) == 0:
        raise MenagerieError(f"{where}: the planted features are the same for all images. Plant another layer.")


def _generator(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that depend on names, equal on every machine (Python's own hash is salted)."""
    digest = hashlib.sha256("\0".join((str(seed), *names)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def _rsm_agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson r of the strict upper triangles of two response matrices' RSMs."""
    above = np.triu_indices(len(a), k=1)
    return float(np.corrcoef(np.corrcoef(a)[above], np.corrcoef(b)[above])[0, 1])
