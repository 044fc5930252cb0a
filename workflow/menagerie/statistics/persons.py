"""Experiments in single persons: does the difference hold in this one, over other models and over other images?

A difference of two levels in one subject is tested twice. Over models: labels of levels are permuted among the models
(signs of differences where the experiment pairs them), which speaks of models like these, on these images. Over images:
the same models on images drawn again, all models on the same draws. Neither speaks of other people: in how many persons
a difference holds is counted, and left at that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from menagerie.linking.bootstrap import LEVEL, interval, p_drawn
from menagerie.linking.rsm import UndefinedError
from menagerie.statistics.benchmark import MEAN
from menagerie.statistics.contrasts import PLACE, filtered
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.multiplicity import METHODS, corrected

PERSON = "person"
SAMPLES = MODELS, IMAGES = ("models", "images")
N_PERMUTATIONS = 9999  # scipy takes every permutation where there are fewer
LEAST = 2  # models, or pairs, that a level needs for a test over models
Draws = Mapping[tuple, np.ndarray]
"""Dataset (view), subject, region, metric, model -> ``(r,)`` scores of resamples."""


def person_effects(experiment: Experiment, data: pd.DataFrame, draws: Draws, seed: int = 0) -> pd.DataFrame:
    """Differences of the levels of an experiment from its reference, subject by subject.

    Parameters
    ----------
    experiment
        The experiment; where one of its analyses pairs models by a column, differences are those within pairs.
    data
        From :func:`~menagerie.statistics.contrasts.experiment_data`.
    draws
        Resampled scores; empty where there are none, and nothing is said over images.
    seed
        Of the permutations.

    Returns
    -------
    DataFrame
        Rows of table ``effects`` with ``analysis`` "person", ``subject``, and ``sample`` models or images. Intervals
        over models are Welch's or the paired t interval, those over images percentiles of the resamples. ``p_holm``
        and ``p_fdr`` correct for all contrasts, regions and metrics of the experiment in the subject and dataset.
    """
    place = [name for name in PLACE if name != experiment.factor]
    pairing = next((one for one in experiment.analyses if one.pair and one.pair != "subject"), None)
    rows: list[dict] = []
    data = data[data["subject"] != MEAN]
    data = data if pairing is None else filtered(data, pairing.filter)
    for key, here in data.groupby(["subject", *place], observed=True, sort=True):
        where = {"metric": "all"} | dict(zip(["subject", *place], key, strict=True))
        for level in here[experiment.factor].cat.categories.drop(experiment.reference, errors="ignore"):
            one, other = (_level(here, experiment, name) for name in (level, experiment.reference))
            if one.empty or other.empty:
                continue
            of = where | {"term": f"{experiment.factor}[T.{level}]", "analysis": PERSON}
            contrast = _Paired if pairing or experiment.factor == "metric" else _Groups
            pair = "model" if experiment.factor == "metric" else pairing.pair if pairing else ""
            rows += [of | found for found in contrast(one, other, pair, draws, seed).rows()]
    frame = pd.DataFrame(rows)
    if len(frame):
        tests = ("ci_low", "ci_high", "p", "note")  # a run without a single test, or a single note, lacks their columns
        frame = frame.reindex(columns=list(dict.fromkeys([*frame.columns, *tests])))
        for name, method in METHODS.items():
            families = frame.groupby(["dataset", "subject", "sample"], sort=False)["p"]
            frame[name] = families.transform(lambda p, method=method: corrected(p.to_numpy(), method))
    return frame


def _level(rows: pd.DataFrame, experiment: Experiment, level: str) -> pd.DataFrame:
    return rows[rows[experiment.factor] == level].drop_duplicates("model")


class _Groups:
    """Two levels with models of their own."""

    formula = "mean of level - mean of reference"

    def __init__(self, one: pd.DataFrame, other: pd.DataFrame, pair: str, draws: Draws, seed: int):
        self.one, self.other, self.draws, self.seed = one, other, draws, seed

    def rows(self) -> Iterator[dict]:
        """A row over models, and one over images where there are resamples."""
        x, y = (side["score"].to_numpy() for side in (self.one, self.other))
        shared = {"n": len(x) + len(y), "formula": self.formula, "estimate": float(x.mean() - y.mean())}
        yield shared | {"sample": MODELS} | self._over_models(x, y)
        if (drawn := self._drawn()) is not None:
            yield shared | {"sample": IMAGES} | _over_images(drawn)

    def _over_models(self, x: np.ndarray, y: np.ndarray) -> dict:
        if min(len(x), len(y)) < LEAST:
            return {"note": f"{min(len(x), len(y))} model in one of the levels: no test over models"}
        low, high = stats.ttest_ind(x, y, equal_var=False).confidence_interval(LEVEL)
        test = stats.permutation_test((x, y), _difference, n_resamples=N_PERMUTATIONS, vectorized=True, rng=self.seed)
        return {"ci_low": float(low), "ci_high": float(high), "p": float(test.pvalue)}

    def _drawn(self) -> np.ndarray | None:
        sides = [_draws_of(side, self.draws) for side in (self.one, self.other)]
        return None if any(side is None for side in sides) else sides[0].mean(axis=0) - sides[1].mean(axis=0)


class _Paired(_Groups):
    """Two levels whose models come in pairs: of one value in a column each."""

    formula = "mean difference within pairs"

    def __init__(self, one: pd.DataFrame, other: pd.DataFrame, pair: str, draws: Draws, seed: int):
        first, second = (side.dropna(subset=[pair]).groupby(pair, sort=True) for side in (one, other))
        common = sorted(set(first.groups) & set(second.groups))
        self.first, self.second = ([groups.get_group(name) for name in common] for groups in (first, second))
        super().__init__(one, other, pair, draws, seed)

    def rows(self) -> Iterator[dict]:
        """As for groups; nothing without a pair."""
        if not self.first:
            return
        difference = np.array(
            [a["score"].mean() - b["score"].mean() for a, b in zip(self.first, self.second, strict=True)]
        )
        shared = {"n": len(difference), "formula": self.formula, "estimate": float(difference.mean())}
        yield shared | {"sample": MODELS} | self._over_pairs(difference)
        if (drawn := self._drawn()) is not None:
            yield shared | {"sample": IMAGES} | _over_images(drawn)

    def _over_pairs(self, difference: np.ndarray) -> dict:
        if len(difference) < LEAST:
            return {"note": "1 pair: no test over models"}
        low, high = stats.ttest_1samp(difference, 0.0).confidence_interval(LEVEL)
        zeros = np.zeros_like(difference)
        test = stats.permutation_test(
            (difference, zeros),
            _difference,
            permutation_type="samples",
            n_resamples=N_PERMUTATIONS,
            vectorized=True,
            rng=self.seed,
        )
        return {"ci_low": float(low), "ci_high": float(high), "p": float(test.pvalue)}

    def _drawn(self) -> np.ndarray | None:
        sides = []
        for pairs in (self.first, self.second):
            drawn = [_draws_of(side, self.draws) for side in pairs]
            if any(side is None for side in drawn):
                return None
            sides.append(np.mean([side.mean(axis=0) for side in drawn], axis=0))
        return sides[0] - sides[1]


def _difference(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


def _draws_of(rows: pd.DataFrame, draws: Draws) -> np.ndarray | None:
    """``(m, r)`` resampled scores of some models; None where one has none."""
    keys = rows[["dataset", "subject", "region", "metric", "model"]].itertuples(index=False, name=None)
    found = [draws.get(tuple(map(str, key))) for key in keys]
    return None if any(one is None for one in found) else np.stack(found)


def _over_images(drawn: np.ndarray) -> dict:
    """Percentile interval and two-sided p of a difference, from its resamples."""
    try:
        low, high = interval(drawn)
    except UndefinedError as reason:
        return {"note": str(reason)}
    return {"ci_low": low, "ci_high": high, "p": p_drawn(drawn)}


def contrast(term: str) -> str:
    """Level that a person's row compares with the reference."""
    return term.partition("[T.")[2].removesuffix("]")


def draws_of(resamples: pd.DataFrame) -> dict[tuple, np.ndarray]:
    """Draws by view, subject, region, metric and model; the column dataset of ``resamples`` names the view."""
    keys = resamples[["dataset", "subject", "region", "metric", "model"]].itertuples(index=False, name=None)
    values = (np.asarray(drawn, dtype=np.float64) for drawn in resamples["drawn"])
    return {tuple(map(str, key)): value for key, value in zip(keys, values, strict=True)}
