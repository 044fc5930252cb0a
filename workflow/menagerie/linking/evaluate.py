"""Reporting the selected layers: intervals on the test part, noise ceilings, and scores of single units."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from menagerie.brain.folds import PARTS, Fold, folds_or_default
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError
from menagerie.files.geometry import OK, LayerGeometry
from menagerie.linking.arrays import Array, host
from menagerie.linking.bootstrap import LEVEL, N_RESAMPLES, image_counts
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.metrics import METRICS
from menagerie.linking.ridge import MEMORY_BUDGET, PENALTIES, SLOPE
from menagerie.linking.rsm import UndefinedError
from menagerie.linking.schemas import SCHEMAS
from menagerie.linking.score_intervals import INTERVALS

_UNIT_KEYS = ("dataset", "subject", "model", "region", "split", "fold", "selected_on", "layer", "layer_index", "depth")


def evaluate_layers(
    selected: pa.Table,
    read_layer: Callable[[int], LayerGeometry],
    target: Target,
    *,
    image_ids: Sequence[str] | None = None,
    folds: Sequence[Fold] = (),
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
    n_resamples: int = N_RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
    memory_budget: int = MEMORY_BUDGET,
    array: Callable[[np.ndarray], Array] = np.asarray,
) -> tuple[pa.Table, pa.Table]:
    """Complete the selected layers of one model and subject.

    Intervals are percentile intervals of a bootstrap over test images, for encoding_r too: units of a region
    see the same images, so resampling units would call the shared error precision. Every interval of a fold
    uses the same resamples.

    Parameters
    ----------
    selected
        Rows of ``fold_scores`` from :func:`~menagerie.linking.select.select_layers`; rows of other subjects or datasets
        are left aside.
    read_layer
        Layer index -> geometry, for example ``GeometryFile.read``; called once a layer.
    target, image_ids, folds, penalties, training, memory_budget, array
        As in :func:`~menagerie.linking.score.score_layer`, and the same as there.
    n_resamples, level, seed
        Of the bootstrap.

    Returns
    -------
    Table ``fold_scores``, and table ``unit_scores`` of the layers selected for encoding_r.

    Raises
    ------
    MenagerieError
        When the rows belong to several models, or as :func:`~menagerie.linking.score.score_layer`.
    """
    rows = [r for r in selected.to_pylist() if (r["dataset"], r["subject"]) == (target.dataset, target.subject)]
    if len(models := {row["model"] for row in rows}) > 1:
        raise MenagerieError(f"Evaluation takes the rows of one model at a time, found {sorted(models)}.")
    regions = sorted({row["region"] for row in rows}, key=target.region_names.index)
    unit_rows: list[dict] = []
    for fold in folds_or_default(folds, target.image_ids if image_ids is None else image_ids):
        brain = Brain(target, image_ids, fold, regions, array)
        counts = image_counts(brain.n_images["test"], n_resamples, seed)
        own = [row for row in rows if (row["split"], row["fold"]) == (fold.split, fold.fold)]
        for index in sorted({row["layer_index"] for row in own if row["layer_index"] is not None}):
            pair = Comparison(read_layer(index), brain, penalties, training, memory_budget)
            for row in (row for row in own if row["layer_index"] == index):
                row |= _interval(pair, row, counts, level)
                if METRICS[row["metric"]].unit_scores:
                    unit_rows += _unit_rows(pair, row)
        for row in own:
            row["noise_ceiling"] = target.ceiling(row["region"], fold) if METRICS[row["metric"]].has_ceiling else None
    return (
        pa.Table.from_pylist(rows, schema=SCHEMAS["fold_scores"]),
        pa.Table.from_pylist(unit_rows, schema=SCHEMAS["unit_scores"]),
    )


def _interval(pair: Comparison, row: dict, counts: np.ndarray, level: float) -> dict:
    """``ci_low`` and ``ci_high`` of a row; empty where the score is, or where resamples are undefined."""
    bootstrap = INTERVALS.get(row["metric"])
    if row["status"] != OK or bootstrap is None:
        return {}
    try:
        low, high = bootstrap(pair, row["region"], counts, level)
    except UndefinedError:
        return {}
    return {"ci_low": low, "ci_high": high}


def _unit_rows(pair: Comparison, row: dict) -> list[dict]:
    """Rows of ``unit_scores`` for a region's units; a score is empty in a part where the unit is constant."""
    units = np.union1d(pair.defined_units(row["region"], "train"), pair.defined_units(row["region"], "test"))
    train, test = ([None if np.isnan(r) else float(r) for r in pair.unit_r[part][units]] for part in PARTS)
    shared = {name: row[name] for name in _UNIT_KEYS}
    columns = zip(pair.brain.units[units].tolist(), train, test, host(pair.ridge.penalty)[units].tolist(), strict=True)
    return [shared | dict(zip(("unit", "train_score", "score", "penalty"), values, strict=True)) for values in columns]
