"""Brain datasets of a config, and the views of them that figures and analyses show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

from menagerie.brain.folds import EVEN_ODD
from menagerie.brain.groups import require_groups
from menagerie.brain.options import fill_options
from menagerie.brain.readers import reader_module
from menagerie.brain.split_definitions import definition_files, train_shares
from menagerie.errors import MenagerieError, unknown
from menagerie.files.views import view_name, view_title
from menagerie.linking.select_on import TRAIN, SelectOn
from menagerie.survey.score_sources import splits_of_tables
from menagerie.survey.split_config import splits_of

_SUBJECT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Dataset:
    """One brain dataset of the config."""

    name: str
    reader: str
    subjects: tuple[str, ...]
    stimuli: str
    regions: tuple[str, ...] | None
    options: Mapping
    splits: Mapping[str, Mapping] = field(default_factory=lambda: {EVEN_ODD: {}})
    select_on: tuple[SelectOn, ...] = (SelectOn(),)
    groups: str = ""

    @property
    def simulated(self) -> bool:
        """Whether responses are read out from planted layers of networks."""
        return bool(self.reader) and hasattr(self._reader, "planted_layers")

    @property
    def with_ceilings(self) -> bool:
        """Whether noise ceilings are estimated by a job of their own."""
        return hasattr(self._reader, "needs_ceilings") and self._reader.needs_ceilings(self.options)

    @property
    def uses_folds(self) -> bool:
        """Whether targets depend on the splits: their noise ceilings rest on images of one part."""
        return getattr(self._reader, "USES_FOLDS", True)

    @property
    def train_shares(self) -> tuple[float, ...]:
        """Share of images that train, one entry for each fold of each split."""
        offered = getattr(self._reader, "train_shares", None)
        known = self._reader.split_names(self.options) if offered else ()
        return tuple(
            share
            for name, definition in self.splits.items()
            for share in (offered(self.options, name) if name in known else train_shares(definition))
        )

    @property
    def offers_splits(self) -> bool:
        """Whether a split of the config is one that the reader offers."""
        known = self._reader.split_names(self.options) if hasattr(self._reader, "split_names") else ()
        return any(name in known for name in self.splits)

    def split_inputs(self, resources: str) -> dict[str, list[str]]:
        """Files that splits are read from, by split; and those of groups and of splits that the reader offers."""
        files = {name: [*map(str, definition_files(given))] for name, given in self.splits.items()}
        if any("group" in given for given in self.splits.values()) and hasattr(self._reader, "group_files"):
            files["groups"] = [*map(str, self._reader.group_files(self.options))]
        if hasattr(self._reader, "split_files"):
            files["reader"] = [*map(str, self._reader.split_files(self.options, list(self.splits)))]
        return {name: paths for name, paths in files.items() if paths}

    @property
    def group_inputs(self) -> list[str]:
        """Files that groups of images are read from, for inference."""
        return [*map(str, self._reader.group_files(self.options))] if self.groups else []

    def made_by(self, resources: str) -> str:
        """Rule of this workflow that makes the dataset's files; empty for files from elsewhere."""
        return self._reader.made_by(self.options, resources) if hasattr(self._reader, "made_by") else ""

    def fetched(self, resources: str) -> set[str]:
        """Input files that rules of this workflow write: downloads, and trees that it makes."""
        return {f"{resources}/{path}" for path in self._reader.INPUTS.values()}

    @property
    def _reader(self) -> ModuleType:
        return reader_module(self.reader)

    def inputs(self, resources: str, subject: str | None = None) -> dict[str, str | list[str]]:
        """Files that the reader needs, by name: for the stimulus set, or for one subject's target."""
        module = reader_module(self.reader)
        if not hasattr(module, "inputs"):
            return {name: f"{resources}/{path}" for name, path in module.INPUTS.items()}
        found = module.inputs(self.options, resources, subject)
        return {name: [*map(str, path)] if isinstance(path, list) else str(path) for name, path in found.items()}


@dataclass(frozen=True)
class View:
    """A dataset in one split, with layers selected in one way: what figures and analyses show."""

    dataset: Dataset
    split: str
    how: SelectOn

    @property
    def name(self) -> str:
        """Its name in tables and files."""
        return view_name(self.dataset.name, self.split, self.how.label)

    @property
    def title(self) -> str:
        """Its name in words."""
        return view_title(self.dataset.name, self.split, self.how.label)


def dataset_of(name: str, entry: Mapping) -> Dataset:
    """A dataset from its entry in the config.

    Raises
    ------
    MenagerieError
        When an option, a subject, a split or the groups do not fit the reader.
    """
    reader = reader_module(entry["reader"])
    fill_options(entry["reader"], entry["options"], reader.OPTIONS)
    require_groups(name, entry.get("groups", ""), reader)
    subjects = entry.get("subjects") or reader.default_subjects(entry["options"])
    for subject in subjects:
        if hasattr(reader, "known_subjects") and subject not in reader.known_subjects(entry["options"]):
            known = reader.known_subjects(entry["options"])
            raise unknown(f"subject in config key datasets.{name}.subjects (reader {entry['reader']})", subject, known)
        if not _SUBJECT.fullmatch(subject):
            raise MenagerieError(
                f"Dataset {name}: found a subject '{subject}', expected letters, digits and _ . - only, since subjects "
                "become file names. Rename it, or list the others under subjects."
            )
    return Dataset(
        name=name,
        reader=entry["reader"],
        subjects=tuple(subjects),
        stimuli=entry.get("stimuli", name),
        regions=tuple(entry["regions"]) if "regions" in entry else None,
        options=entry["options"],
        splits=splits_of(name, entry, reader, entry["options"]),
        select_on=_ways(entry.get("select_on", TRAIN), f"datasets.{name}.select_on"),
        groups=entry.get("groups", ""),
    )


def dataset_of_tables(name: str, entry: Mapping) -> Dataset:
    """A dataset that is known by its scores alone: it has no reader."""
    return Dataset(name, "", (), name, None, {}, splits={key: {} for key in splits_of_tables(name, entry)})


def _ways(entry: object, key: str) -> tuple[SelectOn, ...]:
    ways = [SelectOn.of(one, key) for one in (entry if isinstance(entry, list) else [entry])]
    return tuple(dict.fromkeys(ways))
