"""A split's score: the mean over its folds of the scores of their test parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from math import hypot

import pyarrow as pa

from menagerie.files.geometry import OK
from menagerie.linking.schemas import SCHEMAS

KEYS = ("dataset", "subject", "model", "region", "metric", "split", "selected_on")
_MEANS = ("train_score", "score", "noise_ceiling", "at_lowest_penalty", "at_highest_penalty")


def mean_over_folds(fold_scores: pa.Table, overlapping: Collection[tuple[str, str, str]] = ()) -> pa.Table:
    """Rows of ``model_scores`` from those of ``fold_scores``; a split with one fold keeps its numbers as they are.

    The layer is the one that most folds selected, the earlier of equals. Distances of an interval's ends from the score
    are combined as those of independent estimates (root of the sum of squares over k), or averaged where folds test
    the same images.

    Parameters
    ----------
    fold_scores
        Table ``fold_scores``, all folds of its splits.
    overlapping
        Dataset, subject and split of which an image is tested in several folds.

    Returns
    -------
    Table ``model_scores`` without ``explained``, in order of appearance. A split with a fold that has no score has
    none; its status is that of the first such fold.
    """
    groups: dict[tuple, list[dict]] = {}
    for row in fold_scores.to_pylist():
        groups.setdefault(tuple(row[key] for key in KEYS), []).append(row)
    rows = [_mean(group, _owner(group[0]) in overlapping) for group in groups.values()]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["model_scores"])


def _owner(row: dict) -> tuple[str, str, str]:
    return row["dataset"], row["subject"], row["split"]


def _mean(folds: Sequence[dict], overlap: bool) -> dict:
    common = {key: folds[0][key] for key in KEYS} | {"n_folds": len(folds)}
    if len(folds) == 1:
        return folds[0] | common
    counts = Counter(row["layer_index"] for row in folds if row["layer_index"] is not None)
    best = min(counts, key=lambda index: (-counts[index], index), default=None)
    layer = next((row for row in folds if row["layer_index"] == best), folds[0])
    row = common | {name: layer[name] for name in ("layer", "layer_index", "depth", "n_units")}
    sizes = [fold["n_images"] for fold in folds]
    row |= {"n_images": max(sizes) if overlap else sum(sizes)}
    failed = next((fold for fold in folds if fold["status"] != OK), None)
    if failed:
        return row | {"status": f"fold {failed['fold']}: {failed['status']}"}
    row |= {name: _average([fold[name] for fold in folds]) for name in _MEANS} | {"status": OK}
    return row | _interval(folds, row["score"], overlap)


def _average(values: Sequence[float | None]) -> float | None:
    return None if None in values else sum(values) / len(values)


def _interval(folds: Sequence[dict], score: float, overlap: bool) -> dict:
    if any(fold["ci_low"] is None or fold["ci_high"] is None for fold in folds):
        return {}
    ends = {}
    for name, sign in (("ci_low", -1), ("ci_high", 1)):
        distances = [fold[name] - fold["score"] for fold in folds]
        distance = sum(distances) if overlap else sign * hypot(*distances)
        ends[name] = score + distance / len(folds)
    return ends
