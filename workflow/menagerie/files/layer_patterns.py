"""Which layers of an inventory a config selects: all, half, so many, or those that patterns name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from menagerie.errors import unknown
from menagerie.files.inventory import LayerInfo

Selection = str | int | Sequence[str]
"""``all``, ``second_half``, a number of layers evenly spread over the depth, or a list of patterns."""

DEFAULT = "default"

_TOKENS = re.compile(r"(?P<cross>\*\*+)|(?P<star>\*)|(?P<one>\?)|(?P<choice>\[!?\]?[^\]]*\])|(?P<text>.)", re.DOTALL)


def selection_of(layers: Selection | Mapping[str, Selection], model: str) -> Selection:
    """Selection for one model, from config key ``layers``.

    Of a mapping's keys the one counts that is the model's id, else the first glob over ids that fits, else ``default``;
    without any of these, all layers.
    """
    if not isinstance(layers, Mapping):
        return layers
    return layers.get(_key(layers, model), "all")


def _key(layers: Mapping[str, Selection], model: str) -> str:
    if model in layers:
        return model
    return next((key for key in layers if key != DEFAULT and fnmatchcase(model, key)), DEFAULT)


def idle_keys(layers: Selection | Mapping[str, Selection], models: Collection[str]) -> list[str]:
    """Keys of config key ``layers`` that say nothing of any of these models; ``default`` is never one."""
    keys = list(layers) if isinstance(layers, Mapping) else []
    used = {DEFAULT, *(_key(layers, model) for model in models if keys)}
    return [key for key in keys if key not in used]


def check_models(layers: Selection | Mapping[str, Selection], models: Collection[str]) -> None:
    """Refuse a mapping with a key that is neither ``default`` nor fits any model.

    Raises
    ------
    MenagerieError
        Naming the nearest id.
    """
    for key in layers if isinstance(layers, Mapping) else ():
        if key != DEFAULT and not any(fnmatchcase(model, key) for model in models):
            raise unknown("model in config key layers", key, [DEFAULT, *models])


def choose_layers(inventory: Sequence[LayerInfo], selection: Selection) -> list[LayerInfo]:
    """Layers that a selection takes, in network order; see :func:`find_layers` for patterns."""
    if selection == "all":
        return list(inventory)
    if selection == "second_half":
        return list(inventory[len(inventory) // 2 :])
    if isinstance(selection, int):
        count, last = min(selection, len(inventory)), len(inventory) - 1
        return [inventory[round(step * last / max(count - 1, 1))] for step in range(count)]
    found = find_layers(inventory, selection)
    chosen = {index for indices in found.values() for index in indices}
    return [layer for layer in inventory if layer.index in chosen]


def unmatched(inventory: Sequence[LayerInfo], selection: Selection) -> list[str]:
    """Patterns of a selection that no layer of an inventory matches."""
    if isinstance(selection, (str, int)):
        return []
    return [pattern for pattern, indices in find_layers(inventory, selection).items() if not indices]


def find_layers(inventory: Sequence[LayerInfo], patterns: Sequence[str]) -> dict[str, set[int]]:
    """Pattern -> indices of the layers that have it among their names.

    A pattern that is a name selects this layer alone, whatever characters it holds. Otherwise ``*`` and ``?`` stay
    within one dotted part of a name and ``**`` crosses parts; brackets are part of the name where any name fits so, and
    choices of characters (``[024]``) where none does.
    """
    names = {name: layer.index for layer in inventory for name in layer.names}
    return {pattern: _indices(names, pattern) for pattern in patterns}


def _indices(names: Mapping[str, int], pattern: str) -> set[int]:
    if pattern in names:
        return {names[pattern]}
    for choices in (False, True) if "[" in pattern else (False,):
        matches = _compiled(pattern, choices).fullmatch
        found = {index for name, index in names.items() if matches(name)}
        if found:
            return found
    return set()


@lru_cache(maxsize=1024)
def _compiled(pattern: str, choices: bool) -> re.Pattern[str]:
    """The pattern as a regular expression whose time grows with the square of a name's length at most.

    What lies between two stars is taken where it comes first, and never looked for again (atomic groups). That misses
    nothing: a later place leaves less of the name to what follows. Only the last star gives way, to reach the end.
    """
    spans: list[list[str]] = [[""]]  # stretches between double stars, each split at its single stars
    for token in _TOKENS.finditer(pattern):
        if token.lastgroup == "cross":
            spans.append([""])
        elif token.lastgroup == "star":
            spans[-1].append("")
        else:
            spans[-1][-1] += _character(token, choices)
    *before, last = spans
    parts = [_first(span) for span in before]
    ending = _first(last[:-1]) + "[^.]*" + last[-1] if len(last) > 1 else last[0]
    start = "".join([*parts[:1], *(f"(?>.*?{part})" for part in parts[1:]), *([".*"] if before else [])])
    return re.compile(start + ending, re.DOTALL)


def _first(chunks: Sequence[str]) -> str:
    return chunks[0] + "".join(f"(?>[^.]*?{chunk})" for chunk in chunks[1:])


def _character(token: re.Match[str], choices: bool) -> str:
    """A token that stands for characters, as a regular expression."""
    text = token[0]
    if token.lastgroup == "one":
        return "[^.]"
    if token.lastgroup == "choice" and choices:
        inside = text[1:-1].replace("\\", r"\\").replace("[", r"\[")
        inside = f"^{inside[1:]}" if inside.startswith("!") else inside.replace("^", r"\^")
        try:
            re.compile(f"[{inside}]")
            return rf"(?!\.)[{inside}]"
        except re.error:
            pass
    return re.escape(text)
