"""One implementation for numpy arrays and torch tensors (on any device).

The linking modules call functions that numpy and torch share by name and meaning. This file bridges the
few that differ. It never imports torch: whoever passes a tensor has imported it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor


def namespace(array: Array) -> ModuleType:
    """The module (numpy or torch) whose functions work on ``array``."""
    return sys.modules["torch"] if type(array).__module__.partition(".")[0] == "torch" else np


def cast(array: Array, dtype: Any) -> Array:
    """``array`` with another dtype of its own namespace; itself where it has it already."""
    return array.astype(dtype, copy=False) if isinstance(array, np.ndarray) else array.to(dtype)


def floating(array: Array) -> Array:
    """``array`` as it is where it is float32 or float64, else as float32."""
    xp = namespace(array)
    return array if array.dtype in (xp.float32, xp.float64) else cast(array, xp.float32)


def like(values: np.ndarray, array: Array) -> Array:
    """Numpy ``values`` in the namespace, and on the device, of ``array``."""
    if isinstance(array, np.ndarray):
        return np.asarray(values)
    return namespace(array).asarray(values, device=array.device)


def empty(shape: tuple[int, ...], array: Array) -> Array:
    """Uninitialised array with the dtype, namespace and device of ``array``."""
    if isinstance(array, np.ndarray):
        return np.empty(shape, dtype=array.dtype)
    return namespace(array).empty(shape, dtype=array.dtype, device=array.device)


def symmetric(triangle: Array, n: int, diagonal: float | None) -> Array:
    """Torch tensor ``(n, n)`` from its upper triangle, row by row, unfolded where the triangle is.

    ``diagonal`` is the value of the diagonal where the triangle is strict, None where it is included.
    """
    xp = namespace(triangle)
    matrix = xp.zeros((n, n), dtype=triangle.dtype, device=triangle.device)
    above = xp.ones((n, n), dtype=xp.bool, device=triangle.device).triu(0 if diagonal is None else 1)
    matrix[above] = triangle
    own = matrix.diagonal().clone()
    matrix += matrix.T.clone()
    matrix.diagonal().copy_(own if diagonal is None else own + diagonal)
    return matrix


def host(array: Array) -> np.ndarray:
    """``array`` as a numpy array in main memory."""
    return array if isinstance(array, np.ndarray) else array.cpu().numpy()
