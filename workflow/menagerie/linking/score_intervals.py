"""Intervals of the metrics on the test part, by bootstrap over images."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from menagerie.linking.arrays import Array
from menagerie.linking.bootstrap import bootstrap_encoding, bootstrap_similarity, excess_variance, interval
from menagerie.linking.comparison import Comparison


def _similarity_interval(a: Array, b: Array, counts: np.ndarray, level: float) -> tuple[float, float]:
    return interval(bootstrap_similarity(a, b, counts), level, excess_variance(a, b))


def _crsa_interval(pair: Comparison, region: str, counts: np.ndarray, level: float) -> tuple[float, float]:
    return _similarity_interval(pair.layer_rsm("test"), pair.brain.rsm(region, "test"), counts, level)


def _versa_interval(pair: Comparison, region: str, counts: np.ndarray, level: float) -> tuple[float, float]:
    return _similarity_interval(pair.predicted_rsm(region, "test"), pair.brain.rsm(region, "test"), counts, level)


def _encoding_interval(pair: Comparison, region: str, counts: np.ndarray, level: float) -> tuple[float, float]:
    units = pair.brain.array(pair.defined_units(region, "test"))
    measured, _ = pair.brain.centred["test"]
    return interval(bootstrap_encoding(pair.predicted["test"][units], measured[units], counts), level)


# Metric -> ``(pair, region, counts, level)`` -> ends of the interval; ``counts`` is ``(r, n)``: how often each resample
# draws each image. Scores of a metric without an entry have no interval.
INTERVALS: Mapping[str, Callable[[Comparison, str, np.ndarray, float], tuple[float, float]]] = {
    "crsa": _crsa_interval,
    "versa": _versa_interval,
    "encoding_r": _encoding_interval,
}
