"""From what the config says of a split to folds of image ids.

A definition is one of

    {}                                              a name alone: even_odd, or a split that the reader offers
    {folds: 5, seed: 0, group: column}              k folds; images of one group are never divided
    {train: train.txt, test: [image1, image2]}      lists of ids: files (txt, csv, parquet, json) or ids
    {file: splits.csv, part: column, fold: column}  a table: image, part, and fold where there are several
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from menagerie.brain import split_files
from menagerie.brain.folds import EVEN_ODD, MIN_IMAGES, Fold, check_parts, even_odd
from menagerie.brain.names import duplicates, positions
from menagerie.errors import MenagerieError, unknown
from menagerie.files.paths import user_path

KEYS = ("folds", "seed", "group", "train", "test", "file", "part", "fold")
Definition = Mapping[str, object]
Parts = Mapping[str, Sequence[str]]  # part -> ids


def named_definitions(entry: object) -> dict[str, Definition]:
    """Name -> definition, from a dataset's config key ``split``: a name, a definition, definitions by name, or a list.

    A definition without a name is called "folds", or "lists".

    Raises
    ------
    ValueError
        When an entry is of another kind, or two have the same name.
    """
    if isinstance(entry, str):
        return {entry: {}}
    if isinstance(entry, Mapping):
        if any(key in KEYS for key in entry):
            return {"folds" if "folds" in entry else "lists": entry}
        return {name: {} if definition in (None, name) else definition for name, definition in entry.items()}
    if not isinstance(entry, list):
        raise ValueError(f"found {entry!r}, expected the name of a split, or its definition")
    found: dict[str, Definition] = {}
    for one in entry:
        for name, definition in named_definitions(one).items():
            if name in found:
                raise ValueError(f"found two splits called {name}, expected different names")
            found[name] = definition
    return found


def definition_files(definition: Definition) -> list[Path]:
    """Files that a definition names."""
    given = (definition.get(key) for key in ("train", "test", "file"))
    return [user_path(value) for value in given if isinstance(value, str)]


def train_shares(definition: Definition) -> tuple[float, ...]:
    """Share of images that train in each fold, as far as the definition alone tells: half of them where it does not."""
    k = int(definition.get("folds", 0))
    return ((k - 1) / k,) * k if k else (0.5,)


def make_folds(
    name: str,
    definition: Definition,
    image_ids: Sequence[str],
    where: str,
    *,
    groups: Callable[[str], Sequence[str]],
    offered: Callable[[str], Iterable[Parts]],
) -> list[Fold]:
    """Folds of one split of a stimulus set.

    Parameters
    ----------
    name, definition
        As :func:`named_definitions` gives them.
    image_ids
        ``(n,)`` ids of the stimulus set, in its order.
    where
        The dataset, for messages.
    groups
        Column of images.csv -> ``(n,)`` group of each image.
    offered
        Name -> folds of a split that the reader offers, as part -> ids.

    Raises
    ------
    MenagerieError
        For unknown or repeated ids, an image in both parts, a part with fewer than four images, and groups that cannot
        be divided.
    """
    if name == EVEN_ODD:
        return [even_odd(image_ids)]
    where = f"{where}, split {name}"
    if "folds" in definition:
        label = None if definition.get("group") is None else groups(str(definition["group"]))
        folds = _k_folds(definition, image_ids, where, label)
    elif "file" in definition:
        folds = split_files.read_table_of_folds(user_path(str(definition["file"])), definition)
    elif "train" in definition or "test" in definition:
        folds = [{part: _listed(definition.get(part), part, where) for part in ("train", "test")}]
    else:
        folds = offered(name)
    made = [_fold(name, number, parts, image_ids, where) for number, parts in enumerate(folds)]
    for fold in made:
        check_parts(fold, where.rpartition(", split ")[0], len(image_ids))
    return made


def _listed(value: object, part: str, where: str) -> list[str]:
    if value is None:
        raise MenagerieError(f"{where}: found no list for the {part} part, expected train and test. Add '{part}'.")
    return split_files.read_ids(user_path(value)) if isinstance(value, str) else [str(entry) for entry in value]


def _fold(name: str, number: int, parts: Parts, image_ids: Sequence[str], where: str) -> Fold:
    """A fold from ids as people write them: ids of the stimulus set, names or paths of its files."""
    rows = {}
    for part, given in parts.items():
        found = positions(given, image_ids)
        strange = [entry for entry, position in zip(given, found, strict=True) if position < 0]
        if strange:
            error = unknown(f"image in {where}, {part} part", strange[0], image_ids)
            raise MenagerieError(
                f"{error} {len(strange)} of {len(given)} ids are not among the {len(image_ids)} images."
            )
        if twice := duplicates(image_ids[row] for row in found):
            raise MenagerieError(
                f"{where}, {part} part: image '{twice[0]}' is listed twice, expected each image once. Delete one entry "
                f"({len(twice)} images are listed more than once)."
            )
        rows[part] = tuple(str(image_ids[row]) for row in sorted(found))
    return Fold(name, number, rows["train"], rows["test"])


def _k_folds(definition: Definition, image_ids: Sequence[str], where: str, groups: Sequence[str] | None) -> list[Parts]:
    """Folds whose test parts cover all images; drawn by scikit-learn's KFold or GroupKFold, shuffled with the seed."""
    from sklearn.model_selection import GroupKFold, KFold  # here, because jobs without such a split need not wait

    k, seed, ids = int(definition["folds"]), int(definition.get("seed", 0)), np.asarray(image_ids, dtype=object)
    n_items = len(set(groups)) if groups is not None else len(ids)
    if n_items < k:
        kind = "groups" if groups is not None else "images"
        column = f" in column '{definition['group']}'" if groups is not None else ""
        raise MenagerieError(
            f"{where}: found {n_items} {kind}{column}, expected at least as many as folds ({k}). Ask for fewer folds."
        )
    if groups is None:
        parts = KFold(k, shuffle=True, random_state=seed).split(ids)
    else:
        parts = GroupKFold(k, shuffle=True, random_state=seed).split(ids, groups=np.asarray(groups, dtype=object))
    folds = [{"train": list(ids[train]), "test": list(ids[test])} for train, test in parts]
    if groups is not None and (small := min(len(fold["test"]) for fold in folds)) < MIN_IMAGES:
        raise MenagerieError(
            f"{where}: the groups in column '{definition['group']}' cannot be divided into {k} folds of at least "
            f"{MIN_IMAGES} images (the smallest has {small}). Ask for fewer folds, or join small groups."
        )
    return folds


