"""Readers: one module per kind of dataset, each turning files into a stimulus set and brain targets.

docs/add-a-dataset.md lists what a module has. What a reader can do beyond that, it says by functions of these names, and
nothing outside of this package asks which reader it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from menagerie.brain.remarks import Remark, guarded

Inputs = dict[str, Path | list[Path]]


def reader_module(reader: str) -> ModuleType:
    """Module of a reader, imported on demand: a run needs few of them."""
    return import_module(f"menagerie.brain.readers.{reader}")


def reader_inputs(reader: str, options: Mapping[str, Any], resources: str, subject: str | None = None) -> Inputs:
    """Every file that a reader opens, by name: for the stimulus set (no subject), or for a subject's target and ceilings.

    Files that come with an installed package are listed too; those that a rule makes are those of ``INPUTS``.
    """
    module = reader_module(reader)
    if hasattr(module, "inputs"):
        return module.inputs(options, resources, subject)
    return {name: Path(resources) / path for name, path in module.INPUTS.items()}


def planted(reader: str, options: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Region -> (model, layer) that simulated subjects read out; empty for readers of files."""
    module = reader_module(reader)
    return module.planted_layers(options) if hasattr(module, "planted_layers") else {}


def needs_ceilings(reader: str, options: Mapping[str, Any]) -> bool:
    """Whether a job of its own estimates noise ceilings, by the reader's ``read_ceiling_target``."""
    module = reader_module(reader)
    return bool(module.needs_ceilings(options)) if hasattr(module, "needs_ceilings") else False


def examine(reader: str, options: Mapping[str, Any], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """What a look at the files of a dataset shows; what would stop the run is a remark of status "failure"."""
    module = reader_module(reader)
    if hasattr(module, "examine"):
        yield from guarded(lambda: module.examine(options, resources, subjects))
