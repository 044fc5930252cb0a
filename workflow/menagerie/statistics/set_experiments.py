"""Sets of models that differ in one thing, as experiments that a config can name (:mod:`menagerie.models.sets`)."""

from __future__ import annotations

from collections.abc import Iterable

from menagerie.models.registry import ModelSpec
from menagerie.models.sets import ModelSet, find_sets
from menagerie.statistics.experiments import Analysis, Experiment

ALONE = "one network per level, so this speaks of these networks only"
# The column whose values are a factor's levels; sizes of a family are its architectures.
COLUMNS = {"size": "architecture", "task": "method"}


def set_experiments(specs: Iterable[ModelSpec]) -> dict[str, Experiment]:
    """An experiment for every set that these models hold, by the set's name.

    A set whose tasks are told apart by ``method`` for some models and by ``task`` for others is none: no column holds
    its levels.
    """
    specs = {spec.id: spec for spec in specs}
    found = {one.name: _experiment(one, specs) for one in find_sets(specs.values())}
    return {name: experiment for name, experiment in found.items() if experiment}


def _experiment(one: ModelSet, specs: dict[str, ModelSpec]) -> Experiment | None:
    column = COLUMNS.get(one.factor, one.factor)
    if column == "method" and not any(specs[model].metadata["method"] for model in one.members):
        column = "task"
    if not all(_value(specs[model], column) for model in one.members):
        return None
    levels = tuple(dict.fromkeys(_value(specs[model], column) for model in one.members))
    reference = "random" if "random" in levels else levels[0]
    if len(one.members) > len(levels):
        analysis = Analysis("sound", formula=f"score ~ {column}", unit="model")
    else:
        analysis = Analysis("sound", pair="subject", unit="score", note=ALONE)
    return Experiment(
        name=one.name,
        title=f"{one.factor.replace('_', ' ')}: {', '.join(value for _, value in one.fixed if value)}",
        factor=column,
        reference=reference,
        analyses=(analysis,),
        filter={"model": one.members},
        levels=levels,
        constant=tuple(name for name, _ in one.fixed if name != column),
        figure="levels" if len(one.members) > len(levels) else "models",
    )


def _value(spec: ModelSpec, column: str) -> str:
    return spec.training if column == "training" else spec.metadata[column]
