"""Regions of one subject: label volumes, their tables of names, t maps, reliability, and own masks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import nibabel as nib
import numpy as np

from menagerie.brain.nsd.expression import Labels, Value, canonical, evaluate, names_in
from menagerie.brain.nsd.layout import LABEL_VOLUMES, NCSNR, T_MAPS, UNNAMED_LABELS, Layout
from menagerie.errors import MenagerieError, unknown

# Conwell et al. 2024, Methods: reliable voxels of the ventral and lateral streams, and of category-selective areas.
DEFAULT_REGIONS: Mapping[str, str] = {
    "OTC": """
        ncsnr > 0.2 and (
            (nsdgeneral and streams in {midventral, ventral, midlateral, lateral})
            or (faces_t > 1 and floc_faces in {OFA, FFA_1, FFA_2})
            or (bodies_t > 1 and floc_bodies in {EBA, FBA_1, FBA_2})
            or (places_t > 1 and floc_places in {OPA, PPA})
            or (words_t > 1 and floc_words in {OWFA, VWFA_1, VWFA_2})
        )""",
    "EVC": "prf_visualrois in {V1v, V1d, V2v, V2d, V3v, V3d, hV4}",
}
_BUILT_IN = {*LABEL_VOLUMES, *T_MAPS, NCSNR}


class Volumes:
    """The volumes of one subject, read when first asked for and flattened in C order (x slowest)."""

    def __init__(self, layout: Layout, subject: str):
        self.layout = layout
        self.subject = subject
        self._values: dict[str, Value] = {}

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """X, Y, Z, as of ncsnr.nii.gz.

        Raises
        ------
        MenagerieError
            When that file is missing or damaged.
        """
        return _load(self.layout.volume(self.subject, NCSNR)).shape

    def __getitem__(self, name: str) -> Value:
        """Value of a built-in name: float ``(voxels,)`` or labels.

        Raises
        ------
        MenagerieError
            When a file is missing, is damaged, has another shape, or label numbers without a name.
        """
        if name not in self._values:
            path = self.layout.volume(self.subject, name)
            values = self.read(path)
            self._values[name] = self._labels(name, path, values) if name in LABEL_VOLUMES else values
        return self._values[name]

    def read(self, path: Path) -> np.ndarray:
        """float32 ``(voxels,)`` from a NIfTI file of this subject's shape.

        Raises
        ------
        MenagerieError
            When the file is missing or damaged, or has another shape.
        """
        volume = _load(path)
        if volume.shape != self.shape:
            raise MenagerieError(
                f"NSD volume {path}: shape {volume.shape}, but ncsnr.nii.gz of {self.subject} has {self.shape}. "
                "Use the func1pt8mm files of the same subject."
            )
        return volume.ravel()

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


def _load(path: Path) -> np.ndarray:
    if not path.is_file():
        raise MenagerieError(f"NSD volume {path} is missing. Fetch it, or check nsd_root.")
    try:
        image = nib.load(path)
        values = np.asarray(image.dataobj, dtype=np.float32)
    except Exception as error:  # nibabel and gzip raise many kinds for a damaged file
        raise MenagerieError(f"NSD volume {path} cannot be read ({error}). Fetch it again.") from error
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise MenagerieError(f"NSD volume {path}: expected three dimensions, found shape {values.shape}.")
    return values


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
        if len(fields) < 2 or not fields[0].lstrip("-").isdigit():
            raise MenagerieError(f"NSD label table {path}, line {count}: expected 'number name', found '{line[:60]}'.")
        number, name = int(fields[0]), canonical(fields[1])
        if number <= 0:
            continue
        if name in numbers or number in numbers.values():
            raise MenagerieError(f"NSD label table {path}, line {count}: label {number} '{fields[1]}' is there twice.")
        numbers[name] = number
    return numbers


def region_texts(regions: object) -> dict[str, object]:
    """Name -> expression or {mask: file} from the config key ``regions``.

    ``regions`` is a list whose items are names (OTC, EVC, or any label such as "FFA-1") or one-item mappings, or
    one mapping ``name: expression``, ``name: {mask: file}`` or ``name: null`` (a name that is known already).

    Raises
    ------
    MenagerieError
        When it is neither, or a name repeats.
    """
    items = regions.items() if isinstance(regions, Mapping) else _items(regions)
    texts: dict[str, object] = {}
    for name, definition in items:
        if not isinstance(name, str) or not name or "/" in name:
            raise MenagerieError(f"Option regions: a region's name must be a text without '/', found {name!r}.")
        if name in texts:
            raise MenagerieError(f"Option regions: '{name}' is given twice; names must differ.")
        texts[name] = definition if definition is not None else DEFAULT_REGIONS.get(name, f"'{canonical(name)}'")
    if not texts:
        raise MenagerieError("Option regions: it is empty; give at least one region, for example [OTC].")
    return texts


def volumes_of(regions: object) -> list[str]:
    """Volumes that the expressions of the config key ``regions`` name, each once; labels may lie in others.

    Raises
    ------
    MenagerieError
        When an expression does not parse.
    """
    texts = {name: text for name, text in region_texts(regions).items() if isinstance(text, str)}
    named = [word for name, text in texts.items() for word in names_in(text, where=f"region '{name}'")]
    return list(dict.fromkeys(word for word in named if word in _BUILT_IN))


def _items(regions: object) -> list[tuple[object, object]]:
    if isinstance(regions, str) or not isinstance(regions, list | tuple):
        raise MenagerieError(f"Option regions: expected a list or a mapping, found {regions!r:.80}.")
    pairs: list[tuple[object, object]] = []
    for item in regions:
        pairs.extend(item.items() if isinstance(item, Mapping) else [(item, None)])
    return pairs


def build_regions(volumes: Volumes, regions: object) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Masks of the configured regions.

    An expression may name the regions before it. A comparison with NaN is False, so that a voxel of unknown
    reliability is not taken for a reliable one; voxels that only this keeps out of a region are counted.

    Returns
    -------
    masks
        Region -> bool ``(voxels,)``, in the order of the config.
    unknown_values
        Region -> count of voxels left out because a value that the expression needs is NaN; those above 0.

    Raises
    ------
    MenagerieError
        When a definition is wrong or a region has fewer than two voxels.
    """
    masks: dict[str, np.ndarray] = {}
    lost: dict[str, int] = {}
    for name, definition in region_texts(regions).items():
        where = f"region '{name}' of {volumes.subject}"
        if isinstance(definition, Mapping):
            masks[name] = _from_mask(volumes, definition, where)
        else:
            masks[name], n_lost = _from_expression(volumes, definition, masks, where)
            lost.update({name: n_lost} if n_lost else {})
        if (count := int(masks[name].sum())) < 2:
            raise MenagerieError(
                f"{where}: {count} voxels; an RSM needs at least 2. Check its definition "
                f"({' '.join(str(definition).split())[:120]}), or leave it out of option regions."
            )
    return masks, lost


