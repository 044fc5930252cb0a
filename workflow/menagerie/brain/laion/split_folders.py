"""The dataset's own splits, from the JSON files of its package: labels only.

``tau`` and ``ood`` are one file each, ``cluster_k5`` five (one held-out cluster each). Files ``random_0`` to
``random_4`` exist in two versions: five draws of 80 % with overlapping test parts (``random_draws``, until spring
2026), and one partition into five folds (``random_k5``, since). ``replication`` is no file: even and odd positions of
the sorted images without those out of distribution. ``ood_<type>`` tests one kind of image out of distribution.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from menagerie.brain.laion.laion_options import Options
from menagerie.brain.laion.layout import OOD_TYPES, TWIN_FOLDER, Layout, ood_type, owner
from menagerie.brain.names import duplicates
from menagerie.brain.split_files import read_json
from menagerie.errors import MenagerieError
from menagerie.files.paths import user_path

Parts = dict[str, list[str]]
REPLICATION, OOD = "replication", "ood"
FOLDS = 5
_OOD_OF = {f"ood_{kind.replace('-', '_')}": kind for kind in OOD_TYPES}
# Split -> its files, and splitter or method that they must name (None: any).
_FILES: dict[str, tuple[tuple[str, ...], str | None]] = {
    "tau": (("tau",), None),
    "cluster_k5": (tuple(f"cluster_k5_{fold}" for fold in range(FOLDS)), "kmeans_clip_k5_holdout"),
    "random_draws": (tuple(f"random_{fold}" for fold in range(FOLDS)), "uniform_random"),
    "random_k5": (tuple(f"random_{fold}" for fold in range(FOLDS)), "shuffled_5fold_cv"),
    OOD: ((OOD,), "ood_dataset_holdout"),
}
_PARTITIONS = ("cluster_k5", "random_k5")  # each image of the pool is tested once


def split_names(with_ood: bool) -> list[str]:
    """Names of the splits of a set of images; those of images out of distribution only where it holds them."""
    names = [REPLICATION, *(name for name in _FILES if name != OOD)]
    return [*names, OOD, *_OOD_OF] if with_ood else names


def train_shares(name: str) -> tuple[float, ...]:
    """Share of images that train in each fold of a split of the release, near enough for an estimate of cost."""
    if name == REPLICATION:
        return (0.5,)
    return (1121 / 1492,) if name == OOD or name in _OOD_OF else (0.8,) * len(_FILES[name][0])


def split_files(chosen: Options, names: Iterable[str]) -> list[Path]:
    """Files that some splits are read from: those that are there; those of a twin made here come with its rule.

    Raises
    ------
    MenagerieError
        When there is neither ``splits_folder`` nor a tree.
    """
    offered = [name for name in split_names(chosen.with_ood) if name in names and name != REPLICATION]
    if not offered or (not chosen.splits_folder and Path(chosen.laion_root or "").name == TWIN_FOLDER):
        return []
    files = dict.fromkeys(file for name in offered for file in _entry(name)[0])
    paths = [_folder(chosen) / chosen.pool / f"{file}.json" for file in files]
    return [path for path in paths if path.is_file()]


def check_folder(chosen: Options) -> None:
    """Refuse a folder of split files that is not there.

    Raises
    ------
    MenagerieError
        Naming the option.
    """
    if chosen.splits_folder and not (folder := user_path(chosen.splits_folder)).is_dir():
        raise MenagerieError(
            f"Option splits_folder: found no folder {folder} (from {Path.cwd()}), expected laion_fmri/splits/data of "
            "the dataset's own package (docs/laion.md). Correct the path."
        )


def _folder(chosen: Options) -> Path:
    if chosen.splits_folder:
        return user_path(chosen.splits_folder)
    if chosen.laion_root:
        return Layout(user_path(chosen.laion_root)).splits
    raise MenagerieError(
        "Reader laion: found no split files, expected option splits_folder: the folder laion_fmri/splits/data of the "
        "dataset's own package (docs/laion.md). Set it."
    )


def _entry(name: str) -> tuple[tuple[str, ...], str | None]:
    return _FILES[OOD if name in _OOD_OF else name]


def read_split(name: str, chosen: Options, image_ids: Sequence[str]) -> list[Parts]:
    """Folds of one split, as part -> labels; ``image_ids`` are those of the stimulus set.

    Raises
    ------
    MenagerieError
        As :func:`read_folds`; or when no folder of split files is known.
    """
    if name == REPLICATION:
        return replication(image_ids)
    check_folder(chosen)
    return read_folds(name, _folder(chosen), chosen.pool)


def read_folds(name: str, folder: Path, pool: str) -> list[Parts]:
    """Folds of one split that is read from files, as part -> labels.

    Parameters
    ----------
    name
        One of :func:`split_names` but ``replication``.
    folder
        Where the pools' folders are.
    pool
        "shared", or a subject.

    Raises
    ------
    MenagerieError
        When a file is missing, of another pool or version, or its lists do not fit together.
    """
    files, method = _entry(name)
    paths = [folder / pool / f"{file}.json" for file in files]
    folds = [read_fold(path, method, pool) for path in paths]
    if name in _PARTITIONS:
        _check_partition(folds, paths)
    return [_one_kind(folds[0], _OOD_OF[name], paths[0])] if name in _OOD_OF else folds


def replication(image_ids: Sequence[str]) -> list[Parts]:
    """Even and odd positions of the sorted images without those out of distribution."""
    ordered = sorted(label for label in image_ids if ood_type(label) is None)
    return [{"train": ordered[::2], "test": ordered[1::2]}]


def read_fold(path: Path, method: str | None, pool: str) -> Parts:
    """The two lists of one file.

    Raises
    ------
    MenagerieError
        As :func:`read_folds`.
    """
    found = read_json(path)
    try:
        (variant,) = found["variants"]
        fold: Parts = {part: variant[f"{part}_ids"] for part in ("train", "test")}
        counts = {part: found[f"n_{part}"] for part in fold}
        made_by = str(found.get("params", {}).get("method"))
        if not all(isinstance(label, str) for labels in fold.values() for label in labels):
            raise TypeError("an id that is no text")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MenagerieError(
            f"{path}: found a problem with {error!r}, expected a split of LAION-fMRI (n_train, n_test, params, and one "
            "of variants with train_ids and test_ids). Take the file of the dataset's package."
        ) from None
    if method and made_by != method:
        raise MenagerieError(
            f"{path}: found method {made_by}, expected {method}. random_draws reads the files of the package until "
            "spring 2026, random_k5 those since: name the split after your files, or point splits_folder to the others."
        )
    _check_lists(path, fold, counts, pool)
    return fold


def _check_lists(path: Path, fold: Parts, counts: dict[str, object], pool: str) -> None:
    for part, labels in fold.items():
        if len(labels) != counts[part]:
            raise MenagerieError(
                f"{path}: found {len(labels)} {part}_ids, but n_{part} is {counts[part]}. The file was changed: take "
                "that of the dataset's package."
            )
        if twice := duplicates(labels):
            raise MenagerieError(
                f"{path}: '{twice[0]}' is twice in {part}_ids, expected each once. Take the file anew."
            )
        if strange := [label for label in labels if owner(label) not in (None, pool)]:
            raise MenagerieError(
                f"{path}: found '{strange[0]}', an image of {owner(strange[0])}, expected images of pool {pool} alone. "
                "Pools must not be mixed: take the file of this pool."
            )
    if both := sorted(set(fold["train"]) & set(fold["test"])):
        raise MenagerieError(
            f"{path}: found {len(both)} images in train and test (first: {both[0]}), expected none. Take the file anew."
        )


def _check_partition(folds: Sequence[Parts], paths: Sequence[Path]) -> None:
    pool = set(folds[0]["train"]) | set(folds[0]["test"])
    tested = [label for fold in folds for label in fold["test"]]
    if len(tested) != len(pool) or set(tested) != pool:
        raise MenagerieError(
            f"{paths[0].parent}: the test parts of {paths[0].stem} to {paths[-1].stem} hold {len(tested)} images, "
            f"{len(set(tested))} of them different, expected each of {len(pool)} once. The files are of several "
            "versions: take them anew."
        )


def _one_kind(fold: Parts, kind: str, path: Path) -> Parts:
    test = [label for label in fold["test"] if ood_type(label) == kind]
    if not test:
        raise MenagerieError(f"{path}: found no image of kind {kind} in test_ids, expected some. Leave the split out.")
    return {"train": fold["train"], "test": test}
