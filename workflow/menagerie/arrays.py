"""Scores from arrays, without Snakemake and without files: features and responses in, tables out.

The numbers are those of a run over the same features, with its default projection (docs/from-python.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from menagerie.brain.folds import Fold, folds_or_default, train_mask
from menagerie.brain.repeats import count_repeats, estimate_ncsnr, mean_over_repeats
from menagerie.brain.target import Target, check_target
from menagerie.errors import MenagerieError
from menagerie.features.from_features import geometry_from_features
from menagerie.files.geometry import LayerGeometry
from menagerie.linking.bootstrap import N_RESAMPLES
from menagerie.linking.evaluate import Evaluated, evaluate_layers
from menagerie.linking.measures import USUAL
from menagerie.linking.permutations import N_PERMUTATIONS
from menagerie.linking.ridge import PENALTIES, SLOPE
from menagerie.linking.score import brains_of, score_layer
from menagerie.linking.select import select_layers

Features = np.ndarray | Mapping[str, np.ndarray]


def score_arrays(
    features: Features,
    responses: np.ndarray,
    *,
    regions: Mapping[str, np.ndarray] | None = None,
    metrics: Sequence[str] = USUAL,
    folds: Sequence[Fold] = (),
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
    model: str = "model",
) -> pa.Table:
    """Score the features of one layer, or of several, against the responses of one subject.

    Parameters
    ----------
    features
        ``(n, ...)``: images by features of any shape; or name of a layer -> such an array, in the order of depth.
    responses
        ``(n, v)``: images by units; or ``(n, v, t)`` with single repeats, NaN in all units where one is missing.
    regions
        Name -> bool ``(v,)``: the units of a region. By default one region "all".
    metrics
        Names (docs/measures.md).
    folds
        Which images train (they fit the ridge, and select layers) and which test; image ids are "0", "1", ... By
        default even and odd images.
    penalties, training
        As for :func:`~menagerie.linking.score.score_layer`.
    model
        Name in the table.

    Returns
    -------
    Table ``layer_scores``: a row for each layer, region, metric, fold and part; ``to_pandas()`` makes a DataFrame.
    Where a score does not exist it is empty and ``status`` says why.

    Raises
    ------
    MenagerieError
        When numbers of images differ, a value is not finite, a region is no mask of units, or a metric is unknown.
    """
    target = target_from(responses, regions)
    how = {"metrics": metrics, "penalties": penalties, "training": training, "model": model}
    return _scored(_layers(features, target, folds), target, folds, **how)


def report_arrays(
    features: Features,
    responses: np.ndarray,
    *,
    regions: Mapping[str, np.ndarray] | None = None,
    metrics: Sequence[str] = USUAL,
    folds: Sequence[Fold] = (),
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
    model: str = "model",
    n_resamples: int = N_RESAMPLES,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
) -> Evaluated:
    """Select the best layer on the training images, and report it on the test images with interval and p.

    Parameters
    ----------
    features, responses, regions, metrics, folds, penalties, training, model
        As for :func:`score_arrays`.
    n_resamples, n_permutations, seed
        Of the bootstrap over test images, and of the test against chance. Models that are reported with the same seed
        and images are drawn alike: differences of their ``resamples`` have the right interval.

    Returns
    -------
    Tables of :class:`~menagerie.linking.evaluate.Evaluated`; ``models`` has a row for each region and metric.

    Raises
    ------
    MenagerieError
        As :func:`score_arrays`.
    """
    target = target_from(responses, regions)
    layers = _layers(features, target, folds)
    ridge = {"penalties": penalties, "training": training}
    scored = _scored(layers, target, folds, metrics=metrics, model=model, **ridge)
    draws = {"n_resamples": n_resamples, "n_permutations": n_permutations, "seed": seed, "permutation_seed": seed}
    return evaluate_layers(select_layers(scored), layers.__getitem__, target, folds=folds, **ridge, **draws)


def _scored(layers: Sequence[LayerGeometry], target: Target, folds: Sequence[Fold], **how: object) -> pa.Table:
    brains = brains_of(target, None, folds)
    return pa.concat_tables([score_layer(one, brains, depth=_depth(one.index, len(layers)), **how) for one in layers])


def _layers(features: Features, target: Target, folds: Sequence[Fold]) -> list[LayerGeometry]:
    named = features if isinstance(features, Mapping) else {"layer": features}
    n, found = len(target.image_ids), []
    one = folds_or_default(folds, target.image_ids)[0] if folds else None
    train = train_mask(n) if one is None else one.masks(target.image_ids)["train"]
    for index, (name, values) in enumerate(named.items()):
        values = np.asarray(values)
        if values.ndim < 2 or len(values) != n:
            raise MenagerieError(
                f"Features of {name}: found an array {values.shape}, expected {n} images by features, as the responses "
                "have that many images. Images are the first axis of both."
            )
        found.append(geometry_from_features(values.reshape(n, -1), name, index, train=train))
    return found


def target_from(responses: np.ndarray, regions: Mapping[str, np.ndarray] | None = None) -> Target:
    """A subject from arrays; parameters as for :func:`score_arrays`.

    Raises
    ------
    MenagerieError
        When shapes do not fit, or a value is not finite.
    """
    values = np.asarray(responses, dtype=np.float64)
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise MenagerieError(
            f"Responses: found an array {values.shape}, expected images x units, or images x units x repeats."
        )
    n, v = values.shape[:2]
    regions = {"all": np.ones(v, dtype=bool)} if regions is None else regions
    masks = {name: np.asarray(mask) for name, mask in regions.items()}
    for name, mask in masks.items():
        if mask.shape != (v,) or mask.dtype != bool or not mask.any():
            raise MenagerieError(
                f"Region {name}: found an array {mask.shape} of {mask.dtype} with {np.count_nonzero(mask)} units, "
                f"expected bool ({v},), True for its units."
            )
    shared = {"dataset": "arrays", "subject": "arrays", "stimuli": "arrays", "regions": masks}
    ids = np.array([str(image) for image in range(n)], dtype=object)
    if values.ndim == 2:
        target = Target(image_ids=ids, responses=values.astype(np.float32), **shared)
    else:
        trials = np.moveaxis(values, 2, 0)
        counts = count_repeats(trials)
        means = mean_over_repeats(trials, "Responses")
        known = {"ncsnr": estimate_ncsnr(trials)} if counts.max() > 1 else {}
        target = Target(
            image_ids=ids,
            responses=means.astype(np.float32),
            repeats=trials.astype(np.float32),
            n_repeats=counts,
            units=known,
            **shared,
        )
    check_target(target)
    return target


def _depth(index: int, n_layers: int) -> float:
    """Relative depth, 0 to 1, as of evenly spaced layers; 1 for a single one."""
    return index / (n_layers - 1) if n_layers > 1 else 1.0
