"""What the model-to-model figure shows, as tables: similarities, a map of networks, the sets of experiments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from menagerie.errors import MenagerieError
from menagerie.figures.levels import Look, level_look, level_name
from menagerie.figures.tidy import first_region, in_order
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.similarity import classical_mds, upper_values

MOST_SETS = 7  # levels of single networks that a map tells apart
ENOUGH = 12  # trained networks that make a map of their own


@dataclass(frozen=True)
class ModelSets:
    """The sets of networks that an experiment compares: one per level, or one of all for many levels of one network."""

    title: str
    sets: Mapping[str, tuple[str, ...]]
    looks: Mapping[str, Look] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelMap:
    """Similarities of networks under one metric.

    Attributes
    ----------
    models
        Their ids.
    values
        ``(m (m - 1) / 2,)``: every pair once.
    points
        ``(m, 2)``: classical scaling of ``1 - r``; None where two dimensions do not exist.
    """

    models: list[str]
    values: np.ndarray
    points: np.ndarray | None


def model_maps(similarity: pd.DataFrame, models: pd.DataFrame) -> dict[str, ModelMap]:
    """Metric -> map, in the first region: the mean over subjects of every pair's similarity, and its scaling.

    Parameters
    ----------
    similarity
        Tables ``similarity`` of all subjects of a dataset, one below the other.
    models
        Table ``models``; where twelve networks or more are trained, the map is of those alone, since untrained ones
        would take its first axis.
    """
    trained = set(models.loc[models["training"] == "trained", "id"])
    found = {}
    for metric, pairs in first_region(similarity).groupby("metric", sort=True):
        names = in_order([*pairs["model_a"], *pairs["model_b"]])
        kept = [name for name in names if name in trained]
        kept = kept if len(kept) >= ENOUGH else names
        matrix = mean_similarity(pairs, kept)
        complete = np.isfinite(matrix).all(axis=1)
        kept, matrix = [n for n, ok in zip(kept, complete, strict=True) if ok], matrix[complete][:, complete]
        if len(kept) > 1:
            found[metric] = ModelMap(kept, upper_values(matrix), _points(matrix))
    return found


def mean_similarity(pairs: pd.DataFrame, names: list[str]) -> np.ndarray:
    """``(m, m)`` mean over subjects; NaN where a pair was not compared, ones on the diagonal."""
    means = pairs.groupby(["model_a", "model_b"])["r"].mean()
    place = {name: number for number, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for (a, b), value in means.items():
        if a in place and b in place:
            matrix[place[a], place[b]] = matrix[place[b], place[a]] = value
    np.fill_diagonal(matrix, 1.0)
    return matrix


def model_sets(experiments: Iterable[Experiment], data: Mapping[str, pd.DataFrame]) -> list[ModelSets]:
    """Sets of every experiment that the networks of the run allow and that a map can show.

    Parameters
    ----------
    experiments
        Experiments of the run; one whose factor is the metric compares no networks and is left out.
    data
        Experiment -> its table ``data``.
    """
    found = []
    for one in experiments:
        rows = data[one.name]
        if one.factor == "metric" or rows.empty:
            continue
        level = rows[one.factor].astype(str)
        if one.figure == "models" and level.nunique() > MOST_SETS:
            sets = {f"{rows['model'].nunique()} networks": tuple(in_order(rows["model"]))}
            looks = {}
        else:
            order = one.levels or (one.reference, *sorted(set(level) - {one.reference}))
            names = {name: level_name(one, name) for name in order}
            sets = {names[name]: tuple(in_order(rows.loc[level == name, "model"])) for name in order}
            looks = {names[name]: level_look(one, name, order, apart=True) for name in order}
        found.append(ModelSets(one.title, {name: members for name, members in sets.items() if members}, looks))
    return found


def _points(matrix: np.ndarray) -> np.ndarray | None:
    try:
        return classical_mds(matrix)[0]
    except MenagerieError:
        return None
