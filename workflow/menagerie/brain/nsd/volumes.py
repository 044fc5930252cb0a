"""Volumes of one subject of NSD: reliability, t maps, and labels with their tables of names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from menagerie.brain.nsd.layout import LABEL_VOLUMES, NCSNR, UNNAMED_LABELS, Layout
from menagerie.brain.nsd.rois import BUILT_IN, DEFAULT_REGIONS
from menagerie.brain.voxels.expression import Labels, Value, canonical
from menagerie.brain.voxels.grids import GridVolumes
from menagerie.errors import MenagerieError


class Volumes(GridVolumes):
    """The volumes of one subject on the grid of ncsnr.nii.gz, read when first asked for and flattened in C order."""

    dataset = "NSD"
    preparation = "func1pt8mm"
    root_option = "nsd_root"
    shipped = DEFAULT_REGIONS

    def __init__(self, layout: Layout, subject: str):
        super().__init__(subject, layout.volume(subject, NCSNR))
        self.layout = layout
        self._values: dict[str, Value] = {}

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

    def named(self, name: str) -> dict[str, Value]:
        """A built-in volume, or the label volumes whose tables name a label: they are read only for labels named."""
        return {volume: self[volume] for volume in ([name] if name in BUILT_IN else self.owners(name))}

    def vocabulary(self) -> set[str]:
        """Volumes, and labels of the tables that are there."""
        return {*BUILT_IN, *(label for volume in LABEL_VOLUMES for label in self._table_or_none(volume))}

    def _table_or_none(self, volume: str) -> dict[str, int]:
        return self.names(volume) if self.layout.label_table(self.subject, volume).is_file() else {}

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
