"""Scores of the test part when its images are drawn again, and when they are permuted, metric by metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from menagerie.linking.arrays import Array, like, namespace
from menagerie.linking.bootstrap import adjusted, bootstrap_encoding, bootstrap_similarity, excess_variance
from menagerie.linking.comparison import Comparison
from menagerie.linking.explainable import explainable_units
from menagerie.linking.kernels import nuclear
from menagerie.linking.measures import measure
from menagerie.linking.measures.table import TABLE
from menagerie.linking.permutations import (
    image_permutations,
    permuted_encoding,
    permuted_products,
    permuted_similarity,
)

Seed = int | Sequence[int]
MOST_NUCLEAR = 200
_MOST = 1 - 1e-9  # whose z is finite
Drawn = Callable[[Comparison, str, np.ndarray], np.ndarray]
Permuted = Callable[[Comparison, str, int, Seed], np.ndarray]


@dataclass(frozen=True)
class Resampling:
    """How a metric's scores vary.

    Attributes
    ----------
    drawn
        ``(pair, region, counts)`` -> ``(r,)`` scores of resamples with the spread that they should have; ``counts`` is
        ``(r, n)``: how often each resample draws each test image.
    permuted
        ``(pair, region, n_permutations, seed)`` -> ``(n_permutations,)`` scores after permutations of test images; None
        where there is no test.
    """

    drawn: Drawn
    permuted: Permuted | None


def _rsms_drawn(metric: str) -> Drawn:
    """Resamples of a metric that is the similarity of two RSMs over the test part."""

    def drawn(pair: Comparison, region: str, counts: np.ndarray) -> np.ndarray:
        a, b = measure(metric).compared(pair, region, "test")
        groups, once = pair.brain.test_groups, np.ones((1, counts.shape[1]))
        (score,) = bootstrap_similarity(a, b, once, groups)
        return adjusted(bootstrap_similarity(a, b, counts, groups), excess_variance(a, b, groups), groups, score)

    return drawn


def _rsms_permuted(metric: str) -> Permuted:
    def permuted(pair: Comparison, region: str, n_permutations: int, seed: Seed) -> np.ndarray:
        rsms = measure(metric).compared(pair, region, "test")
        return permuted_similarity(*rsms, n_permutations, seed, pair.brain.test_groups)

    return permuted


def _responses(pair: Comparison, region: str) -> tuple[Array, Array]:
    """``(v, n)`` predicted and measured responses of the units whose correlation is defined."""
    units = pair.brain.array(pair.defined_units(region, "test"))
    return pair.predicted["test"][units], pair.brain.centred["test"][0][units]


def _encoding_drawn(pair: Comparison, region: str, counts: np.ndarray) -> np.ndarray:
    score = float(pair.unit_r["test"][pair.defined_units(region, "test")].mean())
    drawn = bootstrap_encoding(*_responses(pair, region), counts)
    return adjusted(drawn, groups=pair.brain.test_groups, score=score)


def _encoding_permuted(pair: Comparison, region: str, n_permutations: int, seed: Seed) -> np.ndarray:
    return permuted_encoding(*_responses(pair, region), n_permutations, seed, pair.brain.test_groups)


def _explainable(pair: Comparison, region: str) -> tuple[Array, Array, np.ndarray]:
    """Predicted and measured responses of the units with a noise ceiling, and the ceilings."""
    units, ceilings = explainable_units(pair, region, "test")
    rows = pair.brain.array(units)
    return pair.predicted["test"][rows], pair.brain.centred["test"][0][rows], ceilings


def _normalised(metric: str, of: Callable[[Array, Array], Array]) -> Drawn:
    """Resamples of a mean over units of a function of their correlations and noise ceilings.

    Resamples have fewer distinct images, by which correlations of noisy units vary more and their squares are larger:
    samples are moved to the score.
    """

    def drawn(pair: Comparison, region: str, counts: np.ndarray) -> np.ndarray:
        predicted, measured, ceilings = _explainable(pair, region)
        known = like(ceilings, predicted)
        samples = bootstrap_encoding(predicted, measured, counts, of=lambda r, units: of(r, known[units]))
        observed = measure(metric).score(pair, region, "test")[0]
        samples = adjusted(samples, groups=pair.brain.test_groups, score=observed, fisher=False)
        return samples - np.nanmean(samples) + observed

    return drawn


def _nr_permuted(pair: Comparison, region: str, n_permutations: int, seed: Seed) -> np.ndarray:
    predicted, measured, ceilings = _explainable(pair, region)
    groups = pair.brain.test_groups
    return permuted_encoding(predicted, measured, n_permutations, seed, groups, 1 / np.sqrt(ceilings))


def _share(r: Array, ceilings: Array) -> Array:
    return namespace(r).square(namespace(r).clip(r, 0.0, None)) / ceilings


def _influence_drawn(metric: str) -> Drawn:
    """Resamples of a metric by the first-order influence of each image, on Fisher's z scale.

    The infinitesimal jackknife (Efron 1982) as draws: the same draws of images as for other metrics, at the cost of one
    product. Scores that count an image twice, such as neighbours of itself, need no resample of their own.
    """

    def drawn(pair: Comparison, region: str, counts: np.ndarray) -> np.ndarray:
        one = measure(metric)
        score = min(max(one.score(pair, region, "test")[0], -_MOST), _MOST)
        steps = (counts - 1) @ one.influence(pair, region) / counts.shape[1]
        samples = np.tanh(math.atanh(score) + steps / (1 - score**2))
        return adjusted(samples, groups=pair.brain.test_groups, score=score)

    return drawn


def _products_permuted(metric: str) -> Permuted:
    """A metric that is an inner product of two matrices."""

    def permuted(pair: Comparison, region: str, n_permutations: int, seed: Seed) -> np.ndarray:
        return permuted_products(
            *measure(metric).compared(pair, region, "test"), n_permutations, seed, pair.brain.test_groups
        )

    return permuted


def _nuclear_permuted(metric: str) -> Permuted:
    """A metric that is a nuclear norm: one decomposition a permutation, hence at most :data:`MOST_NUCLEAR`."""

    def permuted(pair: Comparison, region: str, n_permutations: int, seed: Seed) -> np.ndarray:
        gram, root = measure(metric).compared(pair, region, "test")
        number = min(n_permutations, MOST_NUCLEAR)
        orders = image_permutations(len(gram), number, seed, pair.brain.test_groups)
        return np.array([nuclear(gram, root[order]) for order in orders])

    return permuted


# Name in the table of measures -> metric -> how its scores vary.
INTERVALS: Mapping[str, Callable[[str], Drawn]] = {
    "rsms": _rsms_drawn,
    "units": lambda _: _encoding_drawn,
    "normalised": lambda metric: _normalised(metric, lambda r, nc: r / namespace(r).sqrt(nc)),
    "explained": lambda metric: _normalised(metric, _share),
    "influence": _influence_drawn,
}
NULLS: Mapping[str, Callable[[str], Permuted]] = {
    "rsms": _rsms_permuted,
    "units": lambda _: _encoding_permuted,
    "normalised": lambda _: _nr_permuted,
    "products": _products_permuted,
    "nuclear": _nuclear_permuted,
}


def resampling(metric: str) -> Resampling | None:
    """How a metric's scores vary; None where its row names no interval, and they have neither interval nor p."""
    row = TABLE[metric]
    if not row.interval:
        return None
    return Resampling(INTERVALS[row.interval](metric), NULLS[row.null](metric) if row.null else None)
