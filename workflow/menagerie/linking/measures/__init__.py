"""Measures: how a layer is scored for a region. One file each; :mod:`.table` has a row each, for people and figures.

Scoring takes a measure by its name and imports its file alone, so that its scores depend on no other measure: one that
comes, or changes, repeats only its own. docs/add-a-metric.md adds one, docs/measures.md describes all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from menagerie.errors import unknown

USUAL = ("crsa", "versa", "encoding_r")
"""What is scored by default: measures that ask for no repeats of images."""


@dataclass(frozen=True)
class Measure:
    """One way to score a layer; ``MEASURE`` of each file. Scores are higher where layer and brain are more alike.

    Attributes
    ----------
    score
        ``(pair, region, part)`` -> score, and the number of units that it rests on; ``pair`` is a
        :class:`~menagerie.linking.comparison.Comparison`. Raises :class:`~menagerie.linking.rsm.UndefinedError` with
        the reason where there is no score.
    needs_units
        Whether responses of single units are needed; an RSM alone does not do.
    needs_repeats
        Whether single repeats of the images are needed.
    settings
        Keys of the config that the score depends on: ``("penalties", "training_predictions")`` where it takes the
        ridge's predictions. Other keys are not to be looked at.
    compared
        ``(pair, region, part)`` -> the two ``(n, n)`` matrices that are compared, for intervals and p.
    influence
        ``(pair, region)`` -> ``(n,)`` first-order influence of each test image on the score, for intervals.
    """

    score: Callable[[Any, str, str], tuple[float, int]]
    needs_units: bool = False
    needs_repeats: bool = False
    settings: tuple[str, ...] = ()
    compared: Callable[[Any, str, str], tuple[Any, Any]] | None = None
    influence: Callable[[Any, str], Any] | None = None


RIDGE = ("penalties", "training_predictions")


def measure(name: str) -> Measure:
    """The measure of a name.

    Raises
    ------
    MenagerieError
        When there is none; names the nearest.
    """
    return import_module(module_of(name)).MEASURE


def module_of(name: str) -> str:
    """Full name of the module of a measure.

    Raises
    ------
    MenagerieError
        When there is none; names the nearest.
    """
    known = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py") if path.stem != "table")
    if name not in known:
        raise unknown("metric", name, known)
    return f"{__name__}.{name}"


def need_repeats(names: Iterable[str]) -> bool:
    """Whether one of some measures needs single repeats of the images."""
    return any(measure(name).needs_repeats for name in names)
