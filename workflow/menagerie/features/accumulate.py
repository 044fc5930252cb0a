"""From features to the two matrices of a layer, in bounded memory (design: the raw RSM is a sum over features)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from menagerie.features.rounding_errors import Errors

CHUNK_VALUES = 1 << 21
"""Values (images x features) turned to double precision at a time: what a core's cache holds."""

GPU_CHUNK_VALUES = 1 << 24
"""The same on a GPU, where starting an operation costs as much as a million values."""

CHUNK_WIDTH = 1 << 13
"""Features whose products are summed in single precision; errors of such sums grow with the root of their number."""

N_REFERENCES = 5
"""Images whose median is taken off all images."""

N_SAMPLED = 4096
"""Features whose mean is taken off each image."""

FEWEST = 8
"""Features below which no reference is taken off: strengths fitted to two of them reach 45, and rounding with them."""

LEAST_SIZE = 2.0**-20
"""Smallest size that an image is divided by, in proportion to the median of all images."""

FAINT = 1 / 16
"""Norm of the reference, in proportion to that of the median image, below which it is not taken off."""

FAINTEST = 1e-11
"""Norm of an image's pattern, in proportion to that of the median image, down to which its dissimilarities are exact.

Down to here they are exact to 1e-6; at 1e-15 nothing of them is left (sizes end at :data:`LEAST_SIZE`).
"""

UNDERFLOW = 1e-16
"""The same in proportion to the largest image: squares of values 1e-19 of it are 0 in single precision."""

NEGLIGIBLE = 1e-12
"""Variance, as a share of the sum of squares, below which float32 values count as constant: 16 roundings to float32."""

RESIDUE = 2e-14
"""Rounding of a sum in double precision, in proportion to what was summed: 90 roundings."""

MOST_NOISE = 0.01
"""Rounding errors, in proportion to what differs between images, with which a layer still has a geometry.

Let the features (or the standardised SRP) of all images be ``X + E``, where ``X`` is what varies between images and
``E`` the forward pass's rounding error, both centred over images. Then the Gram matrix is off by
``X E' + E X' + E E'``, at most ``2 e + e^2`` of its norm for ``e = |E| / |X|`` (Frobenius norms); dissimilarities,
which are squared distances of patterns of length 1, likewise. So 1 % keeps both matrices within 2 %.
"""

NEARLY_CONSTANT = "nearly constant over images: rounding errors are more than 1 % of what differs between them"

WEAK = 10
"""A column of the SRP counts for nothing where its SD over the training images is below so many rounding errors.

Standardising divides by that SD, so that such columns would be more than a tenth noise.
"""


