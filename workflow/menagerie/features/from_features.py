"""The geometry of a layer whose features are at hand: the same numbers as if a network had been run for them."""

from __future__ import annotations

import numpy as np
import torch

from menagerie.brain.folds import train_mask
from menagerie.errors import MenagerieError
from menagerie.features.accumulate import RawGram, effective_dimensionality, standardised_gram
from menagerie.features.projection import N_PROJECTIONS, SparseProjection
from menagerie.files.geometry import LayerGeometry, fold

_EMPTY = np.empty(0, dtype=np.float32)


def geometry_from_features(
    features: np.ndarray,
    layer: str = "layer",
    index: int = 0,
    n_projections: int = N_PROJECTIONS,
    seed: int = 0,
    train: np.ndarray | None = None,
) -> LayerGeometry:
    """Reduce features to their geometry, as :func:`~menagerie.features.extract.extract_geometry` does it.

    Parameters
    ----------
    features
        ``(n, p)``, real numbers; they are taken as float32.
    layer, index
        Name of the layer, and its place in the order of depth.
    n_projections, seed, train
        As for ``extract_geometry``.

    Returns
    -------
    LayerGeometry
        A layer without a defined geometry has its reason as ``status`` and empty triangles. Rounding of a network is
        not known here, so that a layer that is nearly constant is not told from one that is not.

    Raises
    ------
    MenagerieError
        When a value is not finite in float32.
    """
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(features, dtype=np.float32)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise MenagerieError(
            f"Features of {layer}: found {features[row][column]} at image {row}, feature {column} (counted from 0), "
            "expected numbers that are finite in float32. Leave this feature out, or look for an overflow."
        )
    n, p = values.shape
    tensor, raw = torch.from_numpy(values), RawGram(n)
    raw.add(tensor)
    projected = SparseProjection(p, n_projections, seed, keep=False)(tensor, tensor[0])
    srp = RawGram(n)
    srp.add(projected)
    mask = torch.from_numpy(np.asarray(train_mask(n) if train is None else train, dtype=bool))
    gram = standardised_gram(projected, mask)[0].numpy()
    flaw = raw.flaw()
    if not flaw and not (np.isfinite(gram).all() and gram.any()):
        flaw = "sparse random projection is constant over the training images, or overflows"
    if flaw:
        return LayerGeometry(layer, index, p, _EMPTY, _EMPTY, status=flaw)
    dimensions = {"raw": effective_dimensionality(raw.centred()), "srp": effective_dimensionality(srp.centred())}
    rdm = fold(raw.rdm().numpy(), with_diagonal=False)
    return LayerGeometry(layer, index, p, rdm, fold(gram, with_diagonal=True), dimensions)
