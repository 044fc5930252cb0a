"""Readers: one module per kind of dataset, each turning files into a stimulus set and brain targets.

docs/add-a-dataset.md lists what a module has; nothing outside of this package asks which reader it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from menagerie.brain.remarks import Remark, guarded


def reader_module(reader: str) -> ModuleType:
    """Module of a reader, imported on demand: a run needs few of them."""
    return import_module(f"menagerie.brain.readers.{reader}")


def examine(reader: str, options: Mapping[str, Any], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """What a look at the files of a dataset shows; what would stop the run is a remark of status "failure"."""
    module = reader_module(reader)
    if hasattr(module, "examine"):
        yield from guarded(lambda: module.examine(options, resources, subjects))
