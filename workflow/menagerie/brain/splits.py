"""Splits: named partitions of a stimulus set into images that train and images that test, fold by fold.

This is the one place that knows what a split is. ``even_odd``, the default, has one fold: even positions of the
stimulus set train, odd positions test. docs/splits.md lists the others;
:mod:`menagerie.brain.split_definitions` makes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from menagerie.errors import MenagerieError
from menagerie.files.columns import FOLD, PART, SPLIT, TEXT, column
from menagerie.files.tables import build_table, read_provenance, read_table, write_table
from menagerie.provenance.lineage import Origin

EVEN_ODD = "even_odd"
PARTS = ("train", "test")
MIN_IMAGES = 4  # in a part: three images have only three pairs

SPLITS = pa.schema(
    [
        column("subject", TEXT, meaning="subject that the split is for; empty where it is the same for all"),
        SPLIT,
        FOLD,
        PART,
        column("image", TEXT, meaning="image id, as in the stimulus set"),
    ]
)


def train_mask(n_images: int) -> np.ndarray:
    """Bool ``(n,)``: True at even positions, the training half of ``even_odd``; False at odd ones, its test half."""
    return np.arange(n_images) % 2 == 0


@dataclass(frozen=True)
class Fold:
    """Disjoint sets of images that train and that test; images in neither play no part.

    Attributes
    ----------
    split, fold
        Name of the split, and number of the fold in it, from 0.
    train, test
        Ids of images, in the order of the stimulus set.
    """

    split: str
    fold: int
    train: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name of the fold in files: ``even_odd/0``."""
        return f"{self.split}/{self.fold}"

    def masks(self, image_ids: Iterable[str]) -> dict[str, np.ndarray]:
        """Part -> bool ``(n,)``: which of some images are in it."""
        parts = [self._part_of.get(str(image)) for image in image_ids]
        return {name: np.array([part == name for part in parts], dtype=bool) for name in PARTS}

    def among(self, image_ids: Iterable[str]) -> Fold:
        """The fold of some of its images, in its order."""
        there = set(map(str, image_ids))
        return Fold(
            self.split,
            self.fold,
            tuple(image for image in self.train if image in there),
            tuple(image for image in self.test if image in there),
        )

    @cached_property
    def _part_of(self) -> Mapping[str, str]:
        return dict.fromkeys(self.train, "train") | dict.fromkeys(self.test, "test")


def even_odd(image_ids: Sequence[str]) -> Fold:
    """The default split of a stimulus set."""
    ids = list(map(str, image_ids))
    return Fold(EVEN_ODD, 0, tuple(ids[::2]), tuple(ids[1::2]))


def folds_or_default(folds: Sequence[Fold], image_ids: Sequence[str]) -> Sequence[Fold]:
    """Folds as given, or that of ``even_odd`` where none are."""
    return folds or [even_odd(image_ids)]


def check_parts(fold: Fold, where: str, n_images: int | None = None) -> None:
    """Refuse a fold with a part of fewer than four images, or with an image in both parts.

    Raises
    ------
    MenagerieError
        Naming split and fold.
    """
    if both := sorted(set(fold.train) & set(fold.test)):
        raise MenagerieError(
            f"{where}, split {fold.split}, fold {fold.fold}: {len(both)} images are in both parts (first: {both[0]}), "
            "expected parts without a common image. Take them out of one."
        )
    of = f" of {n_images}" if n_images is not None else ""
    for part in PARTS:
        if (count := len(getattr(fold, part))) < MIN_IMAGES:
            raise MenagerieError(
                f"{where}, split {fold.split}, fold {fold.fold}: {count}{of} images in the {part} part; at least "
                f"{MIN_IMAGES} are needed. Choose another split."
            )


def overlapping_splits(folds: Sequence[Fold]) -> set[str]:
    """Splits of which an image is tested in several folds."""
    tested = Counter((fold.split, image) for fold in folds for image in fold.test)
    return {split for (split, _), count in tested.items() if count > 1}


def write_splits(path: str | Path, folds: Mapping[str, Sequence[Fold]], provenance: Mapping[str, object]) -> None:
    """Write the splits of a dataset: subject -> folds, with subject "" where all share them."""
    rows = [
        (subject, fold.split, fold.fold, part, image)
        for subject, entries in folds.items()
        for fold in entries
        for part in PARTS
        for image in getattr(fold, part)
    ]
    columns = zip(*rows, strict=True)
    write_table(path, build_table(SPLITS, dict(zip(SPLITS.names, columns, strict=True))), provenance)


def read_splits(path: str | Path, subject: str) -> list[Fold]:
    """Folds of one subject, in the order of the config.

    Raises
    ------
    MenagerieError
        When the file cannot be read or holds no split for the subject.
    """
    table = read_table(path).to_pydict()
    own = subject in table["subject"]
    parts: dict[tuple[str, int], dict[str, list[str]]] = {}
    for who, split, fold, part, image in zip(*(table[name] for name in SPLITS.names), strict=True):
        if who == (subject if own else ""):
            parts.setdefault((split, fold), {name: [] for name in PARTS})[part].append(image)
    if not parts:
        raise MenagerieError(f"Splits {path} hold no image for subject {subject}. Delete the file and rerun.")
    return [Fold(split, fold, tuple(of["train"]), tuple(of["test"])) for (split, fold), of in parts.items()]


def splits_origin(path: str | Path) -> Origin:
    """Name of a file of splits, and what it was made from (:mod:`menagerie.provenance.lineage`)."""
    return f"Splits {path}", read_provenance(path)
