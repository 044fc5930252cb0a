"""The images: encoded bytes in one HDF5 file, in the order of a table; transparent ones on the grey background."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from menagerie.brain.formats.csv_files import read_csv
from menagerie.brain.laion.laion_options import Options
from menagerie.brain.laion.layout import GREY, images_file, is_label, metadata_file, ood_type, owner
from menagerie.brain.names import duplicates
from menagerie.errors import MenagerieError

AGREEMENT = "https://laion-fmri.hebartlab.com"
NAME = "image_name"


def image_rows(folder: Path) -> dict[str, int]:
    """Image name -> row of the images' file, from the table beside it.

    Raises
    ------
    MenagerieError
        When the table is missing, has no column of names, or a name is none of the dataset or repeats.
    """
    path = metadata_file(folder)
    if not path.is_file():
        raise MenagerieError(
            f"LAION-fMRI images: found no {path}. The images and their table are given by the dataset's authors under "
            f"an agreement ({AGREEMENT}); Menagerie does not fetch them. Get them, and set stimuli_folder to their "
            "folder."
        )
    table = read_csv(path)
    if NAME not in table.names:
        raise MenagerieError(
            f"{path}: found columns {', '.join(table.names[:6])}, expected {NAME}. Get the file again."
        )
    names = table.texts(table.names.index(NAME))
    if strange := [name for name in names if not is_label(name)]:
        raise MenagerieError(
            f"{path}: found image '{strange[0]}', expected names such as shared_12rep_LAION_cluster_1_i1.jpg "
            f"({len(strange)} of {len(names)} are none). Get the file again."
        )
    if twice := duplicates(names):
        raise MenagerieError(f"{path}: image '{twice[0]}' is there twice, expected each once. Get the file again.")
    return {name: row for row, name in enumerate(names)}


def select_images(rows: Sequence[str], chosen: Options) -> list[str]:
    """Names of the images of option ``images``, sorted: the dataset's own order of its split files.

    Raises
    ------
    MenagerieError
        When there is none.
    """
    found = [
        name for name in rows if owner(name) in (None, chosen.pool) and (chosen.with_ood or ood_type(name) is None)
    ]
    if not found:
        raise MenagerieError(f"Option images: '{chosen.images}' selects no image of this copy of LAION-fMRI.")
    return sorted(found)


def read_images(folder: Path, names: Sequence[str], rows: dict[str, int]) -> Iterator[np.ndarray]:
    """Images by name, uint8 ``(h, w, 3)`` each; pixels that are transparent show grey (128, 128, 128).

    Raises
    ------
    MenagerieError
        When the file is missing, damaged or of another length than its table, or an image cannot be read.
    """
    path = images_file(folder)
    if not path.is_file():
        raise MenagerieError(
            f"LAION-fMRI images {path} are missing. They are given under an agreement ({AGREEMENT}); set "
            "stimuli_folder to the folder that holds them."
        )
    try:
        with h5py.File(path, "r") as file:
            data = _dataset(path, file, len(rows))
            for name in names:
                yield _decode(np.asarray(data[rows[name]], dtype=np.uint8).tobytes(), f"{path}, image {name}")
    except OSError as error:
        raise MenagerieError(
            f"LAION-fMRI images {path} cannot be read: truncated or damaged ({error}). Get the file again."
        ) from error


def _dataset(path: Path, file: h5py.File, n_rows: int) -> h5py.Dataset:
    found = file.get("images")
    if not isinstance(found, h5py.Dataset):
        raise MenagerieError(
            f"LAION-fMRI images {path}: found {list(file)}, expected a dataset 'images'. Get it again."
        )
    kind = h5py.check_vlen_dtype(found.dtype)
    if kind != np.uint8:
        raise MenagerieError(
            f"LAION-fMRI images {path}: found images of {found.dtype} {found.shape}, expected encoded bytes of "
            "variable length (uint8). Get the file again."
        )
    if found.shape != (n_rows,):
        raise MenagerieError(
            f"LAION-fMRI images {path}: found {found.shape} images, but its table has {n_rows} rows. The two must be "
            "of one release: get both again."
        )
    return found


def _decode(content: bytes, name: str) -> np.ndarray:
    from PIL import Image  # here, because planning the workflow imports readers

    from menagerie.brain.images import opened, read_image

    if not content:
        raise MenagerieError(f"Image {name} is empty, expected a JPEG or PNG file. Get the file again.")
    with opened(io.BytesIO(content), name) as image:
        if "A" in image.getbands() or "transparency" in image.info:
            pixels = image.convert("RGBA")
            ground = Image.new("RGBA", pixels.size, (GREY, GREY, GREY, 255))
            return np.array(Image.alpha_composite(ground, pixels).convert("RGB"))
    return read_image(io.BytesIO(content), name)[0]
