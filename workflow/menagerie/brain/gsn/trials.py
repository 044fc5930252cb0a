"""Single trials: checks, means, noise contrasts and split halves, with equal or uneven repeats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from scipy.linalg import helmert

from menagerie.errors import MenagerieError

MIN_IMAGES = 10
MAX_SPLITS = 50


@dataclass(frozen=True)
class Trials:
    """Checked responses, with the present trials of every image moved to the front.

    Attributes
    ----------
    values
        ``(units, images, trials)``; ``values[:, i, counts[i]:]`` is empty (NaN).
    counts
        ``(images,)`` number of trials of each image.
    """

    values: np.ndarray
    counts: np.ndarray

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.values.shape[0]

    @property
    def n_images(self) -> int:
        """Number of images."""
        return self.values.shape[1]

    @property
    def harmonic(self) -> float:
        """Harmonic mean of the trial counts: the variance of a mean over trials is noise / harmonic, on average."""
        return float(1.0 / np.mean(1.0 / self.counts))

    def means(self) -> np.ndarray:
        """Mean over the trials of every image, float64 ``(images, units)``."""
        return np.stack([self.values[:, i, :k].mean(axis=1, dtype=np.float64) for i, k in enumerate(self.counts)])

    def contrasts(self, images: np.ndarray | None = None) -> np.ndarray:
        """Orthonormal within-image contrasts of the trials, float64 ``(sum(counts - 1), units)``.

        Helmert contrasts: each row is free of the image's signal and has the noise covariance itself, so that
        ``rows' rows / n_rows`` is the covariance over trials within images, pooled by degrees of freedom.
        """
        images = np.arange(self.n_images) if images is None else images
        rows = []
        for k in np.unique(self.counts[images]):
            if k > 1:
                block = self.values[:, images[self.counts[images] == k], :k]
                rows.append(np.tensordot(helmert(k), block, axes=(1, 2)).reshape(k - 1, self.n_units, -1))
        return np.concatenate([np.moveaxis(r, 1, 2).reshape(-1, self.n_units) for r in rows])

    def halves(self, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs of means over disjoint halves of the trials, each ``(images, units)``.

        A half has ``half_size`` trials. All splits where there are at most ``MAX_SPLITS`` and all images have the
        same number of trials; else ``MAX_SPLITS`` random splits, drawn for each image on its own.
        Images with one trial are left out.
        """
        size = self.half_size
        used = np.flatnonzero(self.counts > 1)
        values, counts = self.values[:, used], self.counts[used]
        most = int(counts.max())
        if counts.min() == most and comb(most, size) * comb(most - size, size) // 2 <= MAX_SPLITS:
            for first in combinations(range(most), size):
                left = [k for k in range(most) if k not in first]
                for second in combinations(left, size):
                    if first < second:
                        yield _mean(values[:, :, list(first)]), _mean(values[:, :, list(second)])
            return
        for _ in range(MAX_SPLITS):
            keys = np.where(np.arange(most) < counts[:, None], rng.random((used.size, most)), 2.0)
            order = np.argsort(keys, axis=1)[None]
            yield (
                _mean(np.take_along_axis(values, order[:, :, :size], axis=2)),
                _mean(np.take_along_axis(values, order[:, :, size : 2 * size], axis=2)),
            )

    @property
    def half_size(self) -> int:
        """Trials in a split half: half of the smallest count above one, rounded down."""
        return int(self.counts[self.counts > 1].min()) // 2


def _mean(block: np.ndarray) -> np.ndarray:
    return block.mean(axis=2).T


def check_trials(responses: np.ndarray) -> Trials:
    """Check ``(units, images, trials)`` and put the present trials first.

    A missing trial is NaN in every unit. Anything else that is not finite is an error.

    Raises
    ------
    MenagerieError
        Wrong shape, fewer than 2 units, too few images, no repeats, NaN in some units only, an image without a
        trial, a unit that does not vary over images, or one that does not vary over trials.
    """
    responses = np.asarray(responses)
    if responses.ndim != 3 or responses.dtype.kind not in "fiu":
        raise MenagerieError(
            f"Noise ceiling: expected numbers of shape (units, images, trials), found {responses.dtype} of shape "
            f"{responses.shape}. Give single trials, not means."
        )
    units, images, trials = responses.shape
    if units < 2:
        raise MenagerieError(f"Noise ceiling: {units} unit; an RSM needs at least 2. Check the region's definition.")
    if images < MIN_IMAGES:
        raise MenagerieError(f"Noise ceiling: {images} images; covariances need at least {MIN_IMAGES}, better 500.")
    if trials < 2:
        raise MenagerieError(
            "Noise ceiling: one trial only, so noise cannot be told from signal. Give images with 2 or more repeats."
        )
    present = _present(responses)
    counts = np.count_nonzero(present, axis=1)
    if (counts == 0).any():
        raise MenagerieError(
            f"Noise ceiling: {np.count_nonzero(counts == 0)} of {images} images have no trial "
            f"(first: {np.flatnonzero(counts == 0)[0]}). Leave these images out."
        )
    if np.count_nonzero(counts > 1) < MIN_IMAGES:
        raise MenagerieError(
            f"Noise ceiling: {np.count_nonzero(counts > 1)} images have 2 or more trials; at least {MIN_IMAGES} must. "
            "Give images with repeats."
        )
    if not present.all():
        order = np.argsort(~present, axis=1, kind="stable")
        responses = np.take_along_axis(responses, order[None], axis=2)
    checked = Trials(responses, counts)
    _check_variance(checked)
    return checked


def _present(responses: np.ndarray) -> np.ndarray:
    """Bool ``(images, trials)``: a trial is there as a whole or missing as a whole."""
    if responses.dtype.kind != "f":
        return np.ones(responses.shape[1:], bool)
    if np.isinf(responses).any():
        raise MenagerieError("Noise ceiling: responses hold infinite values. Fix the responses, or drop these units.")
    missing = np.isnan(responses)
    present = ~missing.all(axis=0)
    partly = np.argwhere(missing & present)
    if partly.size:
        unit, image, trial = partly[0]
        raise MenagerieError(
            f"Noise ceiling: NaN in {len({int(u) for u in partly[:, 0]})} of {responses.shape[0]} units only (first: "
            f"unit {unit}, image {image}, trial {trial}). A missing trial must be NaN in every unit. Drop these units, "
            "or set the whole trial to NaN."
        )
    return present


def _check_variance(trials: Trials) -> None:
    means = trials.means()
    flat = np.flatnonzero(np.ptp(means, axis=0) == 0)
    if flat.size:
        raise MenagerieError(
            f"Noise ceiling: {flat.size} of {trials.n_units} units are constant over images (first: {flat[0]}). "
            "Drop constant units."
        )
    spread = np.nanmax(trials.values, axis=2) == np.nanmin(trials.values, axis=2)
    exact = np.flatnonzero(spread[:, trials.counts > 1].all(axis=1))
    if exact.size:
        raise MenagerieError(
            f"Noise ceiling: {exact.size} of {trials.n_units} units have identical trials (first: {exact[0]}), so "
            "they show no noise. Give single trials, not copies of their mean; or drop these units."
        )
