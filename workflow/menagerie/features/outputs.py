"""The tensors inside whatever a module returns, each with a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from torch import Tensor, nn


def tensors(name: str, output: object) -> Iterator[tuple[str, Tensor]]:
    """All tensors in a module's output.

    Lists, tuples, mappings, dataclasses and other plain objects are opened, to any depth: ``name[0]``, ``name[key]``,
    ``name[field]``. An object that contains itself is opened once.

    Parameters
    ----------
    name
        Name of the output as a whole.
    output
        What the module returned.

    Yields
    ------
    tuple of str and Tensor
        In the order in which the output holds them.
    """
    yield from _open(name, output, frozenset())


def _open(name: str, output: object, above: frozenset[int]) -> Iterator[tuple[str, Tensor]]:
    if isinstance(output, Tensor):
        yield name, output
    elif id(output) not in above:
        for key, part in _parts(output):
            yield from _open(f"{name}[{key}]", part, above | {id(output)})


def _parts(output: object) -> Iterator[tuple[object, object]]:
    if isinstance(output, Mapping):
        yield from output.items()
    elif isinstance(output, (tuple, list)):
        yield from enumerate(output)
    elif isinstance(output, type):
        return
    elif is_dataclass(output):
        yield from ((field.name, getattr(output, field.name, None)) for field in fields(output))
    elif not isinstance(output, nn.Module) and not callable(output):
        yield from getattr(output, "__dict__", {}).items()
