"""Groups of models that happen to differ in one thing only, found in the model table.

The comparisons of Conwell et al. 2024 are such groups, picked by hand; this finds all that a table holds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from menagerie.models.registry import ModelSpec

FACTORS = ("architecture_class", "task", "data", "size", "training")
"""What a set varies. All else is equal within a set, with two freedoms that no real collection can do without: models
of different classes differ in architecture and size as well, and sizes of a family are different architectures."""


@dataclass(frozen=True)
class ModelSet:
    """Models that differ in one factor.

    Attributes
    ----------
    factor
        One of `FACTORS`.
    fixed
        What all members share, as column and value.
    levels
        The values of the factor, with the ids of the models that have it.
    """

    factor: str
    fixed: tuple[tuple[str, str], ...]
    levels: dict[str, tuple[str, ...]]

    @property
    def members(self) -> tuple[str, ...]:
        """Ids of all models, level by level."""
        return tuple(model for models in self.levels.values() for model in models)

    @property
    def name(self) -> str:
        """Factor and shared values, by which a config names the set as an experiment: ``set_training_alexnet``."""
        words = [self.factor, *(value for _, value in self.fixed)]
        return "set_" + "_".join(re.sub(r"\W+", "_", word).strip("_").lower() for word in words if word)


def find_sets(specs: Iterable[ModelSpec], factors: Iterable[str] = FACTORS) -> list[ModelSet]:
    """All sets with at least two levels, those with most models first.

    - ``training``: trained and untrained models of one architecture, input and all, built alike.
    - ``task``: one architecture and data set, several tasks or methods.
    - ``data``: one architecture, task and method, several data sets.
    - ``size``: one family, task, method and data set, several architectures, ordered by their number of parameters.
    - ``architecture_class``: one task, method and data set, several classes.
    """
    specs = list(specs)
    sets = [found for factor in factors for found in _sets_of(factor, specs)]
    return sorted(sets, key=lambda found: (-len(found.members), found.name))


# For every factor: the columns that must be equal, and the one that varies.
_RULES = {
    "training": (("architecture",), "training"),
    "task": (("architecture", "architecture_class", "data"), "method"),
    "data": (("architecture", "architecture_class", "task", "method"), "data"),
    "size": (("family", "architecture_class", "task", "method", "data"), "architecture"),
    "architecture_class": (("task", "method", "data"), "architecture_class"),
}


def _sets_of(factor: str, specs: list[ModelSpec]) -> Iterator[ModelSet]:
    fixed_columns, varied = _RULES[factor]
    groups: dict[tuple[str, ...], list[ModelSpec]] = defaultdict(list)
    for spec in specs:
        if spec.training == "trained" or factor in ("training", "size", "architecture_class"):
            groups[tuple(_value(spec, column) for column in fixed_columns)].append(spec)
    for key, members in groups.items():
        if factor == "size":
            members = sorted(members, key=lambda spec: int(spec.metadata["parameters"] or 0))
        levels: dict[str, list[str]] = defaultdict(list)
        for spec in members:
            levels[_value(spec, varied)].append(spec.id)
        levels.pop("", None)
        if factor == "training":
            levels = _same_recipe(members)
        if len(levels) > 1:
            frozen = {level: tuple(models) for level, models in levels.items()}
            yield ModelSet(factor, tuple(zip(fixed_columns, key, strict=True)), frozen)


def _same_recipe(members: list[ModelSpec]) -> dict[str, list[str]]:
    """Trained models that classify ImageNet, with their twins: an untrained model can be compared with any training,
    and the plainest one is meant."""
    trained = [m.id for m in members if m.training == "trained" and m.metadata["task"] == "classification"]
    untrained = [m.id for m in members if m.training == "random"]
    return {"trained": trained, "random": untrained} if trained and untrained else {}


def _value(spec: ModelSpec, column: str) -> str:
    if column == "training":
        return spec.training
    if column == "method":
        # Two tasks without a named method are told apart by the task.
        return spec.metadata["method"] or spec.metadata["task"]
    return spec.metadata[column]


def published_sets(specs: Iterable[ModelSpec]) -> dict[str, dict[str, tuple[str, ...]]]:
    """The hand-picked comparisons of the 2024 survey: column, then level, then ids."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for spec in specs:
        for column, level in spec.metadata.items():
            if column.startswith("compare_") and level:
                levels = found.setdefault(column, {})
                levels[level] = (*levels.get(level, ()), spec.id)
    return found


def what_varies(specs: Iterable[ModelSpec]) -> dict[str, int]:
    """How many values each column takes among some models, for columns that take more than one; says why a published
    comparison is no set."""
    specs = list(specs)
    columns = ("architecture_class", "family", "architecture", "task", "method", "data", "training")
    counts = {column: len({_value(spec, column) for spec in specs}) for column in columns}
    return {column: count for column, count in counts.items() if count > 1}
