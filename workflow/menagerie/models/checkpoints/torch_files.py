"""Files of ``torch.save``, its zip format (since 2020) and its older one, read without torch's own loader.

Layouts: ``torch/serialization.py``, functions ``_save`` and ``_legacy_save``. Both hold a pickle that refers to
storages; a tensor is a storage with offset, size and stride, which are checked against the storage's bytes.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import torch

from menagerie.models.checkpoints.pickle_values import Global, ordered_dict
from menagerie.models.checkpoints.pickled_arrays import numpy_calls
from menagerie.models.checkpoints.pickles import Unpickler
from menagerie.models.checkpoints.problems import Budget, DamagedError, LayoutError, RefusedError
from menagerie.models.checkpoints.tensors import DTYPES, STORAGES, Storage, tensor_calls
from menagerie.models.checkpoints.zip_directory import Entry, read_directory, read_entry

_TAR = (b"ustar", 262)  # what stands in a tar's first header, and where it ends
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
# Classes of plain values, met in published checkpoints (SLIP stores its command line).
HARMLESS = frozenset(
    [("argparse", "Namespace"), ("torch", "device"), ("torch", "Tensor"), ("torch.nn.parameter", "Parameter")]
    + [(builtins, name) for builtins in ("builtins", "__builtin__") for name in ("set", "frozenset", "complex")]
    + [("torch", name) for name in (*STORAGES, *DTYPES)]
    + [("torch.storage", "UntypedStorage"), ("collections", "Counter")]
)


@dataclass(frozen=True)
class _Source:
    """An open file, its size, and what is allowed in it."""

    file: BinaryIO
    n_bytes: int
    budget: Budget
    objects: bool

    def unpickler(self, file: BinaryIO, n_bytes: int, persistent: Callable[[Any], Any] | None = None) -> Unpickler:
        calls = {
            ("collections", "OrderedDict"): partial(ordered_dict, self.budget),
            ("collections", "defaultdict"): lambda *_: {},
            **numpy_calls(self.budget),
        }
        reader = Unpickler(file, n_bytes, calls, harmless=HARMLESS, objects=self.objects, persistent=persistent)
        calls |= tensor_calls(self.budget, self.n_bytes, reader.call)
        return reader


def read_torch_file(path: Path, *, objects: bool = False) -> Any:
    """What a file of ``torch.save``, or a plain pickle, holds: containers, numbers, text, tensors and arrays.

    Parameters
    ----------
    path
        The file; its first bytes tell the format.
    objects
        Whether objects of other classes become placeholders instead of being refused.

    Raises
    ------
    DamagedError, RefusedError, LayoutError
        Saying what was found.
    """
    with path.open("rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        source = _Source(file, n_bytes, Budget(n_bytes), objects)
        head = file.read(4)
        file.seek(0)
        if head == b"PK\3\4":
            return _read_zip(source)
        if head[:1] == b"\x80":
            return _read_pickles(source)
        if file.read(_TAR[1])[-len(_TAR[0]) :] == _TAR[0]:
            raise RefusedError("it is a tar archive")
    raise DamagedError("neither a zip file nor a pickle")


def _read_zip(source: _Source) -> Any:
    entries = read_directory(source.file, source.n_bytes)
    root = {name.partition("/")[0] for name in entries}
    inside = {name.partition("/")[2]: entry for name, entry in entries.items()}
    if len(root) != 1 or "data.pkl" not in inside:
        raise LayoutError("a zip file that torch.save did not write")
    if "byteorder" in inside and read_entry(source.file, inside["byteorder"]) != b"little":
        raise LayoutError("a file of a big-endian machine")
    storages: dict[str, Storage] = {}

    def storage(reference: Any) -> Storage:
        dtype, key, count = _reference(reference)
        if key not in storages:
            storages[key] = _stored(source.file, inside.get(f"data/{key}"), dtype, count)
        return storages[key].same(dtype, count)

    content = io.BytesIO(read_entry(source.file, inside["data.pkl"]))
    return source.unpickler(content, inside["data.pkl"].size, storage).load()


def _stored(file: BinaryIO, entry: Entry | None, dtype: torch.dtype, count: int) -> Storage:
    if entry is None or entry.size != count * dtype.itemsize:
        raise DamagedError("a tensor whose bytes are not in the file")
    return Storage(dtype, read_entry(file, entry)).checked()


def _read_pickles(source: _Source) -> Any:
    """A plain pickle, or PyTorch's older format, which starts with a number in a pickle of its own."""
    storages: dict[str, Storage] = {}
    awaited = Budget(source.n_bytes, factor=1, base=0)  # their bytes follow behind the pickle

    def storage(reference: Any) -> Storage | Global:
        if isinstance(reference, tuple) and len(reference) == 4 and reference[0] == "module":
            return reference[1]  # a class of modules, with its source code behind it
        dtype, key, count = _reference(reference)
        if key not in storages:
            awaited.spend(count * dtype.itemsize)
            storages[key] = Storage(dtype, bytearray(count * dtype.itemsize))
        return storages[key].same(dtype, count)

    reader = source.unpickler(source.file, source.n_bytes, storage)
    content = reader.load()
    if type(content) is int and content == _MAGIC:
        protocol, machine = reader.load(), reader.load()
        if protocol != _PROTOCOL or not isinstance(machine, dict) or machine.get("little_endian") is not True:
            raise LayoutError("a file of a big-endian machine, or of an unknown protocol")
        content = reader.load()
        _fill(reader, storages)
    elif storages:
        raise DamagedError("a tensor whose bytes are not in the file")
    if reader.left:
        raise DamagedError(f"{reader.left} bytes behind its end")
    return content


def _fill(reader: Unpickler, storages: dict[str, Storage]) -> None:
    """Read the bytes of the storages: a list of their keys, then for each the number of its elements and its bytes."""
    keys = reader.load()
    named = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not named or set(keys) != set(storages) or len(keys) != len(storages):
        raise DamagedError("its list of storages is not that of its tensors")
    for key in keys:
        storage = storages[key]
        (count,) = struct.unpack("<q", reader.take(8))
        if count * storage.dtype.itemsize != len(storage.content):
            raise DamagedError("a tensor whose bytes are not in the file")
        storage.content[:] = reader.take(len(storage.content))
        storage.checked()


def _reference(reference: Any) -> tuple[torch.dtype, str, int]:
    """Dtype, key and number of elements from ``("storage", class, key, device, elements[, view])``."""
    if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
        raise DamagedError("a storage that is described in another way")
    _, kind, key, _, count, *view = reference
    if view and view[0] is not None:
        raise LayoutError("a tensor that is part of another, as PyTorch wrote it before 2018")
    if not isinstance(kind, Global) or not isinstance(key, str) or type(count) is not int or count < 0:
        raise DamagedError("a storage that is described in another way")
    if kind.name not in STORAGES:
        raise LayoutError(f"a storage of class {kind.name}")
    return STORAGES[kind.name], key, count
