"""Scoring one layer for one subject: every region and metric, both halves, one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from menagerie.brain.target import Target
from menagerie.files.geometry import OK, LayerGeometry
from menagerie.linking.arrays import Array
from menagerie.linking.comparison import SPLITS, Brain, Comparison
from menagerie.linking.metrics import METRICS, check_metrics
from menagerie.linking.ridge import MEMORY_BUDGET, PENALTIES
from menagerie.linking.rsm import UndefinedError
from menagerie.linking.schemas import SCHEMAS

NO_UNITS = "no unit responses in this dataset: {metric} needs them, an RSM alone serves crsa only"


def score_layer(
    geometry: LayerGeometry,
    target: Target | Brain,
    *,
    model: str,
    depth: float,
    image_ids: Sequence[str] | None = None,
    penalties: Sequence[float] = PENALTIES,
    metrics: Sequence[str] = tuple(METRICS),
    regions: Sequence[str] | None = None,
    memory_budget: int = MEMORY_BUDGET,
    array: Callable[[np.ndarray], Array] = np.asarray,
) -> pa.Table:
    """Brain predictivity of a layer on the training and the test half.

    Parameters
    ----------
    geometry
        The layer.
    target
        The subject's responses or RSMs; its images are a subset of ``image_ids``, matched by id. For many layers, make
        a :class:`~menagerie.linking.comparison.Brain` of it once: a fifth of the work is the subject's. What it holds
        counts then, not ``image_ids``, ``regions`` and ``array``.
    model, depth
        Copied into the rows.
    image_ids
        Images of the geometry's rows; None where they are the target's own, in its order.
    penalties
        Ridge penalties for veRSA and encoding_r, chosen per unit by leave-one-out correlation.
    metrics
        Names in :data:`menagerie.linking.metrics.METRICS`.
    regions
        Names of regions; None for all of the target.
    memory_budget
        Bytes of working memory for the ridge.
    array
        Puts a numpy array where the work is to happen, for example
        ``functools.partial(torch.asarray, device="cuda")``; the default computes in numpy.

    Returns
    -------
    Table ``layer_scores``: one row per region, metric and split. Where a score does not exist it is empty and
    ``status`` says why. ``n_units`` of encoding_r counts the units in the mean.

    Raises
    ------
    MenagerieError
        When images of the target are missing from the geometry, or a region or metric is unknown.
    """
    check_metrics(metrics)
    brain = target if isinstance(target, Brain) else Brain(target, image_ids, regions, array)
    pair = Comparison(geometry, brain, penalties, memory_budget)
    rows = []
    for region in brain.regions:
        for metric in metrics:
            for split in SPLITS:
                score, n_units, status = _score(pair, region, metric, split)
                rows.append(
                    {
                        "dataset": brain.target.dataset,
                        "subject": brain.target.subject,
                        "model": model,
                        "layer": geometry.layer,
                        "layer_index": geometry.index,
                        "depth": depth,
                        "region": region,
                        "metric": metric,
                        "split": split,
                        "score": score,
                        "n_images": brain.n_images[split],
                        "n_units": n_units,
                        "status": status,
                    }
                )
    return pa.Table.from_pylist(rows, schema=SCHEMAS["layer_scores"])


def _score(pair: Comparison, region: str, metric: str, split: str) -> tuple[float | None, int, str]:
    """Score, number of units and status of one row."""
    target = pair.brain.target
    if METRICS[metric].needs_units and not target.has_units:
        return None, 0, NO_UNITS.format(metric=metric)
    if pair.geometry.status != OK:
        return None, target.n_units(region), pair.geometry.status
    try:
        return *METRICS[metric].score(pair, region, split), OK
    except UndefinedError as reason:
        return None, target.n_units(region), str(reason)
