"""Scores of the test part when its images are drawn again, and when they are permuted, metric by metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from menagerie.linking.arrays import Array, like, namespace
from menagerie.linking.bootstrap import adjusted, bootstrap_encoding, bootstrap_similarity, excess_variance
from menagerie.linking.comparison import Comparison
from menagerie.linking.metrics import encoding_ev, encoding_nr, explainable_units
from menagerie.linking.permutations import permuted_encoding, permuted_similarity

Seed = int | Sequence[int]


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

    drawn: Callable[[Comparison, str, np.ndarray], np.ndarray]
    permuted: Callable[[Comparison, str, int, Seed], np.ndarray] | None


def _of_rsms(rsms: Callable[[Comparison, str], tuple[Array, Array]]) -> Resampling:
    """A metric that is the similarity of two RSMs over the test part."""

    def drawn(pair: Comparison, region: str, counts: np.ndarray) -> np.ndarray:
        a, b = rsms(pair, region)
        groups, once = pair.brain.test_groups, np.ones((1, counts.shape[1]))
        (score,) = bootstrap_similarity(a, b, once, groups)
        return adjusted(bootstrap_similarity(a, b, counts, groups), excess_variance(a, b, groups), groups, score)

    def permuted(pair: Comparison, region: str, n_permutations: int, seed: Seed) -> np.ndarray:
        return permuted_similarity(*rsms(pair, region), n_permutations, seed, pair.brain.test_groups)

    return Resampling(drawn, permuted)


def _crsa_rsms(pair: Comparison, region: str) -> tuple[Array, Array]:
    return pair.layer_rsm("test"), pair.brain.rsm(region, "test")


def _versa_rsms(pair: Comparison, region: str) -> tuple[Array, Array]:
    return pair.predicted_rsm(region, "test"), pair.brain.rsm(region, "test")


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


def _normalised(of: Callable[[Array, Array], Array], score: Callable) -> Callable:
    """Resamples of a mean over units of a function of their correlations and noise ceilings.

    Resamples have fewer distinct images, by which correlations of noisy units vary more and their squares are larger:
    samples are moved to the score.
    """

    def drawn(pair: Comparison, region: str, counts: np.ndarray) -> np.ndarray:
        predicted, measured, ceilings = _explainable(pair, region)
        known = like(ceilings, predicted)
        samples = bootstrap_encoding(predicted, measured, counts, of=lambda r, units: of(r, known[units]))
        observed = score(pair, region, "test")[0]
        samples = adjusted(samples, groups=pair.brain.test_groups, score=observed, fisher=False)
        return samples - np.nanmean(samples) + observed

    return drawn


def _nr_permuted(pair: Comparison, region: str, n_permutations: int, seed: Seed) -> np.ndarray:
    predicted, measured, ceilings = _explainable(pair, region)
    groups = pair.brain.test_groups
    return permuted_encoding(predicted, measured, n_permutations, seed, groups, 1 / np.sqrt(ceilings))


def _share(r: Array, ceilings: Array) -> Array:
    return namespace(r).square(namespace(r).clip(r, 0.0, None)) / ceilings


# Scores of a metric without an entry have neither interval nor p.
RESAMPLING: Mapping[str, Resampling] = {
    "crsa": _of_rsms(_crsa_rsms),
    "versa": _of_rsms(_versa_rsms),
    "encoding_r": Resampling(_encoding_drawn, _encoding_permuted),
    "encoding_nr": Resampling(_normalised(lambda r, nc: r / namespace(r).sqrt(nc), encoding_nr), _nr_permuted),
    "encoding_ev": Resampling(_normalised(_share, encoding_ev), None),  # not linear in what is permuted
}
