"""What the config says of splits and of where layers are selected, checked against the datasets of the run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import ModuleType

from menagerie.brain.folds import EVEN_ODD
from menagerie.brain.split_definitions import Definition, definition_files, named_definitions
from menagerie.errors import MenagerieError, unknown
from menagerie.linking.select_on import SelectOn

_NAME = re.compile(r"[A-Za-z0-9_]+")
_FORMS = {
    "folds": "{folds: number of folds, seed: number, group: column}",
    "train": "{train: list or file, test: list or file}",
    "file": "{file: table, part: column, fold: column}",
}
_WITH = {"folds": {"folds", "seed", "group"}, "train": {"train", "test"}, "file": {"file", "part", "fold"}}


def splits_of(name: str, entry: Mapping, reader: ModuleType, options: Mapping) -> dict[str, Definition]:
    """Split -> definition of one dataset; a name without definition is even_odd, or one that its reader offers.

    Raises
    ------
    MenagerieError
        When the reader offers no such split or no groups, a file is missing, or a definition is none.
    """
    where = f"Config key datasets.{name}.split"
    try:
        found = named_definitions(entry.get("split", EVEN_ODD))
    except ValueError as error:
        raise MenagerieError(f"{where}: {error}. Correct it (docs/splits.md).") from None
    if not found:
        raise MenagerieError(f"{where}: found no split, expected one or more. Leave the key out for even_odd.")
    known = [EVEN_ODD, *(reader.split_names(options) if hasattr(reader, "split_names") else ())]
    for split, definition in found.items():
        if not isinstance(split, str) or not _NAME.fullmatch(split):
            raise MenagerieError(
                f"{where}: found the name {split!r}, expected letters, digits and _ (it is part of file names). "
                "Rename the split."
            )
        if definition:
            _check_definition(definition, where if definition is entry["split"] else f"{where}.{split}", reader)
        if not definition and split not in known:
            raise unknown(f"split of reader {entry['reader']} ({where})", split, known)
        if definition and split in known:
            raise MenagerieError(
                f"{where}: found a definition of {split}, which is there already, expected another name. Rename yours."
            )
    return found


def _check_definition(definition: object, where: str, reader: ModuleType) -> None:
    """Refuse what is none of the forms of a definition (:mod:`menagerie.brain.split_definitions`)."""
    expected = "; or ".join(_FORMS.values())
    form = next((key for key in _FORMS if isinstance(definition, Mapping) and key in definition), None)
    if form is None:
        raise MenagerieError(f"{where}: found {definition!r}, expected {expected}. Correct it (docs/splits.md).")
    if extra := [key for key in definition if key not in _WITH[form]]:
        raise unknown(f"key of {where}, which is {_FORMS[form]}", str(extra[0]), sorted(_WITH[form]))
    whole = {key: value for key, value in definition.items() if key in ("folds", "seed")}
    for key, value in whole.items():
        least = 2 if key == "folds" else 0
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**32:
            raise MenagerieError(f"{where}.{key}: found {value!r}, expected a whole number of at least {least}.")
    for key in definition.keys() - whole.keys():
        _check_text(definition[key], f"{where}.{key}", ids=form == "train")
    if form == "train" and set(definition) != {"train", "test"}:
        raise MenagerieError(f"{where}: found {', '.join(definition)} alone, expected {_FORMS[form]}. Add the other.")
    if "group" in definition and not hasattr(reader, "image_column"):
        raise MenagerieError(
            f"{where}: found group: {definition['group']}, but the dataset's reader knows no groups of images. Give "
            "lists of ids instead (docs/splits.md)."
        )
    for path in definition_files(definition):
        if not path.is_file():
            raise MenagerieError(f"{where}: found no file {path}, expected a list of images. Correct the path.")


def _check_text(value: object, where: str, ids: bool) -> None:
    if isinstance(value, str) and value:
        return
    if ids and isinstance(value, list) and value and all(isinstance(entry, str | int) for entry in value):
        return
    expected = "a file, or a list of image ids" if ids else "a name"
    raise MenagerieError(f"{where}: found {value!r}, expected {expected}. Correct it (docs/splits.md).")


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
