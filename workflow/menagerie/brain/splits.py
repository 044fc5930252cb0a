"""Splits: named partitions of a stimulus set into images that train and images that test, fold by fold.

Together with :mod:`menagerie.brain.folds` this is the one place that knows what a split is. ``even_odd``, the default,
has one fold: even positions of the stimulus set train, odd positions test. docs/splits.md lists the others;
:mod:`menagerie.brain.split_definitions` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from menagerie.brain.folds import PARTS, Fold
from menagerie.errors import MenagerieError
from menagerie.files.columns import FOLD, PART, SPLIT, TEXT, column
from menagerie.files.tables import build_table, read_provenance, read_table, write_table
from menagerie.provenance.lineage import Origin

SPLITS = pa.schema(
    [
        column("subject", TEXT, meaning="subject that the split is for; empty where it is the same for all"),
        SPLIT,
        FOLD,
        PART,
        column("image", TEXT, meaning="image id, as in the stimulus set"),
    ]
)


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
