"""p of single layers against chance, where a run asks for it: as of the selected layers, before any is selected."""

from __future__ import annotations

from collections.abc import Callable

from menagerie.linking.comparison import Comparison
from menagerie.linking.permutations import p_above
from menagerie.linking.resampling import resampling

Against = Callable[[Comparison, str, str, float], float | None]
"""``(pair, region, metric, score)`` -> p of a score of the test part; None where the metric has no test."""


def against_chance(n_permutations: int, seed: int) -> Against:
    """The test of :func:`menagerie.linking.evaluate.evaluate_layers`: the same permutations give the same p.

    Parameters
    ----------
    n_permutations, seed
        Of the test images of each fold.
    """

    def p(pair: Comparison, region: str, metric: str, score: float) -> float | None:
        how = resampling(metric)
        if how is None or how.permuted is None:
            return None
        return p_above(score, how.permuted(pair, region, n_permutations, [seed, pair.brain.fold.fold]))

    return p
