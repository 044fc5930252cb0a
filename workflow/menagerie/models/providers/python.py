"""A user's own network: ``path/to/file.py:function``, where the function takes no argument and returns the module.

The file may hold a dictionary ``TRANSFORM`` with the fields of ``TransformOptions``; without it images are shown as
torchvision shows them to its classifiers.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from torch import nn

from menagerie.errors import MenagerieError, unknown
from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions

DEFAULT = TransformOptions(224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bilinear", 0.875)


def build(spec: ModelSpec) -> nn.Module:
    """Call the function; it must give a ``torch.nn.Module`` that takes float32 images ``(b, 3, h, w)``.

    Raises
    ------
    MenagerieError
        When the file or the function does not exist, or the function returns something else.
    """
    path, name, keywords = _split(spec)
    module = _load(path, spec.id)
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise unknown(f"function of {path}, model '{spec.id}'", name, known)
    network = function(**keywords)
    if not isinstance(network, nn.Module):
        found = type(network).__name__
        raise MenagerieError(f"Model '{spec.id}': {name} of {path} returned {found}, expected a torch.nn.Module.")
    return network


def options(spec: ModelSpec) -> TransformOptions:
    """The file's ``TRANSFORM``, else torchvision's settings.

    Raises
    ------
    MenagerieError
        When the file does not exist, or ``TRANSFORM`` has other keys.
    """
    path, _, _ = _split(spec)
    given = getattr(_load(path, spec.id), "TRANSFORM", None)
    if given is None:
        return DEFAULT
    try:
        return TransformOptions(**given)
    except TypeError as error:
        fields = ", ".join(TransformOptions.__dataclass_fields__)
        raise MenagerieError(f"TRANSFORM of {path} ({error}): expected a dictionary with the keys {fields}.") from error


def source(spec: ModelSpec) -> str:
    """None: a Python file comes without weights.

    Raises
    ------
    MenagerieError
        Always, saying how to name a checkpoint.
    """
    raise MenagerieError(
        f"Model '{spec.id}': say which checkpoint, 'python/{spec.builder}@path/to/checkpoint.pth', or that there is "
        f"none, 'python/{spec.builder}:random'."
    )


def _split(spec: ModelSpec) -> tuple[Path, str, dict]:
    name, keywords = parse_builder(spec.builder)
    path, _, function = name.rpartition(":")
    if not path.endswith(".py") or not function:
        raise MenagerieError(f"Model '{spec.id}': found '{spec.builder}', expected path/to/file.py:function.")
    return Path(path).expanduser(), function, keywords


def _load(path: Path, model: str) -> ModuleType:
    if not path.is_file():
        raise MenagerieError(f"Model '{model}': the Python file {path} does not exist.")
    described = importlib.util.spec_from_file_location(f"menagerie_user_{path.stem}", path)
    module = importlib.util.module_from_spec(described)
    with _neighbours(path.parent):
        described.loader.exec_module(module)
    return module


@contextmanager
def _neighbours(folder: Path) -> Iterator[None]:
    """Let a file import its neighbours, and forget them afterwards: another network may have some of the same names."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder.absolute()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.absolute()))
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(folder.absolute()):
                del sys.modules[name]
