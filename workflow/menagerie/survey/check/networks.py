"""Networks of a run: each is built without memory, and the patterns of layers are held against its modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from menagerie.files.inventory import LayerInfo, read_inventory
from menagerie.files.layer_patterns import find_layers, idle_keys
from menagerie.models.examine import Examined
from menagerie.models.examine_apart import Examination
from menagerie.models.registry import ModelSpec
from menagerie.survey.check.line import FAILURE, OK, WARNING, Line
from menagerie.survey.contents import Survey

_SHOWN = 3


def start(survey: Survey) -> Examination:
    """Look at the networks of a run beside other work; ``networks`` tells what was found."""
    return Examination(distinct(survey), survey.config["images"]["transform"])


def distinct(survey: Survey) -> dict[str, ModelSpec]:
    """One model for each network that is to be looked at: untrained twins with other seeds count once."""
    by_network = {_network(spec): name for name, spec in reversed(survey.models.items())}
    return {name: survey.models[name] for name in reversed(by_network.values())}


def _network(spec: ModelSpec) -> tuple:
    weights = spec.weights if spec.weights.startswith("file:") else spec.weights == "provider"
    return spec.provider, spec.builder, spec.training, weights, spec.mapping


def networks(survey: Survey, seen: Mapping[str, Examined]) -> Iterator[Line]:
    """One line for all networks that build, one for each that does not, and what is to be said of patterns.

    Parameters
    ----------
    survey
        The run.
    seen
        What was found of the models in :func:`distinct`; those that are not in it were left for lack of time.
    """
    by_network = {_network(survey.models[name]): one for name, one in seen.items()}
    found = {name: by_network[_network(spec)] for name, spec in survey.models.items() if _network(spec) in by_network}
    yield _summary(survey, found, [name for name in survey.models if name not in found])
    for name, one in found.items():
        if one.problem:
            yield Line(FAILURE, f"model {name}", one.problem)
        if one.warning:
            yield Line(WARNING, f"model {name}", one.warning, "Each of its jobs builds it anew: see that it ends soon.")
    yield from _keys(survey)
    yield from _patterns(survey, found)


def _keys(survey: Survey) -> Iterator[Line]:
    """Keys of a mapping ``layers`` that no model of the run takes its layers from."""
    for key in idle_keys(survey.config["layers"], survey.models):
        near = get_close_matches(key, survey.models, n=1, cutoff=0.3)
        hint = f" The nearest model of the run is '{near[0]}'." if near else ""
        told = f"config key layers.{key}: no model of the run takes its layers from it.{hint}"
        yield Line(WARNING, "layers", told, "Correct it, put it before a wider one, or leave it for a later run.")


def _summary(survey: Survey, found: Mapping[str, Examined], left: Sequence[str]) -> Line:
    doubts = {name: one.doubt for name, one in found.items() if one.doubt}
    built = sum(bool(one.modules) for one in found.values())
    told = f"{built} of {len(survey.models)} build, with their transforms and the sources of their weights"
    if doubts:
        shown = [f"{name}: {doubts[name]}" for name in list(doubts)[:_SHOWN]]
        told += f"; not looked at: {'; '.join(shown)}{'; ...' if len(doubts) > _SHOWN else ''}"
    if left:
        told += f"; {len(left)} were left for lack of time (from {left[0]})"
        return Line(WARNING, "networks", told, "All of them, in minutes: python -m menagerie.audit")
    return Line(OK, "networks", told)


def _patterns(survey: Survey, found: Mapping[str, Examined]) -> Iterator[Line]:
    """Patterns that select nothing in any model of theirs, and models in which none selects anything."""
    names: dict[str, set[str]] = {}  # pattern -> names of layers that it could have meant
    models: dict[str, list[str]] = {}
    fits: set[str] = set()
    empty = []
    for model, one in found.items():
        layers, selection = _layers(survey, model, one), survey.selection(model)
        if not layers or isinstance(selection, (str, int)):
            continue
        hits = find_layers(layers, selection)
        fits.update(pattern for pattern, indices in hits.items() if indices)
        empty += [] if any(hits.values()) else [model]
        for pattern in hits:
            models.setdefault(pattern, []).append(model)
            names.setdefault(pattern, set()).update(name for layer in layers for name in layer.names)
    for pattern in models:
        if pattern not in fits:
            near = get_close_matches(pattern, sorted(names[pattern]), n=1, cutoff=0.3)
            hint = f" The nearest name is '{near[0]}'." if near else ""
            told = f"'{pattern}' fits no module of {len(models[pattern])} models.{hint}"
            yield Line(WARNING, "layers", told, "Correct config key layers; names are in <results>/<run>/layers.")
    if empty:
        told = f"no pattern fits a module of {', '.join(empty[:_SHOWN])}{', ...' if empty[_SHOWN:] else ''}"
        yield Line(WARNING, "layers", told, "Add a pattern for them to config key layers.")


def _layers(survey: Survey, name: str, one: Examined) -> list[LayerInfo]:
    """The layers on record, else a layer for every module: which modules return tensors is known when they have run."""
    path = Path(survey.folder) / "layers" / f"{name}.tsv"
    if path.is_file():
        return list(read_inventory(path))
    return [LayerInfo(index, module, "", (1,), 1, 0.0) for index, module in enumerate(one.modules)]
