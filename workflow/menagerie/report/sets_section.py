"""Groups of the run's models that differ in one thing: comparisons that it could make."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from menagerie.models.registry import METADATA, ModelSpec
from menagerie.models.sets import find_sets, published_sets, what_varies
from menagerie.report.experiment_section import words


def sets_facts(models: pd.DataFrame) -> dict[str, list]:
    """Sets that the models hold, those with most models first, and the survey's own comparisons beside them.

    Parameters
    ----------
    models
        Table ``models`` of the run.

    Returns
    -------
    dict
        ``sets``: a row per set, its name in configs, its levels as (level, ids). ``survey``: a row per hand-picked
        comparison of the 2024 survey with at least two levels in the run: the set that holds it, else the number of
        sets that lie within it and everything in which its models differ.
    """
    specs = [_spec(row) for row in models.to_dict("records")]
    found = find_sets(specs)
    sets = [
        {
            "name": one.name,
            "factor": words(one.factor),
            "fixed": ", ".join(f"{words(column)} {value or 'none'}" for column, value in one.fixed),
            "models": len(one.members),
            "levels": list(one.levels.items()),
        }
        for one in found
    ]
    by_id = {spec.id: spec for spec in specs}
    survey = []
    for column, levels in published_sets(specs).items():
        if len(levels) > 1:
            members = {model for ids in levels.values() for model in ids}
            around = [one for one in found if members <= set(one.members)]
            within = [one for one in found if set(one.members) <= members and _parts(one.levels, levels)]
            varies = what_varies(by_id[model] for model in members)
            survey.append(
                {
                    "column": column,
                    "models": len(members),
                    "levels": len(levels),
                    "set": words(around[0].factor) if around else "",
                    "within": len(within),
                    "varies": ", ".join(f"{words(name)} ({count} values)" for name, count in varies.items()),
                }
            )
    return {"sets": sets, "survey": survey}


def _parts(inner: Mapping[str, tuple[str, ...]], outer: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the levels of one grouping lie in different levels of another, each in one."""
    homes = [{level for level, ids in outer.items() if set(ids) & set(own)} for own in inner.values()]
    return all(len(home) == 1 for home in homes) and len(set.union(*homes)) == len(homes)


def _spec(row: dict) -> ModelSpec:
    """What sets look at; how a model is built plays no part in them."""
    metadata = {name: str(row[name]) if pd.notna(row.get(name)) else "" for name in METADATA}
    return ModelSpec(row["id"], provider="", builder="", weights="", training=row["training"], metadata=metadata)
