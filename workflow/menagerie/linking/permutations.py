"""Is a score above chance? Permutation of images, in closed matrix form.

Under the null hypothesis the images of one side can be exchanged: rows and columns of an RSM together, or the images of
predictions (Nili et al. 2014; Kriegeskorte, Mur & Bandettini 2008). Thousands of permutations need no loop over them:

- An RSM score is the inner product of two matrices, ``<A, P B P'>``. With ``P = R' T`` it is ``<R A R', T B T'>``, so
  ``k`` permutations ``R`` and ``k`` of ``T`` give ``k^2`` scores from ``2 k`` permuted matrices and one matrix
  product. Each of these permutations is uniform, and any two of them are independent of one another.
- The mean over units of correlations of permuted predictions is ``sum_i K[i, p(i)]``, with ``K`` the products of
  standardised measured and predicted responses, summed over units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from menagerie.errors import MenagerieError
from menagerie.linking.arrays import Array, host
from menagerie.linking.rsm import triangle

N_PERMUTATIONS = 1000
TIE = 1e-6
"""Permuted scores that fall below the observed one by less than this, as rounding does, count as ties."""


def image_permutations(
    n_images: int, n_permutations: int, seed: int | Sequence[int] = 0, groups: Sequence[Hashable] | None = None
) -> np.ndarray:
    """``(n_permutations, n_images)`` random orders of images.

    Parameters
    ----------
    n_images, n_permutations, seed
        Sizes, and seed of the draws.
    groups
        ``(n_images,)`` labels: images of a group stay together. A group takes the place of another of its size, and
        keeps the order of its images (whole-block exchange, Winkler et al. 2015).

    Raises
    ------
    MenagerieError
        When the labels are not one an image.
    """
    generator = np.random.default_rng([*np.atleast_1d(seed), n_images])
    if groups is None:
        return generator.permuted(np.tile(np.arange(n_images), (n_permutations, 1)), axis=1)
    blocks = group_blocks(groups, n_images)
    orders = np.tile(np.arange(n_images), (n_permutations, 1))
    for size in sorted({len(block) for block in blocks}):
        places = np.array([block for block in blocks if len(block) == size])
        drawn = generator.permuted(np.tile(np.arange(len(places)), (n_permutations, 1)), axis=1)
        orders[:, places.ravel()] = places[drawn].reshape(n_permutations, -1)
    return orders


def group_blocks(groups: Sequence[Hashable], n_images: int) -> list[np.ndarray]:
    """Positions of the images of each group, in order of appearance.

    Raises
    ------
    MenagerieError
        When the labels are not one an image.
    """
    if len(groups) != n_images:
        raise MenagerieError(
            f"Groups of images: found {len(groups)} labels, expected one for each of {n_images} images."
        )
    blocks: dict[Hashable, list[int]] = {}
    for position, label in enumerate(groups):
        blocks.setdefault(label, []).append(position)
    return [np.array(block) for block in blocks.values()]


def permuted_similarity(
    a: Array,
    b: Array,
    n_permutations: int = N_PERMUTATIONS,
    seed: int | Sequence[int] = 0,
    groups: Sequence[Hashable] | None = None,
) -> np.ndarray:
    """:func:`~menagerie.linking.rsm.rsm_similarity` of two RSMs after random permutations of one's images.

    Parameters
    ----------
    a, b
        Symmetric ``(n, n)`` RSMs.
    n_permutations, seed, groups
        As in :func:`image_permutations`.

    Returns
    -------
    ``(n_permutations,)`` float64.

    Raises
    ------
    UndefinedError
        When all pairs of an RSM are equally similar.
    """
    return _all_pairs(host(a), host(b), _permuted_triangles, n_permutations, seed, groups)


def _all_pairs(
    a: np.ndarray,
    b: np.ndarray,
    rows: Callable[[np.ndarray, np.ndarray], np.ndarray],
    n_permutations: int,
    seed: int | Sequence[int],
    groups: Sequence[Hashable] | None,
) -> np.ndarray:
    """``(n_permutations,)`` inner products of permuted ``a`` and permuted ``b``; ``rows`` flattens each order's."""
    side = math.ceil(math.sqrt(n_permutations))
    orders = image_permutations(len(a), 2 * side, seed, groups)
    left, right = rows(a, orders[:side]), rows(b, orders[side:])
    return (left @ right.T).ravel()[:n_permutations].astype(np.float64)


def _permuted_triangles(rsm: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """``(k, n (n - 1) / 2)`` float32: the triangle of an RSM in other orders of its images."""
    pairs, upper = triangle(rsm), np.triu(np.ones(rsm.shape, dtype=bool), 1)
    scaled = np.zeros(rsm.shape, dtype=np.float32)
    scaled[upper] = pairs
    scaled += scaled.T
    found = np.empty((len(orders), len(pairs)), dtype=np.float32)
    for row, order in zip(found, orders, strict=True):
        row[:] = scaled[order][:, order][upper]
    return found


def permuted_products(
    a: np.ndarray,
    b: np.ndarray,
    n_permutations: int = N_PERMUTATIONS,
    seed: int | Sequence[int] = 0,
    groups: Sequence[Hashable] | None = None,
) -> np.ndarray:
    """``sum(a * b)`` after random permutations of one's images, rows and columns together.

    Parameters
    ----------
    a, b
        ``(n, n)``; need not be symmetric.
    n_permutations, seed, groups
        As in :func:`image_permutations`.

    Returns
    -------
    ``(n_permutations,)`` float64.
    """
    return _all_pairs(a, b, _permuted_entries, n_permutations, seed, groups)


def _permuted_entries(matrix: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """``(k, n n)`` float32: a matrix in other orders of its images."""
    single = matrix.astype(np.float32)
    return np.array([single[order][:, order].ravel() for order in orders])


def permuted_encoding(
    predicted: Array,
    measured: Array,
    n_permutations: int = N_PERMUTATIONS,
    seed: int | Sequence[int] = 0,
    groups: Sequence[Hashable] | None = None,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Mean over units of the correlation of measured responses and permuted predictions.

    Parameters
    ----------
    predicted, measured
        ``(v, n)``: units by images; no unit constant over images.
    n_permutations, seed, groups
        As in :func:`image_permutations`.

    weights
        ``(v,)`` factor of each unit's correlation; None for 1.

    Returns
    -------
    ``(n_permutations,)`` float64.
    """
    x, y = (_unit_rows(host(rows)) for rows in (measured, predicted))
    x = x if weights is None else x * weights[:, None].astype(x.dtype)
    products = (x.T @ y).astype(np.float64) / len(x)
    orders = image_permutations(x.shape[1], n_permutations, seed, groups)
    return products[np.arange(x.shape[1]), orders].sum(axis=1)


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows centred, with a norm of 1."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


def p_above(observed: float, permuted: np.ndarray) -> float:
    """One-sided p of a score: ``(1 + #{permuted >= observed}) / (1 + N)`` (Phipson & Smyth 2010)."""
    return float((1 + np.count_nonzero(permuted >= observed - TIE)) / (1 + len(permuted)))
