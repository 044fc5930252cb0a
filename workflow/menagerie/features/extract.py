"""Extracting the geometry of a network's layers: raw RSM and Gram matrix of the standardised SRP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from menagerie.brain.folds import train_mask
from menagerie.errors import MenagerieError
from menagerie.features.accumulate import power_of_two
from menagerie.features.batches import images_per_batch
from menagerie.features.buffers import Buffers, OpenLayer
from menagerie.features.hooks import StopForward, observed, run
from menagerie.features.layout import Layout, per_image
from menagerie.features.planner import Planner, Unit, whole
from menagerie.features.precision import check_precision, forward_precision
from menagerie.features.projection import N_PROJECTIONS, ProjectionCache
from menagerie.features.rounding import rounded_at_random
from menagerie.features.take_inventory import resolve_layers
from menagerie.files.geometry import LayerGeometry
from menagerie.files.inventory import LayerInfo

logger = logging.getLogger(__name__)

MEMORY_BUDGET = 4 * 2**30
SAFE = 2.0**40
"""Features between this and its inverse are taken as they are; others are scaled first, by a power of two.

Squares of single precision numbers beyond 2^63 overflow, and those of numbers below 2^-63 lose digits.
"""


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
    batch_size: int | None = None,
    device: torch.device | str | None = None,
    precision: str = "float32",
) -> Iterator[tuple[str, LayerGeometry]]:
    """Reduce layers to their geometry over a set of images.

    The images run through the network once where the budget allows, else in as few passes as it allows. The raw RSM is
    exact; the result does not depend on budget, batch size or device beyond the rounding of float32. How far that
    reaches is measured: three images run again at the end of each pass, in another batch and with random rounding
    (:mod:`menagerie.features.rounding`). A layer whose images differ by less than 100 times that is nearly constant (or
    random, or dependent on the batch, if the inventory did not show it), which its status says.

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
        Images in one forward pass; None for what suits the device. Halved as often as needed where a GPU's memory does
        not suffice.
    device
        Where to run; the network is moved there. None for where it is.
    precision
        Number format of the forward pass: float32, tf32, bfloat16 or float16. All but the first change scores; in the
        last two, rounding errors are not measured.

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
    infos = resolve_layers(model, tuple(images[0:1].shape[1:]), layers)
    planner = Planner(len(images), n_projections, memory_budget, place)
    logger.info("%d layers, %d images, %d passes", len(infos), len(images), len(planner.passes(infos)))
    extraction = _Extraction(
        model=model,
        images=images,
        train=torch.from_numpy(mask).to(place),
        device=place,
        batch_size=images_per_batch(batch_size, place.type),
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
    _open: dict[int, OpenLayer] = field(default_factory=dict)
    _scales: dict[int, float] = field(default_factory=dict)

    def geometries(self, layers: Sequence[LayerInfo]) -> Iterator[tuple[str, LayerGeometry]]:
        """Run pass after pass; yield layers as they are complete."""
        todo = whole(layers)
        while todo:
            units, buffers, todo = self._next_pass(todo)
            for unit in units:
                index = unit.info.index
                layer = self._open.setdefault(index, OpenLayer(unit.info, len(self.images), self.device))
                layer.take_in(buffers, self.train)
                if unit.last:
                    yield unit.info.layer, self._open.pop(index).geometry()

    def _next_pass(self, todo: list[Unit]) -> tuple[list[Unit], Buffers, list[Unit]]:
        """Fill the buffers of the next pass; with smaller slices where a GPU's memory does not suffice."""
        while True:
            units, rest = self.planner.next_pass(todo)
            try:
                buffers = Buffers.allocate(units, len(self.images), self.planner.n_projections, self.device)
                self._fill(units, buffers)
                return units, buffers, rest
            except torch.OutOfMemoryError:
                buffers = None
                self.planner = self.planner.halved()
                self.projections.shrink(self.planner.matrix_capacity)
                logger.warning("out of memory: budget halved to %d MiB", self.planner.memory_budget >> 20)
            # Outside the handler, since the exception's traceback keeps tensors alive.
            _release(self.device)

    def _fill(self, units: list[Unit], buffers: Buffers) -> None:
        """Run all images through the network and keep what the units want; then measure rounding errors."""
        n_images = len(self.images)
        again = sorted({0, n_images // 2, n_images - 1}, reverse=True)
        kept: dict[int, Tensor] = {}
        with self._watched(units) as show:
            start = 0
            while start < n_images:
                stop = start + self.batch_size
                # Networks that squeeze the axis of a single image, or refuse one, shall not meet one.
                batch = self.images[start : stop - (stop == n_images - 1 and stop > start + 1)]
                batch = batch.to(self.device, non_blocking=True)
                rows = range(start, start + len(batch))
                if show(batch, partial(self._store, rows, buffers)):
                    kept |= {image: batch[image - start].clone() for image in again if image in rows}
                    start = rows.stop
        if self.precision in ("float32", "tf32"):
            with rounded_at_random(self.model), self._watched(units) as show:
                while again:
                    rows = again[: self.batch_size]
                    if show(torch.stack([kept[image] for image in rows]), partial(self._compare, rows, buffers)):
                        again = again[len(rows) :]

    @contextmanager
    def _watched(self, units: list[Unit]) -> Iterator[Callable[[Tensor, Callable[[Unit, Tensor], None]], bool]]:
        """A function that shows a batch to the network, up to the last layer that the units want.

        It hands on each unit's tensor as it comes, and gives False where memory does not suffice for so many images.
        """
        by_name = {unit.info.layer: unit for unit in units}
        missing: set[str] = set()
        takers: list[Callable[[Unit, Tensor], None]] = []

        def receive(name: str, _: nn.Module, output: Tensor) -> None:
            # A name that comes twice in a pass is that of its first tensor, as in the inventory.
            if name in missing:
                takers[-1](by_name[name], output)
                missing.discard(name)
            if not missing:
                raise StopForward

        def show(batch: Tensor, take: Callable[[Unit, Tensor], None]) -> bool:
            takers[:] = [take]
            missing.update(by_name)
            if not self._run(batch):
                return False
            if missing:
                raise MenagerieError(
                    f"layer '{min(missing)}' of the inventory did not fire in {type(self.model).__name__}. "
                    "The inventory belongs to another network or version: delete it and run the workflow again."
                )
            return True

        with observed(self.model, receive, wanted=by_name):
            yield show

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

    def _features(self, unit: Unit, output: Tensor, n_images: int) -> Tensor:
        """Features as float32 ``(n_images, n_features)``, scaled by a power of two of the layer's own where need be."""
        features = per_image(output, n_images, Layout.of(unit.info))
        if features is None or features.shape[1] != unit.info.n_features:
            raise MenagerieError(
                f"layer '{unit.info.layer}': expected {unit.info.n_features} features per image as in the inventory, "
                f"found output of shape {tuple(output.shape)} for {n_images} images. "
                "Use the input size that the inventory was taken with, or delete it and run the workflow again."
            )
        scale = self._scales.get(unit.info.index)
        if scale is None:
            scale = self._scales[unit.info.index] = float(power_of_two(features))
        return features.float() if 1 / SAFE < scale < SAFE else (features.double() / scale).float()

    def _project(self, unit: Unit, features: Tensor, buffers: Buffers) -> Tensor:
        with torch.autocast(self.device.type, enabled=False):
            return self.projections.get(unit.info.n_features)(features, buffers.references[unit.info.index])

    def _store(self, rows: range, buffers: Buffers, unit: Unit, output: Tensor) -> None:
        features = self._features(unit, output, len(rows))
        part, index = slice(rows.start, rows.stop), unit.info.index
        buffers.raw[index][part] = features[:, unit.start : unit.stop]
        if unit.project:
            if rows.start == 0:
                buffers.references[index].copy_(features[0])
            buffers.projected[index][part] = self._project(unit, features, buffers)

    def _compare(self, rows: list[int], buffers: Buffers, unit: Unit, output: Tensor) -> None:
        index = unit.info.index
        features = self._features(unit, output, len(rows))
        buffers.note_changes(index, features[:, unit.start : unit.stop] - buffers.raw[index][rows])
        if unit.project:
            buffers.note_projected(index, self._project(unit, features, buffers) - buffers.projected[index][rows])


def _release(device: torch.device) -> None:
    """Give cached memory back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
