"""Which layers, and which slices of their features, share a pass over the images within a memory budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from menagerie.errors import MenagerieError
from menagerie.features.accumulate import working_bytes
from menagerie.features.projection import matrix_bytes
from menagerie.files.inventory import LayerInfo

MINIMAL_WIDTH = 256
"""Narrower slices than this are not worth a hook."""

_FLOAT = 4


@dataclass(frozen=True)
class Unit:
    """A slice of a layer's raw features held for all images during one pass.

    Attributes
    ----------
    info
        The layer.
    start, stop
        Range of its features.
    project
        Whether the layer's SRP is taken in this pass: once, along with its first slice.
    """

    info: LayerInfo
    start: int
    stop: int
    project: bool

    @property
    def width(self) -> int:
        """Features in the slice."""
        return self.stop - self.start

    @property
    def last(self) -> bool:
        """Whether the layer is complete after this slice."""
        return self.stop == self.info.n_features


def whole(layers: Sequence[LayerInfo]) -> list[Unit]:
    """Layers in one piece each."""
    return [Unit(info, 0, info.n_features, project=True) for info in layers]


@dataclass(frozen=True)
class Planner:
    """Packs layers into passes over the images, in the order of the network.

    As layers may be cut anywhere, filling one pass after the other gives the fewest passes that the budget allows; the
    network's order gives finished layers in that order, keeps layers of one size together (they share a projection
    matrix), and lets passes over early layers end early.

    Parameters
    ----------
    n_images
        Images of a pass.
    n_projections
        Dimensions of the SRP.
    memory_budget
        Bytes for everything except the network, its activations and the batch of images.
    device
        Where the features are.
    """

    n_images: int
    n_projections: int
    memory_budget: int
    device: torch.device | str = "cpu"

    @property
    def matrix_capacity(self) -> int:
        """Bytes for projection matrices."""
        return self.memory_budget // 4

    @property
    def room(self) -> int:
        """Bytes for features and their SRP."""
        return self.memory_budget - self.matrix_capacity - self._working_bytes

    @property
    def _working_bytes(self) -> int:
        return working_bytes(self.n_images, self.device)

    def halved(self) -> Planner:
        """The same for half the budget."""
        return replace(self, memory_budget=self.memory_budget // 2)

    def passes(self, layers: Sequence[LayerInfo]) -> list[list[Unit]]:
        """All passes for these layers.

        Raises
        ------
        MenagerieError
            When the budget cannot hold even one narrow slice of a layer.
        """
        todo = whole(layers)
        passes = []
        while todo:
            units, todo = self.next_pass(todo)
            passes.append(units)
        return passes

    def next_pass(self, todo: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
        """Units of the next pass, cut to fit, and what is left to do after it.

        Raises
        ------
        MenagerieError
            When the budget cannot hold even one narrow slice of the first layer.
        """
        units: list[Unit] = []
        matrices: dict[int, int] = {}
        room = self.room
        for position, unit in enumerate(todo):
            if unit.project and not self._take_matrix(unit.info.n_features, matrices):
                return units, list(todo[position:])
            fixed = self._fixed(unit)
            width = min(unit.width, (room - fixed) // self._bytes(1))
            if width < min(unit.width, MINIMAL_WIDTH):
                if not units:
                    raise self._too_small(unit)
                return units, list(todo[position:])
            stop = unit.start + width
            units.append(replace(unit, stop=stop))
            if stop < unit.stop:
                return units, [replace(unit, start=stop, project=False), *todo[position + 1 :]]
            room -= fixed + self._bytes(width)
        return units, []

    def _take_matrix(self, n_features: int, taken: dict[int, int]) -> bool:
        """Whether the projection for layers of this size fits beside those taken; if so, take it.

        A matrix too large for any pass is generated batch by batch and takes no room.
        """
        size = matrix_bytes(n_features, self.n_projections)
        if n_features in taken or size > self.matrix_capacity:
            return True
        fits = sum(taken.values()) + size <= self.matrix_capacity
        if fits:
            taken[n_features] = size
        return fits

    def _too_small(self, unit: Unit) -> MenagerieError:
        least = (self._fixed(unit) + self._bytes(MINIMAL_WIDTH) + self._working_bytes) * 4 // 3 + 4
        return MenagerieError(
            f"memory_budget: {self.memory_budget / 2**20:.0f} MiB cannot hold one slice of layer "
            f"'{unit.info.layer}' for {self.n_images} images. Give at least {least / 2**20:.0f} MiB."
        )

    def _fixed(self, unit: Unit) -> int:
        """Bytes for the SRP of all images, and for the reference that is taken off before."""
        return self._bytes(self.n_projections) + _FLOAT * unit.info.n_features if unit.project else 0

    def _bytes(self, width: int) -> int:
        return self.n_images * width * _FLOAT
