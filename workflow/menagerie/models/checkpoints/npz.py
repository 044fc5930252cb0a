"""numpy's ``.npz``: every array's header is checked against the bytes that are there, and no object is read.

Layout of an array: ``numpy/lib/format.py``. numpy's own reader parses the header as Python; here it has one form.
"""

from __future__ import annotations

import math
import re
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from menagerie.models.checkpoints.problems import Budget, DamagedError, LayoutError, RefusedError

_MAGIC, _LONGEST_HEADER = b"\x93NUMPY", 10_000
_HEADER = re.compile(
    rb"\{'descr': '(?P<dtype>[^']{1,40})', 'fortran_order': (?P<by_column>True|False), "
    rb"'shape': \((?P<shape>[0-9, ]*)\),? *\} *\n?"
)
_PLAIN = re.compile(rb"[<>|=]?(?:b1|[iu][1248]|f[248])")


def read_npz(path: Path) -> dict[str, torch.Tensor]:
    """Arrays by name.

    Raises
    ------
    DamagedError, RefusedError, LayoutError
        Saying what was found.
    """
    budget = Budget(path.stat().st_size)
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in arrays or name == member.filename:
                raise LayoutError("a zip file that numpy did not write")
            budget.spend(member.file_size)
            with archive.open(member) as file:
                arrays[name] = torch.from_numpy(_array(file, member.file_size))
    return arrays


def _array(file: BinaryIO, n_bytes: int) -> np.ndarray:
    dtype, shape, by_column = _header(file)
    expected = math.prod(shape) * dtype.itemsize
    if expected > n_bytes:
        raise DamagedError("an array that is larger than its bytes in the file")
    content = file.read(expected + 1)
    if len(content) != expected:
        raise DamagedError("an array that is larger or smaller than its bytes in the file")
    if dtype.kind == "b" and content.strip(b"\0\1"):
        raise DamagedError("an array of truth values with other values")
    plain = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
    return plain.reshape(shape, order="F" if by_column else "C")


def _header(file: BinaryIO) -> tuple[np.dtype, tuple[int, ...], bool]:
    """Dtype, shape, and whether columns come first."""
    magic, version = file.read(6), file.read(2)
    if magic != _MAGIC or version[:1] not in (b"\1", b"\2", b"\3"):
        raise DamagedError("an array without numpy's header")
    length = int.from_bytes(file.read(2 if version[:1] == b"\1" else 4), "little")
    if length > _LONGEST_HEADER:
        raise DamagedError(f"an array with a header of {length} bytes")
    text = file.read(length)
    told = _HEADER.fullmatch(text)
    if told and told["dtype"].endswith(b"O"):
        raise RefusedError("an array of Python objects")
    if not told or not _PLAIN.fullmatch(told["dtype"]):
        raise LayoutError("an array of something else than plain numbers")
    shape = tuple(int(part) for part in told["shape"].replace(b" ", b"").split(b",") if part)
    return np.dtype(told["dtype"].decode()), shape, told["by_column"] == b"True"
