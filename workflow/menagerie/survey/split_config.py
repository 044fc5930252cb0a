"""What the config says of splits and of where layers are selected, checked against the datasets of the run."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from menagerie.brain.split_definitions import definition_files, named_definitions
from menagerie.brain.splits import EVEN_ODD
from menagerie.errors import MenagerieError, unknown
from menagerie.linking.select_on import SelectOn


def splits_of(name: str, entry: Mapping, reader: ModuleType, options: Mapping) -> dict[str, Mapping]:
    """Split -> definition of one dataset; a name without definition is even_odd, or one that its reader offers.

    Raises
    ------
    MenagerieError
        When the reader offers no such split, a file is missing, or a definition is incomplete.
    """
    found = named_definitions(entry.get("split", EVEN_ODD))
    offered = list(reader.split_names(options)) if hasattr(reader, "split_names") else []
    for split, definition in found.items():
        where = f"Config key datasets.{name}.split"
        if not definition and split not in (EVEN_ODD, *offered):
            raise unknown(
                f"split of reader {entry['reader']} (config key datasets.{name}.split)", split, [EVEN_ODD, *offered]
            )
        if definition and split in (EVEN_ODD, *offered):
            raise MenagerieError(
                f"{where}: '{split}' is the name of a split that is there already. Give yours another."
            )
        for path in definition_files(definition):
            if not path.is_file():
                raise MenagerieError(
                    f"{where}, {split}: found no file {path}, expected a list of images. Correct the path."
                )
    return found


def check_select_on(datasets: Mapping) -> None:
    """Refuse ways of selecting layers that name no dataset, region or split of the run.

    Raises
    ------
    MenagerieError
        With the nearest name that there is.
    """
    for dataset in datasets.values():
        for how in dataset.select_on:
            _check(dataset, how, datasets)


def _check(dataset: object, how: SelectOn, datasets: Mapping) -> None:
    key = f"config key datasets.{dataset.name}.select_on"
    if how.split and how.split not in dataset.splits:
        raise unknown(f"split in {key}", how.split, dataset.splits)
    if how.dataset and how.dataset not in datasets:
        raise unknown(f"dataset in {key}", how.dataset, datasets)
    if how.dataset == dataset.name and not how.region:
        raise MenagerieError(
            f"Config key datasets.{dataset.name}.select_on: found the dataset itself, expected another one, or "
            "region: one of its own regions. Say train for the dataset itself."
        )
    if how.dataset and how.region and (regions := datasets[how.dataset].regions) and how.region not in regions:
        raise unknown(f"region in {key}", how.region, regions)
    if how.others and len(dataset.subjects) < 2:
        raise MenagerieError(
            f"Config key datasets.{dataset.name}.select_on: found other_subjects with one subject, expected two or "
            "more. Add subjects, or say train."
        )
