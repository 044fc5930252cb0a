"""Gram matrices over images: centred, scaled, compared; and what each image adds to such a comparison.

A measure that is an inner product of two matrices over images, ``sum(a * b)`` with both of norm 1, has the permutation
test and the influences of images in closed form.
"""

from __future__ import annotations

import numpy as np

from menagerie.linking.rsm import UndefinedError

MIN_IMAGES = 4


def doubly_centred(matrix: np.ndarray) -> np.ndarray:
    """``H M H`` of an ``(n, n)`` matrix: of a Gram matrix, that of the patterns minus their mean over images."""
    centred = matrix - matrix.mean(axis=0)
    return centred - centred.mean(axis=1)[:, None]


def unbiased(gram: np.ndarray) -> np.ndarray:
    """U-centred ``(n, n)`` Gram matrix, zero on the diagonal (Szekely & Rizzo 2014, doi 10.1214/14-AOS1255).

    Inner products of two of them, over ``n (n - 3)``, are the unbiased HSIC of Song et al. 2012.

    Raises
    ------
    UndefinedError
        When there are fewer than four images.
    """
    n = len(gram)
    if n < MIN_IMAGES:
        raise UndefinedError(f"undefined: {n} images, where {MIN_IMAGES} are needed")
    apart = gram - np.diag(np.diag(gram))
    rows = apart.sum(axis=0) / (n - 2)
    centred = apart - rows[:, None] - rows[None, :] + apart.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0.0)
    return centred


def unit(matrix: np.ndarray, scale: float) -> np.ndarray:
    """A matrix over its norm.

    Parameters
    ----------
    matrix
        ``(n, n)``.
    scale
        Norm of what it was made from by subtraction; less than its rounding error counts as nothing.

    Raises
    ------
    UndefinedError
        When nothing is left of it.
    """
    norm = float(np.linalg.norm(matrix))
    if not norm > 1e-10 * scale:
        raise UndefinedError("undefined: all images, or all pairs of images, are alike")
    return matrix / norm


def cosine_influence(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``(n,)`` first-order influence of each image on ``sum(a * b)``, for ``(n, n)`` matrices of norm 1.

    With weights ``w`` of images, the score is ``sum w_i w_j a b / sqrt(sum w_i w_j a^2 sum w_i w_j b^2)``. That the
    centring of matrices follows the weights has no effect of first order.
    """
    score = float((a * b).sum())
    return len(a) * (2 * (a * b).sum(axis=1) - score * ((a * a).sum(axis=1) + (b * b).sum(axis=1)))


def nuclear(gram: np.ndarray, root: np.ndarray) -> float:
    """Sum of the singular values of ``X'Y``, from ``X X'`` ``(n, n)`` and ``Y`` or another root of it, ``(n, r)``."""
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(root.T @ gram @ root), 0.0)).sum())


def root_of(gram: np.ndarray) -> np.ndarray:
    """``(n, r)`` matrix ``B`` with ``B B'`` the positive semidefinite ``(n, n)`` matrix, without its null space."""
    values, vectors = np.linalg.eigh(gram)
    real = values > len(gram) * np.finfo(float).eps * values[-1]
    return vectors[:, real] * np.sqrt(values[real])
