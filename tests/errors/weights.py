"""Files of weights."""

import http.server
import io
import json
import struct
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from menagerie.errors import MenagerieError
from menagerie.files.download import Patience
from menagerie.models.build import build_model, build_module
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


NET = build_module(inline_spec("timm/test_resnet:random")).state_dict()
VIT = build_module(inline_spec("timm/test_vit:random")).state_dict()
del VIT["pos_embed"]


def other_network(folder: Path):
    save_file({"fc.weight": torch.zeros(2, 2)}, folder / "net.safetensors")
    fetch("net.safetensors")(folder)


def damaged(content: bytes, place: int) -> bytes:
    """With another byte at a place."""
    edited = bytearray(content)
    edited[place] ^= 1
    return bytes(edited)


def zipped(*names: str) -> bytes:
    """A zip file of empty entries; its bytes are the same each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(f"net/{name}"), b"")
    return buffer.getvalue()


def mirror(*places: str, weights: str, changes: dict | None = None):
    """Weights from a mirror folder that holds these files; nothing answers at the address."""

    def act(folder: Path):
        for place in places:
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(place.encode())
        spec = replace(inline_spec("timm/test_resnet"), id="net", weights=weights, **(changes or {}))
        fetch_weights(spec, folder / "out.safetensors", mirror=folder, patience=Patience(1, 0, 1))

    return act


def replaced_download(folder: Path):
    """The note of an earlier run has another sum than the file that comes now."""
    content = b"other bytes"

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"url:http://127.0.0.1:{server.server_port}/net.pth"
        (folder / "out.json").write_text(json.dumps({"source": source, "source_sha256": "0" * 64}))
        try:
            fetch("", weights=source)(folder)
        except MenagerieError as error:  # the port is another one each time
            raise MenagerieError(str(error).replace(f":{server.server_port}", ":0")) from None
        finally:
            server.shutdown()


def twin_index(folder: Path):
    (folder / "net.safetensors.index.json").write_text('{"weight_map": {"fc.weight": "../other.safetensors"}}')
    fetch("net.safetensors.index.json")(folder)


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
        "is a web page",
        "expected a file of weights",
        "Open it in a browser",
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
        "one byte of a download changed",
        fetch("net.pth", damaged(saved({"x": torch.zeros(99)}), 900)),
        "net.pth",
        "another checksum",
        "expected a whole file of weights",
        "Download it again",
    ),
    Case(
        "a TorchScript program",
        fetch("net.pt", zipped("data.pkl", "code/__torch__/net.py", "constants.pkl")),
        "net.pt",
        "it is a TorchScript program",
        "expected a plain file of tensors",
        "Ask its authors",
    ),
    Case(
        "a layout that is not read safely",
        fetch("net.pth", zipped("weights.bin")),
        "net.pth",
        "a zip file that torch.save did not write",
        "expected tensors as torch.save lays them out",
        "column 'trust' of the model table",
    ),
    Case(
        "trust in another file",
        fetch("net.pth", b"other bytes", trust="0" * 64),
        "net.pth",
        "has SHA-256",
        "trusts 0000",
        "look where it comes from",
    ),
    Case(
        "an index of files in other folders",
        twin_index,
        "net.safetensors.index.json",
        "../other.safetensors",
        "expected names of .safetensors files in the same folder",
        "Download it again",
    ),
    Case(
        "a name that no hub has",
        mirror(weights="hub:owner/a b"),
        "hub:owner/a b",
        "'hub:owner/a b'",
        "expected hub:owner/repository",
        "Correct column 'weights'",
    ),
    Case(
        "an address that is none",
        mirror(weights="url:file:///etc/passwd"),
        "file:///etc/passwd",
        "file:///etc/passwd",
        "http:// or https://",
        "Correct the address",
    ),
    Case(
        "a server that does not answer",
        mirror("net.pth", weights="url:http://127.0.0.1:9/net.pth"),
        "http://127.0.0.1:9/net.pth",
        "Connection refused",
        "as 127.0.0.1/net.pth (mine/net.pth has only the last name in common",
        "Check the address and the network",
    ),
    Case(
        "two copies in the mirror folder",
        mirror("h.org/a/net.pth", "a/net.pth", weights="url:https://h.org/a/net.pth"),
        "url:https://h.org/a/net.pth",
        "mine/h.org/a/net.pth and mine/a/net.pth",
        "expected one file",
        "Remove the wrong one",
    ),
    Case(
        "a download that was replaced",
        replaced_download,
        "url:http://127.0.0.1",
        "has SHA-256",
        "had 0000",
        "write its SHA-256 into column 'sha256'",
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
        "positions of another image size",
        fetch("net.pth", saved({"pos_embed": torch.zeros(1, 37, 64)} | VIT), builder="test_vit"),
        "net.pth",
        "(1, 37, 64)",
        "expected (1, 101, 64)",
        "name the size",
    ),
    Case(
        "two networks in one file",
        fetch("net.pth", saved({f"{side}.{key}": value for side in ("left", "right") for key, value in NET.items()})),
        "net.pth",
        "behind left., right.",
        "expected it once",
        "Save the one",
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
