"""Whole features of a few layers, in memory: what simulations read out, and what tests compare geometry with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from menagerie.errors import MenagerieError
from menagerie.features.batches import CPU_BATCH
from menagerie.features.hooks import observed, run
from menagerie.features.layout import Layout, per_image
from menagerie.features.take_inventory import resolve_layers
from menagerie.files.inventory import LayerInfo

if TYPE_CHECKING:
    from menagerie.features.extract import Images


def layer_features(
    model: nn.Module, images: Images, layers: Sequence[LayerInfo | str], *, batch_size: int = CPU_BATCH
) -> dict[str, np.ndarray]:
    """Features of some layers for all images.

    Parameters
    ----------
    model
        The network; runs where it is.
    images
        ``n`` preprocessed images, as for :func:`menagerie.features.extract.extract_geometry`.
    layers
        Entries of the inventory, or names of layers, of which each may have several
        (:func:`menagerie.features.take_inventory.resolve_layers`).
    batch_size
        Images in one forward pass.

    Returns
    -------
    dict
        Layer, by the name that was given -> float32 ``(n, p)``.

    Raises
    ------
    MenagerieError
        When the network has no such layer, or a layer does not fire, or its output has no row per image.
    """
    infos = {info.layer: info for info in resolve_layers(model, tuple(images[0:1].shape[1:]), layers)}
    parts: dict[str, list[Tensor]] = {layer: [] for layer in infos}
    rows = 0

    def receive(layer: str, _: nn.Module, output: Tensor) -> None:
        features = per_image(output, rows, Layout.of(infos[layer]))
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
    given = [layer.layer if isinstance(layer, LayerInfo) else layer for layer in layers]
    return {
        name: torch.cat(parts[info.layer]).numpy() for name in given for info in infos.values() if name in info.names
    }
