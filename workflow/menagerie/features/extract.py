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
from menagerie.features.planner import Planner, Unit, whole
from menagerie.features.precision import check_precision, forward_precision
from menagerie.features.projection import N_PROJECTIONS, ProjectionCache
from menagerie.features.take_inventory import list_layers
from menagerie.files.geometry import OK, LayerGeometry, fold
from menagerie.files.inventory import LayerInfo

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
    precision: str = "float32",
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
        Images in one forward pass. Halved as often as needed where a GPU's memory does not suffice.
    device
        Where to run; the network is moved there. None for where it is.
    precision
        Number format of the forward pass: float32, tf32, bfloat16 or float16. All but the first change scores.

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
    mask = _train_images(len(images), train)
    check_precision(precision)
    if device is not None:
        model = model.to(device)
    place = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    infos = _resolve(model, images, layers)
    planner = Planner(len(images), n_projections, memory_budget)
    logger.info("%d layers, %d images, %d passes", len(infos), len(images), len(planner.passes(infos)))
    extraction = _Extraction(
        model=model,
        images=images,
        train=torch.from_numpy(mask).to(place),
        device=place,
        batch_size=batch_size,
        precision=precision,
        planner=planner,
        projections=ProjectionCache(n_projections, seed, planner.matrix_capacity),
    )
    return extraction.geometries(infos)


def _train_images(n_images: int, train: np.ndarray | None) -> np.ndarray:
    """Bool ``(n,)``, checked."""
    if n_images < 3:
        raise MenagerieError(f"images: found {n_images}, but an RSM needs at least 3. Give more images.")
    mask = train_mask(n_images) if train is None else np.asarray(train)
    if mask.shape != (n_images,) or mask.dtype != bool or mask.sum() < 2:
        raise MenagerieError(
            f"train: expected {n_images} booleans with two or more True, found {mask.dtype} {mask.shape} "
            f"with {int(mask.sum())}. Give one boolean per image."
        )
    return mask


def _resolve(model: nn.Module, images: Images, layers: Sequence[LayerInfo | str] | None) -> list[LayerInfo]:
    """Inventory entries of the wanted layers, in inventory order."""
    if layers is not None and all(isinstance(layer, LayerInfo) for layer in layers):
        return [info for _, info in sorted({info.index: info for info in layers}.items())]
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
    precision: str
    planner: Planner
    projections: ProjectionCache
    _open: dict[int, _OpenLayer] = field(default_factory=dict)

    def geometries(self, layers: Sequence[LayerInfo]) -> Iterator[tuple[str, LayerGeometry]]:
        """Run pass after pass; yield layers as they are complete."""
        todo = whole(layers)
        while todo:
            units, buffers, todo = self._next_pass(todo)
            for unit in units:
                index = unit.info.index
                layer = self._open.setdefault(index, _OpenLayer(unit.info, len(self.images), self.device))
                layer.take_in(buffers.raw.pop(index), buffers.projected.pop(index, None), self.train)
                if unit.last:
                    yield unit.info.layer, self._open.pop(index).geometry()

    def _next_pass(self, todo: list[Unit]) -> tuple[list[Unit], _Buffers, list[Unit]]:
        """Fill the buffers of the next pass; with smaller slices where a GPU's memory does not suffice."""
        while True:
            units, rest = self.planner.next_pass(todo)
            try:
                buffers = _Buffers.allocate(units, len(self.images), self.planner.n_projections, self.device)
                self._fill(units, buffers)
                return units, buffers, rest
            except torch.OutOfMemoryError:
                buffers = None
                self.planner = self.planner.halved()
                self.projections.shrink(self.planner.matrix_capacity)
                logger.warning("out of memory: budget halved to %d MiB", self.planner.memory_budget >> 20)
            # Outside the handler, since the exception's traceback keeps tensors alive.
            _release(self.device)

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
            start = 0
            while start < len(self.images):
                batch = self.images[start : start + self.batch_size].to(self.device)
                rows = slice(start, start + len(batch))
                missing.update(by_name)
                if not self._run(batch):
                    continue
                if missing:
                    raise MenagerieError(
                        f"layer '{min(missing)}' of the inventory did not fire in {type(self.model).__name__}. "
                        "The inventory belongs to another network or version: delete it and run the workflow again."
                    )
                start = rows.stop

    def _run(self, batch: Tensor) -> bool:
        """One forward pass; False, and half the batch size, where memory does not suffice for it."""
        try:
            with forward_precision(self.precision, self.device):
                run(self.model, batch)
            return True
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
            self.batch_size = len(batch) // 2
            logger.warning("out of memory: batch size reduced to %d", self.batch_size)
        _release(self.device)
        return False

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
            reference = buffers.references[unit.info.index]
            if rows.start == 0:
                reference.copy_(features[0])
            with torch.autocast(self.device.type, enabled=False):
                projected = self.projections.get(unit.info.n_features)(features, reference)
            buffers.projected[unit.info.index][rows] = projected


def _release(device: torch.device) -> None:
    """Give cached memory back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


@dataclass
class _Buffers:
    """Features of one pass for all images, by layer index.

    What is projected is the difference from the first image: standardising takes off any reference, and differences
    stay accurate in single precision where images have most of their pattern in common.
    """

    raw: dict[int, Tensor]
    projected: dict[int, Tensor]
    references: dict[int, Tensor]

    @classmethod
    def allocate(cls, units: list[Unit], n_images: int, n_projections: int, device: torch.device) -> _Buffers:
        def empty(*shape: int) -> Tensor:
            return torch.empty(shape, dtype=torch.float32, device=device)

        projected = [unit.info for unit in units if unit.project]
        return cls(
            raw={unit.info.index: empty(n_images, unit.width) for unit in units},
            projected={info.index: empty(n_images, n_projections) for info in projected},
            references={info.index: empty(info.n_features) for info in projected},
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
