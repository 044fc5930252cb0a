"""Representational similarity matrices (RSMs) and their comparison.

``RSM(A)[i, j] = corr(A[i, :], A[j, :])`` (Kriegeskorte, Mur & Bandettini 2008, as similarities). Products
run in the precision of the input; sums that could cancel run in float64.
"""

from __future__ import annotations

import math

import numpy as np

from menagerie.errors import MenagerieError
from menagerie.linking.arrays import Array, cast, floating, like, namespace

BLOCK = 1024  # units at a time: more gains nothing in products and leaves the caches


class UndefinedError(MenagerieError):
    """A score that the data do not define. Its message is the reason, and becomes the ``status`` of a row."""


def rsm(features: Array) -> Array:
    """Pearson correlation between every two rows.

    Parameters
    ----------
    features
        ``(n, p)``: images by features, numpy or torch, float32 or float64.

    Returns
    -------
    ``(n, n)`` in the precision of ``features``, symmetric, ones on the diagonal.

    Raises
    ------
    UndefinedError
        When a row has no variance (or a value that is not finite), so that its correlations do not exist.
    """
    features = floating(features)
    xp = namespace(features)
    centred = features - cast(xp.mean(features, axis=1, dtype=xp.float64), features.dtype)[:, None]
    spread = xp.amax(xp.abs(centred), axis=1)
    # A constant row keeps the rounding error of its mean; larger spreads are signal.
    floor = xp.finfo(features.dtype).eps * xp.amax(xp.abs(features), axis=1)
    _require_variance(spread > floor)
    centred /= spread[:, None]  # so that squares neither overflow nor vanish
    return cast(_normalise(cast(centred @ centred.T, xp.float64)), features.dtype)


def pattern_rsm(deviations: Array, means: Array) -> Array:
    """RSM of the patterns ``A[i, u] = deviations[u, i] + means[u]``, exact even where deviations are tiny.

    Predictions of a strongly penalised ridge vary by a thousandth of the units' means. Their RSM is 1 minus
    something small, which float32 products of the patterns themselves would lose. So only products of the
    deviations run in float32; the share of the means is added in float64:
    ``A_i . A_j = D_i . D_j + D_i . m + D_j . m + m . m`` with ``D`` and ``m`` centred over units.

    Parameters
    ----------
    deviations
        ``(u, n)``: units by images.
    means
        ``(u,)``, float64.

    Returns
    -------
    ``(n, n)`` float64, symmetric, ones on the diagonal.

    Raises
    ------
    UndefinedError
        When the pattern of an image is constant over units.
    """
    xp = namespace(deviations)
    eps, n = xp.finfo(deviations.dtype).eps, deviations.shape[1]
    offsets = xp.mean(deviations, axis=0)
    means = means - xp.mean(means)
    scale = max(float(deviations.max()), -float(deviations.min()), float(xp.abs(means).max())) or 1.0
    means = means / scale
    products, crossed = (like(np.zeros(shape), deviations) for shape in ((n, n), n))
    for start in range(0, len(deviations), BLOCK):
        centred = deviations[start : start + BLOCK] - offsets
        centred /= scale
        products += centred.T @ centred
        crossed += centred.T @ cast(means[start : start + BLOCK], centred.dtype)
    # Below this the pattern is rounding error: of its offset, or of deviations that undo the means.
    floor = 8 * eps * (xp.linalg.diagonal(products) + means @ means)
    floor += len(means) * xp.square(8 * eps * cast(offsets, xp.float64) / scale)
    products += crossed[:, None]
    products += crossed + means @ means
    _require_variance(xp.linalg.diagonal(products) > floor)
    return _normalise(products)


def _require_variance(varies: Array) -> None:
    """Raise unless True for every image."""
    constant = [index for index, good in enumerate(varies.tolist()) if not good]
    if constant:
        raise UndefinedError(
            f"RSM undefined: {len(constant)} of {len(varies)} images have a constant pattern (first: row {constant[0]})"
        )


def _normalise(products: Array) -> Array:
    """Correlations from float64 inner products of centred rows."""
    xp = namespace(products)
    norms = xp.sqrt(xp.linalg.diagonal(products))
    products /= norms[:, None]
    products /= norms[None, :]
    index = xp.arange(len(products))
    products[index, index] = 1.0
    return products


def upper(matrix: Array) -> Array:
    """Strict upper triangle of an ``(n, n)`` matrix, row by row: ``(n (n - 1) / 2,)``."""
    xp = namespace(matrix)
    return matrix[xp.triu(xp.ones_like(matrix, dtype=xp.bool), 1)]


def triangle(rsm: Array) -> Array:
    """Strict upper triangle of an ``(n, n)`` RSM, float64, centred and scaled to unit length.

    The similarity of two RSMs is the inner product of their triangles.

    Raises
    ------
    UndefinedError
        When all pairs of images are equally similar.
    """
    values = cast(upper(rsm), namespace(rsm).float64)
    values -= namespace(rsm).mean(values)
    power = float(values @ values)
    if not power > len(values) * float(namespace(rsm).finfo(values.dtype).eps) ** 2:
        raise UndefinedError("RSM similarity undefined: all pairs of images are equally similar")
    values /= math.sqrt(power)
    return values


def rsm_similarity(a: Array, b: Array) -> float:
    """Pearson correlation, in float64, of the strict upper triangles of two ``(n, n)`` RSMs.

    Raises
    ------
    UndefinedError
        When one of the triangles is constant.
    ValueError
        When the shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"RSMs of different shapes: {tuple(a.shape)} and {tuple(b.shape)}")
    return float(triangle(a) @ triangle(b))
