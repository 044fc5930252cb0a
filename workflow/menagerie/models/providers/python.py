"""A user's own network: ``path/to/file.py:function``, where the function takes no argument and returns the module.

The file may hold a dictionary ``TRANSFORM`` with the fields of ``TransformOptions``; without it images are shown as
torchvision shows them to its classifiers. A list ``SOURCES`` names the data files that it opens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from menagerie.errors import MenagerieError, unknown
from menagerie.files.paths import near_file
from menagerie.models.builders import parse_builder
from menagerie.models.network_files import declared_sources, local_modules
from menagerie.models.providers.user_file import UserFile
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions

_QUANTISED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized")  # packages of PyTorch's modules
DEFAULT = TransformOptions(224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bilinear", 0.875)


def build(spec: ModelSpec) -> nn.Module:
    """Call the function; it must give a ``torch.nn.Module`` that takes float32 images ``(b, 3, h, w)``.

    Wrappers (``DataParallel``, ``torch.compile``) are taken off, half and double precision become single, lazy modules
    see one image of zeros, and the network gets images of its own to change in place.

    Raises
    ------
    MenagerieError
        When the file or the function does not exist, fails, or returns something else; for TorchScript, whose modules
        cannot be looked into.
    """
    path, name, keywords = _split(spec)
    file = _load(path, spec.id)
    function = getattr(file.module, name, None)
    if not callable(function):
        known = [key for key, value in vars(file.module).items() if callable(value) and not key.startswith("_")]
        raise unknown(f"function of {path}, model '{spec.id}'", name, known)
    if isinstance(function, nn.Module):
        raise MenagerieError(
            f"Model '{spec.id}': {name} of {path} is a network itself, expected a function that returns one. Write: "
            f"def build(): return {name}."
        )
    with file.running(), file.watched():
        network = _called(function, keywords, f"Model '{spec.id}': {name} of {path}")
    network = _checked(network, f"Model '{spec.id}': {name} of {path}")
    # Half precision lacks kernels on CPUs, and features are float32 in any case.
    network = network.float()
    network.register_forward_pre_hook(_own_images)
    file.follow(network)
    if any(is_lazy(value) for value in (*network.parameters(), *network.buffers())):
        _materialise(network, spec)
    return network


def _called(function: Any, keywords: dict[str, Any], what: str) -> Any:
    try:
        return function(**keywords)
    except MenagerieError:
        raise
    except (Exception, SystemExit) as error:  # the code is the user's
        raise MenagerieError(
            f"{what} failed: {type(error).__name__}: {error}; expected a torch.nn.Module. Call it in Python."
        ) from error


def _checked(network: Any, what: str) -> nn.Module:
    """A network without its wrappers; refuses what is none, and those whose modules or weights cannot be read."""
    if isinstance(network, nn.DataParallel):
        network = network.module
    network = getattr(network, "_orig_mod", network)
    if not isinstance(network, nn.Module):
        raise MenagerieError(f"{what} returned {type(network).__name__}, expected a torch.nn.Module.")
    parts = {key or "the network itself": part for key, part in network.named_modules()}
    if scripted := [key for key, part in parts.items() if _is_script(part)]:
        raise MenagerieError(
            f"{what} returned TorchScript ({scripted[0]}), expected a torch.nn.Module in Python: nothing can be read "
            "out of the modules of a script. Build the network from its code, and save its weights with "
            "torch.save(network.state_dict(), ...)."
        )
    if quantised := [key for key, part in parts.items() if type(part).__module__.startswith(_QUANTISED)]:
        raise MenagerieError(
            f"{what} returned a quantised network ({quantised[0]}), whose weights are small numbers with scales; "
            "expected weights in floating point. Return the network that it was made from."
        )
    return network


def _is_script(part: nn.Module) -> bool:
    return isinstance(part, torch.jit.ScriptModule | torch.jit.ScriptFunction)


def _own_images(_: nn.Module, inputs: tuple) -> tuple:
    """A copy: networks that scale images in place would change those that are kept for the next pass."""
    return tuple(value.clone() if isinstance(value, torch.Tensor) else value for value in inputs)


def _materialise(network: nn.Module, spec: ModelSpec) -> None:
    size = spec.input_size or options(spec).input_size
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, size, size))
    except Exception as error:  # the code is the user's
        raise MenagerieError(
            f"Model '{spec.id}': its lazy modules (LazyConv2d and the like) get their shapes from an image of {size} x "
            f"{size} pixels, which failed: {type(error).__name__}: {error}. Set input_size in TRANSFORM, or give the "
            "shapes."
        ) from error
    network.train(training)


def options(spec: ModelSpec) -> TransformOptions:
    """The file's ``TRANSFORM``, else torchvision's settings.

    Raises
    ------
    MenagerieError
        When the file does not exist, or ``TRANSFORM`` has other keys.
    """
    path, _, _ = _split(spec)
    given = getattr(_load(path, spec.id).module, "TRANSFORM", None)
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
        script = (
            " TorchScript and other files of weights hold no modules that can be looked into."
            if spec.builder.endswith((".pt", ".pth", ".ts", ".jit"))
            else ""
        )
        raise MenagerieError(f"Model '{spec.id}': found '{spec.builder}', expected path/to/file.py:function.{script}")
    return Path(path).expanduser(), function, keywords


def _load(path: Path, model: str) -> UserFile:
    if not path.is_file():
        raise MenagerieError(
            f"Model '{model}': the Python file {path} does not exist, expected one.{near_file(path)} Correct the path."
        )
    declared = [source for file in local_modules(path) for source in declared_sources(file)]
    try:
        return UserFile(path, model, declared)
    except MenagerieError:
        raise
    except SystemExit as error:
        raise MenagerieError(
            f"Model '{model}': the Python file {path} ends Python when it is imported (SystemExit: {error}), as "
            "scripts do that read options of the command line; expected a file that defines a function. Put what runs "
            "the script under: if __name__ == '__main__'."
        ) from error
    except Exception as error:  # the code is the user's
        place = f"{error.filename}, line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        raise MenagerieError(
            f"Model '{model}': the Python file {path} cannot be run: {place}{type(error).__name__}: {error}; expected "
            "a file that Python imports. Run it with python to see where it fails."
        ) from error
