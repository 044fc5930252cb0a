"""numpy's ``.npz``: every array's header is checked against the bytes that are there, and no object is read."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.lib import format as npy

from menagerie.models.checkpoints.problems import Budget, DamagedError, LayoutError, RefusedError

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(path: Path) -> dict[str, torch.Tensor]:
    """Arrays by name.

    Raises
    ------
    DamagedError, RefusedError, LayoutError
        Saying what was found.
    """
    budget = Budget(path.stat().st_size)
    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in found or name == member.filename:
                raise LayoutError("a zip file that numpy did not write")
            budget.spend(member.file_size)
            with archive.open(member) as file:
                found[name] = torch.from_numpy(_array(file, member.file_size))
    return found


def _array(file: BinaryIO, n_bytes: int) -> np.ndarray:
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise LayoutError("an array with a header of another version than 1 or 2")
    shape, by_column, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise RefusedError("an array of Python objects")
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise LayoutError("an array of something else than plain numbers")
    expected = math.prod(shape) * dtype.itemsize
    if not 0 <= expected <= n_bytes or any(n < 0 for n in shape):
        raise DamagedError("an array that is larger than its bytes in the file")
    content = file.read(expected + 1)
    if len(content) != expected:
        raise DamagedError("an array that is larger or smaller than its bytes in the file")
    if dtype.kind == "b" and content.strip(b"\0\1"):
        raise DamagedError("an array of truth values with other values")
    plain = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
    return plain.reshape(shape, order="F" if by_column else "C")
