"""How many tensors of a network are layers, how many of these a config selects, and why the others are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from menagerie.files.inventory import count_skipped, read_inventory
from menagerie.files.layer_patterns import Selection, choose_layers, unmatched


@dataclass(frozen=True)
class LayerCount:
    """Counts of one model.

    Attributes
    ----------
    model
        Its id.
    layers
        Layers of its inventory.
    selected
        Layers that the config selects.
    skipped
        Kind of reason -> tensors that modules returned and that are no layers.
    unmatched
        Patterns of the config that fit no layer.
    """

    model: str
    layers: int
    selected: int
    skipped: Mapping[str, int]
    unmatched: tuple[str, ...] = ()


def count_layers(path: str | Path, selection: Selection) -> LayerCount:
    """Counts from the inventory ``<model>.tsv`` of a model.

    Raises
    ------
    MenagerieError
        As :func:`menagerie.files.inventory.read_inventory`.
    """
    inventory = read_inventory(path)
    selected = len(choose_layers(inventory, selection))
    skipped = count_skipped(path)
    return LayerCount(Path(path).stem, len(inventory), selected, skipped, tuple(unmatched(inventory, selection)))


def describe_counts(counts: Sequence[LayerCount], most: int = 4) -> list[str]:
    """Sentences: sums over models, patterns that fit no layer of a model, and models without any layer.

    Parameters
    ----------
    counts
        One entry a model.
    most
        Models that a sentence names before it only counts them.
    """
    if not counts:
        return []
    skipped: Counter[str] = Counter()
    missed: dict[str, list[str]] = {}
    for count in counts:
        skipped.update(count.skipped)
        for pattern in count.unmatched:
            missed.setdefault(pattern, []).append(count.model)
    sums = f"{sum(count.selected for count in counts):,} of {sum(count.layers for count in counts):,} selected"
    others = "; ".join(f"{number:,} {kind}" for kind, number in skipped.most_common())
    lines = [f"Layers: {sums}" + (f". Tensors that are none: {others}" if others else "")]
    lines += [f"Pattern '{pattern}': no layer of {_some(models, most)}" for pattern, models in missed.items()]
    empty = [count.model for count in counts if not count.selected]
    return [*lines, *([f"Without a selected layer, and so without scores: {_some(empty, most)}"] if empty else [])]


def _some(names: Sequence[str], most: int) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
