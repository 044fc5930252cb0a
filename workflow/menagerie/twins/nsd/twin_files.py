"""The files of a twin, each in the format of the release."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
from scipy.io import savemat

from menagerie.brain.nsd.design import Design
from menagerie.brain.nsd.layout import N_IMAGES, NCSNR, TRIALS_PER_SESSION, Layout
from menagerie.brain.nsd.photographs import SHAPE
from menagerie.files.storage import atomic
from menagerie.twins.nsd.twin_geometry import LABELS, Voxels

_AFFINE = np.diag([1.8, 1.8, 1.8, 1.0])


def write_photographs(path: Path, ids: np.ndarray, photographs: Iterable[np.ndarray]) -> None:
    """``imgBrick`` in its full shape, one chunk a photograph: those that are not written take no space."""
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        brick = file.create_dataset(
            "imgBrick", shape=SHAPE, dtype=np.uint8, chunks=(1, *SHAPE[1:]), compression="lzf", fletcher32=True
        )
        for nsd_id, photograph in zip(ids.tolist(), photographs, strict=True):
            brick[nsd_id] = photograph


def write_design(layout: Layout, design: Design) -> None:
    """nsd_expdesign.mat (numbers from 1) and nsd_stim_info_merged.csv (numbers from 0)."""
    with atomic(layout.design) as temporary, temporary.open("wb") as file:
        savemat(
            file,
            {
                "masterordering": (design.ordering[None] + 1).astype(np.float64),
                "subjectim": (design.images + 1).astype(np.float64),
                "sharedix": (design.shared[None] + 1).astype(np.float64),
            },
            do_compression=True,
        )
    shared = set(design.shared.tolist())
    with atomic(layout.stimulus_table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["", "cocoId", "cocoSplit", "nsdId", "shared1000"])
        table.writerows([i, 100_000 + i, "train2017", i, i in shared] for i in range(N_IMAGES))


def write_volumes(layout: Layout, subject: str, voxels: Voxels) -> None:
    """ncsnr, label volumes (-1 outside the cortex, 0 without a label), their tables, and t maps."""
    general = {"nsdgeneral": voxels.nsdgeneral.astype(np.int16)}
    for name, codes in {**general, **voxels.labels}.items():
        _save(layout.volume(subject, name), voxels, codes.astype(np.int16), empty=-1)
    for name, values in {NCSNR: voxels.ncsnr, **voxels.t}.items():
        _save(layout.volume(subject, name), voxels, values, empty=0)
    for name in voxels.labels:
        table = layout.label_table(subject, name)
        table.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{number} {label}" for number, label in enumerate(("Unknown", *LABELS[name]))]
        table.write_text("\n".join(lines) + "\n")


def _save(path: Path, voxels: Voxels, values: np.ndarray, empty: float) -> None:
    volume = np.full(voxels.shape, empty, dtype=values.dtype)
    volume[tuple(voxels.xyz.T)] = values
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(nib.Nifti1Image(volume, _AFFINE).to_bytes(), mtime=0))


def write_session(path: Path, voxels: Voxels, betas: np.ndarray) -> None:
    """Betas int16 ``(750, v)`` as HDF5 or NIfTI, by the ending of ``path``."""
    write = _write_hdf5 if path.name.endswith("hdf5") else _write_nifti
    with atomic(path) as temporary:
        write(temporary, voxels, betas)


def _write_hdf5(path: Path, voxels: Voxels, betas: np.ndarray) -> None:
    """Chunks of one voxel, as in the release; voxels without data are not allocated."""
    columns = np.ascontiguousarray(betas.T, dtype="<i2")
    with h5py.File(path, "w") as file:
        shape = (TRIALS_PER_SESSION, *voxels.shape[::-1])
        data = file.create_dataset("betas", shape=shape, dtype="<i2", chunks=(TRIALS_PER_SESSION, 1, 1, 1))
        for voxel in np.lexsort(voxels.xyz.T).tolist():
            x, y, z = voxels.xyz[voxel].tolist()
            data.id.write_direct_chunk((0, z, y, x), columns[voxel].tobytes())


def _write_nifti(path: Path, voxels: Voxels, betas: np.ndarray) -> None:
    """One compressed stream, trial by trial: a full-size session is never in memory as a whole."""
    image = nib.Nifti1Image(np.zeros((1, 1, 1, 1), dtype=np.int16), _AFFINE)
    header = image.header.copy()
    header.set_data_shape((*voxels.shape, TRIALS_PER_SESSION))
    header["vox_offset"] = header.single_vox_offset
    at = np.ravel_multi_index(tuple(voxels.xyz.T), voxels.shape, order="F")
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(header.binaryblock)
        stream.write(b"\0" * 4)  # no header extensions
        volume = np.zeros(int(np.prod(voxels.shape)), dtype="<i2")
        for trial in betas:
            volume[at] = trial
            stream.write(volume.tobytes())
