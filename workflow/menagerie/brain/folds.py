"""Folds: which images of a stimulus set train and which test. Numpy alone, so that the arithmetic runs anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from menagerie.errors import MenagerieError

EVEN_ODD = "even_odd"
PARTS = ("train", "test")
MIN_IMAGES = 4  # in a part: three images have only three pairs


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
