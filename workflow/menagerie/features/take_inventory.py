"""Taking the inventory of a network: which of its output tensors are layers of their own."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from menagerie.errors import MenagerieError
from menagerie.features.hooks import module_path, observed, per_image, run
from menagerie.features.work import MultiplyAdds
from menagerie.files.inventory import LayerInfo

logger = logging.getLogger(__name__)

PASS_THROUGH = re.compile(r"(^|\.)(attn\.(q_norm|k_norm|norm)|head_drop|res_scale\d?|patch_dropout)$")
"""Placeholders that timm and open_clip added after 2022. As Identity or Dropout they only show tensors that the
networks of the published survey did not show, so they are no layers (reference notes of the survey, section 3)."""

N_PROBES = 3
N_SAMPLES = 64


@dataclass(frozen=True)
class SkippedLayer:
    """An output tensor that is no layer of the inventory, and why."""

    layer: str
    class_name: str
    reason: str


@dataclass
class Inventory:
    """Layers of a network in the order of the forward pass, the output tensors left out, and the work of one image."""

    layers: list[LayerInfo] = field(default_factory=list)
    skipped: list[SkippedLayer] = field(default_factory=list)
    multiply_adds: int = 0


@dataclass(frozen=True)
class _Seen:
    """One output tensor during the probe."""

    layer: str
    class_name: str
    shape: tuple[int, ...] = ()
    n_features: int = 0
    sample: Tensor | None = None
    digest: bytes = b""
    flaw: str = ""


def list_layers(model: nn.Module, input_shape: tuple[int, int, int] = (3, 224, 224)) -> list[LayerInfo]:
    """Layers of a network: see :func:`take_inventory`."""
    return take_inventory(model, input_shape).layers


def take_inventory(model: nn.Module, input_shape: tuple[int, int, int] = (3, 224, 224)) -> Inventory:
    """Find the layers of a network by running it on random images; weights are not needed.

    A layer is an output tensor of a module whose values no earlier module returned. So containers, identities, dropout
    and reshapes drop out where they only pass values on, and stay where they show something new (a block's sum with its
    shortcut, a softmax map). Each firing of a shared module counts. Not layers: tensors that are no real numbers, and
    tensors whose rows are not images, found by comparing an image alone with the same image in a batch. A first axis of
    several entries per image is folded, see :func:`menagerie.features.hooks.per_image`.

    Parameters
    ----------
    model
        The network, on any device. Its weights are changed for the probe, then put back: constant parameters (gains of
        zero or one, biases) would make different layers look the same.
    input_shape
        Channels, height, width of its input.

    Returns
    -------
    Inventory
        Layers, skipped tensors, and multiply-adds of one image in convolutions and matrix products.

    Raises
    ------
    MenagerieError
        When the network does not run on such images, or has no layer at all.
    """
    reference = next(iter(model.parameters()), torch.empty(0))
    probes = torch.randn((N_PROBES, *input_shape), generator=torch.Generator().manual_seed(0)).to(reference.device)
    with _without_constant_parameters(model):
        try:
            together = _probe(model, probes)
            with MultiplyAdds() as work:
                alone = {seen.layer: seen for seen in _probe(model, probes[1:2])}
        except (RuntimeError, ValueError, AssertionError) as error:
            shape = "x".join(map(str, input_shape))
            raise MenagerieError(
                f"The network {type(model).__name__} does not run on images of {shape} ({error}). "
                "Give it the input size that it was built for."
            ) from error
    inventory = _sort_out(together, alone)
    inventory.multiply_adds = work.count
    if not inventory.layers:
        raise MenagerieError(f"The network {type(model).__name__} has no module that returns features of images.")
    for skipped in inventory.skipped:
        logger.debug("no layer: %s (%s): %s", skipped.layer, skipped.class_name, skipped.reason)
    return inventory


def _probe(model: nn.Module, images: Tensor) -> list[_Seen]:
    seen: list[_Seen] = []

    def receive(layer: str, module: nn.Module, output: Tensor) -> None:
        seen.append(_look_at(layer, module, output, len(images)))

    with observed(model, receive):
        run(model, images)
    return seen


def _look_at(layer: str, module: nn.Module, output: Tensor, n_images: int) -> _Seen:
    class_name = type(module).__name__
    if isinstance(module, (nn.Identity, nn.Dropout)) and PASS_THROUGH.search(module_path(layer)):
        return _Seen(layer, class_name, flaw="placeholder that passes its input on")
    if not output.is_floating_point():
        return _Seen(layer, class_name, flaw=f"values are {output.dtype}, not real numbers")
    features = per_image(output, n_images)
    if features is None:
        return _Seen(layer, class_name, flaw=f"first axis of shape {tuple(output.shape)} does not run over images")
    n_features = features.shape[1]
    shape = tuple(output.shape[1:])
    folds = output.shape[0] // n_images
    # The row of the middle image, thinned out: enough to recognise it in the second probe.
    row = features[n_images // 2]
    picks = torch.linspace(0, n_features - 1, min(N_SAMPLES, n_features)).long().to(row.device)
    return _Seen(
        layer=layer,
        class_name=class_name,
        shape=shape if folds == 1 and shape else (folds, *shape),
        n_features=n_features,
        sample=row[picks].double().cpu(),
        digest=hashlib.blake2b(features.float().cpu().contiguous().numpy().data, digest_size=16).digest(),
    )


def _sort_out(together: list[_Seen], alone: dict[str, _Seen]) -> Inventory:
    """Layers among the tensors of the first probe, given the second."""
    inventory = Inventory()
    first_with: dict[bytes, str] = {}
    kept: list[_Seen] = []
    for seen in together:
        flaw = seen.flaw or _flaw_of_rows(seen, alone.get(seen.layer))
        if not flaw and seen.digest in first_with:
            flaw = f"same values as {first_with[seen.digest]}"
        if flaw:
            inventory.skipped.append(SkippedLayer(seen.layer, seen.class_name, flaw))
        else:
            first_with[seen.digest] = seen.layer
            kept.append(seen)
    last = max(len(kept) - 1, 1)
    inventory.layers = [
        LayerInfo(index, seen.layer, seen.class_name, seen.shape, seen.n_features, index / last)
        for index, seen in enumerate(kept)
    ]
    return inventory


def _flaw_of_rows(seen: _Seen, alone: _Seen | None) -> str:
    """Why the rows of a tensor are not the images, or ''."""
    if alone is None or alone.n_features != seen.n_features:
        return "does not grow with the number of images"
    scale = alone.sample.abs().max() + seen.sample.abs().max()
    # A wide margin: only another order of the values is to be caught, not the rounding of another batch size.
    if (seen.sample - alone.sample).abs().max() > 1e-2 * scale:
        return "an image's values depend on its batch, or images do not lie along the first axis"
    return ""


@contextmanager
def _without_constant_parameters(model: nn.Module) -> Iterator[None]:
    """Add noise to parameters that are one number throughout; take it back at the end."""
    generator = torch.Generator().manual_seed(1)
    former: list[tuple[Tensor, Tensor]] = []
    try:
        for parameter in model.parameters():
            values = parameter.data
            if values.is_floating_point() and values.numel() and bool((values == values.flatten()[0]).all()):
                former.append((values, values.clone()))
                values += 0.1 * torch.randn(values.shape, generator=generator).to(values)
        yield
    finally:
        for values, saved in former:
            values.copy_(saved)
