"""Single-trial betas of one session, read volume by volume: the unpacked session (12 GB) is never in memory.

A volume is unpacked, the wanted voxels are kept, the rest is dropped. The whole stream is read to its end, so that its
checksum is verified: a damaged file cannot pass for a shorter one.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from menagerie.errors import MenagerieError

_AGAIN = "Fetch this session again."


def open_session(path: Path, shape: Sequence[int], n_trials: int) -> nib.spatialimages.SpatialImage:
    """A session of which only the header has been read.

    Raises
    ------
    MenagerieError
        When the file is damaged, holds no numbers, or has another shape than volume x trials of the trial table.
    """
    try:
        image = nib.load(path)
        found, dtype = tuple(image.shape), image.get_data_dtype()
    except Exception as error:  # nibabel and gzip raise many kinds for a damaged file
        raise _damaged(path, error) from error
    if found != (*shape, n_trials):
        raise MenagerieError(
            f"LAION-fMRI betas {path}: found shape {found}, expected {(*map(int, shape), n_trials)} (X, Y, Z of R2mean "
            "and one volume for each row of the trial table). Use betas and table of one session and release, with "
            "axes as released."
        )
    if dtype.kind not in "fiu":
        raise MenagerieError(f"LAION-fMRI betas {path}: found type {dtype}, expected numbers. {_AGAIN}")
    return image


def read_session(path: Path, voxels: np.ndarray, shape: Sequence[int], n_trials: int) -> np.ndarray:
    """Betas of some voxels, float32 ``(trials, v)``; the file's scale factor, if any, is applied once.

    Parameters
    ----------
    path
        A ``.nii.gz`` file.
    voxels
        int ``(v,)``: positions in the flattened volume, C order.
    shape
        X, Y, Z of the volume.
    n_trials
        Rows of the trial table.

    Raises
    ------
    MenagerieError
        When the file is damaged or cut short, or does not fit volume or trial table.
    """
    image = open_session(path, shape, n_trials)
    dtype = image.get_data_dtype()
    # Files keep x fastest.
    in_file = np.ravel_multi_index(np.unravel_index(voxels, tuple(shape)), tuple(shape), order="F")
    betas = np.empty((n_trials, len(voxels)), dtype=np.float32)
    n_bytes = dtype.itemsize * int(np.prod(shape))
    slope, inter = float(image.dataobj.slope), float(image.dataobj.inter)
    buffer = bytearray(n_bytes)
    try:
        with gzip.open(path, "rb") as stream:
            stream.seek(image.dataobj.offset)
            for trial in range(n_trials):
                if (got := _fill(stream, buffer)) != n_bytes:
                    raise EOFError(f"the data end in volume {trial}, after {got} of {n_bytes} bytes")
                volume = np.frombuffer(buffer, dtype=dtype)[in_file]
                betas[trial] = volume if (slope, inter) == (1.0, 0.0) else volume * slope + inter
            while stream.read(1 << 20):
                pass
    except Exception as error:  # gzip raises many kinds for a damaged file
        raise _damaged(path, error) from error
    return betas


def _fill(stream: gzip.GzipFile, buffer: bytearray) -> int:
    """Read until a buffer is full or the stream ends; returns how much of it was filled."""
    view, filled = memoryview(buffer), 0
    while filled < len(buffer) and (count := stream.readinto(view[filled:])):
        filled += count
    return filled


def _damaged(path: Path, error: Exception) -> MenagerieError:
    return MenagerieError(f"LAION-fMRI betas {path} cannot be read: truncated or damaged ({error}). {_AGAIN}")
