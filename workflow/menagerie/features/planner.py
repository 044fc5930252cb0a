"""Which layers, and which slices of their features, share a pass over the images within a memory budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from menagerie.errors import MenagerieError
from menagerie.features.accumulate import working_bytes
from menagerie.features.projection import matrix_bytes
from menagerie.inventory import LayerInfo

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
    def last(self) -> bool:
        """Whether the layer is complete after this slice."""
        return self.stop == self.info.n_features


@dataclass
class Plan:
    """Passes in the order in which they are run, and the share of memory for projection matrices."""

    passes: list[list[Unit]] = field(default_factory=list)
    matrix_capacity: int = 0


def plan_passes(layers: Sequence[LayerInfo], n_images: int, n_projections: int, memory_budget: int) -> Plan:
    """Pack layers into passes, in the order of the network.

    As layers may be cut anywhere, filling one pass after the other gives the fewest passes that the budget allows; the
    network's order gives finished layers in that order, keeps layers of one size together (they share a projection
    matrix), and lets passes over early layers end early.

    Parameters
    ----------
    layers
        Layers, in inventory order.
    n_images
        Images of a pass.
    n_projections
        Dimensions of the SRP.
    memory_budget
        Bytes for everything except the network, its activations and the batch of images.

    Raises
    ------
    MenagerieError
        When the budget cannot hold even one narrow slice of a layer.
    """
    matrix_capacity = memory_budget // 4
    room = memory_budget - matrix_capacity - working_bytes(n_images)
    projected = n_images * n_projections * _FLOAT
    narrow = projected + n_images * _FLOAT * MINIMAL_WIDTH
    if room < narrow:
        least = (narrow + working_bytes(n_images)) * 4 // 3 + 1
        raise MenagerieError(
            f"memory_budget: {memory_budget / 2**20:.0f} MiB cannot hold one slice of a layer for {n_images} images. "
            f"Give at least {least / 2**20:.0f} MiB."
        )
    plan = Plan(matrix_capacity=matrix_capacity)
    current = _Filling(room, matrix_capacity)
    for info in layers:
        matrix = matrix_bytes(info.n_features, n_projections)
        start = 0
        while start < info.n_features:
            fixed = projected if start == 0 else 0
            left = info.n_features - start
            width = min(left, (current.room - fixed) // (n_images * _FLOAT))
            too_narrow = width < min(left, MINIMAL_WIDTH)
            if too_narrow or (start == 0 and not current.has_matrix_room(info.n_features, matrix)):
                plan.passes.append(current.units)
                current = _Filling(room, matrix_capacity)
                continue
            current.units.append(Unit(info, start, start + width, project=start == 0))
            current.room -= fixed + width * n_images * _FLOAT
            if start == 0:
                current.matrices[info.n_features] = matrix
            start += width
    if current.units:
        plan.passes.append(current.units)
    return plan


@dataclass
class _Filling:
    """A pass being filled."""

    room: int
    matrix_capacity: int
    units: list[Unit] = field(default_factory=list)
    matrices: dict[int, int] = field(default_factory=dict)

    def has_matrix_room(self, n_features: int, size: int) -> bool:
        """Whether the projection for layers of this size fits beside those of the pass.

        A matrix that is too large for any pass is generated batch by batch and takes no room.
        """
        if n_features in self.matrices or size > self.matrix_capacity:
            return True
        kept = sum(other for other in self.matrices.values() if other <= self.matrix_capacity)
        return kept + size <= self.matrix_capacity
