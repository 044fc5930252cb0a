"""The layer inventory of a network as a file; readable without torch.

The inventory itself is taken by :mod:`menagerie.features.take_inventory`.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic

COLUMNS = ("index", "layer", "class", "shape", "n_features", "depth")
HEADER = re.compile(r"# made_from=(\w*) multiply_adds=(\d+)")


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
    """

    index: int
    layer: str
    class_name: str
    shape: tuple[int, ...]
    n_features: int
    depth: float


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


def write_inventory(path: str | Path, layers: Iterable[LayerInfo], header: InventoryHeader = InventoryHeader()) -> None:
    """Write an inventory as a tab-separated table below a header; ``shape`` is written as ``64x56x56``."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# made_from={header.made_from} multiply_adds={header.multiply_adds}\n")
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        for info in layers:
            shape = "x".join(map(str, info.shape))
            table.writerow([info.index, info.layer, info.class_name, shape, info.n_features, f"{info.depth:.6f}"])


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
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            lines = [line for line in file if not line.startswith("#")]
    except OSError as error:
        raise MenagerieError(f"Layer inventory {path} cannot be read ({error}). Run the workflow again.") from error
    columns, *rows = list(csv.reader(lines, delimiter="\t")) or [[]]
    if tuple(columns) != COLUMNS:
        raise MenagerieError(
            f"Layer inventory {path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(columns) or 'none'}. "
            "Delete it and run the workflow again."
        )
    return [_parse(path, position, row) for position, row in enumerate(rows)]


def _parse(path: str | Path, position: int, row: list[str]) -> LayerInfo:
    try:
        index, layer, class_name, shape_text, n_features, depth = row
        shape = tuple(map(int, shape_text.split("x")))
        info = LayerInfo(int(index), layer, class_name, shape, int(n_features), float(depth))
        if info.index != position or math.prod(shape) != info.n_features or not layer:
            raise ValueError("index, shape and n_features do not agree")
    except ValueError as error:
        raise MenagerieError(
            f"Layer inventory {path}, layer {position}: {error}; found {row}. Delete it and run the workflow again."
        ) from error
    return info


def choose_layers(inventory: Sequence[LayerInfo], selection: str | Sequence[str]) -> list[LayerInfo]:
    """Layers that ``all``, ``second_half`` or a list of patterns over module paths select, in network order."""
    if selection == "all":
        return list(inventory)
    if selection == "second_half":
        return list(inventory[len(inventory) // 2 :])
    return [layer for layer in inventory if any(_matches(layer.layer, pattern) for pattern in selection)]


def _matches(path: str, pattern: str) -> bool:
    """A star or question mark stays within one dotted part of the path; ``**`` crosses parts."""
    if "**" in pattern:
        return fnmatchcase(path, pattern)
    parts, wanted = path.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def block_name(indices: Sequence[int]) -> str:
    """Name of a scoring job by the layers it takes."""
    first, last = indices[0], indices[-1]
    return f"{first:04d}" if first == last else f"{first:04d}-{last:04d}"


def block_range(name: str) -> tuple[int, int]:
    """First and last layer index of a scoring job, both included."""
    first, _, last = name.partition("-")
    return int(first), int(last or first)
