"""What the interpreter of pickles builds besides plain containers: names, placeholders, and objects in two steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from menagerie.models.checkpoints.problems import Budget, DamagedError


@dataclass(frozen=True)
class Global:
    """The name of a class or function, which was not imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Placeholder:
    """Stands for an object of a class that was not imported: what the file says of it, as data.

    Attributes
    ----------
    kind
        Name of the class or function.
    arguments
        What it would have been called with.
    state
        Attributes that it would have been given.
    items
        What it would have contained: pairs, if it is a mapping.
    """

    __slots__ = ("arguments", "items", "kind", "state")

    def __init__(self, kind: Global, arguments: tuple = ()):
        self.kind, self.arguments = kind, arguments
        self.state: dict[Any, Any] = {}
        self.items: list[Any] = []

    def finish(self, state: Any) -> Placeholder:
        """Keep a state that is a dictionary, or the first of a pair (of an object with slots); let go of any other."""
        if isinstance(state, tuple) and state:
            state = state[0]
        if isinstance(state, dict):
            self.state = state
        return self


class Unfinished:
    """An object that its file describes in two steps; ``finish`` gives what it is."""

    def finish(self, state: Any) -> Any:
        """What the object is, from its state."""
        raise NotImplementedError


Calls = Mapping[tuple[str, str], Callable[..., Any]]


def ordered_dict(budget: Budget, pairs: Any = ()) -> dict:
    """``collections.OrderedDict`` as a plain dictionary, which keeps the order too.

    Raises
    ------
    DamagedError
        When it is not made from pairs.
    """
    if isinstance(pairs, dict):
        pairs = list(pairs.items())
    if not isinstance(pairs, list | tuple):
        raise DamagedError("a dictionary made from something else than pairs")
    budget.spend(64 * len(pairs))
    found: dict = {}
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise DamagedError("a dictionary made from something else than pairs")
        put_item(found, *pair)
    return found


def put_item(target: dict, key: Any, value: Any) -> None:
    """Set an item, if the key is a plain value or a name.

    Raises
    ------
    DamagedError
        When it is not.
    """
    # Tuples are no keys: the hash of a tuple that is nested a million times over ends the process.
    if not isinstance(key, str | int | float | bytes | Placeholder | Global | None):
        raise DamagedError(f"a dictionary with a key of type {type(key).__name__}")
    target[key] = value
