"""Networks of a run: each is built without memory, and the patterns of layers are held against its modules."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from menagerie.files.inventory import LayerInfo, choose_layers, read_inventory
from menagerie.models.examine import Examined, examine, offline
from menagerie.survey.check.line import FAILURE, OK, WARNING, Line
from menagerie.survey.contents import Survey

_PATIENCE = 60.0  # seconds; a survey of hundreds is looked at in part
_SHOWN = 3


def networks(survey: Survey, patience: float = _PATIENCE) -> Iterator[Line]:
    """One line for all networks that build, one for each that does not, and what is to be said of patterns."""
    offline()
    stop = time.monotonic() + patience
    seen: dict[tuple, Examined] = {}
    found: dict[str, Examined] = {}
    left = []
    for name, spec in survey.models.items():
        network = (spec.provider, spec.builder, spec.training, spec.weights == "provider")
        if network not in seen and time.monotonic() > stop:
            left.append(name)
            continue
        if network not in seen:
            seen[network] = examine(spec, survey.config["images"]["transform"])
        found[name] = seen[network]
    yield _summary(survey, found, left)
    for name, one in found.items():
        if one.problem:
            yield Line(FAILURE, f"model {name}", one.problem)
    yield from _patterns(survey, found)


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
    """Patterns that select nothing in any model, and models in which none selects anything."""
    patterns = survey.config["layers"]
    if isinstance(patterns, str):
        return
    known = {name: names for name, one in found.items() if (names := _layers(survey, name, one))}
    hits = {name: [p for p in patterns if choose_layers(layers, [p])] for name, layers in known.items()}
    for pattern in patterns:
        if known and not any(pattern in matched for matched in hits.values()):
            names = {layer.layer for layers in known.values() for layer in layers}
            near = get_close_matches(str(pattern), sorted(names), n=1, cutoff=0.3)
            hint = f" The nearest name is '{near[0]}'." if near else ""
            told = f"'{pattern}' fits no module of {len(known)} models.{hint}"
            yield Line(WARNING, "layers", told, "Correct config key layers; names are in <results>/<run>/layers.")
    if empty := [name for name, matched in hits.items() if not matched]:
        told = f"no pattern fits a module of {', '.join(empty[:_SHOWN])}{', ...' if empty[_SHOWN:] else ''}"
        yield Line(WARNING, "layers", told, "Add a pattern for them to config key layers.")


def _layers(survey: Survey, name: str, one: Examined) -> list[LayerInfo]:
    """The layers on record, else a layer for every module: which modules return tensors is known when they have run."""
    path = Path(survey.folder) / "layers" / f"{name}.tsv"
    if path.is_file():
        return list(read_inventory(path))
    return [LayerInfo(index, module, "", (1,), 1, 0.0) for index, module in enumerate(one.modules)]
