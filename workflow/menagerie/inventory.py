"""The layer inventory of a network as a file; readable without torch.

The inventory itself is taken by :mod:`menagerie.features.inventory`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.storage import atomic

COLUMNS = ("index", "layer", "class", "shape", "n_features", "depth")


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


def write_inventory(path: str | Path, layers: Iterable[LayerInfo]) -> None:
    """Write an inventory as a tab-separated table; ``shape`` is written as ``64x56x56``."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        for info in layers:
            shape = "x".join(map(str, info.shape))
            table.writerow([info.index, info.layer, info.class_name, shape, info.n_features, f"{info.depth:.6f}"])


def read_inventory(path: str | Path) -> list[LayerInfo]:
    """Read an inventory.

    Raises
    ------
    MenagerieError
        When the file is missing, has other columns, or holds a row that does not fit them.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file, delimiter="\t")) or [[]]
    except OSError as error:
        raise MenagerieError(f"Layer inventory {path} cannot be read ({error}). Run the workflow again.") from error
    if tuple(header) != COLUMNS:
        raise MenagerieError(
            f"Layer inventory {path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(header) or 'none'}. "
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
            f"Layer inventory {path}, line {position + 2}: {error}; found {row}. Delete it and run the workflow again."
        ) from error
    return info
