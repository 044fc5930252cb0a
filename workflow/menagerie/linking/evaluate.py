"""Reporting the selected layers: intervals and p on the test part, noise ceilings, and scores of single units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from menagerie.brain.folds import PARTS, Fold, folds_or_default, overlapping_splits
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError
from menagerie.files.geometry import OK, LayerGeometry
from menagerie.linking.arrays import Array, host
from menagerie.linking.bootstrap import N_RESAMPLES, image_counts
from menagerie.linking.comparison import Brain, Comparison, group_numbers
from menagerie.linking.fold_means import Samples, mean_over_folds, mean_samples, row_key
from menagerie.linking.measures.table import TABLE
from menagerie.linking.permutations import N_PERMUTATIONS
from menagerie.linking.resampling import resampling
from menagerie.linking.ridge import MEMORY_BUDGET, PENALTIES, SLOPE
from menagerie.linking.schemas import SCHEMAS

_UNIT_KEYS = ("dataset", "subject", "model", "region", "split", "fold", "selected_on", "layer", "layer_index", "depth")


class Evaluated(NamedTuple):
    """Tables ``fold_scores``, ``model_scores`` (without ``explained``), ``unit_scores`` and ``resamples``."""

    folds: pa.Table
    models: pa.Table
    units: pa.Table
    resamples: pa.Table


def evaluate_layers(
    selected: pa.Table,
    read_layer: Callable[[int], LayerGeometry],
    target: Target,
    *,
    image_ids: Sequence[str] | None = None,
    folds: Sequence[Fold] = (),
    groups: Mapping[str, str] | None = None,
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
    n_resamples: int = N_RESAMPLES,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
    permutation_seed: int = 0,
    memory_budget: int = MEMORY_BUDGET,
    array: Callable[[np.ndarray], Array] = np.asarray,
) -> Evaluated:
    """Complete the selected layers of one model and subject.

    Intervals are percentile intervals of a bootstrap over test images, for encoding_r too: units of a region
    see the same images, so resampling units would call the shared error precision. The test images of a split are
    drawn once for all its folds, layers and models, so that differences and means can be taken draw by draw.

    Parameters
    ----------
    selected
        Rows of ``fold_scores`` from :func:`~menagerie.linking.select.select_layers`; rows of other subjects or datasets
        are left aside.
    read_layer
        Layer index -> geometry, for example ``GeometryFile.read``; called once a layer and fold.
    target, image_ids, folds, penalties, training, memory_budget, array
        As in :func:`~menagerie.linking.score.score_layer`, and the same as there.
    groups
        Image id -> group whose images are drawn and permuted as a whole; None where each stands for itself.
    n_resamples, seed
        Of the bootstrap.
    n_permutations, permutation_seed
        Of the test against chance.

    Returns
    -------
    Tables of :class:`Evaluated`; ``unit_scores`` of the layers selected for encoding_r.

    Raises
    ------
    MenagerieError
        When the rows belong to several models, or as :func:`~menagerie.linking.score.score_layer`.
    """
    rows = [r for r in selected.to_pylist() if (r["dataset"], r["subject"]) == (target.dataset, target.subject)]
    if len(models := {row["model"] for row in rows}) > 1:
        raise MenagerieError(f"Evaluation takes the rows of one model at a time, found {sorted(models)}.")
    regions = sorted({row["region"] for row in rows}, key=target.region_names.index)
    folds = folds_or_default(folds, target.image_ids if image_ids is None else image_ids)
    overlapping = overlapping_splits(folds)
    units: list[dict] = []
    means: list[pa.Table] = []
    drawn: list[dict] = []
    for split, of_split in groupby(folds, lambda fold: fold.split):
        brains = [Brain(target, image_ids, fold, regions, array, groups) for fold in of_split]
        counts = split_counts(brains, target.image_ids if image_ids is None else image_ids, n_resamples, seed, groups)
        samples: dict[tuple, list[Samples]] = {}
        for brain in brains:
            own = [row for row in rows if (row["split"], row["fold"]) == (split, brain.fold.fold)]
            for index in sorted({row["layer_index"] for row in own if row["layer_index"] is not None}):
                pair = Comparison(read_layer(index), brain, penalties, training, memory_budget)
                for row in (row for row in own if row["layer_index"] == index):
                    found = _samples(pair, row, counts, n_permutations, [permutation_seed, brain.fold.fold])
                    row |= found.inference(row["score"]) if row["status"] == OK else {}
                    samples.setdefault(row_key(row), []).append(found)
                    if TABLE[row["metric"]].unit_scores:
                        units += _unit_rows(pair, row)
            for row in own:
                if TABLE[row["metric"]].ceiling:
                    row["noise_ceiling"] = target.ceiling(row["region"], brain.fold)
                    row["ceiling_low"], row["ceiling_high"] = target.ceiling_interval(row["region"], brain.fold)
        of_means = {key: mean_samples(found, split in overlapping) for key, found in samples.items()}
        table = pa.Table.from_pylist([r for r in rows if r["split"] == split], schema=SCHEMAS["fold_scores"])
        means.append(mean_over_folds(table, of_means, split in overlapping))
        drawn += _resamples(means[-1], of_means)
    return Evaluated(
        pa.Table.from_pylist(rows, schema=SCHEMAS["fold_scores"]),
        pa.concat_tables(means) if means else SCHEMAS["model_scores"].empty_table(),
        pa.Table.from_pylist(units, schema=SCHEMAS["unit_scores"]),
        pa.Table.from_pylist(drawn, schema=SCHEMAS["resamples"]),
    )


def split_counts(
    brains: Sequence[Brain], image_ids: Sequence[str], n_resamples: int, seed: int, groups: Mapping[str, str] | None
) -> dict[str, np.ndarray]:
    """Test image of a split -> ``(r,)`` how often each resample draws it; drawn for all folds at once."""
    tested = set().union(*(brain.test_ids for brain in brains))
    ids = [image for image in map(str, image_ids) if image in tested]
    numbers = None if groups is None else group_numbers(ids, groups)
    return dict(zip(ids, image_counts(len(ids), n_resamples, seed, numbers).T, strict=True))


def fold_counts(counts: Mapping[str, np.ndarray], brain: Brain) -> np.ndarray:
    """``(r, n)`` counts of a fold's test images, from :func:`split_counts`."""
    return np.stack([counts[image] for image in brain.test_ids], axis=1)


