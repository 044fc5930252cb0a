"""Files of weights."""

import io
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from menagerie.models.build import build_model
from menagerie.models.registry import inline_spec
from menagerie.models.weights import fetch_weights

from .case import Case


def fetch(name: str, content: bytes = b"", **changes: object):
    """Fetch weights for a small network from a file of this content."""

    def act(folder: Path):
        if content:
            (folder / name).write_bytes(content)
        weights = {"weights": f"file:{folder / name}"}
        spec = replace(inline_spec("timm/test_resnet"), id="net", **(weights | changes))
        fetch_weights(spec, folder / "out.safetensors")

    return act


def saved(state: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def other_network(folder: Path):
    save_file({"fc.weight": torch.zeros(2, 2)}, folder / "net.safetensors")
    fetch("net.safetensors")(folder)


def no_weights(folder: Path):
    build_model(inline_spec("timm/test_resnet"), folder / "net.safetensors")


PAGE = b"<!DOCTYPE html><title>Please log in</title>"
OBJECTS = io.BytesIO()
np.savez(OBJECTS, x=np.array([{}], dtype=object))
CASES = [
    Case(
        "a file that is not there",
        fetch("net.pth"),
        "Model 'net'",
        "net.pth does not exist",
        "a file of weights",
        "Correct the path",
    ),
    Case(
        "half a download",
        fetch("net.pth", saved({"x": torch.zeros(99)})[:300]),
        "net.pth",
        "found: ",
        "expected a whole file of weights",
        "Download it again",
    ),
    Case(
        "safetensors with a header that is too large",
        fetch("net.safetensors", struct.pack("<Q", 2**62) + b"{"),
        "net.safetensors",
        "found: ",
        "a whole safetensors file",
        "Download it again",
    ),
    Case(
        "a pickle with a class of its own",
        fetch("net.pth", saved({"model": inline_spec("timm/x")})),
        "net.pth",
        "objects that would run code",
        "a plain file of tensors",
        "Ask its authors",
    ),
    Case(
        "npz with objects",
        fetch("net.npz", OBJECTS.getvalue()),
        "net.npz",
        "objects that would run code",
        "a plain file of tensors",
        "Ask its authors",
    ),
    Case(
        "a login page",
        fetch("net.pth", PAGE),
        "net.pth",
        "a web page",
        "instead of a file of weights",
        "Open the address",
    ),
    Case(
        "another SHA-256",
        fetch("net.pth", b"other bytes", sha256="0" * 64),
        "net.pth",
        "has SHA-256",
        "the model table says 0000",
        "change the expected value",
    ),
    Case(
        "weights of another network",
        other_network,
        "net.safetensors",
        "missing keys",
        "does not fit timm/test_resnet",
        "Choose the builder",
    ),
    Case(
        "no dictionary of tensors",
        fetch("net.pth", saved([torch.zeros(1)])),
        "net.pth",
        "list",
        "a dictionary of tensors was expected",
        "column 'mapping'",
    ),
    Case(
        "more than tensors",
        fetch("net.pth", saved({"epoch": 3, "x": torch.zeros(1)})),
        "net.pth",
        "(epoch)",
        "more than tensors",
        "needs a key mapping",
    ),
    Case(
        "a key mapping misspelt",
        fetch("net.pth", saved({"x": torch.zeros(1)}), mapping="visl"),
        "column 'mapping'",
        "'visl'",
        "Known:",
        "Did you mean 'vissl'",
    ),
    Case(
        "a package that is not installed",
        fetch("", weights="package:no-such-package"),
        "Model 'net'",
        "not installed",
        "'no-such-package'",
        "Install it",
    ),
    Case(
        "converted weights removed",
        no_weights,
        "net.safetensors",
        "do not exist",
        "the weights",
        "Run the rule that fetches weights",
    ),
]
