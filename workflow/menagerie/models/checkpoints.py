"""Opening files of weights without running anything that they bring along."""

from __future__ import annotations

import argparse
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from menagerie.errors import MenagerieError
from menagerie.models.restricted import read_restricted

# Classes that hold plain values only, met in published checkpoints (SLIP stores its command line).
_HARMLESS = [argparse.Namespace]
_CLASS = re.compile(r"GLOBAL ([\w.]+)")
_WRAPPERS = ("state_dict", "model_state_dict", "model")


def read_checkpoint(path: str | Path, *, objects: bool = False) -> Any:
    """What a ``.safetensors``, ``.npz`` or PyTorch file holds; only tensors and plain containers are rebuilt.

    Parameters
    ----------
    path
        The file; its ending tells the kind.
    objects
        Whether the file is known to hold objects of other packages: these are then read as empty husks.

    Raises
    ------
    MenagerieError
        When the file is damaged, of an unknown kind, or contains objects other than tensors and plain values.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        if objects:
            return read_restricted(path)
        with torch.serialization.safe_globals(_HARMLESS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, numpy and safetensors raise many kinds for a damaged file
        raise MenagerieError(_reason(path, error)) from error


def _reason(path: Path, error: Exception) -> str:
    said = str(error)
    if isinstance(error, pickle.UnpicklingError) or "weights_only" in said or "allow_pickle" in said:
        found = _CLASS.search(said)  # torch's own words tell how to run it all the same
        what = found[1] if found else said.splitlines()[0].split(". ")[0]
        return (
            f"{path} was refused: expected a plain file of tensors, found objects that would run code when opened "
            f"({what}). Ask its authors for a state dictionary or a safetensors file."
        )
    kind = "a whole safetensors file" if isinstance(error, SafetensorError) else "a whole file of weights"
    return f"{path} cannot be read: expected {kind}, found: {said.split('. ')[0]}. Download it again."


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
    strange = [str(key) for key, value in found.items() if not isinstance(value, torch.Tensor)]
    if strange:
        raise MenagerieError(
            f"{origin} holds more than tensors ({', '.join(strange[:5])}): "
            "its model needs a key mapping (column 'mapping' of the model table)."
        )
    return dict(found)
