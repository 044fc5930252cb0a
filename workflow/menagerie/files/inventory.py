"""The layer inventory of a network as a file; readable without torch.

The inventory itself is taken by :mod:`menagerie.features.take_inventory`.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic

COLUMNS = ("index", "layer", "class", "shape", "n_features", "depth", "axis", "run", "aliases")
HEADER = re.compile(r"# made_from=(\w*) multiply_adds=(\d+)")
SKIPPED = "# no layer"
REPEATS = "same values as "


@dataclass(frozen=True)
class LayerInfo:
    """One layer: one output tensor of one firing of one module.

    Attributes
    ----------
    index
        Position in the inventory, from 0, in the order of the forward pass.
    layer
        Module path; ``path#2`` is the second firing of a module, ``path[0]`` the first part of its output.
    class_name
        Class of the module.
    shape
        Shape of the output for one image.
    n_features
        Product of ``shape``.
    depth
        Relative depth: 0 for the first layer, 1 for the last.
    axis, run
        Where the images lie in the output (:class:`menagerie.features.layout.Layout`).
    aliases
        Later outputs with the same values: the layer's other names.
    """

    index: int
    layer: str
    class_name: str
    shape: tuple[int, ...]
    n_features: int
    depth: float
    axis: int = 0
    run: int = 1
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the layer."""
        return (self.layer, *self.aliases)


@dataclass(frozen=True)
class SkippedTensor:
    """An output tensor that is no layer of the inventory, and why."""

    layer: str
    class_name: str
    reason: str

    @property
    def repeats(self) -> bool:
        """Whether it has the values of a layer, of which its name is an alias."""
        return self.reason.startswith(REPEATS)

    @property
    def kind(self) -> str:
        """The reason without what differs from tensor to tensor."""
        return "same values as an earlier one" if self.repeats else self.reason.partition(":")[0]


@dataclass(frozen=True)
class InventoryHeader:
    """First line of an inventory.

    Attributes
    ----------
    made_from
        Fingerprint of what the inventory follows from (model, transform, versions, code); empty where unknown.
    multiply_adds
        Of one forward pass of one image through the whole network; 0 where unknown.
    """

    made_from: str = ""
    multiply_adds: int = 0


def write_inventory(
    path: str | Path,
    layers: Iterable[LayerInfo],
    header: InventoryHeader = InventoryHeader(),
    skipped: Iterable[SkippedTensor] = (),
) -> None:
    """Write an inventory as a tab-separated table below a header; ``shape`` is written as ``64x56x56``.

    Tensors that are no layers have lines of their own between the two: ``# no layer``, name, class, reason.
    """
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# made_from={header.made_from} multiply_adds={header.multiply_adds}\n")
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerows([SKIPPED, tensor.layer, tensor.class_name, tensor.reason] for tensor in skipped)
        table.writerow(COLUMNS)
        for info in layers:
            shape = "x".join(map(str, info.shape))
            row = [info.index, info.layer, info.class_name, shape, info.n_features, f"{info.depth:.6f}"]
            table.writerow([*row, info.axis, info.run, " ".join(info.aliases)])


def read_header(path: str | Path) -> InventoryHeader:
    """Header of an inventory; an empty one where the file is missing or has none."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            match = HEADER.match(file.readline())
    except OSError:
        match = None
    return InventoryHeader(match[1], int(match[2])) if match else InventoryHeader()


def read_inventory(path: str | Path) -> list[LayerInfo]:
    """Read the layers of an inventory.

    Raises
    ------
    MenagerieError
        When the file is missing, has other columns, or holds a row that does not fit them.
    """
    columns, *rows = [row for row in _rows(path) if not row[0].startswith("#")] or [[]]
    if tuple(columns) != COLUMNS:
        raise MenagerieError(
            f"Layer inventory {path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(columns) or 'none'}. "
            "Delete it and run the workflow again."
        )
    return [_parse(path, position, row) for position, row in enumerate(rows)]


def read_skipped(path: str | Path) -> list[SkippedTensor]:
    """Tensors that are no layers, from the inventory of a network.

    Raises
    ------
    MenagerieError
        When the file is missing.
    """
    return [SkippedTensor(*row[1:]) for row in _rows(path) if row[0] == SKIPPED and len(row) == 4]


def count_skipped(path: str | Path) -> dict[str, int]:
    """Kind of reason -> number of tensors that are no layers for it, the most frequent first.

    Raises
    ------
    MenagerieError
        When the file is missing.
    """
    return dict(Counter(tensor.kind for tensor in read_skipped(path)).most_common())


def _rows(path: str | Path) -> list[list[str]]:
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            return [row for row in csv.reader(file, delimiter="\t") if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MenagerieError(f"Layer inventory {path} cannot be read ({error}). Run the workflow again.") from error


def _parse(path: str | Path, position: int, row: list[str]) -> LayerInfo:
    try:
        index, layer, class_name, shape_text, n_features, depth, axis, run, aliases = row
        shape = tuple(map(int, shape_text.split("x")))
        place = int(axis), int(run)
        names = tuple(aliases.split())
        info = LayerInfo(int(index), layer, class_name, shape, int(n_features), float(depth), *place, names)
        if info.index != position or math.prod(shape) != info.n_features or not layer or min(place) < 0 or not info.run:
            raise ValueError("index, shape and n_features do not agree")
    except ValueError as error:
        raise MenagerieError(
            f"Layer inventory {path}, layer {position}: {error}; found {row}. Delete it and run the workflow again."
        ) from error
    return info


def block_name(indices: Sequence[int]) -> str:
    """Name of a scoring job by the layers it takes."""
    first, last = indices[0], indices[-1]
    return f"{first:04d}" if first == last else f"{first:04d}-{last:04d}"


def block_range(name: str) -> tuple[int, int]:
    """First and last layer index of a scoring job, both included."""
    first, _, last = name.partition("-")
    return int(first), int(last or first)
