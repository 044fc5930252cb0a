"""Volumes of one subject: read with their scale factors, on one grid (shape and affine) or refused.

NIfTI keeps voxels as whole numbers and says how to turn them into values (``scl_slope``, ``scl_inter``); nibabel
applies that once, when :attr:`dataobj` becomes an array, and then shows a header without it. Every read here goes that
way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nibabel as nib
import numpy as np

from menagerie.brain.nsd.expression import Labels, Value, canonical
from menagerie.brain.nsd.layout import LABEL_VOLUMES, NCSNR, UNNAMED_LABELS, Layout
from menagerie.brain.remarks import Remark
from menagerie.errors import MenagerieError

_TOLERANCE = 1e-3  # mm by voxel: affines are kept as float32
_SHIFT = 1e-2  # mm
_REFETCH = " The two must be of one release and one preparation (func1pt8mm): fetch both again."


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume lie.

    Attributes
    ----------
    shape
        X, Y, Z.
    affine
        ``(4, 4)``: mm of a voxel's indices.
    is_oriented
        False for a file that says nothing about its orientation: sform and qform codes 0, or an affine that nobody set
        (the identity). Voxel sizes are then all that can be compared, unless they were not set either (1 mm each).
    """

    shape: tuple[int, ...]
    affine: np.ndarray
    is_oriented: bool

    def __str__(self) -> str:
        sizes = " x ".join(f"{size:g}" for size in nib.affines.voxel_sizes(self.affine).round(3))
        axes = "".join(str(axis) for axis in nib.aff2axcodes(self.affine)) if self.is_oriented else "unknown"
        origin = ", ".join(f"{value:g}" for value in self.affine[:3, 3].round(2))
        return f"voxels of {sizes} mm, axes {axes}, first voxel at ({origin}) mm"


def grid_of(image: nib.spatialimages.SpatialImage) -> Grid:
    """Grid of an image of which the header has been read."""
    header = image.header
    codes = (
        [int(header[name]) for name in ("sform_code", "qform_code")] if isinstance(header, nib.Nifti1Header) else [1]
    )
    affine = np.asarray(image.affine, dtype=np.float64)
    is_set = bool(np.isfinite(affine).all()) and not np.array_equal(affine, np.eye(4))
    return Grid(tuple(image.shape[:3]), affine, any(codes) and is_set)


class Volumes:
    """The volumes of one subject, read when first asked for and flattened in C order (x slowest).

    Attributes
    ----------
    remarks
        What deserves a look in the volumes that were read.
    """

    def __init__(self, layout: Layout, subject: str):
        self.layout = layout
        self.subject = subject
        self.remarks: list[Remark] = []
        self._values: dict[str, Value] = {}

    @cached_property
    def grid(self) -> Grid:
        """Grid of ncsnr.nii.gz, which all volumes must share.

        Raises
        ------
        MenagerieError
            When that file is missing or damaged.
        """
        return grid_of(open_volume(self.layout.volume(self.subject, NCSNR)))

    @property
    def shape(self) -> tuple[int, int, int]:
        """X, Y, Z."""
        return self.grid.shape

    def __getitem__(self, name: str) -> Value:
        """Value of a built-in name: float ``(voxels,)`` or labels.

        Raises
        ------
        MenagerieError
            When a file is missing, is damaged, lies on another grid, or label numbers have no name.
        """
        if name not in self._values:
            path = self.layout.volume(self.subject, name)
            values = self.read(path)
            self._values[name] = self._labels(name, path, values) if name in LABEL_VOLUMES else values
        return self._values[name]

    def read(self, path: Path, *, is_release: bool = True) -> np.ndarray:
        """float32 ``(voxels,)`` from a volume on this subject's grid.

        Raises
        ------
        MenagerieError
            When the file is missing or damaged, or lies on another grid.
        """
        image = open_volume(path)
        self.check_grid(path, image, is_release=is_release)
        try:
            values = np.asarray(image.dataobj, dtype=np.float32)
        except Exception as error:  # nibabel and gzip raise many kinds for a damaged file
            raise MenagerieError(f"NSD volume {path} cannot be read ({error}). Fetch it again.") from error
        return values.ravel()

    def check_grid(self, path: Path, image: nib.spatialimages.SpatialImage, *, is_release: bool = True) -> None:
        """Refuse an image that lies on another grid than ncsnr.nii.gz.

        A mask must have its shape and its affine. Volumes of the release have one grid, whatever their headers leave
        out: where these say nothing of the orientation, or put the origin elsewhere, that is a remark only.

        Raises
        ------
        MenagerieError
            When shape, voxel sizes or axes differ; of a mask also when its position does, or when its header says
            nothing about its orientation, unless that of ncsnr.nii.gz is the same.
        """
        mine, grid = grid_of(image), self.grid
        remedy = _REFETCH if is_release else _remedy(self, mine)
        if mine.shape != grid.shape:
            raise MenagerieError(
                f"NSD volume {path}: shape {mine.shape}, but ncsnr.nii.gz of {self.subject} has {grid.shape}. "
                f"Use the func1pt8mm files of the same subject.{'' if is_release else _resample(self)}"
            )
        same_axes = np.allclose(mine.affine[:3, :3], grid.affine[:3, :3], atol=_TOLERANCE)
        same_place = np.allclose(mine.affine[:3, 3], grid.affine[:3, 3], atol=_SHIFT)
        are_oriented = mine.is_oriented and grid.is_oriented
        if is_release and not are_oriented:
            same_axes = same_place = _may_have_one_size(mine, grid)
        if not same_axes or (not same_place and not is_release):
            raise MenagerieError(
                f"NSD volume {path}: found another affine ({mine}), expected that of ncsnr.nii.gz of {self.subject} "
                f"({grid}).{remedy}"
            )
        if not are_oriented:
            text = f"{path} or ncsnr.nii.gz says nothing about its orientation: their voxels are taken to lie alike."
            self.remarks.append(Remark(text, "Compare the two in a viewer, or fetch both again."))
        elif not same_place:
            self.remarks.append(
                Remark(f"{path}: its header puts the first voxel elsewhere than ncsnr.nii.gz ({mine}).")
            )

    def check_sessions(self, paths: Iterable[Path]) -> None:
        """Refuse NIfTI files of betas on another grid; of HDF5 files the shape is checked where they are read.

        Raises
        ------
        MenagerieError
            As :meth:`check_grid`.
        """
        for path in paths:
            if not path.name.endswith("hdf5"):
                self.check_grid(path, open_volume(path, 4))

    def has(self, name: str) -> bool:
        """True where a label volume and its table of names are there."""
        table = name in UNNAMED_LABELS or self.layout.label_table(self.subject, name).is_file()
        return table and self.layout.volume(self.subject, name).is_file()

    def names(self, volume: str) -> dict[str, int]:
        """Label names of a label volume, canonical -> number, as its table gives them; those above 0 only."""
        if volume in UNNAMED_LABELS:
            return {}
        return read_label_table(self.layout.label_table(self.subject, volume))

    def owners(self, label: str) -> list[str]:
        """Label volumes of which the table has this label. A table that is missing has none."""
        tables = {volume: self.layout.label_table(self.subject, volume) for volume in LABEL_VOLUMES}
        return [volume for volume, path in tables.items() if path.is_file() and label in self.names(volume)]

    def _labels(self, name: str, path: Path, values: np.ndarray) -> Labels:
        if not np.array_equal(values, np.round(values)):
            raise MenagerieError(f"NSD volume {path}: labels must be whole numbers. Fetch the file again.")
        codes = values.astype(np.int32)
        numbers = self.names(name)
        if name not in UNNAMED_LABELS:
            table = self.layout.label_table(self.subject, name)
            stray = sorted(set(np.unique(codes[codes > 0]).tolist()) - set(numbers.values()))
            if stray:
                raise MenagerieError(
                    f"NSD volume {path} holds label {stray[0]}, which its table {table} does not name "
                    f"(it names {sorted(numbers.values())}). The two must be of one release: fetch both again."
                )
        return Labels(codes, numbers)


