"""The geometry container: everything that scoring needs to know about a layer, without the network.

One HDF5 file per stimulus set and model, one group per layer. A layer is two symmetric matrices over
the images: dissimilarities of its raw features (1 minus their RSM, so that correlations close to 1 keep their
differences) and the Gram matrix of its standardised sparse random projection (SRP). Only their upper triangles are
stored, in float32, with Fletcher-32 checksums.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic

FORMAT = "menagerie-geometry/2"
OK = "ok"
PROVENANCE = "menagerie"


@dataclass(frozen=True)
class LayerGeometry:
    """One layer's responses to ``n`` images, reduced to two ``n x n`` matrices.

    Attributes
    ----------
    layer
        Module path, as in the layer inventory.
    index
        Position of the layer in the inventory, from 0.
    n_features
        Features per image before projection.
    rdm_triu
        float32 ``(n (n - 1) / 2,)``: strict upper triangle, row by row, of 1 minus the raw-feature RSM.
        Empty where ``status`` is not "ok".
    gram_triu
        float32 ``(n (n + 1) / 2,)``: upper triangle with diagonal of ``X X'``, where ``X`` is the SRP
        standardised with the mean and SD of the training images. Empty where ``status`` is not "ok".
    effective_dimensionality
        Of the raw features and of their SRP: ``{"raw": ..., "srp": ...}``.
    rounding
        The forward pass's rounding errors in proportion to what differs between images, for the raw features and the
        standardised SRP, likewise (:data:`menagerie.features.accumulate.MOST_NOISE`); empty where not measured.
    status
        "ok", or the reason why the layer cannot be scored (for example: constant over images).
    """

    layer: str
    index: int
    n_features: int
    rdm_triu: np.ndarray
    gram_triu: np.ndarray
    effective_dimensionality: dict[str, float] = field(default_factory=dict)
    status: str = OK
    rounding: dict[str, float] = field(default_factory=dict)

    def rsm(self) -> np.ndarray:
        """Raw-feature RSM, float64 ``(n, n)``, ones on the diagonal; read-only, since all folds share it."""
        return self._rsm

    def gram(self) -> np.ndarray:
        """Gram matrix of the standardised SRP, float32 ``(n, n)``; read-only."""
        return self._gram

    @cached_property
    def _rsm(self) -> np.ndarray:
        return _read_only(1 - unfold(self.rdm_triu, diagonal=0.0).astype(np.float64))

    @cached_property
    def _gram(self) -> np.ndarray:
        return _read_only(unfold(self.gram_triu, diagonal=None))


def _read_only(matrix: np.ndarray) -> np.ndarray:
    matrix.setflags(write=False)
    return matrix


def fold(matrix: np.ndarray, *, with_diagonal: bool) -> np.ndarray:
    """Upper triangle of a symmetric ``(n, n)`` matrix, row by row, as float32."""
    offset = 0 if with_diagonal else 1
    # Row by row, since index arrays of a triangle are larger than the matrix.
    return np.concatenate([row[number + offset :] for number, row in enumerate(matrix)]).astype(np.float32, copy=False)


def unfold(triangle: np.ndarray, *, diagonal: float | None) -> np.ndarray:
    """Inverse of :func:`fold`: ``(n, n)`` from a triangle.

    ``diagonal`` is the value of the diagonal where the triangle is strict, None where it is included.

    Raises
    ------
    ValueError
        When no square matrix has a triangle of that many values.
    """
    size = triangle.size
    n = int((np.sqrt(8 * size + 1) + (1 if diagonal is not None else -1)) / 2)
    expected = n * (n - 1) // 2 if diagonal is not None else n * (n + 1) // 2
    if size != expected:
        raise ValueError(f"{size} values are not the triangle of a square matrix")
    matrix = np.empty((n, n), dtype=triangle.dtype)
    offset = 0 if diagonal is None else 1
    end = 0
    for row in range(n):  # a row and its column at a time: three times faster than index arrays
        start, end = end, end + n - row - offset
        matrix[row, row + offset :] = matrix[row + offset :, row] = triangle[start:end]
    if diagonal is not None:
        np.fill_diagonal(matrix, diagonal)
    return matrix


def write_geometry(
    path: str | Path,
    layers: Iterable[LayerGeometry],
    *,
    image_ids: np.ndarray,
    attributes: Mapping[str, str | int | float],
    provenance: Mapping[str, object] | None = None,
) -> None:
    """Write a container, layer by layer as they come; the file appears only when it is whole.

    Parameters
    ----------
    path
        Target file.
    layers
        The layers, in any order; consumed lazily, so that one layer is in memory at a time.
    image_ids
        ``(n,)`` strings: the order of the rows of every matrix.
    attributes
        Stored as attributes of the file; ``n_layers``, the length of the inventory, gives layers their depth.
    provenance
        What the file was made from (:mod:`menagerie.provenance.lineage`).

    Raises
    ------
    ValueError
        When a layer holds NaN or infinite values; nothing is written then.
    """
    text = h5py.string_dtype()
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update({"format": FORMAT, **attributes, PROVENANCE: json.dumps(provenance or {}, sort_keys=True)})
        file.attrs["made_from"] = (provenance or {}).get("made_from", "")
        file.create_dataset("image_ids", data=np.asarray(image_ids, dtype=object), dtype=text)
        for layer in layers:
            group = file.create_group(f"layers/{layer.index:04d}")
            group.attrs.update(
                layer=layer.layer,
                index=layer.index,
                n_features=layer.n_features,
                status=layer.status,
                **{f"ed_{name}": value for name, value in layer.effective_dimensionality.items()},
                **{f"rounding_{name}": value for name, value in layer.rounding.items()},
            )
            for name in ("rdm_triu", "gram_triu"):
                values = np.asarray(getattr(layer, name), dtype=np.float32)
                if not np.isfinite(values).all():
                    raise ValueError(f"layer {layer.layer}: {name} holds NaN or infinite values")
                options = {"shuffle": True, "compression": "lzf", "fletcher32": True}
                group.create_dataset(name, data=values, **(options if values.size else {}))


def geometry_origin(path: str | Path) -> tuple[str, dict]:
    """Name of a container, and what it was made from (:mod:`menagerie.provenance.lineage`)."""
    with GeometryFile(path) as file:
        return file.origin


class GeometryFile:
    """Read access to a geometry container; a context manager.

    Raises
    ------
    MenagerieError
        When the file is missing, is not a geometry container, is damaged, or lacks a layer.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self._file = h5py.File(self.path, "r")
        except OSError as error:
            raise MenagerieError(
                f"Geometry file {self.path} cannot be opened ({error}). "
                "Delete it and run the workflow again to rebuild it."
            ) from error
        if self._file.attrs.get("format") != FORMAT:
            found = self._file.attrs.get("format", "no format attribute")
            self.close()
            raise MenagerieError(
                f"Geometry file {self.path}: expected format '{FORMAT}', found '{found}'. "
                "Delete it and run the workflow again."
            )

    def __enter__(self) -> GeometryFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def origin(self) -> tuple[str, dict]:
        """Name of the file, and what it was made from (:mod:`menagerie.provenance.lineage`)."""
        return f"Geometry file {self.path}", json.loads(self._file.attrs.get(PROVENANCE, "{}"))

    @property
    def image_ids(self) -> np.ndarray:
        """``(n,)`` strings: the image of each row."""
        return self._file["image_ids"].asstr()[:]

    @property
    def indices(self) -> list[int]:
        """Inventory indices of the layers in the file."""
        return sorted(int(name) for name in self._file["layers"]) if "layers" in self._file else []

    def depth(self, index: int) -> float:
        """Relative depth of a layer as in its model's inventory: 0 for the first layer, 1 for the last."""
        return round(index / max(int(self._file.attrs["n_layers"]) - 1, 1), 6)

    def read(self, index: int) -> LayerGeometry:
        """Read the layer with this inventory index.

        Raises
        ------
        MenagerieError
            When the file does not hold that layer, or is damaged.
        """
        try:
            group = self._file[f"layers/{index:04d}"]
            triangles = {name: group[name][:] for name in ("rdm_triu", "gram_triu")}
        except KeyError as error:
            raise MenagerieError(
                f"Geometry file {self.path} has no layer {index} (it holds {len(self.indices)} layers). "
                "The layer inventory changed since; run the workflow again."
            ) from error
        except OSError as error:
            raise MenagerieError(
                f"Geometry file {self.path}, layer {index}: checksum or read error ({error}). "
                "The file is damaged: delete it and run the workflow again."
            ) from error
        attributes = group.attrs
        return LayerGeometry(
            layer=str(attributes["layer"]),
            index=int(attributes["index"]),
            n_features=int(attributes["n_features"]),
            effective_dimensionality=_by_part(attributes, "ed"),
            status=str(attributes["status"]),
            rounding=_by_part(attributes, "rounding"),
            **triangles,
        )

    def __iter__(self) -> Iterator[LayerGeometry]:
        return (self.read(index) for index in self.indices)


def _by_part(attributes: Mapping[str, float], what: str) -> dict[str, float]:
    """A layer's numbers of one kind, for raw features and SRP."""
    return {part: float(attributes[f"{what}_{part}"]) for part in ("raw", "srp") if f"{what}_{part}" in attributes}
