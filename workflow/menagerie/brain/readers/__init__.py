"""Readers: one module per kind of dataset, each turning files into a stimulus set and brain targets.

docs/add-a-dataset.md lists what a module has; nothing outside of this package asks which reader it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from menagerie.brain.remarks import Remark, guarded
from menagerie.errors import unknown


def reader_module(reader: str) -> ModuleType:
    """Module of a reader, imported on demand: a run needs few of them."""
    return import_module(f"menagerie.brain.readers.{reader}")


def check_regions(
    reader: str, options: Mapping[str, Any], resources: str, subject: str, regions: Sequence[str]
) -> None:
    """Refuse regions that a subject does not have, as far as its reader can tell before a run.

    Raises
    ------
    MenagerieError
        With the nearest region that the subject has.
    """
    module = reader_module(reader)
    known = [module.REGION] if hasattr(module, "REGION") else regions
    known = module.region_names(options, resources, subject) if hasattr(module, "region_names") else known
    for region in regions:
        if region not in known:
            raise unknown(f"region of {subject} (config key regions)", region, known)


def examine(reader: str, options: Mapping[str, Any], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """What a look at the files of a dataset shows; what would stop the run is a remark of status "failure"."""
    module = reader_module(reader)
    if hasattr(module, "examine"):
        yield from guarded(lambda: module.examine(options, resources, subjects))