def _from_mask(volumes: Volumes, definition: Mapping, where: str) -> np.ndarray:
    if set(definition) != {"mask"}:
        raise MenagerieError(f"{where}: expected {{mask: file}}, found keys {sorted(map(str, definition))}.")
    path = Path(str(definition["mask"]).format(subject=volumes.subject))
    values = volumes.read(path)
    return np.nan_to_num(values) > 0


def _from_expression(
    volumes: Volumes, text: str, masks: Mapping[str, np.ndarray], where: str
) -> tuple[np.ndarray, int]:
    values = _values(volumes, text, masks, where)
    mask = evaluate(text, values, where=where)
    numeric = {name: v for name, v in values.items() if isinstance(v, np.ndarray) and v.dtype != bool}
    if all(np.isfinite(v).all() for v in numeric.values()):
        return mask, 0
    filled = {name: np.where(np.isnan(v), np.inf, v) for name, v in numeric.items()}
    return mask, int(np.count_nonzero(evaluate(text, {**values, **filled}, where=where) & ~mask))


def _values(volumes: Volumes, text: str, masks: Mapping[str, np.ndarray], where: str) -> dict[str, Value]:
    """The values that an expression needs; label volumes are read only for labels that are named."""
    earlier = {canonical(name): mask for name, mask in masks.items()}
    values: dict[str, Value] = {}
    for name in names_in(text, where=where):
        if name in earlier:
            values[name] = earlier[name]
        elif name in _BUILT_IN:
            values[name] = volumes[name]
        elif owners := volumes.owners(name):
            values.update({owner: volumes[owner] for owner in owners if owner not in values})
        else:
            labels = {label for volume in LABEL_VOLUMES for label in _table_or_none(volumes, volume)}
            raise unknown(f"name in {where}", name, {*_BUILT_IN, *earlier, *labels})
    return values


def _table_or_none(volumes: Volumes, volume: str) -> dict[str, int]:
    path = volumes.layout.label_table(volumes.subject, volume)
    return volumes.names(volume) if path.is_file() else {}
