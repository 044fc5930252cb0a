"""Extracting the geometry of a network's layers: raw RSM and Gram matrix of the standardised SRP."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from menagerie.brain.stimuli import train_mask
from menagerie.errors import MenagerieError, unknown
from menagerie.features.accumulate import RawGram, effective_dimensionality, standardised_gram
from menagerie.features.hooks import StopForward, observed, per_image, run
from menagerie.features.inventory import list_layers
from menagerie.features.planner import Plan, Unit, plan_passes
from menagerie.features.projection import N_PROJECTIONS, ProjectionCache
from menagerie.geometry import OK, LayerGeometry, fold
from menagerie.inventory import LayerInfo

logger = logging.getLogger(__name__)

MEMORY_BUDGET = 4 * 2**30
_EMPTY = np.empty(0, dtype=np.float32)


class Images(Protocol):
    """Images as a network takes them; a tensor ``(n, 3, h, w)`` is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Tensor: ...


def extract_geometry(
    model: nn.Module,
    images: Images,
    layers: Sequence[LayerInfo | str] | None = None,
    memory_budget: int = MEMORY_BUDGET,
    n_projections: int = N_PROJECTIONS,
    seed: int = 0,
    train: np.ndarray | None = None,
    batch_size: int = 32,
    device: torch.device | str | None = None,
) -> Iterator[tuple[str, LayerGeometry]]:
    """Reduce layers to their geometry over a set of images.

    The images run through the network once where the budget allows, else in as few passes as it allows. The raw RSM is
    exact; the result does not depend on budget, batch size or device beyond the rounding of float32.

    Parameters
    ----------
    model
        The network. It runs in evaluation mode, without gradients, and is left as it was.
    images
        ``n`` images, preprocessed for this network: slices give float32 ``(b, 3, h, w)``. Read once a pass, in order.
    layers
        Layers to extract: entries of the inventory or names of layers. None for the whole inventory.
    memory_budget
        Bytes for features, matrices and work on the network's device. Weights, activations and the batch of images come
        on top.
    n_projections
        Dimensions of the SRP.
    seed
        Seed of the SRP.
    train
        Bool ``(n,)``: training images, whose mean and SD standardise the SRP. None for even positions.
    batch_size
        Images in one forward pass.
    device
        Where to run; the network is moved there. None for where it is.

    Yields
    ------
    tuple of str and LayerGeometry
        Layer name and geometry, in inventory order. A layer without a defined geometry has its reason as ``status``
        and empty triangles.

    Raises
    ------
    MenagerieError
        When the images are fewer than three, a layer is unknown or not as in the inventory, or the budget is too small.
    """
    n_images = len(images)
    if n_images < 3:
        raise MenagerieError(f"images: found {n_images}, but an RSM needs at least 3. Give more images.")
    mask = train_mask(n_images) if train is None else np.asarray(train)
    if mask.shape != (n_images,) or mask.dtype != bool or mask.sum() < 2:
        raise MenagerieError(
            f"train: expected {n_images} booleans with two or more True, found {mask.dtype} {mask.shape} "
            f"with {int(mask.sum())}. Give one boolean per image."
        )
    if device is not None:
        model = model.to(device)
    place = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    infos = _resolve(model, images, layers)
    plan = plan_passes(infos, n_images, n_projections, memory_budget)
    logger.info("%d layers over %d images in %d passes", len(infos), n_images, len(plan.passes))
    extraction = _Extraction(
        model=model,
        images=images,
        train=torch.from_numpy(mask).to(place),
        device=place,
        batch_size=batch_size,
        projections=ProjectionCache(n_projections, seed, plan.matrix_capacity),
    )
    return extraction.geometries(plan)


def _resolve(model: nn.Module, images: Images, layers: Sequence[LayerInfo | str] | None) -> list[LayerInfo]:
    """Inventory entries of the wanted layers, in inventory order."""
    if layers is not None and all(isinstance(layer, LayerInfo) for layer in layers):
        return sorted(layers, key=lambda info: info.index)
    inventory = {info.layer: info for info in list_layers(model, tuple(images[0:1].shape[1:]))}
    if layers is None:
        return list(inventory.values())
    names = {layer.layer if isinstance(layer, LayerInfo) else layer for layer in layers}
    for name in names:
        if name not in inventory:
            raise unknown(f"layer of {type(model).__name__}", name, inventory)
    return [info for info in inventory.values() if info.layer in names]