def _samples(
    pair: Comparison, row: dict, counts: Mapping[str, np.ndarray], n_permutations: int, seed: Sequence[int]
) -> Samples:
    """Resampled and permuted scores of a row; none where it has no score."""
    how = resampling(row["metric"])
    if row["status"] != OK or how is None:
        return Samples()
    return Samples(
        how.drawn(pair, row["region"], fold_counts(counts, pair.brain)),
        how.permuted and how.permuted(pair, row["region"], n_permutations, seed),
    )


def _resamples(models: pa.Table, samples: Mapping[tuple, Samples]) -> list[dict]:
    """Rows of ``resamples`` for the rows of ``model_scores`` that have a score."""
    rows = [row for row in models.to_pylist() if row["status"] == OK and row_key(row) in samples]
    names = SCHEMAS["resamples"].names[:-1]
    found = [({name: row[name] for name in names}, samples[row_key(row)].drawn) for row in rows]
    return [row | {"drawn": drawn.astype(np.float32)} for row, drawn in found if drawn is not None]


def _unit_rows(pair: Comparison, row: dict) -> list[dict]:
    """Rows of ``unit_scores`` for a region's units; a score is empty in a part where the unit is constant."""
    units = np.union1d(pair.defined_units(row["region"], "train"), pair.defined_units(row["region"], "test"))
    train, test = ([None if np.isnan(r) else float(r) for r in pair.unit_r[part][units]] for part in PARTS)
    shared = {name: row[name] for name in _UNIT_KEYS}
    ceilings = pair.brain.unit_ceilings["test"]
    known = [None] * len(units) if ceilings is None else ceilings[units].tolist()
    penalties = host(pair.ridge.penalty)[units].tolist()
    columns = zip(pair.brain.units[units].tolist(), train, test, known, penalties, strict=True)
    names = ("unit", "train_score", "score", "nc", "penalty")
    return [shared | dict(zip(names, values, strict=True)) for values in columns]
