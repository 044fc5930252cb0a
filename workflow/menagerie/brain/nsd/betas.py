"""Single-trial betas of one session: read the wanted voxels only, from HDF5 or from NIfTI.

In HDF5 the file is chunked voxel by voxel (750 trials x 1 x 1 x 1), so that one read a voxel touches
nothing else: measured on a full session, 12,000 voxels take 0.2 s this way, 6 s as runs along x and
33 s as boxes per slice, because a chunk is one column of every box. NIfTI is compressed as a whole and
is read trial by trial, so that one volume at a time is in memory.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np

from menagerie.brain.nsd.layout import BETA_SCALE, TRIALS_PER_SESSION, Layout
from menagerie.errors import MenagerieError, unknown

ENDINGS = ("hdf5", "nii.gz")
FORMATS = ("auto", *ENDINGS)
_MEND = "Fetch this session again."


def session_files(layout: Layout, subject: str, n_sessions: int, form: str = "auto") -> dict[int, Path]:
    """The files of the sessions that are there: session number (from 1) -> path; HDF5 before NIfTI in "auto".

    Raises
    ------
    MenagerieError
        When the format is unknown.
    """
    if form not in FORMATS:
        raise unknown("betas format (option betas)", form, FORMATS)
    endings = ENDINGS if form == "auto" else (form,)
    files = {}
    for session in range(1, n_sessions + 1):
        paths = (layout.betas(subject, session, ending) for ending in endings)
        if (path := next((path for path in paths if path.is_file()), None)) is not None:
            files[session] = path
    return files


def read_session(path: Path, voxels: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Betas of some voxels, int16 ``(750, v)``: percent signal change x 300.

    Parameters
    ----------
    path
        ``betas_sessionNN.hdf5`` or ``.nii.gz``.
    voxels
        int ``(v, 3)``: x, y, z, from 0.
    shape
        X, Y, Z of the volume.

    Raises
    ------
    MenagerieError
        When the file is damaged, or of another shape or type.
    """
    read = _read_hdf5 if path.name.endswith("hdf5") else _read_nifti
    return read(path, np.asarray(voxels), tuple(int(n) for n in shape))


def check_session(path: Path, shape: Sequence[int]) -> None:
    """Refuse a session whose header does not fit the volume; nothing but the header is read.

    Raises
    ------
    MenagerieError
        When the file is damaged, or of another shape or type.
    """
    if not path.name.endswith("hdf5"):
        _open_nifti(path, tuple(shape))
        return
    with _opened_hdf5(path, tuple(shape)):
        pass


def percent(raw: np.ndarray) -> np.ndarray:
    """float32 ``(750, v)``: percent signal change."""
    return raw.astype(np.float32) / np.float32(BETA_SCALE)


def _expect(path: Path, found: Sequence[int], expected: Sequence[int], dtype: np.dtype) -> None:
    if tuple(found) != tuple(expected):
        raise MenagerieError(
            f"NSD betas {path}: shape {tuple(found)}, expected {tuple(expected)} "
            f"({TRIALS_PER_SESSION} trials of the volume of ncsnr.nii.gz). Check that it is the func1pt8mm preparation."
        )
    if dtype.kind != "i" or dtype.itemsize != 2:
        raise MenagerieError(
            f"NSD betas {path}: type {dtype}, expected int16 (percent signal change x {BETA_SCALE:.0f}). "
            "Use the files of the release, not a conversion."
        )


@contextmanager
def _opened_hdf5(path: Path, shape: tuple[int, ...]) -> Iterator[h5py.Dataset]:
    """The betas of a HDF5 file of the right shape and type."""
    try:
        # The chunk cache cannot help: each chunk is read once.
        with h5py.File(path, "r", rdcc_nbytes=0) as file:
            if "betas" not in file:
                raise MenagerieError(f"NSD betas {path}: no dataset '/betas', found {list(file)}. {_MEND}")
            data = file["betas"]
            _expect(path, data.shape, (TRIALS_PER_SESSION, *shape[::-1]), data.dtype)
            yield data
    except MenagerieError:
        raise
    except Exception as error:  # h5py raises many kinds for a damaged file
        raise MenagerieError(f"NSD betas {path} cannot be read: truncated or damaged ({error}). {_MEND}") from error


