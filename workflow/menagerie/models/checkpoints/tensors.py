"""Tensors from the bytes of a file; dtype, offset, size and stride are checked against the storage first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from menagerie.models.checkpoints.pickle_values import Global
from menagerie.models.checkpoints.problems import Budget, DamagedError, LayoutError

_MOST_DIMENSIONS, _LARGEST = 64, 1 << 48
# Classes of storages (torch/storage.py) and the dtype of their elements.
STORAGES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ComplexDoubleStorage": torch.complex128,
    "ComplexFloatStorage": torch.complex64,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
    "UntypedStorage": torch.uint8,
}
# Dtypes that a tensor names itself, because they have no class of storages.
DTYPES = {
    name: getattr(torch, name)
    for name in ("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz")
} | {str(dtype).removeprefix("torch."): dtype for dtype in STORAGES.values()}
_OTHERS = (
    "_rebuild_qtensor",
    "_rebuild_sparse_tensor",
    "_rebuild_sparse_csr_tensor",
    "_rebuild_nested_tensor",
    "_rebuild_meta_tensor_no_storage",
    "_rebuild_wrapper_subclass",
    "_rebuild_device_tensor_from_numpy",
    "_rebuild_device_tensor_from_cpu_tensor",
)


@dataclass(frozen=True)
class Storage:
    """Bytes of one or more tensors, and the dtype that they are stored as."""

    dtype: torch.dtype
    content: bytearray

    def same(self, dtype: torch.dtype, count: int) -> Storage:
        """The storage, if it is described as it was before.

        Raises
        ------
        DamagedError
            When it is not.
        """
        if dtype != self.dtype or count * dtype.itemsize != len(self.content):
            raise DamagedError("two descriptions of one storage that contradict each other")
        return self

    def checked(self) -> Storage:
        """The storage, now that it is filled: truth values are 0 or 1, which torch takes for granted.

        Raises
        ------
        DamagedError
            When they are not.
        """
        if self.dtype == torch.bool and self.content.strip(b"\0\1"):
            raise DamagedError("truth values that are neither 0 nor 1")
        return self


def _tensor(
    budget: Budget, n_bytes: int, storage: Any, offset: Any, size: Any, stride: Any, dtype: torch.dtype | None = None
) -> torch.Tensor:
    """A view of a storage; it may not reach beyond the storage, nor be larger than the whole file."""
    if not isinstance(storage, Storage):
        raise DamagedError("a tensor without a storage")
    dtype = dtype or storage.dtype
    numbers = [offset, *_numbers(size), *_numbers(stride)]
    if len(size) != len(stride) or any(type(n) is not int or not 0 <= n <= _LARGEST for n in numbers):
        raise DamagedError("a tensor with an impossible size, stride or offset")
    count, available = math.prod(size), len(storage.content) // dtype.itemsize
    if not count:
        if math.prod(n or 1 for n in size) > _LARGEST:
            raise DamagedError("a tensor with an impossible size, stride or offset")
        return torch.empty(size, dtype=dtype)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if last >= available or count * dtype.itemsize > n_bytes:
        raise DamagedError("a tensor that is larger than its bytes in the file")
    budget.spend(count * dtype.itemsize)
    return torch.frombuffer(storage.content, dtype=dtype, count=available).as_strided(size, stride, offset)


def _numbers(value: Any) -> tuple:
    if not isinstance(value, tuple) or len(value) > _MOST_DIMENSIONS:
        raise DamagedError("a tensor with an impossible size, stride or offset")
    return value


def _given(value: Any, *_: Any) -> torch.Tensor:
    """A parameter is the tensor in it."""
    if not isinstance(value, torch.Tensor):
        raise DamagedError("a parameter without a tensor")
    return value


def tensor_calls(
    budget: Budget, n_bytes: int, call: Callable[[Global, tuple], Any]
) -> dict[tuple[str, str], Callable[..., Any]]:
    """What torch writes into pickles, for the interpreter of pickles; ``call`` calls by a name inside a pickle."""

    def plain(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> torch.Tensor:
        return _tensor(budget, n_bytes, storage, offset, size, stride)

    def with_dtype(storage: Any, offset: Any, size: Any, stride: Any, _grad: Any, _hooks: Any, dtype: Any, *_: Any):
        # Truth values come with a storage of their own, whose bytes are checked.
        if not isinstance(dtype, Global) or dtype.name not in DTYPES or dtype.name == "bool":
            raise LayoutError("a tensor of an unknown dtype")
        return _tensor(budget, n_bytes, storage, offset, size, stride, DTYPES[dtype.name])

    def of_type(function: Any, _kind: Any, arguments: Any, _state: Any) -> torch.Tensor:
        if not isinstance(function, Global) or function.module != "torch._utils" or not isinstance(arguments, tuple):
            raise DamagedError("a tensor made by another function")
        return _given(call(function, arguments))

    def refuse(name: str) -> Callable[..., Any]:
        def raised(*_: Any) -> Any:
            raise LayoutError(f"a tensor made by torch._utils.{name}")

        return raised

    return {
        ("torch", "Size"): lambda values=(): _numbers(tuple(values[: _MOST_DIMENSIONS + 1])),
        ("torch._utils", "_rebuild_tensor"): plain,
        ("torch._utils", "_rebuild_tensor_v2"): plain,
        ("torch._utils", "_rebuild_tensor_v3"): with_dtype,
        ("torch._utils", "_rebuild_parameter"): _given,
        ("torch._utils", "_rebuild_parameter_with_state"): _given,
        ("torch._tensor", "_rebuild_from_type_v2"): of_type,
        ("torch.storage", "_load_from_bytes"): refuse("_load_from_bytes"),
        **{("torch._utils", name): refuse(name) for name in _OTHERS},
    }
