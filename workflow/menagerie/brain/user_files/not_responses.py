"""Arrays and tables that are no responses: RSMs and RDMs, transposed responses, tables with one row a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from menagerie.brain.formats.table_files import Table
from menagerie.brain.names import normal, positions
from menagerie.errors import MenagerieError

_TOLERANCE = 1e-6  # of the largest value: symmetric but for rounding, also in csv
_MEASUREMENTS = frozenset(
    {"response", "responses", "value", "values", "amplitude", "beta", "betas", "activity", "rate"}
)


def is_symmetric(matrix: np.ndarray) -> bool:
    """Whether a square matrix is symmetric but for rounding, wherever both halves hold numbers."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 3:
        return False
    values = np.asarray(matrix, dtype=np.float64)
    size = np.nanmax(np.abs(values), initial=0.0)
    if not np.isfinite(size) or size == 0:
        return False
    return bool(np.allclose(values, values.T, rtol=0, atol=_TOLERANCE * size, equal_nan=True))


def is_triangular(matrix: np.ndarray) -> bool:
    """Whether one half of a square matrix, beside its diagonal, is empty (zeros or NaN), and the other is not."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 3:
        return False
    values = np.nan_to_num(np.asarray(matrix, dtype=np.float64))
    above, below = (half(values, k).any() for half, k in ((np.triu, 1), (np.tril, -1)))
    return bool(above != below)


def _refuse_rsm(path: Path, found: str) -> MenagerieError:
    return MenagerieError(
        f"{path}: found {found}, so similarities or dissimilarities of images, expected responses, images x units. "
        f"Reader rsm takes such files: call it after its region (for example {path.parent.name}/IT{path.suffix}), and "
        "say reader: rsm in the config (docs/datasets.md)."
    )


def refuse_other_arrays(values: np.ndarray, n_images: int, path: Path) -> None:
    """Raise where an array is another measure of the images than responses; ``n_images`` is 0 where it is unknown.

    Raises
    ------
    MenagerieError
        For a symmetric or triangular matrix, a stack of them, and vectors of pairs.
    """
    shape = values.shape
    n_pairs = n_images * (n_images - 1) // 2
    if values.ndim == 1:
        if n_pairs and len(values) == n_pairs:
            raise _refuse_rsm(path, f"a vector of {n_pairs} values, as many as pairs of {n_images} images")
    elif values.ndim == 2:
        if is_symmetric(values) or is_triangular(values):
            kind = "symmetric" if is_symmetric(values) else "triangular"
            raise _refuse_rsm(path, f"a {kind} matrix of {shape[0]} x {shape[1]}")
        if n_images and n_pairs in shape and shape[0] != n_images:
            raise _refuse_rsm(path, f"{min(shape)} vectors of {n_pairs} values, as many as pairs of {n_images} images")
    elif values.ndim == 3 and 0 not in shape:
        _refuse_stack(values, path)


def _refuse_stack(values: np.ndarray, path: Path) -> None:
    shape = values.shape
    if shape[0] == shape[1] and is_symmetric(values[:, :, 0]) and is_symmetric(values[:, :, -1]):
        raise _refuse_rsm(path, f"{shape[2]} symmetric matrices of {shape[0]} x {shape[1]}")
    if shape[1] == shape[2] and is_symmetric(values[0]) and is_symmetric(values[-1]):
        raise _refuse_rsm(path, f"{shape[0]} symmetric matrices of {shape[1]} x {shape[2]}")


def refuse_other_tables(table: Table, ids: Sequence[str]) -> None:
    """Raise where a table is not one row an image and one column a unit.

    Raises
    ------
    MenagerieError
        For a table whose columns are images (an RSM, or transposed responses), one with a row for every measurement,
        and one without a header line.
    """
    names = [name for name in table.names if name]
    found = positions(names, ids)
    known = [name for name, position in zip(names, found, strict=True) if position >= 0]
    if len(known) >= max(3, len(names) - 1) and not all(name.isdecimal() for name in known):
        first = next((place for place, name in enumerate(table.names) if name not in known), None)
        rows = table.texts(first) if first is not None else []
        if table.n_rows == len(known) and (not rows or sorted(map(normal, rows)) == sorted(known)):
            raise _refuse_rsm(table.path, f"a table whose columns are images ({known[0]}, {known[1]}, ...)")
        raise MenagerieError(
            f"{table.path}: its columns are named after images ({known[0]}, {known[1]}, ...), so it is transposed, "
            "expected one row an image and one column a unit. Save its transpose."
        )
    lowered = {name.casefold() for name in names}
    if len(names) <= 6 and lowered & _MEASUREMENTS and lowered & {"unit", "voxel", "neuron", "channel", "electrode"}:
        raise MenagerieError(
            f"{table.path}: found columns {', '.join(names)}, so one row a measurement, expected one row an image and "
            "one column a unit. Pivot it (pandas: table.pivot(index='image', columns='unit', values='response'))."
        )
    if names and all(_is_measured(name) for name in names):
        raise MenagerieError(
            f"{table.path}: found numbers in the header line ({names[0]}, ...), expected names of columns: the first "
            "row would be lost. Write a header line, or save the numbers with numpy.save."
        )


def _is_measured(name: str) -> bool:
    """Whether a column's name is a number that no one gives as a name."""
    try:
        float(name)
    except ValueError:
        return False
    return not name.isdecimal()
