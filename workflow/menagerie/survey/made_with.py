"""Whether a run on disk was made with a config: recipe by recipe, key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from menagerie.errors import MenagerieError
from menagerie.provenance.recipe import Recipe, read_recipe
from menagerie.survey.recipes import Recipes
from menagerie.survey.results import RESULTS, Results

_MISSING = "nothing"


def differences(recipes: Recipes, results: Results) -> list[str]:
    """What a run on disk was made with and a config says otherwise, one line a key; empty where they agree.

    Code and versions of packages may have changed since: the tables themselves say what they were.

    Parameters
    ----------
    recipes
        Of the config. Layer inventories on disk are taken as they are.
    results
        Of the run.
    """
    recipes.report()
    return list(dict.fromkeys(line for recipe in recipes.known() for line in _of_recipe(recipes, recipe, results)))


def _of_recipe(recipes: Recipes, recipe: Recipe, results: Results) -> Iterator[str]:
    path = recipes.path(recipe.rule, recipe.wildcards)
    try:
        stored = read_recipe(path)
    except MenagerieError:
        yield f"{_name(recipe)}: the run has no {path}"
        return
    for part in ("settings", "sources"):
        for key, (made, now) in _unlike(getattr(stored, part), _plain(getattr(recipe, part))).items():
            yield f"{_name(recipe)}: {key} was {made}, the config says {now}"
    for name in sorted(stored.upstream.keys() ^ recipe.upstream.keys()):
        where = "the run" if name in stored.upstream else "the config"
        yield f"{_name(recipe)}: {name}, in {where} only"
    if recipe.rule in RESULTS:
        for result in results.made_otherwise(stored):
            yield f"{result} was not made from {path}"


def _name(recipe: Recipe) -> str:
    return " ".join([recipe.rule, *recipe.wildcards.values()])


def _plain(value: object) -> object:
    return json.loads(json.dumps(value, default=str))


def _unlike(made: object, now: object, key: str = "") -> dict[str, tuple[str, str]]:
    """Leaves that differ, by dotted key, as they were and as they are."""
    if isinstance(made, Mapping) and isinstance(now, Mapping):
        found = {}
        for name in sorted(made.keys() | now.keys()):
            inner = f"{key}.{name}" if key else str(name)
            found |= _unlike(made.get(name, _MISSING), now.get(name, _MISSING), inner)
        return found
    return {} if made == now else {key or "the list of models": (_short(made), _short(now))}


def _short(value: object, limit: int = 80) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}..."
