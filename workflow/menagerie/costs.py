"""What jobs need: processor time, memory and disk, from layer inventories and numbers of images and units.

Each formula counts the work of the dominant step; its constants were measured on one core of the development machine
(docs/cluster.md) and can be replaced by the times of finished jobs (:mod:`menagerie.plan`). Imports no heavy package,
because it is read whenever the workflow is planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from menagerie.inventory import LayerInfo

START_SECONDS = {"score": 0.6, "extract_geometry": 6.0}  # imports
FLOPS = 1.5e10  # of one core in matrix products, float64
PROJECT_SECONDS = 1.0e-9  # sparse projection, per feature and image
FORWARD_SECONDS = 0.05  # one image through one network
SNAKEMAKE_MB = 500  # a job on a cluster also holds two Snakemakes, one around the other
MARGIN = 4  # a job is killed at its limit, so the limit lies well above the estimate


def geometry_bytes(n_images: int, n_layers: int) -> int:
    """Size of a geometry container: two triangles in float32 per layer."""
    return 4 * n_images**2 * n_layers


def extraction_passes(layers: Sequence[LayerInfo], n_images: int, budget_mb: float) -> int:
    """Passes over the images: features of all layers in float32, a budget's worth at a time."""
    return max(1, ceil(4 * n_images * sum(layer.n_features for layer in layers) / (budget_mb * 1e6)))


def extraction_seconds(layers: Sequence[LayerInfo], n_images: int, budget_mb: float) -> float:
    """Core seconds of one extraction: forward passes, projections, and products of features (n^2 p for an RSM)."""
    features = sum(layer.n_features for layer in layers)
    forward = extraction_passes(layers, n_images, budget_mb) * n_images * FORWARD_SECONDS
    products = n_images**2 * features / FLOPS
    return START_SECONDS["extract_geometry"] + forward + n_images * features * PROJECT_SECONDS + products


def extraction_memory_mb(layers: Sequence[LayerInfo], n_images: int, budget_mb: float) -> int:
    """Memory of an extraction job: libraries and network, the budget where it is used up, products of one layer."""
    features = 4 * n_images * sum(layer.n_features for layer in layers) / 1e6
    return SNAKEMAKE_MB + ceil(2500 + min(features, budget_mb) + 5 * 8 * n_images**2 / 1e6)


def scoring_seconds(n_layers: int, n_images: int, n_units: int, n_penalties: int) -> float:
    """Core seconds of one scoring job: an eigendecomposition and, per penalty, a product with all responses."""
    train = n_images / 2
    per_layer = (25 * train**3 + 2 * (n_penalties + 2) * train**2 * n_units) / FLOPS + 2e-8 * n_images**2 + 0.01
    return START_SECONDS["score"] + n_layers * per_layer


def scoring_memory_mb(n_images: int, n_units: int) -> int:
    """Memory of a scoring job: libraries, some matrices over the images, some copies of the responses."""
    return SNAKEMAKE_MB + ceil(300 + 8 * (12 * n_images**2 + 6 * n_images * n_units) / 1e6)


def minutes(seconds: float, floor: int = 10) -> int:
    """Time limit of a job in minutes."""
    return max(floor, ceil(MARGIN * seconds / 60))
