"""Weights of every format that carry code: nothing of it runs, and the error says what the file is."""

import io
import pickle
import struct
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from menagerie.errors import MenagerieError
from menagerie.models.build import build_model
from menagerie.models.mappings import OF_OBJECTS
from menagerie.models.registry import inline_spec
from menagerie.models.weights import fetch_weights


def zip_pickle(path, bomb):
    torch.save({"state_dict": {"x": torch.zeros(1)}, "model": bomb}, path)


def legacy_pickle(path, bomb):
    torch.save({"model": bomb}, path, _use_new_zipfile_serialization=False)


def plain_pickle(path, bomb):
    path.write_bytes(pickle.dumps({"model": bomb}, protocol=2))


def tar(path, bomb):
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            content = pickle.dumps(bomb, protocol=2)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def torchscript(path, bomb):
    class Writer(torch.nn.Module):
        def forward(self, x):
            return x

    torch.jit.save(torch.jit.script(Writer()), path)


def object_arrays(path, bomb):
    with path.open("wb") as file:
        np.savez(file, weight=np.array([bomb], dtype=object))


def huge_header(path, bomb):
    path.write_bytes(struct.pack("<Q", 2**62) + b"{")


def header_beyond_the_file(path, bomb):
    header = b'{"x":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)


FORMATS = {
    "zip.pth": (zip_pickle, "was refused"),
    "legacy.pth": (legacy_pickle, "was refused"),
    "plain.pt": (plain_pickle, "was refused"),
    "plain.pkl": (plain_pickle, "was refused"),
    "old.pth.tar": (tar, "was refused"),
    "program.pt": (torchscript, "was refused"),
    "arrays.npz": (object_arrays, "was refused"),
    "huge.safetensors": (huge_header, "cannot be read"),
    "short.safetensors": (header_beyond_the_file, "cannot be read"),
}


def test_the_bomb_goes_off_where_nothing_holds_it(bomb, bomb_bytes):
    pickle.loads(bomb_bytes)
    bomb.sentinel.rmdir()


@pytest.mark.parametrize("name", FORMATS)
def test_code_in_weights_does_not_run(tmp_path, bomb, name):
    write, message = FORMATS[name]
    write(tmp_path / name, bomb)
    spec = replace(inline_spec("timm/test_resnet"), weights=f"file:{tmp_path / name}")
    with pytest.raises(MenagerieError, match=message) as caught:
        fetch_weights(spec, tmp_path / "out.safetensors")
    assert name in str(caught.value)
    assert not list(tmp_path.glob("out.*"))


@pytest.mark.parametrize("name", [name for name in FORMATS if "safetensors" not in name and "npz" not in name])
@pytest.mark.parametrize("mapping", OF_OBJECTS)
def test_nor_where_objects_are_expected(tmp_path, bomb, name, mapping):
    """Files of these families hold objects: they become empty husks, or the file is refused."""
    write, _ = FORMATS[name]
    write(tmp_path / name, bomb)
    spec = replace(inline_spec("timm/test_resnet"), weights=f"file:{tmp_path / name}", mapping=mapping)
    with pytest.raises(MenagerieError, match=name):
        fetch_weights(spec, tmp_path / "out.safetensors")
    assert not list(tmp_path.glob("out.*"))


@pytest.mark.parametrize(
    "option", ["checkpoint_path='bomb.pth'", "pretrained=True", "pretrained_cfg={'file': 'bomb.pth'}"]
)
def test_builders_cannot_be_told_to_open_weights(tmp_path, bomb, option):
    spec = replace(inline_spec("timm/test_resnet:random"), builder=f"test_resnet({option})")
    with pytest.raises(MenagerieError, match=r"expected options of the architecture only.*column 'weights'"):
        build_model(spec)
