"""How the levels of an experiment look: one rule for its figure and for maps of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from menagerie.figures import style
from menagerie.figures.tidy import METRICS, UNTRAINED
from menagerie.statistics.experiments import Experiment

ALL = "all levels"  # level of the one ribbon where every level is a single network
TRAINED = "trained"


@dataclass(frozen=True)
class Look:
    """Colour, line style and marker of a level; the last two tell it apart without colour."""

    color: str
    line: object = "-"
    marker: str = "o"


def level_look(experiment: Experiment, level: str, levels: Sequence[str], *, apart: bool = False) -> Look:
    """Look of a level; ``apart`` where its place does not tell which one it is, as on a map.

    Trained networks are blue and untrained ones vermilion, as everywhere; metrics and what is over all levels are grey,
    since fill tells metrics apart. Other levels have colours that mean nothing else, the reference the first of them.
    """
    trained, random = style.TRAINING["trained"], style.TRAINING["random"]
    place = levels.index(level) if level in levels else 0
    line, marker = style.LINES[place % len(style.LINES)], style.MARKERS[place % len(style.MARKERS)]
    if level in UNTRAINED:
        return Look(random["color"], line, random["marker"])
    if level == TRAINED or (len(levels) == 2 and UNTRAINED & set(levels)):
        return Look(trained["color"], line, trained["marker"])
    if experiment.factor == "metric" or level == ALL:
        return Look(style.GREY, line, marker)
    if experiment.figure == "models" and not apart:
        return Look(style.REFERENCE if level == experiment.reference else trained["color"])
    order = [experiment.reference, *(one for one in levels if one != experiment.reference)]
    return Look(style.PALETTE[order.index(level) % len(style.PALETTE)], line, marker)


def level_name(experiment: Experiment, level: str) -> str:
    """What a figure calls a level: its label, where it has one."""
    if level in METRICS:
        return METRICS[level].label
    return experiment.labels.get(level) or level.replace("_", " ")