def _may_have_one_size(mine: Grid, grid: Grid) -> bool:
    """Whether two grids have voxels of one size, or one of them a size that nobody set (1 mm each)."""
    sizes = [nib.affines.voxel_sizes(one.affine) for one in (mine, grid)]
    unset = any(not one.is_oriented and np.allclose(size, 1) for one, size in zip((mine, grid), sizes, strict=True))
    return unset or np.allclose(*sizes, atol=_TOLERANCE)


def _resample(volumes: Volumes) -> str:
    reference = volumes.layout.volume(volumes.subject, NCSNR)
    return f" Resample it: nilearn.image.resample_to_img(mask, '{reference}', interpolation='nearest')."


def _remedy(volumes: Volumes, mine: Grid) -> str:
    """What to do about a mask with another affine."""
    save = (
        " If its voxels lie as those of func1pt8mm (a viewer shows it), save it with the affine of ncsnr.nii.gz: "
        f"nibabel.Nifti1Image(voxels, nibabel.load('{volumes.layout.volume(volumes.subject, NCSNR)}').affine)."
    )
    if mine.is_oriented:
        return _resample(volumes) + save
    return f" Its header says nothing about its orientation, so nobody can tell left from right.{save}"


def open_volume(path: Path, dimensions: int = 3) -> nib.spatialimages.SpatialImage:
    """A volume of which only the header has been read.

    Raises
    ------
    MenagerieError
        When it is missing or damaged, or has other dimensions.
    """
    if not path.is_file():
        raise MenagerieError(f"NSD volume {path} is missing. Fetch it, or check nsd_root.")
    try:
        image = nib.load(path)
        shape = image.shape
        np.asarray(image.affine)
    except Exception as error:  # nibabel and gzip raise many kinds for a damaged file
        raise MenagerieError(f"NSD volume {path} cannot be read ({error}). Fetch it again.") from error
    if len(shape) != dimensions and not (len(shape) == dimensions + 1 and shape[-1] == 1):
        raise MenagerieError(
            f"NSD volume {path}: expected {'three' if dimensions == 3 else 'four'} dimensions, found shape {shape}. "
            "Use the files of the release."
        )
    return image


def read_label_table(path: Path) -> dict[str, int]:
    """Label names of a ``.mgz.ctab`` file, canonical -> number; numbers above 0 only.

    Raises
    ------
    MenagerieError
        When the file is missing, a line is not "number name ...", or a number or name repeats.
    """
    if not path.is_file():
        raise MenagerieError(f"NSD label table {path} is missing. Fetch it, or check nsd_root.")
    numbers: dict[str, int] = {}
    for count, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) < 2 or not fields[0].lstrip("-").isdecimal() or len(fields[0]) > 9:
            raise MenagerieError(f"NSD label table {path}, line {count}: expected 'number name', found '{line[:60]}'.")
        number, name = int(fields[0]), canonical(fields[1])
        if number <= 0:
            continue
        if name in numbers or number in numbers.values():
            raise MenagerieError(f"NSD label table {path}, line {count}: label {number} '{fields[1]}' is there twice.")
        numbers[name] = number
    return numbers
