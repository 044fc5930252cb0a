"""What jobs need: processor time, memory and disk, from layer inventories and numbers of images and units.

Each formula counts the work of the dominant step; its constants were measured on one core of the development machine
(docs/cluster.md) and can be replaced by the times of finished jobs (:mod:`menagerie.survey.plan`). Imports no heavy
package, because it is read whenever the workflow is planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from menagerie.features.batches import images_per_batch
from menagerie.files.inventory import LayerInfo

START_SECONDS = {"score": 0.6, "extract_geometry": 4.9}  # imports
FLOPS = 1.5e10  # of one core in matrix products, float64
# Extraction, float32: fitted to five networks of the demo; docs/cluster.md says how well they fit five others.
MULTIPLY_ADD_SECONDS = 1.1e-10  # of a forward pass
OUTPUT_SECONDS = 1.6e-9  # of a forward pass, per number that a module returns
PRODUCT_SECONDS = 5.1e-11  # per feature and pair of images
SNAKEMAKE_MB = 500  # a job on a cluster also holds two Snakemakes, one around the other
CUDA_MB = 1000  # context, kernels and work space of CUDA and cuDNN
MARGIN = 4  # a job is killed at its limit, so the limit lies well above the estimate


def geometry_bytes(n_images: int, n_layers: int) -> int:
    """Size of a geometry container: two triangles in float32 per layer."""
    return 4 * n_images**2 * n_layers


def extraction_passes(layers: Sequence[LayerInfo], n_images: int, budget_mb: float) -> int:
    """Passes over the images: features of all layers in float32, a budget's worth at a time."""
    return max(1, ceil(4 * n_images * sum(layer.n_features for layer in layers) / (budget_mb * 1e6)))


def forward_seconds(multiply_adds: int, inventory: Sequence[LayerInfo]) -> float:
    """Core seconds of one image through a network: its arithmetic, and the outputs of all its layers, chosen or not."""
    return multiply_adds * MULTIPLY_ADD_SECONDS + sum(layer.n_features for layer in inventory) * OUTPUT_SECONDS


def extraction_seconds(layers: Sequence[LayerInfo], n_images: int, budget_mb: float, forward: float) -> float:
    """Core seconds of one extraction: forward passes of ``forward`` seconds, and products of features (n^2 p)."""
    features = sum(layer.n_features for layer in layers)
    passes = extraction_passes(layers, n_images, budget_mb)
    return START_SECONDS["extract_geometry"] + passes * n_images * forward + n_images**2 * features * PRODUCT_SECONDS


def extraction_memory_mb(layers: Sequence[LayerInfo], n_images: int, budget_mb: float) -> int:
    """Memory of an extraction job: libraries and network, the budget where it is used up, products of one layer."""
    features = 4 * n_images * sum(layer.n_features for layer in layers) / 1e6
    return SNAKEMAKE_MB + ceil(2500 + min(features, budget_mb) + 5 * 8 * n_images**2 / 1e6)


def gpu_memory_mb(
    layers: Sequence[LayerInfo],
    inventory: Sequence[LayerInfo],
    n_images: int,
    budget_mb: float,
    batch_size: int | None,
    parameters: int,
) -> int:
    """GPU memory of an extraction: CUDA, weights, a batch, and features as far as the budget lets them.

    Derived, not measured: a batch counts as if the outputs of all layers were held at once, which no network does.
    Where a GPU has less, the job halves batch and budget until they fit.
    """
    batch = 4 * images_per_batch(batch_size, "cuda") * sum(layer.n_features for layer in inventory)
    features = min(4 * n_images * sum(layer.n_features for layer in layers), budget_mb * 1e6)
    return CUDA_MB + ceil((4 * parameters + batch + features + 5 * 8 * n_images**2) / 1e6)


def scoring_seconds(
    n_layers: int, n_images: int, n_units: int, n_penalties: int, train_shares: Sequence[float] = (0.5,)
) -> float:
    """Core seconds of one scoring job: per fold an eigendecomposition and, per penalty, a product with all responses.

    ``train_shares`` holds the share of images that train, one entry a fold.
    """
    per_layer = 0.01 + 2e-8 * n_images**2 * len(train_shares)
    for share in train_shares:
        train = share * n_images
        per_layer += (25 * train**3 + 2 * (n_penalties + 2) * train**2 * n_units) / FLOPS
    return START_SECONDS["score"] + n_layers * per_layer


def scoring_memory_mb(n_images: int, n_units: int) -> int:
    """Memory of a scoring job: libraries, some matrices over the images, some copies of the responses."""
    return SNAKEMAKE_MB + ceil(300 + 8 * (12 * n_images**2 + 6 * n_images * n_units) / 1e6)


def minutes(seconds: float, floor: int = 10) -> int:
    """Time limit of a job in minutes."""
    return max(floor, ceil(MARGIN * seconds / 60))
