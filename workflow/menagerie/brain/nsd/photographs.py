"""The photographs: rows of ``imgBrick``, read one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from menagerie.brain.nsd.layout import IMAGE_SIZE, N_IMAGES
from menagerie.errors import MenagerieError

SHAPE = (N_IMAGES, IMAGE_SIZE, IMAGE_SIZE, 3)


def read_photographs(path: Path, ids: np.ndarray) -> Iterator[np.ndarray]:
    """Photographs of 0-based 73k ids, uint8 ``(425, 425, 3)`` each, in the order of ``ids``.

    Raises
    ------
    MenagerieError
        When the file is missing or damaged, has another shape or type, or a photograph is all black (in a file
        that was fetched in part: not there).
    """
    if not path.is_file():
        raise MenagerieError(f"NSD photographs {path} are missing. Fetch them, or check nsd_root.")
    try:
        with h5py.File(path, "r") as file:
            if "imgBrick" not in file:
                raise MenagerieError(f"NSD photographs {path}: no dataset 'imgBrick', found {list(file)}.")
            brick = file["imgBrick"]
            if brick.shape != SHAPE or brick.dtype != np.uint8:
                raise MenagerieError(
                    f"NSD photographs {path}: expected imgBrick of uint8 {SHAPE}, found {brick.dtype} {brick.shape}. "
                    "Use the file of the release."
                )
            for nsd_id in np.asarray(ids).tolist():
                photograph = brick[nsd_id]
                if not photograph.any():
                    raise MenagerieError(
                        f"NSD photographs {path}: image {nsd_id} is all black, so it was never written. "
                        "Fetch the stimuli again for the images of this config."
                    )
                yield photograph
    except OSError as error:
        raise MenagerieError(
            f"NSD photographs {path} cannot be read: truncated or damaged ({error}). Fetch the file again."
        ) from error