class RawGram:
    """Inner products of raw features over all their slices, and what follows from them.

    A reference is taken off before features are multiplied, ``F = D + b m' + r 1'``, because single precision products
    stay accurate then where images share most of their pattern (``m``), at their own strengths (``b``), or differ by
    an offset (``r``). Any reference is exact; the median of a few images serves as ``m``, since no single image can
    pull it away, and the regression of a sample of an image's features on it as ``b`` and ``r``. Everything about ``F``
    follows from ``D D'``, ``D m``, the sums and squares of the rows of ``D``, ``m'm`` and the sum of ``m``; all but the
    first are summed in double precision.

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
        self._bad = torch.zeros(n_images, dtype=torch.bool, device=device)
        self._on_gpu = self._bad.device.type == "cuda"
        self._products = zeros(n_images, n_images)
        self._squares = zeros(n_images)
        self._sums = zeros(n_images)
        self._with_reference = zeros(n_images)
        self._reference_sum = zeros()
        self._reference_squares = zeros()
        self._offsets: Tensor | None = None
        self._strengths = torch.ones(n_images, dtype=torch.float64, device=device)
        self._sizes = torch.ones(n_images, dtype=torch.float64, device=device)
        self._rdm: Tensor | None = None

    def add(self, features: Tensor) -> None:
        """Add a slice, float32 ``(n_images, any)``."""
        if self._offsets is None:
            self._strengths, self._offsets, self._sizes = self._fit(features)
        self._rdm = None
        width = min(CHUNK_WIDTH, max(1, chunk_values(self._bad.device) // self.n_images))
        for chunk in features.split(width, dim=1):
            self._add_chunk(chunk)

    def _add_chunk(self, chunk: Tensor) -> None:
        self.n_features += chunk.shape[1]
        exact = chunk.double()
        reference = self._reference(exact)
        exact.addr_(self._strengths, reference, alpha=-1)
        exact -= self._offsets[:, None]
        scale = power_of_two(exact)
        self._squares += torch.einsum("ij,ij->i", exact, exact)
        self._sums += exact.sum(dim=1)
        self._with_reference += exact @ reference
        self._reference_sum += reference.sum()
        self._reference_squares += reference @ reference
        add_products(self._products, (exact / scale).float(), scale**2)
        # A GPU would wait for the host at each look at its sums, and reads a chunk once more in no time.
        if self._on_gpu or not self._sums.isfinite().all():
            self._bad |= ~chunk.isfinite().all(dim=1)

    def _reference(self, features: Tensor) -> Tensor:
        """Median of a few images, spread over the set."""
        return features[:: max(1, self.n_images // N_REFERENCES)][:N_REFERENCES].median(dim=0).values

    def _fit(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Strength of the reference in each image, what is added to it, and the image's size; float64 ``(n,)`` each.

        From a regression on some of the features. No reference is taken off where these are fewer than ``FEWEST``, or
        where it is faint beside the images (the median of maps of attention that is all but certain is next to zero):
        strengths would be as large as the reference is faint, and too large wherever it is not.
        """
        sample = features[:, :: math.ceil(features.shape[1] / N_SAMPLED)].double()
        reference = self._reference(sample)
        mean, means = reference.mean(), sample.mean(dim=1)
        norm, sizes = (reference - mean).norm(), (sample - means[:, None]).norm(dim=1)
        typical = sizes.nanmedian()
        sizes = torch.where(sizes.isfinite() & (typical > 0), sizes.clamp(min=LEAST_SIZE * typical), 1.0)
        if sample.shape[1] < FEWEST or not norm > FAINT * typical:
            return torch.zeros_like(sizes), means, sizes
        strengths = sample @ (reference - mean) / norm.square()
        return strengths, means - strengths * mean, sizes

    def centred(self) -> Tensor:
        """Gram matrix of the features centred over images, float64 ``(n, n)``."""
        # Without the share of the reference that all images have: it goes when images are centred.
        offsets, strengths = self._offsets, self._strengths - 1
        crossed = torch.outer(self._sums + self.n_features / 2 * offsets + self._reference_sum * strengths, offsets)
        crossed += torch.outer(self._with_reference + self._reference_squares / 2 * strengths, strengths)
        products = self._symmetric() + crossed + crossed.T
        means = products.mean(dim=0)
        return products - means[:, None] - means[None, :] + means.mean()

    def rdm(self) -> Tensor:
        """Dissimilarities, float64 ``(n, n)``: 1 minus the correlations between images over features.

        Exact in proportion to the dissimilarities themselves, where correlations are 0.999999 as well: with ``a`` the
        patterns centred over features, each over its size, ``1 - r`` is ``|a_i - a_j|^2 - (|a_i| - |a_j|)^2`` over
        ``2 |a_i| |a_j|``, in whose differences the pattern that all images share cancels before anything is squared.
        Sizes may be any; those of a sample keep the patterns' lengths alike, since nothing would be left in the
        difference of an image whose pattern is 1e-16 of another's. Rows without variance give non-finite values; see
        :meth:`flaw`.
        """
        if self._rdm is None:
            own, cross, shared = self._row_centred_parts()
            own /= torch.outer(self._sizes, self._sizes)
            cross /= self._sizes
            power, strengths = own.diagonal(), self._strengths / self._sizes
            typical = strengths.nanmedian()
            changes = power + 2 * strengths * cross + (strengths - typical) * (strengths + typical) * shared
            norms = (changes + typical**2 * shared).sqrt()
            distances = power[:, None] + power[None, :] - 2 * own
            apart, pull = strengths[:, None] - strengths[None, :], strengths * shared + 2 * cross
            distances += apart.mul_(pull[:, None] - pull[None, :])
            del apart
            distances -= ((changes[:, None] - changes[None, :]) / (norms[:, None] + norms[None, :])).square_()
            distances /= 2 * norms[:, None]
            distances /= norms[None, :]
            self._rdm = distances.clamp_(0, 2).fill_diagonal_(0)
        return self._rdm

    def noise(self, errors: Errors) -> float:
        """Rounding errors in proportion to what differs between the images' patterns, centred and scaled to length 1.

        Half the mean squared distance of two such patterns is their mean dissimilarity, which is their mean squared
        distance from their mean too.
        """
        between = self.rdm().sum() / self.n_images**2
        return float((errors.power() / self._squared_norms().mean() / between).sqrt())

    def flaw(self, errors: Errors | None = None) -> str:
        """Why this layer has no RSM, or ''; with the forward pass's rounding errors, whether it rises above them."""
        if self._bad.any():
            return f"values are not finite (first at image {int(self._bad.int().argmax())}, counted from 0)"
        if self.n_features < 2:
            return "has one feature only, so that images have no correlation"
        raw_squares = self._squares_of_features()
        if self.centred().trace() <= NEGLIGIBLE * raw_squares.sum():
            return "constant over images"
        norms = self._squared_norms()
        if (empty := norms <= NEGLIGIBLE * raw_squares + self._residue()).any():
            return f"constant over features for {_count(empty)}"
        least = torch.maximum(FAINTEST**2 * norms.median(), UNDERFLOW**2 * norms.max())
        if (faint := norms <= least).any():
            return f"too faint beside other images for {_count(faint)}"
        if not self.rdm().isfinite().all():
            return "values are so large that their products overflow"
        if errors is None:
            return ""
        if not self.noise(errors) <= MOST_NOISE:
            return NEARLY_CONSTANT
        faint = norms <= errors.power() / MOST_NOISE**2
        return f"within 100 rounding errors of constant over features for {_count(faint)}" if faint.any() else ""

    def _squared_norms(self) -> Tensor:
        """Squared norms of the images' patterns centred over features, float64 ``(n,)``."""
        own, cross, shared = self._row_centred_parts()
        return own.diagonal() + 2 * self._strengths * cross + self._strengths**2 * shared

    def _residue(self) -> Tensor:
        """What sums in double precision may leave of squared norms that are 0, float64 ``(n,)``."""
        own, _, _ = self._row_centred_parts()  # which the reference, at its strength, then cancels
        return RESIDUE * own.diagonal().abs()

    def _squares_of_features(self) -> Tensor:
        """Squared norms of the rows of ``F``, float64 ``(n,)``."""
        strengths, offsets, sums = self._strengths, self._offsets, self._reference_sum
        own = self._squares + 2 * offsets * self._sums + self.n_features * offsets**2
        with_reference = self._with_reference + offsets * sums
        return own + 2 * strengths * with_reference + strengths**2 * self._reference_squares

    def _symmetric(self) -> Tensor:
        """``D D'``, with the diagonal in full precision."""
        return mirror(self._products).diagonal_scatter(self._squares)

    def _row_centred_parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """Parts of the Gram matrix of features centred over features: ``own + cross b' + b cross' + shared b b'``.

        ``(n, n)`` of the differences from the reference, ``(n,)`` of these with the reference, and the reference's own;
        the offsets cancel.
        """
        count = self.n_features
        own = self._symmetric() - torch.outer(self._sums, self._sums) / count
        cross = self._with_reference - self._sums * (self._reference_sum / count)
        return own, cross, self._reference_squares - self._reference_sum**2 / count