def dataset_folds(
    dataset: str,
    splits: Mapping[str, Definition],
    image_ids: Sequence[str],
    subjects: Sequence[str],
    reader: ModuleType,
    options: Mapping,
) -> dict[str, list[Fold]]:
    """Subject -> folds of every split of a dataset, in the order of the config; "" stands for all subjects.

    A reader may offer ``split_names(options)``, ``read_split(name, options, subject, image_ids)`` (folds as part ->
    ids), ``split_files(options, names)``, and for groups ``image_column(options, column, image_ids)`` and
    ``group_files(options)``.

    Raises
    ------
    MenagerieError
        As :func:`make_folds`; or when the reader knows no groups.
    """
    where = f"Dataset {dataset}"

    def groups(column: str) -> Sequence[str]:
        if not hasattr(reader, "image_column"):
            raise MenagerieError(
                f"{where}: found group: {column}, but its reader knows no groups of images. Give lists of ids instead "
                "(docs/splits.md)."
            )
        return reader.image_column(options, column, image_ids)

    offered = set(reader.split_names(options)) if hasattr(reader, "split_names") else set()
    own = [name for name in splits if name in offered]
    return {
        subject: [
            fold
            for name, definition in splits.items()
            for fold in make_folds(
                name,
                definition,
                image_ids,
                where,
                groups=groups,
                offered=lambda split, who=subject: reader.read_split(split, options, who, image_ids),
            )
        ]
        for subject in (subjects if own else [""])
    }
