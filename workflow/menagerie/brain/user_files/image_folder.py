"""The images of a user's dataset: which files they are, in which order, under which ids.

<folder>/images/       image files of any common kind
<folder>/images.csv    optional: column "file" gives the order, column "id" ids other than file names
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from menagerie.brain.names import (
    bare_name,
    duplicates,
    is_system_file,
    natural_order,
    normal,
)
from menagerie.brain.remarks import Remark, log
from menagerie.errors import MenagerieError, unknown
from menagerie.files.paths import user_path

MIN_IMAGES = 8  # half of them, 4 images, give 6 pairs: fewer make no correlation of RSMs
ORDER = "images.csv"
_REMEDY = f"Write {ORDER} with a column 'file' in the order that you mean."


@dataclass(frozen=True)
class ImageFolder:
    """The images of a dataset.

    Attributes
    ----------
    paths, ids
        Files in their order, and their ids.
    order
        The file ``images.csv``; None where the order is that of the names.
    remarks
        What deserves a look.
    """

    paths: list[Path]
    ids: list[str]
    order: Path | None = None
    remarks: tuple[Remark, ...] = ()

    @property
    def inputs(self) -> dict[str, Path | list[Path]]:
        """Every file that :func:`list_images` and :func:`read_folder` open."""
        return {"images": self.paths} | ({"order": self.order} if self.order else {})


def dataset_folder(reader: str, given: object) -> Path:
    """The folder that the option ``folder`` names.

    Raises
    ------
    MenagerieError
        When the option is missing or leads nowhere.
    """
    if not given:
        raise MenagerieError(
            f"Reader {reader} needs the option 'folder' (config key datasets.<name>.options.folder), found none. See "
            "docs/add-a-dataset.md."
        )
    folder = user_path(given)
    if not folder.is_dir():
        known = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        nearest = f" {unknown(f'folder in {folder.parent}', folder.name, known)}" if known else ""
        raise MenagerieError(
            f"Option 'folder' of reader {reader}: found no folder {folder} (from {Path.cwd()}), expected a folder with "
            f"images and subjects. Correct the path.{nearest}"
        )
    return folder


def list_images(folder: Path, least: int = MIN_IMAGES) -> ImageFolder:
    """Image files of a dataset in their order, and their ids; ``least`` of them or more.

    Raises
    ------
    MenagerieError
        When there is no folder ``images``, too few are in it, or their order or ids are ambiguous.
    """
    place = folder / "images"
    if not place.is_dir():
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise MenagerieError(f"{folder} has no folder 'images', found {found}. Put the image files there.")
    entries = [path for path in place.iterdir() if not is_system_file(path.name)]
    files = {normal(path.name): path for path in entries if path.is_file()}
    _check_names(place, entries, files)
    order = folder / ORDER
    if order.is_file():
        found = _follow_order(order, files)
    else:
        ids = [bare_name(name) for name in files]
        _check_ids(ids, place)
        names = natural_order(files, str(place), _REMEDY)
        found = ImageFolder([files[name] for name in names], [bare_name(name) for name in names])
    folders = ", ".join(sorted(path.name for path in entries if path.is_dir())[:3])
    inside = f"{place} has subfolders ({folders}), which are not read." if folders else ""
    if len(found.paths) < least:
        purpose = ", half for training and half for test" if least == MIN_IMAGES else ""
        raise MenagerieError(
            f"{place} holds {len(found.paths)} images; at least {least} are needed{purpose}. Add images. "
            f"{inside}".rstrip()
        )
    return replace(found, remarks=(*found.remarks, Remark(inside, "Move their images up."))) if inside else found


def _check_names(place: Path, entries: Sequence[Path], files: Mapping[str, Path]) -> None:
    if len(files) < sum(path.is_file() for path in entries):
        twice = duplicates(normal(path.name) for path in entries if path.is_file())[0]
        raise MenagerieError(
            f"{place}: two files are called '{twice}' (their names differ in Unicode form or white space only), "
            "expected names that differ. Rename one."
        )
    for name in files:
        if not name.isprintable() or not _is_utf8(name):
            raise MenagerieError(
                f"{place}: found a file name {name!r}, expected UTF-8 text without control characters. Rename it."
            )


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def image_column(folder: Path, name: str, image_ids: Sequence[str]) -> list[str]:
    """Values of a column of images.csv, in the order of some images: their groups.

    Raises
    ------
    MenagerieError
        When there is no such file or column, or a value is empty.
    """
    from menagerie.brain.formats.table_files import find_column, nearest_column, read_table

    path = folder / ORDER
    if not path.is_file():
        raise MenagerieError(f"{folder} has no {ORDER}, expected one with a column '{name}'. Write it.")
    table = read_table(path)
    column = find_column(table, name.casefold())
    if column is None:
        raise MenagerieError(
            f"{path} has no column '{name}'; found {', '.join(table.names)}. Add it, or correct the config. "
            f"{nearest_column(table, name)}".rstrip()
        )
    values = [normal(value) for value in table.texts(column)]
    of = dict(zip(list_images(folder).ids, values, strict=True))
    if empty := [image for image in image_ids if not of[image]]:
        raise MenagerieError(
            f"{path}, column '{name}': {len(empty)} images have no value (first: {empty[0]}), expected one for each. "
            "Fill them in."
        )
    return [of[image] for image in image_ids]


def _follow_order(order: Path, files: Mapping[str, Path]) -> ImageFolder:
    from menagerie.brain.formats.table_files import find_column, read_table

    table = read_table(order)
    column = find_column(table, "file")
    if column is None:
        raise MenagerieError(f"{order} needs a column 'file'; found {', '.join(table.names)}. Rename it.")
    names = [_in_images(normal(name)) for name in table.texts(column)]
    missing = [name for name in names if name not in files]
    if missing:
        nearest = unknown(f"file in {order}", missing[0], files)
        raise MenagerieError(
            f"{order} names {len(missing)} files that are not in the folder 'images' (first: {missing[0]}). "
            f"Correct the names. {nearest}"
        )
    given = find_column(table, "id")
    ids = [normal(value) for value in table.texts(given)] if given is not None else [bare_name(name) for name in names]
    _check_ids(ids, order)
    rest = sorted(set(files) - set(names))
    remarks = (
        [Remark(f"{order} leaves out {len(rest)} files of the folder 'images' (first: {rest[0]}).")] if rest else []
    )
    return ImageFolder([files[name] for name in names], ids, order, tuple(remarks))


def _in_images(name: str) -> str:
    """A file's name inside the folder ``images``, which may stand before it."""
    return name.removeprefix("./").removeprefix("images/")


def _check_ids(ids: Sequence[str], where: Path) -> None:
    if "" in ids:
        raise MenagerieError(f"{where}: row {ids.index('') + 1} has an empty id, expected a name. Fill it in.")
    if twice := duplicates(ids):
        raise MenagerieError(f"{where}: image id '{twice[0]}' occurs several times. Give each image its own name.")


def read_folder(folder: Path, least: int = MIN_IMAGES) -> tuple[Iterator[np.ndarray], list[str], dict[str, str]]:
    """The images as 8-bit RGB, uint8 ``(h, w, 3)``, in their order, their ids, and provenance; remarks go to the log.

    Raises
    ------
    MenagerieError
        As :func:`list_images`; for an image that cannot be used, while iterating.
    """
    images = list_images(folder, least)
    log(images.remarks)
    return _read(images.paths), images.ids, {"source": folder.name, "n_images": str(len(images.ids))}


def _read(paths: Sequence[Path]) -> Iterator[np.ndarray]:
    from menagerie.brain.images import read_image  # here, because planning the workflow imports readers

    for path in paths:
        yield read_image(path)[0]
