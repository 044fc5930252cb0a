"""From features to the two matrices of a layer, in bounded memory (design: the raw RSM is a sum over features)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

CHUNK_VALUES = 1 << 21
"""Values (images x features) turned to double precision at a time."""

N_REFERENCES = 5
"""Images whose median is taken off all images."""

N_SAMPLED = 4096
"""Features whose mean is taken off each image."""

NEGLIGIBLE = 1e-12
"""Variance, as a share of the sum of squares, below which float32 values count as constant."""


class RawGram:
    """Inner products of raw features over all their slices, and what follows from them.

    A reference is taken off before features are multiplied, ``F = D + 1 m' + r 1'``, because single precision products
    stay accurate then where images share most of their pattern (``m``), or differ by an offset (``r``). Any reference
    is exact; the median of a few images serves as ``m``, since no single image can pull it away, and the mean of a
    sample of the features as ``r``. Everything about ``F`` follows from ``D D'``, ``D m``, the sums and squares of the
    rows of ``D``, ``m'm`` and the sum of ``m``; all but the first are summed in double precision.

    Parameters
    ----------
    n_images
        Rows of every slice.
    device
        Where the slices are.
    """

    def __init__(self, n_images: int, device: torch.device | str = "cpu"):
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        self.n_images = n_images
        self.n_features = 0
        self.bad_image: int | None = None
        self._products = zeros(n_images, n_images)
        self._squares = zeros(n_images)
        self._sums = zeros(n_images)
        self._with_reference = zeros(n_images)
        self._reference_sum = zeros()
        self._reference_squares = zeros()
        self._offsets: Tensor | None = None

    def add(self, features: Tensor) -> None:
        """Add a slice, float32 ``(n_images, any)``."""
        if self._offsets is None:
            sample = features[:, :: math.ceil(features.shape[1] / N_SAMPLED)].double()
            self._offsets = (sample - self._reference(sample)).mean(dim=1)
        width = max(1, CHUNK_VALUES // self.n_images)
        for chunk in features.split(width, dim=1):
            self._add_chunk(chunk)

    def _add_chunk(self, chunk: Tensor) -> None:
        self.n_features += chunk.shape[1]
        exact = chunk.double()
        reference = self._reference(exact)
        exact -= reference
        exact -= self._offsets[:, None]
        self._squares += torch.einsum("ij,ij->i", exact, exact)
        self._sums += exact.sum(dim=1)
        self._with_reference += exact @ reference
        self._reference_sum += reference.sum()
        self._reference_squares += reference @ reference
        add_products(self._products, exact.float())
        if self.bad_image is None and not self._sums.isfinite().all():
            bad = (~chunk.isfinite()).any(dim=1)
            self.bad_image = int(bad.int().argmax()) if bad.any() else None

    def _reference(self, features: Tensor) -> Tensor:
        """Median of a few images, spread over the set."""
        return features[:: max(1, self.n_images // N_REFERENCES)][:N_REFERENCES].median(dim=0).values

    def centred(self) -> Tensor:
        """Gram matrix of the features centred over images, float64 ``(n, n)``."""
        offsets = self._offsets
        crossed = torch.outer(self._sums + self.n_features / 2 * offsets, offsets)
        products = self._symmetric() + crossed + crossed.T
        means = products.mean(dim=0)
        return products - means[:, None] - means[None, :] + means.mean()

    def rsm(self) -> Tensor:
        """RSM, float64 ``(n, n)``: correlations between images over features.

        Rows without variance give non-finite values; see :meth:`flaw`.
        """
        products = self._row_centred()
        norms = products.diagonal().sqrt()
        return (products / norms[:, None] / norms[None, :]).clamp(-1, 1)

    def flaw(self) -> str:
        """Why this layer has no RSM, or ''."""
        if self.bad_image is not None:
            return f"values are not finite (first at image {self.bad_image}, counted from 0)"
        if self.n_features < 2:
            return "has one feature only, so that images have no correlation"
        raw_squares = self._squares_of_features()
        if self.centred().trace() <= NEGLIGIBLE * raw_squares.sum():
            return "constant over images"
        empty = self._row_centred().diagonal() <= NEGLIGIBLE * raw_squares
        if empty.any():
            return f"constant over features for {int(empty.sum())} images (first: image {int(empty.int().argmax())})"
        return "" if self.rsm().isfinite().all() else "values are so large that their products overflow"

    def _squares_of_features(self) -> Tensor:
        """Squared norms of the rows of ``F``, float64 ``(n,)``."""
        own = self._squares + 2 * self._offsets * self._sums + self.n_features * self._offsets**2
        with_reference = self._with_reference + self._offsets * self._reference_sum
        return own + 2 * with_reference + self._reference_squares

    def _symmetric(self) -> Tensor:
        """``D D'``, with the diagonal in full precision."""
        return mirror(self._products).diagonal_scatter(self._squares)

    def _row_centred(self) -> Tensor:
        """Gram matrix of the features centred over features; the offsets cancel."""
        count = self.n_features
        cross = self._with_reference - self._sums * (self._reference_sum / count)
        products = self._symmetric() - torch.outer(self._sums, self._sums) / count
        return products + cross[:, None] + cross[None, :] + (self._reference_squares - self._reference_sum**2 / count)


def standardised_gram(projected: Tensor, train: Tensor) -> Tensor:
    """Gram matrix, float64 ``(n, n)``, of the SRP standardised with mean and SD of the training images.

    Parameters
    ----------
    projected
        float32 ``(n, k)``: the SRP; overwritten.
    train
        Bool ``(n,)``: training images. Columns without variance over these get weight 0. The SD is the population's.
    """
    gram = torch.zeros((len(projected),) * 2, dtype=torch.float64, device=projected.device)
    for columns in projected.split(max(1, CHUNK_VALUES // len(projected)), dim=1):
        exact = columns.double()
        mean = exact[train].mean(dim=0)
        sd = exact[train].std(dim=0, correction=0)
        # Rounding of equal float32 values leaves a trace of SD of this order.
        constant = sd <= 1e-6 * mean.abs()
        exact -= mean
        exact *= torch.where(constant, 0, 1 / sd)
        add_products(gram, exact.float())
    return mirror(gram)


def effective_dimensionality(centred_gram: Tensor) -> float:
    """``(sum of eigenvalues)^2 / sum of squared eigenvalues`` from a column-centred Gram matrix.

    The sums are the trace and the squared Frobenius norm, so no eigenvalue is computed.
    """
    return float(centred_gram.trace() ** 2 / centred_gram.square().sum())


def add_products(total: Tensor, rows: Tensor) -> None:
    """Add ``rows @ rows.T`` to the upper triangle of ``total``; what lies below it is arbitrary."""
    n_images = len(rows)
    height = n_images if n_images <= 256 else math.ceil(n_images / 4)
    for start in range(0, n_images, height):
        total[start : start + height, start:] += rows[start : start + height] @ rows[start:].T


def working_bytes(n_images: int) -> int:
    """Memory that one layer's matrices and a chunk in work take besides the features."""
    return 5 * 8 * n_images**2 + 4 * 8 * max(CHUNK_VALUES, n_images)


def mirror(upper: Tensor) -> Tensor:
    """Symmetric matrix from an upper triangle."""
    return upper.triu() + upper.triu(1).T
