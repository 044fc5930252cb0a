"""A split's score: the mean over its folds of the scores of their test parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from menagerie.files.geometry import OK
from menagerie.linking.bootstrap import LEVEL, interval
from menagerie.linking.permutations import p_above
from menagerie.linking.rsm import UndefinedError
from menagerie.linking.schemas import SCHEMAS

KEYS = ("dataset", "subject", "model", "region", "metric", "split", "selected_on")
_MEANS = (
    "train_score",
    "score",
    "noise_ceiling",
    "ceiling_low",
    "ceiling_high",
    "at_lowest_penalty",
    "at_highest_penalty",
)


@dataclass(frozen=True)
class Samples:
    """Other scores that a row might have had.

    Attributes
    ----------
    drawn
        ``(r,)`` scores of resamples of test images, NaN where undefined; None without.
    permuted
        ``(n,)`` scores after permutations of test images; None without.
    """

    drawn: np.ndarray | None = None
    permuted: np.ndarray | None = None

    def inference(self, score: float, level: float = LEVEL) -> dict[str, float]:
        """Columns ``ci_low``, ``ci_high`` and ``p`` of a score, those of them that are defined."""
        found = {}
        if self.drawn is not None:
            with suppress(UndefinedError):
                found = dict(zip(("ci_low", "ci_high"), interval(self.drawn, level), strict=True))
        return found if self.permuted is None else found | {"p": p_above(score, self.permuted)}


def mean_samples(folds: Sequence[Samples], overlap: bool) -> Samples:
    """Samples of the mean over folds.

    Parameters
    ----------
    folds
        Samples of each fold; resamples drawn for all folds at once, image by image.
    overlap
        Whether folds test the same images. Permutations are drawn fold by fold; scores of equal rank are averaged
        then, so that the mean varies as if they rose and fell together: p errs to the high side.
    """
    drawn, permuted = ([getattr(fold, name) for fold in folds] for name in ("drawn", "permuted"))
    if not any(values is None for values in permuted) and overlap:
        permuted = [np.sort(values) for values in permuted]
    return Samples(*(None if any(v is None for v in of) else np.mean(of, axis=0) for of in (drawn, permuted)))


def mean_over_folds(
    fold_scores: pa.Table, samples: Mapping[tuple, Samples] | None = None, overlapping: bool = False
) -> pa.Table:
    """Rows of ``model_scores`` from those of ``fold_scores``; a split with one fold keeps its numbers as they are.

    The layer is the one that most folds selected, the earlier of equals.

    Parameters
    ----------
    fold_scores
        Table ``fold_scores``, all folds of its splits.
    samples
        :data:`KEYS` of a split -> samples of its score (:func:`mean_samples`), from which interval and p of several
        folds come.
    overlapping
        Whether an image is tested in several folds of a split.

    Returns
    -------
    Table ``model_scores`` without ``explained``, in order of appearance. A split with a fold that has no score has
    none; its status is that of the first such fold.
    """
    groups: dict[tuple, list[dict]] = {}
    for row in fold_scores.to_pylist():
        groups.setdefault(row_key(row), []).append(row)
    rows = [_mean(group, (samples or {}).get(key, Samples()), overlapping) for key, group in groups.items()]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["model_scores"])


def row_key(row: Mapping) -> tuple:
    """Values of :data:`KEYS`."""
    return tuple(row[key] for key in KEYS)


def _mean(folds: Sequence[dict], samples: Samples, overlap: bool) -> dict:
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
    return row | samples.inference(row["score"])


def _average(values: Sequence[float | None]) -> float | None:
    return None if None in values else sum(values) / len(values)
