"""From numbers in a file to an RSM: similarities or dissimilarities, whole or condensed, checked."""

from __future__ import annotations

import numpy as np

from menagerie.brain.user_files.not_responses import is_triangular
from menagerie.errors import MenagerieError, unknown

SIMILARITY, DISSIMILARITY, AUTO = "similarity", "dissimilarity", "auto"
KINDS = (AUTO, SIMILARITY, DISSIMILARITY)
_EPS = 1e-5  # RSMs in csv and float32 are rounded
_ASK = "Say which: option kind: similarity or kind: dissimilarity."


def n_from_pairs(n_pairs: int) -> int | None:
    """Number of images with that many pairs, None where there is none: 6 -> 4."""
    n = round((1 + np.sqrt(1 + 8 * n_pairs)) / 2) if 0 < n_pairs < 2**50 else 0
    return n if n * (n - 1) // 2 == n_pairs and n > 1 else None


def square(condensed: np.ndarray) -> np.ndarray:
    """``(n, n)`` matrix of a condensed vector, NaN on its diagonal.

    The order is that of scipy's and MATLAB's squareform, MATLAB's pdist and R's dist: the strict upper triangle row by
    row (which is the lower one column by column).
    """
    n = n_from_pairs(len(condensed))
    matrix = np.full((n, n), np.nan)
    above = np.triu_indices(n, k=1)
    matrix[above] = condensed
    matrix.T[above] = condensed
    return matrix


def check_kind(kind: object) -> str:
    """The option ``kind``.

    Raises
    ------
    MenagerieError
        When it is none of :data:`KINDS`.
    """
    if kind not in KINDS:
        raise unknown("kind of matrices (option kind of reader rsm)", str(kind), KINDS)
    return str(kind)


def to_rsm(matrix: np.ndarray, stated: str, where: str) -> tuple[np.ndarray, str]:
    """RSM of a matrix ``(n, n)``, and which kind the matrix is; dissimilarities become ``1 - d``.

    Parameters
    ----------
    matrix
        Similarities or dissimilarities; the diagonal may be NaN.
    stated
        "similarity", "dissimilarity", or "auto": recognised by the diagonal, ones or zeros.
    where
        For messages.

    Raises
    ------
    MenagerieError
        When the matrix is not symmetric, holds NaN or infinite values, does not vary, or is of no kind or another one.
    """
    values = np.array(matrix, dtype=np.float64)
    off = ~np.eye(len(values), dtype=bool)
    _check_values(values, off, where)
    kind = stated if stated != AUTO else _recognise(values, off, where)
    diagonal = np.diag(values)
    _check_diagonal(diagonal, values[off], kind, where)
    values = (values + values.T) / 2  # exactly symmetric
    values[~off] = np.where(np.isfinite(diagonal), diagonal, 1.0 if kind == SIMILARITY else 0.0)
    return (values if kind == SIMILARITY else 1.0 - values), kind


def _check_diagonal(diagonal: np.ndarray, others: np.ndarray, kind: str, where: str) -> None:
    """Refuse a diagonal that contradicts the kind: an image is never least alike to itself."""
    found = f"{where}: found {_span(diagonal)} on the diagonal and {_span(others)} elsewhere, expected"
    remedy = "Correct the option kind; if the diagonal was only left empty, write NaN there."
    if np.isnan(diagonal).all():
        return
    if kind == DISSIMILARITY and np.nanmin(diagonal) >= others.max():
        raise MenagerieError(f"{found} the smallest dissimilarities on the diagonal. {remedy}")
    if kind == SIMILARITY and np.nanmax(diagonal) < others.min():
        raise MenagerieError(f"{found} the largest similarities on the diagonal. {remedy}")


def _check_values(values: np.ndarray, off: np.ndarray, where: str) -> None:
    if is_triangular(values):
        raise MenagerieError(
            f"{where}: found a triangular matrix, expected a symmetric one. Add its transpose, or save the triangle as "
            "a condensed vector."
        )
    bad = ~np.isfinite(values) & off
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise MenagerieError(
            f"{where}: found {values[row, column]} for images {row} and {column} (counted from 0; "
            f"{int(bad.sum()) // 2 or 1} pairs in all), expected finite numbers. Leave out images whose pairs are "
            "unknown."
        )
    size = np.abs(values[off]).max()
    difference = np.abs(values - values.T)[off].max()
    if difference > _EPS * size:
        raise MenagerieError(
            f"{where}: found a matrix that is not symmetric (pairs differ by up to {difference:.3g}), expected a "
            "symmetric one. Average it with its transpose if both directions were measured."
        )
    if np.ptp(values[off]) <= 1e-12 * size:
        raise MenagerieError(
            f"{where}: all pairs of images have the same value ({values[off][0]:.4g}), expected values that vary. "
            "Correct the file."
        )


def _recognise(values: np.ndarray, off: np.ndarray, where: str) -> str:
    diagonal = np.diag(values)
    if np.isnan(diagonal).all():
        raise MenagerieError(f"{where}: without a diagonal, similarities and dissimilarities look the same. {_ASK}")
    if (np.abs(diagonal - 1) < _EPS).all() and np.abs(values[off]).max() <= 1 + _EPS:
        return SIMILARITY
    if (np.abs(diagonal) < _EPS * max(1.0, values[off].max())).all() and values[off].min() >= -_EPS:
        return DISSIMILARITY
    raise MenagerieError(
        f"{where}: found {_span(diagonal)} on the diagonal and {_span(values[off])} elsewhere, expected ones on the "
        f"diagonal of similarities (from -1 to 1) or zeros on that of dissimilarities (from 0). {_ASK}"
    )


def _span(values: np.ndarray) -> str:
    values = values[~np.isnan(values)]
    if not values.size:
        return "NaN"
    low, high = values.min(), values.max()
    return f"{low:.4g}" if high - low < _EPS else f"{low:.4g} to {high:.4g}"