@dataclass
class _Extraction:
    """One run of :func:`extract_geometry`."""

    model: nn.Module
    images: Images
    train: Tensor
    device: torch.device
    batch_size: int
    projections: ProjectionCache
    _open: dict[int, _OpenLayer] = field(default_factory=dict)

    def geometries(self, plan: Plan) -> Iterator[tuple[str, LayerGeometry]]:
        for units in plan.passes:
            buffers = _Buffers.allocate(units, len(self.images), self.projections.n_components, self.device)
            self._fill(units, buffers)
            for unit in units:
                index = unit.info.index
                layer = self._open.setdefault(index, _OpenLayer(unit.info, len(self.images), self.device))
                layer.take_in(buffers.raw.pop(index), buffers.projected.pop(index, None), self.train)
                if unit.last:
                    yield unit.info.layer, self._open.pop(index).geometry()

    def _fill(self, units: list[Unit], buffers: _Buffers) -> None:
        """Run all images through the network and keep what the units want."""
        by_name = {unit.info.layer: unit for unit in units}
        missing: set[str] = set()
        rows = slice(0)

        def receive(name: str, _: nn.Module, output: Tensor) -> None:
            self._store(by_name[name], output, rows, buffers)
            missing.discard(name)
            if not missing:
                raise StopForward

        with observed(self.model, receive, wanted=by_name):
            for start in range(0, len(self.images), self.batch_size):
                batch = self.images[start : start + self.batch_size].to(self.device)
                rows = slice(start, start + len(batch))
                missing.update(by_name)
                run(self.model, batch)
                if missing:
                    raise MenagerieError(
                        f"layer '{min(missing)}' of the inventory did not fire in {type(self.model).__name__}. "
                        "The inventory belongs to another network or version: delete it and run the workflow again."
                    )

    def _store(self, unit: Unit, output: Tensor, rows: slice, buffers: _Buffers) -> None:
        features = per_image(output, rows.stop - rows.start)
        if features is None or features.shape[1] != unit.info.n_features:
            raise MenagerieError(
                f"layer '{unit.info.layer}': expected {unit.info.n_features} features per image as in the inventory, "
                f"found output of shape {tuple(output.shape)} for {rows.stop - rows.start} images. "
                "Use the input size that the inventory was taken with, or delete it and run the workflow again."
            )
        features = features.float()
        buffers.raw[unit.info.index][rows] = features[:, unit.start : unit.stop]
        if unit.project:
            buffers.projected[unit.info.index][rows] = self.projections.get(unit.info.n_features)(features)


@dataclass
class _Buffers:
    """Features of one pass for all images, by layer index."""

    raw: dict[int, Tensor]
    projected: dict[int, Tensor]

    @classmethod
    def allocate(cls, units: list[Unit], n_images: int, n_projections: int, device: torch.device) -> _Buffers:
        def empty(width: int) -> Tensor:
            return torch.empty((n_images, width), dtype=torch.float32, device=device)

        return cls(
            raw={unit.info.index: empty(unit.stop - unit.start) for unit in units},
            projected={unit.info.index: empty(n_projections) for unit in units if unit.project},
        )


class _OpenLayer:
    """A layer whose slices are coming in."""

    def __init__(self, info: LayerInfo, n_images: int, device: torch.device):
        self.info = info
        self._raw = RawGram(n_images, device)
        self._srp_dimensionality = float("nan")
        self._gram_triu = _EMPTY

    def take_in(self, raw: Tensor, projected: Tensor | None, train: Tensor) -> None:
        """Add a slice of raw features and, with the first one, the SRP."""
        self._raw.add(raw)
        if projected is not None:
            srp = RawGram(len(projected), projected.device)
            srp.add(projected)
            self._srp_dimensionality = effective_dimensionality(srp.centred())
            self._gram_triu = fold(standardised_gram(projected, train).cpu().numpy(), with_diagonal=True)

    def geometry(self) -> LayerGeometry:
        """What is known of the layer once all slices are in."""
        info = self.info
        flaw = self._raw.flaw()
        if not flaw and not (np.isfinite(self._gram_triu).all() and self._gram_triu.any()):
            flaw = "sparse random projection is constant over the training images, or overflows"
        if flaw:
            logger.warning("layer %s cannot be scored: %s", info.layer, flaw)
            return LayerGeometry(info.layer, info.index, info.n_features, _EMPTY, _EMPTY, {}, flaw)
        return LayerGeometry(
            layer=info.layer,
            index=info.index,
            n_features=info.n_features,
            rsm_triu=fold(self._raw.rsm().cpu().numpy(), with_diagonal=False),
            gram_triu=self._gram_triu,
            effective_dimensionality={
                "raw": effective_dimensionality(self._raw.centred()),
                "srp": self._srp_dimensionality,
            },
            status=OK,
        )