def _count(images: Tensor) -> str:
    return f"{int(images.sum())} images (first: image {int(images.int().argmax())})"


def standardised_gram(projected: Tensor, train: Tensor, changes: Tensor | None = None) -> tuple[Tensor, float]:
    """Gram matrix of the SRP standardised with mean and SD of the training images, and what is noise of it.

    Parameters
    ----------
    projected
        float32 ``(n, k)``: the SRP; overwritten.
    train
        Bool ``(n,)``: training images. Columns without variance over these, or with little more than rounding errors
        (:data:`WEAK`), get weight 0. The SD is the population's.
    changes
        float32 ``(m, k)``: SRP of some images with random rounding minus that without. None where it is not known.

    Returns
    -------
    gram
        float64 ``(n, n)``.
    noise
        Root mean square of the standardised ``changes``: rounding errors in proportion to the SD between images.
    """
    n_images = len(projected)
    gram = torch.zeros((n_images,) * 2, dtype=torch.float64, device=projected.device)
    error = changes.double().square().mean().sqrt() if changes is not None else gram.new_zeros(())
    noise, kept = gram.new_zeros(()), gram.new_zeros(())
    width = max(1, chunk_values(projected.device) // n_images)
    for start in range(0, projected.shape[1], width):
        exact = projected[:, start : start + width].double()
        mean = exact[train].mean(dim=0)
        sd = exact[train].std(dim=0, correction=0)
        # Rounding of equal float32 values leaves a trace of SD of this order.
        weight = torch.where((sd <= 1e-6 * mean.abs()) | (sd <= WEAK * error), 0, 1 / sd)
        exact -= mean
        exact *= weight
        add_products(gram, exact.float())
        kept += (weight > 0).sum()
        if changes is not None:
            noise += (changes[:, start : start + width].double() * weight).square().mean(dim=0).sum()
    return mirror(gram), float((noise / kept.clamp(min=1)).sqrt())


def effective_dimensionality(centred_gram: Tensor) -> float:
    """``(sum of eigenvalues)^2 / sum of squared eigenvalues`` from a column-centred Gram matrix.

    The sums are the trace and the squared Frobenius norm, so no eigenvalue is computed.
    """
    return float(centred_gram.trace() ** 2 / centred_gram.square().sum())


def power_of_two(values: Tensor) -> Tensor:
    """The power of two, float64, by which values are divided without rounding so that the largest is around 1."""
    low, high = torch.aminmax(values)
    largest = torch.maximum(-low, high).double()
    return torch.where(largest.isfinite(), torch.exp2(torch.frexp(largest).exponent.double()), 1.0)


def add_products(total: Tensor, rows: Tensor, scale: Tensor | None = None) -> None:
    """Add ``scale * rows @ rows.T`` to the upper triangle of ``total``; what lies below it is arbitrary.

    ``scale`` is float64, 1 where not given.
    """
    n_images = len(rows)
    height = n_images if n_images <= 256 else math.ceil(n_images / 4)
    for start in range(0, n_images, height):
        products = rows[start : start + height] @ rows[start:].T
        total[start : start + height, start:] += products if scale is None else products.double() * scale


def chunk_values(device: torch.device | str) -> int:
    """Values in a chunk on this device."""
    return GPU_CHUNK_VALUES if torch.device(device).type == "cuda" else CHUNK_VALUES


def working_bytes(n_images: int, device: torch.device | str = "cpu") -> int:
    """Memory that one layer's matrices and a chunk in work take besides the features."""
    return 7 * 8 * n_images**2 + 4 * 8 * max(chunk_values(device), n_images)


def mirror(upper: Tensor) -> Tensor:
    """Symmetric matrix from an upper triangle."""
    return upper.triu() + upper.triu(1).T