def _read_hdf5(path: Path, voxels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    with _opened_hdf5(path, shape) as data:
        in_file_order = np.lexsort(voxels.T)  # by z, then y, then x
        read = _by_voxel if data.chunks == (TRIALS_PER_SESSION, 1, 1, 1) else _by_slice
        betas = np.empty((len(voxels), TRIALS_PER_SESSION), dtype=np.int16)
        betas[in_file_order] = read(data, voxels[in_file_order])
        return betas.T


def _by_voxel(data: h5py.Dataset, voxels: np.ndarray) -> np.ndarray:
    """int16 ``(v, 750)``: one chunk, one read."""
    return np.stack([data[:, z, y, x] for x, y, z in voxels.tolist()])


def _by_slice(data: h5py.Dataset, voxels: np.ndarray) -> np.ndarray:
    """int16 ``(v, 750)`` from files with any other chunks: the box around the voxels of each z slice."""
    betas = np.empty((len(voxels), len(data)), dtype=np.int16)
    for z in np.unique(voxels[:, 2]):
        here = np.flatnonzero(voxels[:, 2] == z)
        x, y = voxels[here, 0], voxels[here, 1]
        box = data[:, z, y.min() : y.max() + 1, x.min() : x.max() + 1]
        betas[here] = box[:, y - y.min(), x - x.min()].T
    return betas


def _open_nifti(path: Path, shape: tuple[int, ...]) -> nib.Nifti1Image:
    """A NIfTI file of the right shape and type, of which the header has been read."""
    try:
        image = nib.load(path)
        _expect(path, image.shape, (*shape, TRIALS_PER_SESSION), image.get_data_dtype())
    except MenagerieError:
        raise
    except Exception as error:  # nibabel and gzip raise many kinds for a damaged file
        raise MenagerieError(f"NSD betas {path} cannot be read: truncated or damaged ({error}). {_MEND}") from error
    return image


def _read_nifti(path: Path, voxels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    image = _open_nifti(path, shape)
    dtype = image.get_data_dtype()
    flat = np.ravel_multi_index(tuple(voxels.T), shape, order="F")
    betas = np.empty((TRIALS_PER_SESSION, len(voxels)), dtype=np.int16)
    n_bytes = 2 * int(np.prod(shape))
    opener = gzip.open if path.name.endswith(".gz") else Path.open
    try:
        with opener(path, "rb") as stream:
            stream.seek(image.dataobj.offset)
            for trial in range(TRIALS_PER_SESSION):
                buffer = stream.read(n_bytes)
                if len(buffer) != n_bytes:
                    raise EOFError(f"the data end in trial {trial + 1}")
                betas[trial] = np.frombuffer(buffer, dtype=dtype)[flat]
    except Exception as error:  # gzip raises many kinds for a damaged file
        raise MenagerieError(f"NSD betas {path} cannot be read: truncated or damaged ({error}). {_MEND}") from error
    # The header that nibabel shows has lost its scale factor; the array proxy keeps it.
    return _scale(path, betas, float(image.dataobj.slope), float(image.dataobj.inter))


def _scale(path: Path, betas: np.ndarray, slope: float, inter: float) -> np.ndarray:
    """Apply the scale factor of a NIfTI file, once; the result must be the release's whole numbers again."""
    if (slope, inter) == (1.0, 0.0):
        return betas
    values = betas * slope + inter
    whole = np.round(values)
    limits = np.iinfo(np.int16)
    if (
        not np.allclose(values, whole, atol=1e-3)
        or whole.min(initial=0) < limits.min
        or whole.max(initial=0) > limits.max
    ):
        raise MenagerieError(
            f"NSD betas {path}: its scale factor ({slope:g}, offset {inter:g}) gives other numbers than int16 (percent "
            f"signal change x {BETA_SCALE:.0f}), expected those of the release. Use the files of the release, not a "
            "conversion."
        )
    return whole.astype(np.int16)
