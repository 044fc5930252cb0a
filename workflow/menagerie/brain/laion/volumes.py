"""Volumes of one subject of LAION-fMRI: reliability, localiser maps, and masks of ROIs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np

from menagerie.brain.laion.ceiling_maps import check_percent, ncsnr_of
from menagerie.brain.laion.layout import COMPLETE_CATEGORIES, ROIS, Z_MAPS, Layout, bare_roi
from menagerie.brain.laion.rois import DEFAULT_REGIONS
from menagerie.brain.remarks import Remark
from menagerie.brain.voxels.expression import Value
from menagerie.brain.voxels.grids import GridVolumes
from menagerie.errors import MenagerieError

NCSNR, R2MEAN = "ncsnr", "r2mean"
BUILT_IN = (NCSNR, R2MEAN, *Z_MAPS)


class Volumes(GridVolumes):
    """The volumes of one subject on the grid of R2mean, read when first asked for and flattened in C order.

    Attributes
    ----------
    absent
        ROIs that an expression names and this subject lacks: no voxel is in them.
    """

    dataset = "LAION-fMRI"
    preparation = "space-T1w_res-1pt8"
    root_option = "laion_root"
    shipped = DEFAULT_REGIONS

    def __init__(self, layout: Layout, subject: str, ceiling_map: str = "12rep"):
        super().__init__(subject, layout.r2mean(subject))
        self.layout = layout
        self.ceiling_map = ceiling_map
        self.absent: set[str] = set()
        self._read: dict[str, np.ndarray] = {}

    @cached_property
    def rois(self) -> dict[str, list[Path]]:
        """Masks that are there: name without hyphens -> files."""
        return self.layout.rois(self.subject)

    def __getitem__(self, name: str) -> np.ndarray:
        """``(voxels,)``: float32 of a built-in name, bool of a ROI in any spelling.

        Raises
        ------
        MenagerieError
            When a file is missing, is damaged, lies on another grid, or does not hold what its name says.
        """
        key = name if name in BUILT_IN else bare_roi(name)
        if key not in self._read:
            self._read[key] = self._load(key)
        return self._read[key]

    def named(self, name: str) -> dict[str, Value]:
        """A built-in map or a ROI; a ROI that some subjects lack has no voxel in those."""
        return {name: self[name]} if name in BUILT_IN or bare_roi(name) in {*ROIS, *self.rois} else {}

    def vocabulary(self) -> set[str]:
        """Maps, and ROIs of the release and of this subject."""
        return {*BUILT_IN, *ROIS, *self.rois}

    def maps(self, names: Iterable[str]) -> list[Path]:
        """Ceiling map, R2mean, and the localiser maps among the names of expressions."""
        z = [self.layout.z_map(self.subject, name) for name in dict.fromkeys(names) if name in Z_MAPS]
        return [self.layout.ceiling_map(self.subject, self.ceiling_map), self.reference, *z]

    def _load(self, name: str) -> np.ndarray:
        if name == NCSNR:
            path = self.layout.ceiling_map(self.subject, self.ceiling_map)
            percent = self.read(path)
            self.remarks += check_percent(percent, path)
            return ncsnr_of(percent, self.ceiling_map)
        if name == R2MEAN:
            return self.read(self.reference)
        if name in Z_MAPS:
            return self.read(self.layout.z_map(self.subject, name))
        return self._roi(name)

    def _roi(self, name: str) -> np.ndarray:
        files = self.rois.get(name, [])
        if len(files) > 1:
            raise MenagerieError(
                f"LAION-fMRI ROI {name} of {self.subject}: found {len(files)} masks "
                f"({', '.join(p.name for p in files)}), expected one, whether or not its name has hyphens. Remove "
                "those of the older release."
            )
        if files:
            values = self.read(files[0])
            if (low := np.nanmin(values)) < 0:
                raise MenagerieError(
                    f"LAION-fMRI ROI {files[0]}: found values down to {low:g}, expected 0 outside and 1 inside. Fetch "
                    "it again."
                )
            return np.nan_to_num(values) > 0
        folder = self.layout.roi_folder(self.subject)
        if ROIS[name] in COMPLETE_CATEGORIES or not folder.is_dir():
            raise MenagerieError(
                f"LAION-fMRI ROI {name} of {self.subject}: found no mask label-{name} in {folder / ROIS[name]}, "
                "expected one of every subject. Fetch the masks, or check laion_root."
            )
        self.absent.add(name)
        text = f"{self.subject} has no ROI {name} in {folder}: no voxel is in it."
        self.remarks.append(Remark(text, "Not every ROI could be drawn in every subject; or fetch the masks again."))
        return np.zeros(int(np.prod(self.shape)), dtype=bool)
