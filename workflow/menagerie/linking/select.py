"""Choosing each model's layer, by its score on the training half only."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from menagerie.files.geometry import OK
from menagerie.linking.schemas import SCHEMAS

KEYS = ("dataset", "subject", "model", "region", "metric")


def select_layers(layer_scores: pa.Table) -> pa.Table:
    """The layer with the best training score per model x dataset x subject x region x metric.

    Ties go to the earlier layer. The test half plays no part: a layer that turns out undefined there stays
    selected, and its status says so.

    Parameters
    ----------
    layer_scores
        Table ``layer_scores``, rows in any order.

    Returns
    -------
    Table ``model_scores``, groups in order of appearance, with intervals, ceiling and ``explained`` still
    empty. Where no layer has a training score, the row has no layer and ``status`` gives the reason.
    """
    groups: dict[tuple, dict[str, dict[int, dict]]] = {}
    for row in layer_scores.to_pylist():
        halves = groups.setdefault(tuple(row[key] for key in KEYS), {"train": {}, "test": {}})
        halves[row["split"]][row["layer_index"]] = row
    rows = [dict(zip(KEYS, key, strict=True)) | _best(**halves) for key, halves in groups.items()]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["model_scores"])


def _best(train: dict[int, dict], test: dict[int, dict]) -> dict:
    """Columns of the selected layer from the rows of both halves, by layer index."""
    usable = [row for row in train.values() if row["status"] == OK and row["score"] is not None]
    if not usable:
        rows = list((test or train).values())
        return {
            "n_images": rows[0]["n_images"],
            "n_units": rows[0]["n_units"],
            "status": f"no layer has a training score: {_reasons(row['status'] for row in train.values())}",
        }
    best = min(usable, key=lambda row: (-row["score"], row["layer_index"]))
    chosen = {name: best[name] for name in ("layer", "layer_index", "depth")} | {"train_score": best["score"]}
    reported = test.get(best["layer_index"])
    if reported is None:
        return chosen | {"n_images": 0, "n_units": best["n_units"], "status": "the selected layer has no test row"}
    return chosen | {name: reported[name] for name in ("score", "n_images", "n_units", "status")}


def _reasons(statuses: Iterable[str]) -> str:
    """The first few distinct statuses, in order of appearance."""
    distinct = list(dict.fromkeys(statuses))
    shown = "; ".join(distinct[:3]) or "no training rows"
    return shown + (f"; and {len(distinct) - 3} more reasons" if len(distinct) > 3 else "")
