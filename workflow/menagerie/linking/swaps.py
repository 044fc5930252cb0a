"""Is one model better than another in a subject? Swapping of their predictions, image by image.

Both models predict the same units. Where they do so equally well, which prediction of an image is whose does not
matter: signs ``s_i`` of -1 swap the two predictions of an image. Scores after thousands of swaps need no loop:

- RSA: an entry of the RSM of swapped predictions is one of ``AA[i, j]``, ``BB[i, j]``, ``AB[i, j]`` and ``AB[j, i]``,
  correlations of the predicted patterns of A and of B; so it is ``(c + s_i l_ij + s_j l_ji + s_i s_j q_ij) / 4``.
  Weighted sums of entries and of their squares, hence the correlation with the RSM of the responses, are quadratic
  forms in ``s``.
- Encoding: the mean over units of correlations is a sum over images of products of standardised predictions and
  responses. Swapping changes the sign of an image's share in the difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from menagerie.linking.arrays import host
from menagerie.linking.comparison import Comparison
from menagerie.linking.explainable import explainable_units
from menagerie.linking.permutations import TIE
from menagerie.linking.rsm import BLOCK, UndefinedError


def image_signs(n_images: int, n_permutations: int, seed: int = 0, groups: np.ndarray | None = None) -> np.ndarray:
    """``(n_permutations, n_images)`` float64: -1 where the two predictions of an image are swapped, else 1.

    Parameters
    ----------
    n_images, n_permutations, seed
        Sizes, and seed of the draws.
    groups
        ``(n_images,)`` number of the group of each image, from 0; a group is swapped as a whole.
    """
    n = n_images if groups is None else int(groups.max()) + 1
    signs = np.random.default_rng([seed, n]).choice([-1.0, 1.0], size=(n_permutations, n))
    return signs if groups is None else signs[:, groups]


@dataclass(frozen=True)
class Patterns:
    """Predicted patterns of the test images over a region's units, ready for products with those of another model.

    Attributes
    ----------
    deviations
        ``(u, n)``: predictions minus the units' means, centred over units.
    crossed
        ``(n,)`` float64: products of ``deviations`` and the centred means.
    power
        Sum of squares of the centred means.
    norms
        ``(n,)`` float64: lengths of the centred patterns.
    """

    deviations: np.ndarray
    crossed: np.ndarray
    power: float
    norms: np.ndarray

    @classmethod
    def of(cls, deviations: np.ndarray, means: np.ndarray) -> Patterns:
        """From ``(u, n)`` predictions minus the units' means, and the ``(u,)`` means.

        Raises
        ------
        UndefinedError
            When the pattern of an image is constant over units.
        """
        scale = max(float(np.abs(deviations).max()), float(np.abs(means - means.mean()).max())) or 1.0
        means = (means - means.mean()) / scale
        deviations = (deviations - deviations.mean(axis=0)) / np.asarray(scale, deviations.dtype)
        crossed, power = deviations.T.astype(np.float64) @ means, float(means @ means)
        own = np.einsum("un,un->n", deviations, deviations, dtype=np.float64)
        squares = own + 2 * crossed + power
        if not (squares > 8 * np.finfo(deviations.dtype).eps * (own + power)).all():
            raise UndefinedError("RSM undefined: a predicted pattern is constant")
        return cls(deviations, crossed, power, np.sqrt(squares))

    def correlations(self, other: Patterns) -> np.ndarray:
        """``(n, n)`` float64: correlation of each pattern with each of the other model."""
        ratio = math.sqrt(self.power * other.power)  # the same means, each on its model's scale
        products = np.zeros((len(self.norms), len(other.norms)))
        for start in range(0, len(self.deviations), BLOCK):
            block = slice(start, start + BLOCK)
            products += self.deviations[block].T @ other.deviations[block]
        if self.power > 0 and other.power > 0:
            shift = math.sqrt(other.power / self.power)
            products += self.crossed[:, None] * shift + other.crossed[None, :] / shift + ratio
        return products / self.norms[:, None] / other.norms[None, :]


def swapped_similarity(a: Patterns, b: Patterns, measured: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Difference of veRSA of two models after swaps of their predictions.

    Parameters
    ----------
    a, b
        Predicted patterns of ``n`` test images.
    measured
        ``(n (n - 1) / 2,)``: :func:`~menagerie.linking.rsm.triangle` of the responses' RSM.
    signs
        ``(r, n)``, as from :func:`image_signs`.

    Returns
    -------
    ``(r,)`` float64; signs of 1 give the difference itself.
    """
    n = signs.shape[1]
    weights = np.zeros((n, n))
    weights[np.triu_indices(n, 1)] = measured
    ones = np.triu(np.ones((n, n)), 1)
    blocks = a.correlations(a), b.correlations(b), a.correlations(b)
    level = np.mean([block[ones > 0].mean() for block in blocks])
    blocks = [block - level for block in blocks]  # entries are 1 minus little where the ridge shrinks
    products, sums, squares = (
        _Form.of(*of, weight + weight.T)
        for of, weight in ((blocks, weights), (blocks, ones), ([block**2 for block in blocks], ones))
    )
    pairs, scores = n * (n - 1) / 2, []
    for turned in (signs, -signs):
        power = squares(turned) - np.square(sums(turned)) / pairs
        scores.append(products(turned) / np.sqrt(np.maximum(power, np.finfo(float).tiny)))
    return scores[0] - scores[1]


