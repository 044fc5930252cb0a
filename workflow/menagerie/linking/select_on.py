"""Where a layer is selected: which scores choose the layer that another part of the data reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from menagerie.errors import MenagerieError

TRAIN, OTHER_SUBJECTS = "train", "other_subjects"


@dataclass(frozen=True)
class SelectOn:
    """One way of selecting layers for a dataset.

    Attributes
    ----------
    dataset, region
        Another dataset, and its region (by default that of the same name); the same subject where the dataset has
        it, else the mean over its subjects.
    split
        Another split of the same dataset, the mean over its folds.
    others
        The same fold, the mean over the other subjects.

    Scores are those of train parts in every case. With nothing given, it is the train part of the same fold.
    """

    dataset: str = ""
    region: str = ""
    split: str = ""
    others: bool = False

    @classmethod
    def of(cls, entry: str | Mapping[str, str], key: str = "select_on") -> SelectOn:
        """From an entry of the config key ``select_on`` of a dataset.

        Raises
        ------
        MenagerieError
            When it is none of the ways above.
        """
        if entry == TRAIN:
            return cls()
        if entry == OTHER_SUBJECTS:
            return cls(others=True)
        named = isinstance(entry, Mapping) and set(entry) in ({"split"}, {"dataset"}, {"dataset", "region"})
        if named and all(isinstance(value, str) and value for value in entry.values()):
            return cls(**entry)
        raise MenagerieError(
            f"Config key {key}: found {entry!r}, expected train, other_subjects, {{split: name}} or "
            "{dataset: name} (with region: name). Correct it."
        )

    @property
    def label(self) -> str:
        """Name of this way in tables."""
        if self.dataset:
            return "/".join(filter(None, (self.dataset, self.region)))
        return f"split {self.split}" if self.split else OTHER_SUBJECTS if self.others else TRAIN
