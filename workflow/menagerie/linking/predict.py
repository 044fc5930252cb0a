"""Predicted responses to images that nobody was shown: a scored layer as an encoding model.

A unit's response is predicted as that of a test image is: with the ridge that was fitted to the training images of a
fold, from the kernel between new and training images. With several folds the prediction is the mean of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from menagerie.brain.folds import Fold
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError
from menagerie.files.geometry import OK, LayerGeometry
from menagerie.linking.arrays import host
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.ridge import MEMORY_BUDGET, PENALTIES, SLOPE

AGREEMENT = 1e-3
"""Largest difference between the kernel that was scored and the same part of a new one, as a share of its norm."""


def predict_images(
    layers: Sequence[tuple[LayerGeometry, Fold]],
    target: Target,
    image_ids: Sequence[str],
    n_new: int,
    region: str,
    *,
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
    memory_budget: int = MEMORY_BUDGET,
) -> tuple[np.ndarray, np.ndarray]:
    """Responses of a region's units to new images.

    Parameters
    ----------
    layers
        The layer selected in each fold, its geometry over the stimulus set and the new images, and the fold.
    target
        One subject.
    image_ids
        Images of the geometries' rows; the last ``n_new`` are new.
    n_new
        ``m``, number of new images.
    region
        Name of the region.
    penalties, training, memory_budget
        As in :func:`menagerie.linking.ridge.loo_ridge`, and the same as when the layer was scored.

    Returns
    -------
    units, predicted
        ``(v,)`` positions of the units in the target, and float64 ``(v, m)`` predictions in the target's units.

    Raises
    ------
    MenagerieError
        When a layer has no geometry over these images, or the target has no responses of single units.
    """
    if not target.has_units:
        raise MenagerieError(
            f"Target {target.dataset}/{target.subject}: found RSMs only, expected responses of units, which alone can "
            "be predicted. Take the dataset out of config key predictions."
        )
    total: np.ndarray | float = 0.0
    for geometry, fold in layers:
        if geometry.status != OK:
            raise MenagerieError(
                f"Layer {geometry.layer} cannot predict responses to the new images: {geometry.status}. Take images "
                "out, or choose another metric under predictions."
            )
        pair = Comparison(geometry, Brain(target, image_ids, fold, [region]), penalties, training, memory_budget)
        ridge, rows = pair.ridge, pair.brain.rows["train"][0]
        new = slice(len(image_ids) - n_new, len(image_ids))
        deviations = host(ridge.predict_deviations(pair.kernel(new, rows)))
        total = total + deviations.astype(np.float64) + host(ridge.means).astype(np.float64)[:, None]
    return pair.brain.units, total / len(layers)


def check_kernel(scored: LayerGeometry, found: LayerGeometry) -> None:
    """Refuse a geometry whose old images are not as they were when the layer was scored.

    Raises
    ------
    MenagerieError
        When the two differ by more than :data:`AGREEMENT`.
    """
    old = scored.gram().astype(np.float64)
    new = found.gram()[: len(old), : len(old)].astype(np.float64)
    difference = float(np.linalg.norm(new - old) / max(np.linalg.norm(old), np.finfo(float).tiny))
    if not difference <= AGREEMENT:
        raise MenagerieError(
            f"Layer {scored.layer}: found a kernel of the scored images that differs from the scored one by "
            f"{difference:.1e} of its norm, expected at most {AGREEMENT:.0e}. The network, its weights or the number "
            "format changed; extract its geometry again."
        )


def selected_layers(rows: Sequence[Mapping], wanted: Mapping[str, str]) -> dict[tuple[str, str], dict[int, int]]:
    """(Subject, region) -> fold -> index of the selected layer, from the rows of ``fold_scores`` with some values."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    for row in rows:
        if row["status"] == OK and all(row[name] == value for name, value in wanted.items()):
            found.setdefault((row["subject"], row["region"]), {})[row["fold"]] = row["layer_index"]
    return found
