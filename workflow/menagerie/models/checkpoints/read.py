"""Opening files of weights as data: nothing that they bring along is run, imported or written."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from menagerie.errors import MenagerieError
from menagerie.files.paths import refuse_special
from menagerie.models.checkpoints.npz import read_npz
from menagerie.models.checkpoints.problems import DamagedError, LayoutError, RefusedError, printable
from menagerie.models.checkpoints.shards import INDEX, shard_names
from menagerie.models.checkpoints.torch_files import read_torch_file
from menagerie.provenance.code import file_sha256

_WRAPPERS = ("state_dict", "model_state_dict", "model")


def read_checkpoint(path: str | Path, *, objects: bool = False, trusted: bool = False) -> Any:
    """What a file of weights holds: tensors, arrays, and plain containers of them.

    Parameters
    ----------
    path
        ``.safetensors`` or its index, ``.npz``, or anything else for a file of ``torch.save`` or a plain pickle.
    objects
        Whether the file is known to hold objects of other packages: these are then read as placeholders.
    trusted
        Whether a layout that is not read here may be opened by torch's own ``weights_only`` loader.

    Raises
    ------
    MenagerieError
        When the file is damaged, of an unknown kind, or contains objects other than tensors and plain values.
    """
    path = Path(path)
    refuse_special(path, "a file of weights", "Correct the path.")
    try:
        return _read(path, objects)
    except RefusedError as error:
        raise MenagerieError(
            f"{path} was refused: expected a plain file of tensors, found objects that would run code when opened "
            f"({error}). Ask its authors for a state dictionary or a safetensors file."
        ) from error
    except LayoutError as error:
        if trusted:
            return _read_trusted(path)
        raise MenagerieError(
            f"{path} cannot be read safely: expected tensors as torch.save lays them out, found {error}. Save it anew "
            "(safetensors, or torch.save of a state dictionary); or, if you trust whoever made it, put its SHA-256 "
            f"into column 'trust' of the model table: {file_sha256(path)}."
        ) from error


def _read(path: Path, objects: bool) -> Any:
    """By the kind of file; whatever else goes wrong inside a library means that the file is damaged."""
    kind = "a whole file of weights"
    try:
        if path.name.endswith(INDEX):
            return _read_shards(path)
        if path.suffix == ".safetensors":
            kind = "a whole safetensors file"
            return load_file(path)
        return read_npz(path) if path.suffix == ".npz" else read_torch_file(path, objects=objects)
    except (RefusedError, LayoutError, MenagerieError):
        raise
    except Exception as error:  # zipfile, numpy and safetensors raise many kinds
        told = printable(str(error).split(". ")[0]) or type(error).__name__
        raise MenagerieError(f"{path} cannot be read: expected {kind}, found: {told}. Download it again.") from error


def _read_shards(index: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}
    for name in shard_names(index):
        shard = load_file(index.with_name(name))
        if twice := state.keys() & shard.keys():
            raise DamagedError(f"key {min(twice)} in two of its files")
        state |= shard
    return state


def _read_trusted(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds
        told = printable(str(error).splitlines()[0].split(". ")[0]) if str(error) else type(error).__name__
        raise MenagerieError(
            f"{path} is trusted (column 'trust'), but torch refuses it too: expected tensors and plain containers, "
            f"found: {told}. Ask its authors for a safetensors file."
        ) from error


def state_dict(checkpoint: Any, origin: str) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint by key, taken out of the usual wrappers (``state_dict``, ``model``).

    Raises
    ------
    MenagerieError
        When there are no named tensors, or other things among them.
    """
    found = checkpoint
    for wrapper in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
            break
    if not isinstance(found, Mapping) or not found:
        raise MenagerieError(
            f"{origin} holds {type(found).__name__} where a dictionary of tensors was expected. Save a state "
            "dictionary, or "
            "give a key mapping (column 'mapping' of the model table)."
        )
    strange = [
        printable(key) if isinstance(key, str) else f"a key of type {type(key).__name__}"
        for key, value in found.items()
        if not isinstance(value, torch.Tensor) or not isinstance(key, str)
    ]
    if strange:
        raise MenagerieError(
            f"{origin} holds more than tensors ({', '.join(strange[:5])}): "
            "its model needs a key mapping (column 'mapping' of the model table)."
        )
    return dict(found)
