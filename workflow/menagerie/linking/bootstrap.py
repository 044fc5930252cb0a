"""Bootstrap over images, in closed matrix form.

A resample of images is a vector of counts ``w``. Pearson's r over the pairs ``i < j`` of resampled images, a
pair of an image with itself excluded, is a weighted correlation with pair weights ``w_i w_j``. Its five sums
are quadratic forms ``w' M w / 2`` with ``M`` in ``{A, B, A*A, B*B, A*B}``, diagonals set to zero, so all
resamples together are matrix products.

Images that come in groups (categories, near-duplicates) are drawn group by group. A pair within a group then counts as
often as its group was drawn, and not squared: a copy of a group is not compared with the group itself, as a copy of an
image is not compared with the image. Pairs within and between groups keep their shares of all pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from menagerie.linking.arrays import Array, cast, host, like, namespace
from menagerie.linking.rsm import UndefinedError

N_RESAMPLES = 1000
LEVEL = 0.95
MIN_IMAGES = 4
_MAX_R = 1 - 1e-9  # whose z is finite


def image_counts(
    n_images: int, n_resamples: int = N_RESAMPLES, seed: int = 0, groups: np.ndarray | None = None
) -> np.ndarray:
    """``(n_resamples, n_images)`` float64: how often each image is drawn, with replacement, in each resample.

    Parameters
    ----------
    n_images, n_resamples, seed
        Sizes, and seed of the draws.
    groups
        ``(n_images,)`` number of the group of each image, from 0; groups are drawn as wholes.
    """
    n = n_images if groups is None else int(groups.max()) + 1
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(np.float64)
    return counts if groups is None else counts[:, groups]


def bootstrap_similarity(a: Array, b: Array, counts: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """Resampled :func:`~menagerie.linking.rsm.rsm_similarity` of two symmetric ``(n, n)`` RSMs.

    Parameters
    ----------
    a, b
        The RSMs.
    counts
        ``(r, n)``, as from :func:`image_counts`.
    groups
        ``(n,)``, as there.

    Returns
    -------
    ``(r,)`` float64; NaN for a resample without two distinct similarities.
    """
    xp = namespace(a)
    x, y = (_centre_pairs(cast(matrix, xp.float64)) for matrix in (a, b))
    w = cast(like(counts, x), xp.float64)
    if groups is None:
        pairs = xp.square(xp.sum(w, axis=1)) - xp.sum(xp.square(w), axis=1)
        forms = [xp.linalg.vecdot(w @ matrix, w) for matrix in (x, y, x * x, y * y, x * y)]
        return host(_correlation(pairs, *forms))
    within = _without_diagonal(like((groups[:, None] == groups[None, :]).astype(np.float64), x))
    between = _without_diagonal(1 - within)
    # Pairs within and between groups keep their shares, which are the design's and no matter of chance.
    shares = [
        xp.where(drawn > 0, float(pairs.sum()) / xp.where(drawn > 0, drawn, 1.0), 0.0)
        for pairs, drawn in ((within, w @ within.sum(axis=1)), (between, xp.linalg.vecdot(w @ between, w)))
    ]
    forms = [
        shares[0] * (w @ (matrix * within).sum(axis=1)) + shares[1] * xp.linalg.vecdot(w @ (matrix * between), w)
        for matrix in (within + between, x, y, x * x, y * y, x * y)
    ]
    return host(_correlation(*forms))


def excess_variance(a: Array, b: Array, groups: np.ndarray | None = None) -> float:
    """Variance that :func:`bootstrap_similarity` adds to the jackknife's: ``2 v / n^2``.

    Let ``h_ij`` be the influence of a pair on r, split into image parts ``h_i + h_j`` and a pair part of
    variance ``v`` (Hoeffding). The jackknife variance is ``4 var(h_i) / n`` with the observed image parts,
    somewhat too large already (Efron & Stein 1981). Pair weights that are products of image counts add
    ``2 v / n^2``, which no sampling of images shows. With it, intervals of small or weakly related RSMs
    cover too often. With ``groups``, these stand for images.
    """
    xp = namespace(a)
    x, y = (_centre_pairs(cast(matrix, xp.float64)) for matrix in (a, b))
    n = len(x)
    norms = [math.sqrt(float((z * z).sum()) / (n * (n - 1))) for z in (x, y)]
    if min(norms) == 0.0 or n < MIN_IMAGES:
        return 0.0
    x, y = x / norms[0], y / norms[1]
    influence = x * y - 0.5 * float((x * y).sum()) / (n * (n - 1)) * (x * x + y * y)
    if groups is not None:
        influence = _between_groups(influence, groups)
        n = len(influence)
        if n < MIN_IMAGES:
            return 0.0
    image = influence.sum(axis=1) / (n - 2)
    pair = influence - image[:, None] - image[None, :]
    pair = _without_diagonal(pair)
    return 2 * float((pair * pair).sum()) / (n * (n - 3)) / n**2


def _between_groups(influence: Array, groups: np.ndarray) -> Array:
    """``(g, g)`` influences of pairs of groups, on the scale of those of images.

    Their mean, which the influences within groups offset, is no pair's own.
    """
    members = like(np.eye(int(groups.max()) + 1)[groups], influence)
    n_images, n_groups = members.shape
    return _centre_pairs(members.T @ influence @ members) * (n_groups / n_images) ** 2


def _without_diagonal(matrix: Array) -> Array:
    index = namespace(matrix).arange(len(matrix))
    matrix[index, index] = 0.0
    return matrix


def _centre_pairs(rsm: Array) -> Array:
    """RSM minus the mean of its off-diagonal entries, zero on the diagonal (centring avoids cancellation)."""
    n = len(rsm)
    diagonal = namespace(rsm).arange(n)
    total = float(rsm.sum()) - float(rsm[diagonal, diagonal].sum())
    centred = rsm - total / (n * (n - 1))
    centred[diagonal, diagonal] = 0.0
    return centred


def _correlation(weight: Array, x: Array, y: Array, xx: Array, yy: Array, xy: Array) -> Array:
    """Pearson's r from weighted sums; NaN where a variance is rounding error."""
    xp = namespace(x)
    weight = xp.where(weight > 0, weight, math.nan)
    power_x, power_y = xx - x * x / weight, yy - y * y / weight
    noise = 16 * xp.finfo(x.dtype).eps
    valid = (power_x > noise * xx) & (power_y > noise * yy)
    return (xy - x * y / weight) / xp.sqrt(xp.where(valid, power_x * power_y, math.nan))


