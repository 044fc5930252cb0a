"""Model to model: how alike the representations of models are, and a map of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from menagerie.errors import MenagerieError

CONCAVITY = 10.0


def second_order(triangles: Iterable[np.ndarray], n_models: int) -> np.ndarray:
    """Pearson correlation between the RSMs of every two models.

    Parameters
    ----------
    triangles
        One ``(p,)`` strict upper triangle per model, read one at a time; they are kept as float32, so that 224 models
        and 500 images take 112 MB.
    n_models
        How many there are.

    Returns
    -------
    ``(m, m)`` float64, symmetric, ones on the diagonal.

    Raises
    ------
    MenagerieError
        When a triangle is constant or not finite, or their sizes differ: the RSMs are then over different images.
    """
    rows: np.ndarray | None = None
    for index, triangle in enumerate(triangles):
        values = np.asarray(triangle, dtype=np.float64)
        if rows is None:
            rows = np.empty((n_models, len(values)), dtype=np.float32)
        if len(values) != rows.shape[1]:
            raise MenagerieError(
                f"Model {index}: its RSM has {len(values)} pairs of images, the first one's {rows.shape[1]}. "
                "Only RSMs over the same images compare."
            )
        values = values - values.mean()
        norm = float(np.linalg.norm(values))
        if not np.isfinite(norm) or norm <= 1e-12 * len(values):
            raise MenagerieError(
                f"Model {index}: its RSM is constant or not finite, so it has no similarity to others."
            )
        rows[index] = values / norm
    if rows is None:
        raise MenagerieError("No RSMs to compare.")
    similarity = np.zeros((n_models, n_models))
    for start in range(0, rows.shape[1], 16_384):  # short sums keep float32 products exact to 1e-7
        block = rows[:, start : start + 16_384]
        similarity += block @ block.T
    similarity = (similarity + similarity.T) / 2
    np.fill_diagonal(similarity, 1.0)
    return similarity


def upper_values(similarity: np.ndarray) -> np.ndarray:
    """``(m (m - 1) / 2,)``: every pair once, for histograms."""
    return similarity[np.triu_indices(len(similarity), 1)]


def classical_mds(similarity: np.ndarray, n_dimensions: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Classical multidimensional scaling of ``1 - similarity`` (Torgerson 1952, Gower 1966; R's ``cmdscale``).

    The sign of an axis means nothing; the largest coordinate is made positive.

    Parameters
    ----------
    similarity
        ``(m, m)``, ones on the diagonal.
    n_dimensions
        Of the map.

    Returns
    -------
    ``(m, n_dimensions)`` coordinates, and ``(m,)`` eigenvalues in falling order; negative ones say how far the
    distances are from Euclidean.

    Raises
    ------
    MenagerieError
        When there are too few models, or fewer positive eigenvalues than dimensions.
    """
    squared = np.square(1 - np.asarray(similarity, dtype=float))
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    if len(values) <= n_dimensions or values[n_dimensions - 1] <= 0:
        raise MenagerieError(f"A map of {len(values)} models has fewer than {n_dimensions} dimensions.")
    points = vectors[:, :n_dimensions] * np.sqrt(values[:n_dimensions])
    largest = points[np.abs(points).argmax(axis=0), np.arange(n_dimensions)]
    return points * np.sign(largest), values


def concave_hull(points: np.ndarray, concavity: float = CONCAVITY) -> np.ndarray:
    """Corners of a hull around points, in order.

    Starts from the convex hull and digs into an edge where the nearest inner point is closer to one of its ends than
    the edge's length divided by ``concavity`` (Park & Oh 2012, as in R's ggforce, whose setting 10 is nearly convex).

    Parameters
    ----------
    points
        ``(n, 2)``.
    concavity
        The larger, the less is dug.

    Returns
    -------
    ``(k, 2)``; the points themselves where they are fewer than three or lie on a line.
    """
    points = np.unique(np.asarray(points, dtype=float), axis=0)
    try:
        ring = [int(one) for one in ConvexHull(points).vertices]
    except (QhullError, ValueError):
        return points
    inside = set(range(len(points))) - set(ring)
    edges = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    following = dict(edges)
    while edges and inside:
        start, end = edges.pop(0)
        found = _digging(points, start, end, inside, following, concavity)
        if found is not None:
            following[start], following[found] = found, end
            inside.discard(found)
            edges += [(start, found), (found, end)]
    walk = [ring[0]]
    while following[walk[-1]] != ring[0]:
        walk.append(following[walk[-1]])
    return points[walk]


def _digging(
    points: np.ndarray, start: int, end: int, inside: set[int], following: dict[int, int], concavity: float
) -> int | None:
    """Inner point that the edge is bent to; None where it is not near enough.

    The nearest to the edge, since a further one would leave it outside.
    """
    limit = np.linalg.norm(points[end] - points[start]) / concavity
    for _, one in sorted((_to_segment(points[one], points[start], points[end]), one) for one in inside):
        if not _crosses(points, start, end, one, following):
            reach = min(np.linalg.norm(points[one] - points[start]), np.linalg.norm(points[one] - points[end]))
            return one if reach <= limit else None
    return None


def _crosses(points: np.ndarray, start: int, end: int, new: int, following: dict[int, int]) -> bool:
    for edge in following.items():
        for own in ((start, new), (new, end)):
            if not set(own) & set(edge) and _intersect(*(points[i] for i in (*own, *edge))):
                return True
    return False


def _intersect(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    return bool(_turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0)


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _to_segment(point: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    along = np.clip((point - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return float(np.linalg.norm(point - a - along * (b - a)))
