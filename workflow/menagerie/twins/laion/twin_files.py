"""The files of a twin of LAION-fMRI, each in the format of the release."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
from PIL import Image

from menagerie.brain.laion.layout import CEILING_MAPS, ROIS, Layout, images_file, metadata_file, owner, planned_repeats
from menagerie.files.storage import atomic
from menagerie.twins.laion.twin_geometry import Voxels

# The dataset's affine is published nowhere; voxel size and field of view are. The rest is made up.
AFFINE = np.diag([1.778, 1.778, 1.778, 1.0])
# Names with a hyphen in the bucket; the dataset's client takes it out.
_HYPHENS = {
    **{name: f"laion-{name.removeprefix('laion')}" for name in ROIS if name.startswith("laion")},
    **{name: f"{name[:-1]}-{name[-1]}" for name in ("FFA1", "FFA2", "VWFA1", "VWFA2")},
    "mfswords": "mfs-words",
    "pSTSwords": "pSTS-words",
    "pSTSfaces": "pSTS-faces",
    "lobjects": "l-objects",
    "vobjects": "v-objects",
}


def encode(label: str, pixels: np.ndarray) -> bytes:
    """An image file: JPEG, or for names that end so PNG whose outer ring is transparent."""
    buffer = io.BytesIO()
    if label.endswith(".png"):
        half = len(pixels) / 2
        y, x = np.mgrid[: len(pixels), : len(pixels)] - half + 0.5
        alpha = np.where(np.hypot(x, y) < 0.9 * half, 255, 0).astype(np.uint8)
        Image.fromarray(np.dstack([pixels, alpha])).save(buffer, "PNG")
    else:
        Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def write_images(folder: Path, contents: Mapping[str, bytes]) -> None:
    """task-images_stimuli.h5 (bytes of variable length) and task-images_metadata.csv, row by row."""
    with atomic(images_file(folder)) as temporary, h5py.File(temporary, "w") as file:
        data = file.create_dataset("images", (len(contents),), dtype=h5py.vlen_dtype(np.uint8))
        for row, content in enumerate(contents.values()):
            data[row] = np.frombuffer(content, dtype=np.uint8)
    with atomic(metadata_file(folder)) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image_name", "dataset", "participant", "unique_or_shared", "n_reps"])
        for label in contents:
            kind = "shared" if owner(label) is None else "unique"
            table.writerow([label, label.split("_")[2 if kind == "shared" else 1], owner(label) or "shared", kind,
                            f"{planned_repeats(label)}rep"])  # fmt: skip


def write_trials(path: Path, session: str, labels: Sequence[str], runs: Sequence[int]) -> None:
    """A trial table: row i is volume i."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["session", "run", "beta_index", "label"])
        table.writerows([session, run, i, label] for i, (run, label) in enumerate(zip(runs, labels, strict=True)))


def write_volumes(layout: Layout, subject: str, voxels: Voxels) -> None:
    """Ceiling maps (percent), R2mean, localiser maps, and ROI masks; 0 outside of the brain."""
    signal = voxels.ncsnr.astype(np.float64) ** 2
    for name, mean_inverse in CEILING_MAPS.items():
        _save(layout.ceiling_map(subject, name), voxels, (100 * signal / (signal + mean_inverse)).astype(np.float32))
    _save(layout.r2mean(subject), voxels, voxels.r2mean)
    for name, values in voxels.z.items():
        _save(layout.z_map(subject, name), voxels, values)
    for name, inside in voxels.rois.items():
        _save(layout.roi(subject, ROIS[name], _HYPHENS.get(name, name)), voxels, inside.astype(np.uint8))


def _save(path: Path, voxels: Voxels, values: np.ndarray) -> None:
    volume = np.zeros(voxels.shape, dtype=values.dtype)
    volume[tuple(voxels.xyz.T)] = values
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(nib.Nifti1Image(volume, AFFINE).to_bytes(), compresslevel=1, mtime=0))


def write_session(path: Path, voxels: Voxels, betas: np.ndarray) -> None:
    """Betas float32 ``(trials, v)`` as one compressed NIfTI file, volume by volume: never in memory as a whole."""
    image = nib.Nifti1Image(np.zeros((1, 1, 1, 1), dtype=np.float32), AFFINE)
    header = image.header.copy()
    header.set_data_shape((*voxels.shape, len(betas)))
    header["vox_offset"] = header.single_vox_offset
    at = np.ravel_multi_index(tuple(voxels.xyz.T), voxels.shape, order="F")
    with atomic(path) as temporary, gzip.open(temporary, "wb", compresslevel=1) as stream:
        stream.write(header.binaryblock)
        stream.write(b"\0" * 4)  # no header extensions
        volume = np.zeros(int(np.prod(voxels.shape)), dtype="<f4")
        for trial in betas:
            volume[at] = trial
            stream.write(volume.tobytes())


def write_splits(folder: Path, pools: Mapping[str, Mapping[str, dict]]) -> None:
    """Split files, one folder a pool, as in the dataset's own package."""
    for pool, splits in pools.items():
        for name, content in splits.items():
            with atomic(folder / pool / f"{name}.json") as temporary:
                temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_text(path: Path, content: object) -> None:
    """A JSON file, or text as it is."""
    with atomic(path) as temporary:
        temporary.write_text(
            content if isinstance(content, str) else json.dumps(content, indent=1) + "\n", encoding="utf-8"
        )
