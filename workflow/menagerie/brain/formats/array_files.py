"""Numpy's own files, read without pickle, after the header has been held against the size of the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menagerie.errors import MenagerieError
from menagerie.files.paths import refuse_special

_NUMBERS = "fiu"
_REMEDY = "Save plain numbers with numpy.save(path, values)."
_EXACT = 2**53  # whole numbers above are not exact in float64


@dataclass(frozen=True)
class ArrayHeader:
    """What the header of an npy file says.

    Attributes
    ----------
    shape, dtype
        Of the array.
    fortran_order
        Whether the first axis runs fastest.
    offset
        Bytes before the values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool
    offset: int


def read_header(path: Path) -> ArrayHeader:
    """Header of an npy file of real numbers.

    Raises
    ------
    MenagerieError
        When it is no npy file, holds objects, text, complex or truth values, or has another size than its header says.
    """
    refuse_special(path, "a file of numpy.save", _REMEDY)
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran_order, dtype = read(file)
            offset = file.tell()
        n_bytes = path.stat().st_size
    except Exception as error:  # numpy parses the header as Python text, which fails in many ways
        found = " ".join(str(error).split())[:200]
        raise MenagerieError(
            f"{path} cannot be read as an array ({found}), expected a file of numpy.save. {_REMEDY}"
        ) from None
    if dtype.hasobject:
        raise MenagerieError(
            f"{path} cannot be read as an array (Object arrays are not read), expected numbers. {_REMEDY}"
        )
    if dtype.kind not in _NUMBERS:
        raise MenagerieError(f"{path}: expected numbers, found {dtype} of shape {shape}. {_REMEDY}")
    size = 1
    for length in shape:
        size *= length
    expected = offset + size * dtype.itemsize
    if min(shape, default=1) < 0 or n_bytes != expected:
        raise MenagerieError(
            f"{path} cannot be read as an array: found {n_bytes} bytes, expected {expected} for {dtype} of shape "
            f"{shape}. The file was cut short or damaged: save or copy it again."
        )
    return ArrayHeader(tuple(shape), dtype, fortran_order, offset)


def open_array(path: Path) -> np.ndarray:
    """The array of an npy file, mapped into memory: what is not looked at is not read.

    Raises
    ------
    MenagerieError
        As :func:`read_header`.
    """
    header = read_header(path)
    if 0 in header.shape:
        return np.empty(header.shape, dtype=header.dtype)
    with path.open("rb") as file:  # numpy.memmap opens by name otherwise, unseen by whoever watches open()
        order = "F" if header.fortran_order else "C"
        return np.memmap(file, header.dtype, "r", offset=header.offset, shape=header.shape, order=order)


def as_float(values: np.ndarray, where: str) -> np.ndarray:
    """Numbers as float64 in native byte order.

    Raises
    ------
    MenagerieError
        When whole numbers are too large to be exact.
    """
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8 and values.size:
        largest = max(int(values.max()), -int(values.min()))
        if largest > _EXACT:
            raise MenagerieError(
                f"{where}: found whole numbers up to {largest}, expected at most 2**53, since larger ones are not "
                "exact. Rescale them, or drop columns of ids."
            )
    return np.asarray(values, dtype=np.float64)
