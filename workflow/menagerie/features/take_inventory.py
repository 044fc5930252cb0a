"""Taking the inventory of a network: which of its output tensors are layers of their own."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from menagerie.errors import MenagerieError, unknown
from menagerie.features.determinism import Batches
from menagerie.features.hooks import is_scripted
from menagerie.features.probe import NOT_ALWAYS, Seen, probe
from menagerie.features.randomness import RandomOrigin, seeded
from menagerie.features.work import MultiplyAdds
from menagerie.files.inventory import LayerInfo, SkippedTensor

logger = logging.getLogger(__name__)

PASS_THROUGH = re.compile(r"(^|\.)(attn\.(q_norm|k_norm|norm)|head_drop|res_scale\d?|patch_dropout)(#\d+)?$")
"""Placeholders that timm and open_clip added after 2022. As Identity or Dropout they only show tensors that the
networks of the published survey did not show, so they are no layers (reference notes of the survey, section 3)."""

PLACEHOLDER = "placeholder that passes its input on"


@dataclass
class Inventory:
    """Layers of a network in the order of the forward pass, the output tensors left out, and the work of one image."""

    layers: list[LayerInfo] = field(default_factory=list)
    skipped: list[SkippedTensor] = field(default_factory=list)
    multiply_adds: int = 0


def list_layers(model: nn.Module, input_shape: tuple[int, int, int] = (3, 224, 224)) -> list[LayerInfo]:
    """Layers of a network: see :func:`take_inventory`."""
    return take_inventory(model, input_shape).layers


def take_inventory(model: nn.Module, input_shape: tuple[int, int, int] = (3, 224, 224)) -> Inventory:
    """Find the layers of a network by running it on random images; weights are not needed.

    A layer is an output tensor of a module whose values no earlier module returned. So containers, identities, dropout
    and reshapes drop out where they only pass values on, and stay where they show something new (a block's sum with its
    shortcut, a softmax map); the names that drop out so are aliases of the layer whose values they have. Each firing of
    a shared module counts. Images may lie along any axis (:class:`menagerie.features.layout.Layout`), which is found
    from the shapes for one and for three images, and from which reading gives an image twice in a batch equal features.

    Not layers: tensors that are no real numbers, that have no row for each image, that are random, and whose values for
    an image depend on its batch. Deterministic means equal to rounding: an image has the same features at two places of
    a batch of three and in one of two in another order, within 16 rounding errors, or within 16 times the
    change that follows from random rounding (:mod:`menagerie.features.rounding`), and never by a thousandth.

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
        When the network does not run on such images, has no layer at all, or is a TorchScript program.
    """
    if is_scripted(model):
        raise MenagerieError(
            f"The network {type(model).__name__} is a TorchScript program, which shows nothing of its inside; expected "
            "modules of PyTorch. Return the network as it was before torch.jit.script."
        )
    reference = next(iter(model.parameters()), torch.empty(0))
    one, two, three = torch.randn((3, *input_shape), generator=torch.Generator().manual_seed(0)).to(reference.device)
    with _without_constant_parameters(model):
        try:
            first, n, work = _first_look(model, one, two)
            # A stronger third image, so that extremes of a batch differ too.
            batches = Batches(model, torch.stack([one, two, one]), torch.stack([2 * three, one]), first, n)
            inventory = _sort_out(batches)
        except MenagerieError:
            raise
        except Exception as error:  # networks are anyone's code
            shape, kind = "x".join(map(str, input_shape)), type(error).__name__
            raise MenagerieError(
                f"The network {type(model).__name__} does not run on images of {shape} ({kind}: {error}), "
                "expected a forward pass that takes a batch of images and nothing else. Give it the input size that it "
                "was built for, or put it into a module whose forward takes images alone."
            ) from error
    inventory.multiply_adds = work // n
    if not inventory.layers:
        raise MenagerieError(_no_layer(model, inventory))
    for skipped in inventory.skipped:
        logger.debug("no layer: %s (%s): %s", skipped.layer, skipped.class_name, skipped.reason)
    return inventory


def _no_layer(model: nn.Module, inventory: Inventory) -> str:
    reasons = list(dict.fromkeys(skipped.reason for skipped in inventory.skipped if not skipped.repeats))
    found = f"found {len(inventory.skipped)} tensors ({'; '.join(reasons[:3])})" if reasons else "found no tensor"
    return (
        f"The network {type(model).__name__} has no module that returns features of images: {found}, expected real "
        "numbers that depend on the image alone. Let its forward function return such, without dropout, noise and "
        "batch statistics in evaluation mode."
    )


def _first_look(model: nn.Module, one: Tensor, other: Tensor) -> tuple[dict[str, Seen], int, int]:
    """Shapes for one image, or for two where the network needs more than one; how many, and the multiply-adds."""
    for images in (one[None], torch.stack([one, other])):
        try:
            with seeded(0), MultiplyAdds() as work, RandomOrigin() as origin:
                return probe(model, images, origin=origin), len(images), work.count
        except ValueError:
            # Batch statistics of a single value: PyTorch refuses, and two images will show the rest.
            if len(images) > 1:
                raise
    raise AssertionError


def _sort_out(batches: Batches) -> Inventory:
    """Layers among the tensors of the batch of three."""
    inventory = Inventory()
    first_with: dict[bytes, int] = {}
    kept: list[Seen] = []
    aliases: list[list[str]] = []
    for seen in batches.three.values():
        placeholder = seen.class_name in ("Identity", "Dropout") and PASS_THROUGH.search(seen.layer)
        flaw = PLACEHOLDER if placeholder else batches.flaw(seen)
        repeated = None if flaw else first_with.get(seen.sketch.digest)
        if flaw or repeated is not None:
            reason = flaw or f"same values as {kept[repeated].layer}"
            inventory.skipped.append(SkippedTensor(seen.layer, seen.class_name, reason))
            if repeated is not None:
                aliases[repeated].append(seen.layer)
        else:
            first_with[seen.sketch.digest] = len(kept)
            kept.append(seen)
            aliases.append([])
    last = max(len(kept) - 1, 1)
    inventory.layers = [_layer(index, seen, index / last, aliases[index]) for index, seen in enumerate(kept)]
    inventory.skipped += [
        SkippedTensor(layer, seen.class_name, NOT_ALWAYS)
        for layer, seen in batches.first.items()
        if layer not in batches.three
    ]
    return inventory


def _layer(index: int, seen: Seen, depth: float, aliases: Sequence[str]) -> LayerInfo:
    n_features = 1
    for size in seen.own_shape:
        n_features *= size
    layout = seen.sketch.layout
    return LayerInfo(
        index,
        seen.layer,
        seen.class_name,
        seen.own_shape,
        n_features,
        depth,
        axis=layout.axis,
        run=layout.run,
        aliases=tuple(aliases),
    )


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


def resolve_layers(
    model: nn.Module, input_shape: tuple[int, int, int], layers: Sequence[LayerInfo | str] | None
) -> list[LayerInfo]:
    """Inventory entries of the wanted layers, in inventory order; a layer is found under any of its names.

    Parameters
    ----------
    model
        The network.
    input_shape
        Channels, height, width of its input; for an inventory, which is taken where ``layers`` are not all entries.
    layers
        Entries of the inventory, or names. None for the whole inventory.

    Raises
    ------
    MenagerieError
        When the inventory has no layer of a name.
    """
    if layers is not None and all(isinstance(layer, LayerInfo) for layer in layers):
        return [info for _, info in sorted({info.index: info for info in layers}.items())]
    inventory = list_layers(model, input_shape)
    if layers is None:
        return inventory
    by_name = {name: info for info in inventory for name in info.names}
    wanted = {layer.layer if isinstance(layer, LayerInfo) else layer for layer in layers}
    for name in wanted:
        if name not in by_name:
            raise unknown(f"layer of {type(model).__name__}", name, by_name)
    chosen = {by_name[name].index for name in wanted}
    return [info for info in inventory if info.index in chosen]
