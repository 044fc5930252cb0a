"""Whole features of a few layers, in memory: what simulations read out, and what tests compare geometry with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from menagerie.errors import MenagerieError
from menagerie.features.hooks import observed, per_image, run

if TYPE_CHECKING:
    from menagerie.features.extract import Images


def layer_features(
    model: nn.Module, images: Images, layers: Sequence[str], *, batch_size: int = 32
) -> dict[str, np.ndarray]:
    """Features of named layers for all images.

    Parameters
    ----------
    model
        The network; runs where it is.
    images
        ``n`` preprocessed images, as for :func:`menagerie.features.extract.extract_geometry`.
    layers
        Layer names as in the inventory.
    batch_size
        Images in one forward pass.

    Returns
    -------
    dict
        Layer name -> float32 ``(n, p)``.

    Raises
    ------
    MenagerieError
        When a layer does not fire, or its output has no row per image.
    """
    parts: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    rows = 0

    def receive(layer: str, _: nn.Module, output: Tensor) -> None:
        features = per_image(output, rows)
        if features is None:
            raise MenagerieError(f"Layer '{layer}': output of shape {tuple(output.shape)} has no row per image.")
        parts[layer].append(features.float().cpu().clone())

    with observed(model, receive, wanted=parts):
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            rows = len(batch)
            run(model, batch)
    for layer, found in parts.items():
        if not found:
            raise MenagerieError(
                f"Layer '{layer}' does not fire in {type(model).__name__}. "
                "The layers/ folder of a run lists its layers."
            )
    return {layer: torch.cat(found).numpy() for layer, found in parts.items()}
