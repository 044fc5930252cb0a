"""Opening pickles of whole objects without running any code of theirs.

Some published checkpoints hold their model or configuration as Python objects (VISSL, YOLOv5, Detectron2), which
torch's own ``weights_only`` refuses. Here every class that is not a plain container, tensor or array becomes a `Husk`:
an empty object that keeps the attributes it is given and can do nothing.
"""

from __future__ import annotations

import pickle
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch


class Husk:
    """Stands for an object of a class that was not imported: keeps attributes and items by name, and does nothing."""

    def __init__(self, *_args: Any, **_keywords: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) == 2:
            state = {**(state[0] or {}), **(state[1] or {})}
        if isinstance(state, dict):
            self.__dict__.update({str(key): value for key, value in state.items()})

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__[str(key)] = value

    def append(self, _item: Any) -> None:
        """What a pickle calls to fill a list; its items are let go."""

    def extend(self, _items: Any) -> None:
        """As :meth:`append`, for several."""


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch", "Size"): torch.Size,
    ("_codecs", "encode"): lambda text, encoding="latin1": str(text).encode(encoding),
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
for _package in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _ALLOWED[_package, "_reconstruct"] = np._core.multiarray._reconstruct
    _ALLOWED[_package, "scalar"] = np._core.multiarray.scalar
for _storage in ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Short", "Char", "Byte", "Bool"):
    _ALLOWED["torch", f"{_storage}Storage"] = getattr(torch, f"{_storage}Storage")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _ALLOWED.get((module, name), Husk)


def _load(file: Any, **keywords: Any) -> Any:
    return _Unpickler(file, **keywords).load()


# What torch.load wants of a pickle module.
_PICKLE = SimpleNamespace(__name__="menagerie.models.restricted", Unpickler=_Unpickler, load=_load)


def read_restricted(path: str | Path) -> Any:
    """Content of a PyTorch file or of a plain pickle (``.pkl``), with a `Husk` for every foreign object.

    Raises
    ------
    pickle.UnpicklingError
        For a TorchScript archive, which is a program, and for PyTorch's oldest format, a tar whose members would be
        unpacked.
    """
    path = Path(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.rpartition("/")[2] == "constants.pkl" for name in archive.namelist()):
                raise pickle.UnpicklingError("it is a TorchScript program")
    elif tarfile.is_tarfile(path):
        raise pickle.UnpicklingError("it is a tar archive")
    if path.suffix == ".pkl":
        with path.open("rb") as file:
            return _load(file, encoding="latin1")
    return torch.load(path, map_location="cpu", weights_only=False, pickle_module=_PICKLE)


def tensors_inside(module: Any, prefix: str = "") -> dict[str, torch.Tensor]:
    """State dictionary of a pickled ``torch.nn.Module`` that was read as a `Husk`."""
    fields = vars(module)
    found = {}
    for kind in ("_parameters", "_buffers"):
        for name, value in (fields.get(kind) or {}).items():
            if isinstance(value, torch.Tensor):
                found[prefix + name] = value.detach()
    for name, part in (fields.get("_modules") or {}).items():
        if isinstance(part, Husk):
            found |= tensors_inside(part, f"{prefix}{name}.")
    return found