def bootstrap_encoding(
    predicted: Array,
    measured: Array,
    counts: np.ndarray,
    block: int = 512,
    of: Callable[[Array, slice], Array] = lambda r, units: r,
) -> np.ndarray:
    """Resampled mean over units of the correlation, over images, of predicted and measured responses.

    Parameters
    ----------
    predicted, measured
        ``(v, n)``: units by images; no unit constant over images.
    counts
        ``(r, n)``, as from :func:`image_counts`: images are resampled, since units of a region share them.
    block
        Units at a time; five arrays of resamples by block are held.
    of
        What the mean is taken of, from the ``(r, block)`` correlations of some units.

    Returns
    -------
    ``(r,)`` float64. A unit that is constant within a resample is left out of that resample's mean.
    """
    xp = namespace(predicted)
    w = cast(like(counts, predicted), predicted.dtype)
    weight = xp.sum(w, axis=1)[:, None]
    total = xp.zeros_like(w[:, 0], dtype=xp.float64)
    number = xp.zeros_like(total)
    for start in range(0, len(predicted), block):
        x, y = (_standardise(values[start : start + block]) for values in (predicted, measured))
        r = _correlation(weight, *(w @ values.T for values in (x, y, x * x, y * y, x * y)))
        defined = xp.isfinite(r)
        r = of(r, slice(start, start + block))
        total += xp.sum(xp.where(defined, r, 0.0), axis=1, dtype=xp.float64)
        number += xp.sum(cast(defined, xp.float64), axis=1)
    return host(total / xp.where(number > 0, number, math.nan))


def _standardise(rows: Array) -> Array:
    """Rows centred, and scaled to a largest deviation of 1."""
    xp = namespace(rows)
    centred = rows - xp.mean(rows, axis=1)[:, None]
    return centred / xp.amax(xp.abs(centred), axis=1)[:, None]


def adjusted(
    samples: np.ndarray,
    excess: float = 0.0,
    groups: np.ndarray | None = None,
    score: float = math.nan,
    fisher: bool = True,
) -> np.ndarray:
    """Bootstrap samples with the spread that they should have.

    Parameters
    ----------
    samples
        ``(r,)`` resampled scores, NaN where undefined.
    excess
        Variance that the samples have too much (:func:`excess_variance`); they are drawn towards their mean
        until it is gone.
    groups
        ``(n,)`` number of the group of each image. Few groups vary less among themselves than those that they stand
        for: with ``g`` of them, samples are spread, on Fisher's z scale, by ``sqrt(g / (g - 1))`` and by the ratio of
        the quantiles of Student's t with ``g - 1`` degrees of freedom and of the normal distribution. Resamples hold
        fewer distinct groups than the sample, by which their mean is off, so they are moved to ``score``.
    score
        Of the sample itself; matters with groups only.
    fisher
        Whether scores are correlations, whose z scale is used; else they are spread as they are.

    Returns
    -------
    ``(r,)`` float64.
    """
    if groups is None:
        return _spread(samples, excess)
    from scipy import special  # here, because images without groups need not wait

    n, upper = int(groups.max()) + 1, (1 + LEVEL) / 2
    wider = math.sqrt(n / (n - 1)) * float(special.stdtrit(n - 1, upper) / special.ndtri(upper))
    if not fisher:
        return _spread(samples, excess, wider) - np.nanmean(samples) + score
    z = np.arctanh(np.clip(samples, -_MAX_R, _MAX_R))
    slope = 1 - np.tanh(np.nanmean(z)) ** 2 if np.isfinite(z).any() else 1.0
    spread = _spread(z, excess / slope**2, wider)
    return np.tanh(spread - np.nanmean(spread) + math.atanh(score)) if np.isfinite(spread).any() else samples


def _spread(samples: np.ndarray, excess: float, wider: float = 1.0) -> np.ndarray:
    """Samples drawn towards their mean until their variance is less by ``excess``, then spread by a factor."""
    defined = samples[np.isfinite(samples)]
    if not len(defined):
        return samples
    variance = defined.var()
    factor = wider * math.sqrt(max(1 - excess / variance, 0.0)) if variance > 0 else wider
    return samples if factor == 1.0 else defined.mean() + factor * (samples - defined.mean())


def interval(samples: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of bootstrap samples, NaN where undefined.

    Raises
    ------
    UndefinedError
        When fewer than nine in ten resamples are defined.
    """
    defined = samples[np.isfinite(samples)]
    if len(defined) < 0.9 * len(samples) or not len(defined):
        raise UndefinedError(f"interval undefined: {len(defined)} of {len(samples)} resamples have a score")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def p_drawn(differences: np.ndarray) -> float:
    """Two-sided bootstrap p of a difference: twice the smaller share of resamples on one side of zero.

    Never below ``2 / (1 + r)`` for ``r`` resamples; NaN without a defined one.
    """
    defined = differences[np.isfinite(differences)]
    tail = 1 + min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0))
    return min(1.0, 2 * tail / (1 + len(defined))) if len(defined) else math.nan
