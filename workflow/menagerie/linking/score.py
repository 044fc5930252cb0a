"""Scoring one layer for one subject: every region, metric and fold, both parts, one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from menagerie.brain.folds import PARTS, Fold, folds_or_default
from menagerie.brain.target import Target
from menagerie.files.geometry import OK, LayerGeometry
from menagerie.linking.arrays import Array
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.measures import USUAL, measure
from menagerie.linking.ridge import MEMORY_BUDGET, PENALTIES, SLOPE
from menagerie.linking.rsm import UndefinedError
from menagerie.linking.schemas import SCHEMAS

NO_UNITS = "no unit responses in this dataset: {metric} needs them, an RSM alone does not do"


def brains_of(
    target: Target,
    image_ids: Sequence[str] | None = None,
    folds: Sequence[Fold] = (),
    regions: Sequence[str] | None = None,
    array: Callable[[np.ndarray], Array] = np.asarray,
    groups: Mapping[str, str] | None = None,
) -> list[Brain]:
    """A target in each fold, even_odd by default; arguments as for :class:`~menagerie.linking.comparison.Brain`."""
    folds = folds_or_default(folds, target.image_ids if image_ids is None else image_ids)
    return [Brain(target, image_ids, fold, regions, array, groups) for fold in folds]


def score_layer(
    geometry: LayerGeometry,
    target: Target | Brain | Sequence[Brain],
    *,
    model: str,
    depth: float,
    image_ids: Sequence[str] | None = None,
    folds: Sequence[Fold] = (),
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
    metrics: Sequence[str] = USUAL,
    regions: Sequence[str] | None = None,
    memory_budget: int = MEMORY_BUDGET,
    array: Callable[[np.ndarray], Array] = np.asarray,
    p: Callable[[Comparison, str, str, float], float | None] | None = None,
) -> pa.Table:
    """Brain predictivity of a layer on the training and the test part of every fold.

    Parameters
    ----------
    geometry
        The layer.
    target
        The subject's responses or RSMs; its images are a subset of ``image_ids``, matched by id. For many layers, make
        :func:`brains_of` it once: a fifth of the work is the subject's. What these hold counts then, not ``image_ids``,
        ``folds``, ``regions`` and ``array``.
    model, depth
        Copied into the rows.
    image_ids
        Images of the geometry's rows; None where they are the target's own, in its order.
    folds
        Which images train and which test; by default even and odd positions among ``image_ids``.
    penalties
        Ridge penalties for veRSA and encoding_r, chosen per unit by leave-one-out correlation; or "auto".
    training
        What stands for predictions of training images (:mod:`menagerie.linking.ridge`).
    metrics
        Names in :data:`menagerie.linking.measures.table.TABLE`.
    regions
        Names of regions; None for all of the target.
    memory_budget
        Bytes of working memory for the ridge.
    array
        Puts a numpy array where the work is to happen, for example
        ``functools.partial(torch.asarray, device="cuda")``; the default computes in numpy.
    p
        From :func:`menagerie.linking.layer_p.against_chance`: tests every score of the test part; None for no test.

    Returns
    -------
    Table ``layer_scores``: one row per fold, region, metric and part. Where a score does not exist it is empty and
    ``status`` says why. ``n_units`` of encoding_r counts the units in the mean.

    Raises
    ------
    MenagerieError
        When images of the target are missing from the geometry, or a region or metric is unknown.
    """
    for metric in metrics:
        measure(metric)  # an unknown name is refused before any work
    if isinstance(target, Target):
        target = brains_of(target, image_ids, folds, regions, array)
    brains = [target] if isinstance(target, Brain) else target
    layer = {"model": model, "layer": geometry.layer, "layer_index": geometry.index, "depth": depth}
    rows = []
    for brain in brains:
        pair = Comparison(geometry, brain, penalties, training, memory_budget)
        rows += [row | layer for row in _rows(pair, metrics, p)]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["layer_scores"])


def _rows(
    pair: Comparison, metrics: Sequence[str], p: Callable[[Comparison, str, str, float], float | None] | None
) -> Iterator[dict]:
    """Rows of one fold, without the columns of the layer."""
    brain = pair.brain
    for region in brain.regions:
        for metric in metrics:
            for part in PARTS:
                found = _score(pair, region, metric, part)
                if p is not None and part == "test" and found["status"] == OK:
                    found["p"] = p(pair, region, metric, found["score"])
                yield {
                    "dataset": brain.target.dataset,
                    "subject": brain.target.subject,
                    "region": region,
                    "metric": metric,
                    "split": brain.fold.split,
                    "fold": brain.fold.fold,
                    "part": part,
                    "n_images": brain.n_images[part],
                    **found,
                }


def _score(pair: Comparison, region: str, metric: str, part: str) -> dict:
    """Score, number of units, edges of the grid and status of one row."""
    target, one = pair.brain.target, measure(metric)
    if one.needs_units and not target.has_units:
        return {"n_units": 0, "status": NO_UNITS.format(metric=metric)}
    if pair.geometry.status != OK:
        return {"n_units": target.n_units(region), "status": pair.geometry.status}
    edges = pair.edge_shares(region) if one.settings else (None, None)
    found = dict(zip(("at_lowest_penalty", "at_highest_penalty"), edges, strict=True))
    try:
        score, n_units = one.score(pair, region, part)
    except UndefinedError as reason:
        return found | {"n_units": target.n_units(region), "status": str(reason)}
    return found | {"score": score, "n_units": n_units, "status": OK}
