"""numpy's arrays and numbers out of pickles: their bytes with a checked dtype, nothing else of numpy."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from menagerie.models.checkpoints.pickle_values import Unfinished
from menagerie.models.checkpoints.problems import Budget, DamagedError, LayoutError

_PLAIN = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")
_MOST_DIMENSIONS = 32


class _DType(Unfinished):
    """A dtype of plain numbers; its state tells the byte order."""

    def __init__(self, code: Any, *_: Any):
        if not isinstance(code, str) or not _PLAIN.fullmatch(code):
            raise LayoutError("a numpy array of something else than plain numbers")
        self.dtype = np.dtype(code)

    def finish(self, state: Any) -> _DType:
        """``(version, byte order, subarray, names, fields, ...)``: only the byte order may be set."""
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise LayoutError("a numpy array of records")
        if state[1] not in ("<", ">", "|", "="):
            raise DamagedError("a numpy array of an unknown byte order")
        self.dtype = self.dtype.newbyteorder(state[1])
        return self


class _Array(Unfinished):
    """An array whose state holds everything."""

    def __init__(self, budget: Budget):
        self._budget = budget

    def finish(self, state: Any) -> np.ndarray:
        """``(version, shape, dtype, whether columns come first, bytes)``."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise DamagedError("a numpy array without its five parts")
        _, shape, dtype, fortran, content = state
        return array(self._budget, content, dtype, shape, "F" if fortran else "C")


def array(budget: Budget, content: Any, dtype: Any, shape: Any, order: Any = "C") -> np.ndarray:
    """An array over bytes, native byte order.

    Raises
    ------
    DamagedError
        When bytes, dtype and shape do not belong together.
    """
    content = encode(budget, content) if isinstance(content, str) else content
    if not isinstance(dtype, _DType) or not isinstance(content, bytes) or order not in ("C", "F"):
        raise DamagedError("a numpy array without bytes or dtype")
    if not isinstance(shape, tuple) or len(shape) > _MOST_DIMENSIONS or any(type(n) is not int or n < 0 for n in shape):
        raise DamagedError("a numpy array with an impossible shape")
    if math.prod(shape) * dtype.dtype.itemsize != len(content):
        raise DamagedError(f"a numpy array of shape {shape} in {len(content)} bytes")
    budget.spend(len(content))
    if dtype.dtype.kind == "b" and content.strip(b"\0\1"):
        raise DamagedError("a numpy array of truth values with other values")
    found = np.frombuffer(content, dtype.dtype).astype(dtype.dtype.newbyteorder("="), copy=True)
    return found.reshape(shape, order=order)


def encode(budget: Budget, text: Any, encoding: Any = "latin1") -> bytes:
    """``_codecs.encode``: how bytes are written in protocol 2.

    Raises
    ------
    DamagedError
        When it is not text, or of another encoding than Latin-1.
    """
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise DamagedError("bytes that were not written as Latin-1 text")
    budget.spend(len(text))
    try:
        return text.encode("latin1")
    except UnicodeEncodeError:
        raise DamagedError("bytes that were not written as Latin-1 text") from None


def _number(budget: Budget, dtype: Any, content: Any = b"") -> int | float | bool:
    return array(budget, content, dtype, ()).item()


def numpy_calls(budget: Budget) -> dict[tuple[str, str], Callable[..., Any]]:
    """What numpy writes into pickles, for the interpreter of pickles."""
    calls: dict[tuple[str, str], Callable[..., Any]] = {
        ("_codecs", "encode"): partial(encode, budget),
        ("numpy", "dtype"): _DType,
        # Named as an argument only.
        ("numpy", "ndarray"): lambda *_: _Array(budget),
    }
    for core in ("numpy.core", "numpy._core"):
        calls[f"{core}.multiarray", "_reconstruct"] = lambda *_: _Array(budget)
        calls[f"{core}.multiarray", "scalar"] = partial(_number, budget)
        calls[f"{core}.numeric", "_frombuffer"] = lambda content, dtype, shape, order="C": array(
            budget, content, dtype, shape, order
        )
    return calls
