"""Models against each other in one subject: differences of scores, their intervals, and tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations, groupby

import numpy as np
import pyarrow as pa

from menagerie.brain.folds import Fold, folds_or_default
from menagerie.brain.target import Target
from menagerie.files.geometry import OK, LayerGeometry
from menagerie.linking.arrays import host
from menagerie.linking.bootstrap import interval, p_drawn
from menagerie.linking.comparison import Brain, Comparison, group_numbers
from menagerie.linking.measures.table import TABLE
from menagerie.linking.permutations import N_PERMUTATIONS
from menagerie.linking.ridge import PENALTIES, SLOPE
from menagerie.linking.rsm import UndefinedError
from menagerie.linking.schemas import SCHEMAS
from menagerie.linking.swaps import (
    Patterns,
    encoding_shares,
    image_signs,
    normalised_shares,
    p_swapped,
    swapped_encoding,
    swapped_similarity,
)

MAX_ALL = 50  # models of which all pairs are compared; of more, each with the best
PLACE = ("region", "metric", "split", "selected_on")
SWAP, BOOTSTRAP = "swap", "bootstrap"
Place = tuple[str, ...]
Pair = tuple[str, str]


def compare_pairs(
    fold_scores: pa.Table,
    resamples: pa.Table,
    read_layer: Callable[[str, int], LayerGeometry],
    target: Target,
    *,
    image_ids: Sequence[str] | None = None,
    folds: Sequence[Fold] = (),
    groups: Mapping[str, str] | None = None,
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
) -> pa.Table:
    """Compare the models of a run in one subject, region by region and metric by metric.

    Parameters
    ----------
    fold_scores, resamples
        Tables of all models (:class:`~menagerie.linking.evaluate.Evaluated`); rows of other subjects are left aside.
    read_layer
        Model and layer index -> geometry.
    target, image_ids, folds, groups, penalties, training
        As in :func:`~menagerie.linking.evaluate.evaluate_layers`, and the same as there.
    n_permutations, seed
        Of the swaps.

    Returns
    -------
    Table ``pairwise`` without corrected p: a row for each pair of up to :data:`MAX_ALL` models with a score, or of more
    for each model and the best. Where the models predict responses, p is from swaps of their predictions; else from the
    bootstrap. A difference without interval, or without test, has none of it.
    """
    mine = {"dataset": target.dataset, "subject": target.subject}
    drawn = _by_place(resamples, mine)
    pairs = {place: _pairs(of) for place, of in drawn.items()}
    swapped = _swapped(
        [row for row in fold_scores.to_pylist() if _matches(row, mine) and row["status"] == OK],
        pairs,
        read_layer,
        target,
        (image_ids, folds_or_default(folds, target.image_ids if image_ids is None else image_ids), groups),
        (penalties, training),
        (n_permutations, seed),
    )
    rows = []
    for place, of in drawn.items():
        for a, b in pairs[place]:
            row = mine | dict(zip(PLACE, place, strict=True)) | {"model_a": a, "model_b": b, "sample": "images"}
            row |= {"score_a": of[a]["score"], "score_b": of[b]["score"]}
            difference = row["score_a"] - row["score_b"]
            row |= {"difference": difference} | _drawn(np.subtract(of[a]["drawn"], of[b]["drawn"]))
            if (place, (a, b)) in swapped:
                row |= {"p": p_swapped(difference, swapped[place, (a, b)]), "test": SWAP}
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=SCHEMAS["pairwise"])


def _matches(row: Mapping, mine: Mapping) -> bool:
    return all(row[key] == value for key, value in mine.items())


def _by_place(resamples: pa.Table, mine: Mapping) -> dict[Place, dict[str, dict]]:
    """Region, metric, split and way of selecting -> model -> row of ``resamples``."""
    found: dict[Place, dict[str, dict]] = {}
    for row in resamples.to_pylist():
        if _matches(row, mine):
            found.setdefault(tuple(row[key] for key in PLACE), {})[row["model"]] = row
    return found


def _pairs(of: Mapping[str, dict]) -> list[Pair]:
    """Every two models, the better one first; of many, the best and every other."""
    ordered = sorted(of, key=lambda model: (-of[model]["score"], model))
    return list(combinations(ordered, 2)) if len(ordered) <= MAX_ALL else [(ordered[0], other) for other in ordered[1:]]


def _drawn(differences: np.ndarray) -> dict:
    """Interval of a difference from its resamples, and a two-sided p, which a test by swaps replaces."""
    try:
        low, high = interval(differences)
    except UndefinedError:
        return {}
    return {"ci_low": low, "ci_high": high, "p": p_drawn(differences), "test": BOOTSTRAP}


def _swapped(
    rows: Sequence[dict],
    pairs: Mapping[Place, Sequence[Pair]],
    read_layer: Callable[[str, int], LayerGeometry],
    target: Target,
    images: tuple[Sequence[str] | None, Sequence[Fold], Mapping[str, str] | None],
    ridge: tuple[Sequence[float] | str, str],
    draws: tuple[int, int],
) -> dict[tuple[Place, Pair], np.ndarray]:
    """Place and pair -> ``(n,)`` differences after swaps, mean over folds; those of metrics that predict responses."""
    image_ids, folds, groups = images
    sums: dict[tuple[Place, Pair], list[np.ndarray]] = {}
    for split, own in groupby(folds, lambda fold: fold.split):
        brains = [Brain(target, image_ids, fold, groups=groups) for fold in own]
        tested = list(dict.fromkeys(image for brain in brains for image in brain.test_ids))
        signs = image_signs(len(tested), *draws, None if groups is None else group_numbers(tested, groups))
        column = {image: number for number, image in enumerate(tested)}
        for brain in brains:
            here = [row for row in rows if (row["split"], row["fold"]) == (split, brain.fold.fold)]
            predictions = _predictions(here, read_layer, brain, ridge)
            flips = signs[:, [column[image] for image in brain.test_ids]]
            for place, of in predictions.items():
                for a, b in pairs.get(place, ()):
                    if a in of and b in of:
                        sums.setdefault((place, (a, b)), []).append(
                            _SWAPS[TABLE[place[1]].swap](of[a], of[b], brain, place, flips)
                        )
    n_folds = {split: sum(fold.split == split for fold in folds) for split in {fold.split for fold in folds}}
    # A pair that misses a fold has no score of the split either, and no pair here.
    return {key: np.mean(found, axis=0) for key, found in sums.items() if len(found) == n_folds[key[0][2]]}


def _predictions(
    rows: Iterable[dict], read_layer: Callable, brain: Brain, ridge: tuple[Sequence[float] | str, str]
) -> dict[Place, dict[str, Patterns | np.ndarray]]:
    """Place -> model -> what its selected layer predicts, ready for swaps; of one layer after the other."""
    found: dict[Place, dict[str, Patterns | np.ndarray]] = {}
    wanted = sorted(
        (row for row in rows if TABLE[row["metric"]].swap), key=lambda row: (row["model"], row["layer_index"])
    )
    for (model, index), of_layer in groupby(wanted, lambda row: (row["model"], row["layer_index"])):
        pair = Comparison(read_layer(model, index), brain, *ridge)
        for row in of_layer:
            predicted = _PREDICTED[TABLE[row["metric"]].swap](pair, row["region"])
            found.setdefault(tuple(row[key] for key in PLACE), {})[model] = predicted
    return found


def _patterns(pair: Comparison, region: str) -> Patterns:
    units = pair.brain.members[region]
    return Patterns.of(host(pair.predicted["test"][units]), host(pair.ridge.means[units]))


def _swap_patterns(a: Patterns, b: Patterns, brain: Brain, place: Place, signs: np.ndarray) -> np.ndarray:
    return swapped_similarity(a, b, host(brain.triangle(place[0], "test")), signs)


def _swap_shares(a: np.ndarray, b: np.ndarray, brain: Brain, place: Place, signs: np.ndarray) -> np.ndarray:
    return swapped_encoding(a, b, signs)


# Name in the table of measures -> what is kept of a model's predictions, and differences after swaps.
_PREDICTED: Mapping[str, Callable] = {
    "patterns": _patterns,
    "shares": encoding_shares,
    "normalised_shares": normalised_shares,
}
_SWAPS: Mapping[str, Callable] = {
    "patterns": _swap_patterns,
    "shares": _swap_shares,
    "normalised_shares": _swap_shares,
}