@dataclass(frozen=True)
class _Form:
    """Weighted sum over pairs of images of entries that depend on two signs: ``constant + s l + s Q s``."""

    constant: float
    linear: np.ndarray
    quadratic: np.ndarray

    @classmethod
    def of(cls, aa: np.ndarray, bb: np.ndarray, ab: np.ndarray, weights: np.ndarray) -> _Form:
        """From the entries for both kept, both swapped, and the second swapped; weights are 0 on the diagonal."""
        return cls(
            float((weights * (aa + bb + 2 * ab)).sum()) / 8,
            (weights * (aa - bb + ab - ab.T)).sum(axis=1) / 4,
            weights * (aa + bb - ab - ab.T) / 8,
        )

    def __call__(self, signs: np.ndarray) -> np.ndarray:
        return self.constant + signs @ self.linear + np.einsum("rn,rn->r", signs @ self.quadratic, signs)


def swapped_encoding(shares_a: np.ndarray, shares_b: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """``(r,)`` differences of encoding_r after swaps, from the ``(n,)`` :func:`encoding_shares` of two models."""
    return signs @ (shares_a - shares_b)


def encoding_shares(pair: Comparison, region: str) -> np.ndarray:
    """``(n,)`` float64: what each test image adds to encoding_r, whose sum it is.

    Raises
    ------
    UndefinedError
        When no unit of the region varies over images.
    """
    units = pair.defined_units(region, "test")
    if not units.size:
        raise UndefinedError("encoding_r undefined: no unit of the region varies over images")
    return image_shares(*_test_responses(pair, units))


def normalised_shares(pair: Comparison, region: str) -> np.ndarray:
    """:func:`encoding_shares` for encoding_nr.

    Raises
    ------
    UndefinedError
        As :func:`~menagerie.linking.explainable.explainable_units`.
    """
    units, ceilings = explainable_units(pair, region, "test")
    return image_shares(*_test_responses(pair, units), 1 / np.sqrt(ceilings))


def _test_responses(pair: Comparison, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return tuple(host(rows)[units] for rows in (pair.predicted["test"], pair.brain.centred["test"][0]))


def image_shares(predicted: np.ndarray, measured: np.ndarray, weights: np.ndarray | float = 1.0) -> np.ndarray:
    """``(n,)`` float64 shares of images in the mean over units of weighted correlations of two ``(v, n)`` arrays."""
    x, y = (rows - rows.mean(axis=1, keepdims=True) for rows in (predicted, measured))
    x, y = (rows / np.abs(rows).max(axis=1, keepdims=True) for rows in (x, y))
    norms = np.sqrt(np.einsum("vn,vn->v", x, x, dtype=np.float64) * np.einsum("vn,vn->v", y, y, dtype=np.float64))
    return np.einsum("vn,vn,v->n", x, y, weights / norms, dtype=np.float64) / len(x)


def p_swapped(observed: float, swapped: np.ndarray) -> float:
    """Two-sided p of a difference: ``(1 + #{|swapped| >= |observed|}) / (1 + N)``."""
    return float((1 + np.count_nonzero(np.abs(swapped) >= abs(observed) - TIE)) / (1 + len(swapped)))
