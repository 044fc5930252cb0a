"""Readers: one module per kind of dataset, each turning files into a stimulus set and brain targets."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def reader_module(reader: str) -> ModuleType:
    """Module of a reader, imported on demand: a run needs few of them."""
    return import_module(f"menagerie.brain.readers.{reader}")
