"""Volumes of one subject: read with their scale factors, on one grid (shape and affine) or refused.

NIfTI keeps voxels as whole numbers and says how to turn them into values (``scl_slope``, ``scl_inter``); nibabel
applies that once, when :attr:`dataobj` becomes an array, and then shows a header without it. Every read here goes that
way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import nibabel as nib
import numpy as np

from menagerie.brain.remarks import Remark
from menagerie.brain.voxels.expression import Truth, Value, names_in
from menagerie.errors import MenagerieError, unknown

_TOLERANCE = 1e-3  # mm by voxel: affines are kept as float32
_SHIFT = 1e-2  # mm


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


class GridVolumes:
    """Volumes of one subject on the grid of a reference volume.

    A dataset's own class names its volumes (:meth:`named`), and says in :attr:`dataset`, :attr:`preparation` and
    :attr:`root_option` what messages call them, and in :attr:`shipped` which regions come with it.

    Attributes
    ----------
    subject
        Its name.
    reference
        The volume whose grid all others must share.
    remarks
        What deserves a look in the volumes that were read.
    """

    dataset: ClassVar[str]
    preparation: ClassVar[str]
    root_option: ClassVar[str]
    shipped: ClassVar[Mapping[str, str]]

    def __init__(self, subject: str, reference: Path):
        self.subject = subject
        self.reference = reference
        self.remarks: list[Remark] = []

    def named(self, name: str) -> dict[str, Value]:
        """Value of a name in an expression, or those of the volumes that have it as a label; empty if unknown."""
        raise NotImplementedError

    def vocabulary(self) -> set[str]:
        """Names that expressions may hold, for the message about one that they may not."""
        raise NotImplementedError

    def values(self, text: str, regions: Mapping[str, Truth], where: str) -> dict[str, Value]:
        """Values of the names in a region's expression; ``regions`` are those before it.

        Raises
        ------
        MenagerieError
            When a name is unknown, or a file cannot be read.
        """
        found: dict[str, Value] = {}
        for name in names_in(text, where=where):
            if name in regions:
                found[name] = regions[name]
            elif own := self.named(name):
                found |= own
            else:
                raise unknown(f"name in {where}", name, {*regions, *self.vocabulary()})
        return found

    @cached_property
    def grid(self) -> Grid:
        """Grid of the reference, which all volumes must share.

        Raises
        ------
        MenagerieError
            When that file is missing or damaged.
        """
        return grid_of(self.open(self.reference))

    @property
    def shape(self) -> tuple[int, int, int]:
        """X, Y, Z."""
        return self.grid.shape

    def open(self, path: Path, dimensions: int = 3) -> nib.spatialimages.SpatialImage:
        """A volume of which only the header has been read.

        Raises
        ------
        MenagerieError
            When it is missing or damaged, or has other dimensions.
        """
        if not path.is_file():
            raise MenagerieError(f"{self.dataset} volume {path} is missing. Fetch it, or check {self.root_option}.")
        try:
            image = nib.load(path)
            shape = image.shape
            np.asarray(image.affine)
        except Exception as error:  # nibabel and gzip raise many kinds for a damaged file
            raise MenagerieError(f"{self.dataset} volume {path} cannot be read ({error}). Fetch it again.") from error
        if len(shape) != dimensions and not (len(shape) == dimensions + 1 and shape[-1] == 1):
            raise MenagerieError(
                f"{self.dataset} volume {path}: expected {'three' if dimensions == 3 else 'four'} dimensions, found "
                f"shape {shape}. Use the files of the release."
            )
        return image

    def read(self, path: Path, *, is_release: bool = True) -> np.ndarray:
        """float32 ``(voxels,)`` from a volume on this subject's grid, in C order (x slowest).

        Raises
        ------
        MenagerieError
            When the file is missing or damaged, or lies on another grid.
        """
        image = self.open(path)
        self.check_grid(path, image, is_release=is_release)
        try:
            values = np.asarray(image.dataobj, dtype=np.float32)
        except Exception as error:  # nibabel and gzip raise many kinds for a damaged file
            raise MenagerieError(f"{self.dataset} volume {path} cannot be read ({error}). Fetch it again.") from error
        return values.ravel()

    def check_grid(self, path: Path, image: nib.spatialimages.SpatialImage, *, is_release: bool = True) -> None:
        """Refuse an image that lies on another grid than the reference.

        A mask must have its shape and its affine. Volumes of the release have one grid, whatever their headers leave
        out: where these say nothing of the orientation, or put the origin elsewhere, that is a remark only.

        Raises
        ------
        MenagerieError
            When shape, voxel sizes or axes differ; of a mask also when its position does, or when its header says
            nothing about its orientation, unless that of the reference is the same.
        """
        mine, grid, name = grid_of(image), self.grid, self.reference.name
        if mine.shape != grid.shape:
            raise MenagerieError(
                f"{self.dataset} volume {path}: shape {mine.shape}, but {name} of {self.subject} has {grid.shape}. "
                f"Use the {self.preparation} files of the same subject.{'' if is_release else self._resample()}"
            )
        same_axes = np.allclose(mine.affine[:3, :3], grid.affine[:3, :3], atol=_TOLERANCE)
        same_place = np.allclose(mine.affine[:3, 3], grid.affine[:3, 3], atol=_SHIFT)
        are_oriented = mine.is_oriented and grid.is_oriented
        if is_release and not are_oriented:
            same_axes = same_place = _may_have_one_size(mine, grid)
        if not same_axes or (not same_place and not is_release):
            raise MenagerieError(
                f"{self.dataset} volume {path}: found another affine ({mine}), expected that of {name} of "
                f"{self.subject} ({grid}).{self._fetch_again if is_release else self._remedy(mine)}"
            )
        if not are_oriented:
            text = f"{path} or {name} says nothing about its orientation: their voxels are taken to lie alike."
            self.remarks.append(Remark(text, "Compare the two in a viewer, or fetch both again."))
        elif not same_place:
            self.remarks.append(Remark(f"{path}: its header puts the first voxel elsewhere than {name} ({mine})."))

    def check_sessions(self, paths: Iterable[Path]) -> None:
        """Refuse NIfTI files of betas on another grid; of HDF5 files the shape is checked where they are read.

        Raises
        ------
        MenagerieError
            As :meth:`check_grid`.
        """
        for path in paths:
            if not path.name.endswith("hdf5"):
                self.check_grid(path, self.open(path, 4))

    @property
    def _fetch_again(self) -> str:
        return f" The two must be of one release and one preparation ({self.preparation}): fetch both again."

    def _resample(self) -> str:
        return f" Resample it: nilearn.image.resample_to_img(mask, '{self.reference}', interpolation='nearest')."

    def _remedy(self, mine: Grid) -> str:
        """What to do about a mask with another affine."""
        save = (
            f" If its voxels lie as those of {self.preparation} (a viewer shows it), save it with the affine of "
            f"{self.reference.name}: nibabel.Nifti1Image(voxels, nibabel.load('{self.reference}').affine)."
        )
        if mine.is_oriented:
            return self._resample() + save
        return f" Its header says nothing about its orientation, so nobody can tell left from right.{save}"


def _may_have_one_size(mine: Grid, grid: Grid) -> bool:
    """Whether two grids have voxels of one size, or one of them a size that nobody set (1 mm each)."""
    sizes = [nib.affines.voxel_sizes(one.affine) for one in (mine, grid)]
    unset = any(not one.is_oriented and np.allclose(size, 1) for one, size in zip((mine, grid), sizes, strict=True))
    return unset or np.allclose(*sizes, atol=_TOLERANCE)
