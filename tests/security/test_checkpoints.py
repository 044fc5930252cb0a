"""Weights of every format that carry code: nothing of it runs, and the error says what the file is."""

import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from menagerie.errors import MenagerieError
from menagerie.models.build import build_model
from menagerie.models.checkpoints.read import read_checkpoint
from menagerie.models.mappings import OF_OBJECTS
from menagerie.models.registry import inline_spec
from menagerie.models.weights import fetch_weights
from menagerie.provenance.code import file_sha256

from . import attacks


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


@pytest.mark.parametrize("attack", attacks.ATTACKS)
def test_crafted_files_are_refused(tmp_path, attack):
    """Under every mapping of objects and without one: a message, nothing run, nothing written, no large memory."""
    sentinel, path = tmp_path / "the code of a file ran", tmp_path / "net.pt"
    attacks.ATTACKS[attack](path, sentinel)
    assert not sentinel.exists()
    for mapping in ("", *OF_OBJECTS):
        spec = replace(inline_spec("timm/test_resnet"), weights=f"file:{path}", mapping=mapping)
        with pytest.raises(MenagerieError, match=r"net\.pt") as caught:
            fetch_weights(spec, tmp_path / "out.safetensors")
        assert str(caught.value).isprintable()
        assert [found.name for found in tmp_path.iterdir()] == ["net.pt"]


def test_trust_does_not_reach_programs(tmp_path):
    """What torch would open all the same is still no program: its own loader for tensors only is asked."""
    sentinel, path = tmp_path / "the code of a file ran", tmp_path / "net.pt"
    for attack in ("two directories", "a TorchScript program", "a tar, then a zip", "two entries of one name"):
        attacks.ATTACKS[attack](path, sentinel)
        spec = replace(inline_spec("timm/test_resnet"), weights=f"file:{path}", trust=file_sha256(path))
        with pytest.raises(MenagerieError, match=r"net\.pt"):
            fetch_weights(spec, tmp_path / "out.safetensors")
        assert [found.name for found in tmp_path.iterdir()] == ["net.pt"]


def test_the_program_runs_where_nothing_holds_it(tmp_path):
    attacks.torchscript(tmp_path / "net.pt", tmp_path / "sentinel")
    torch.jit.load(tmp_path / "net.pt")
    assert (tmp_path / "sentinel").exists()


@pytest.mark.parametrize("name", ["net.pt", "net.pth"])
def test_torchscript_is_named_as_a_program(tmp_path, name):
    attacks.torchscript(tmp_path / name, tmp_path / "sentinel")
    spec = replace(inline_spec("timm/test_resnet"), weights=f"file:{tmp_path / name}")
    with pytest.raises(MenagerieError, match=rf"{name} was refused.*it is a TorchScript program"):
        fetch_weights(spec, tmp_path / "out.safetensors")


def test_checksums_that_torch_left_out_are_not_missed(tmp_path):
    """torch writes 0 for them where it is told to; a wrong one means damage."""
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"x": torch.arange(4.0)}, tmp_path / "net.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    assert torch.equal(read_checkpoint(tmp_path / "net.pth")["x"], torch.arange(4.0))
    torch.save({"x": torch.full((4,), 1.5)}, tmp_path / "net.pth")
    content = (tmp_path / "net.pth").read_bytes()
    (tmp_path / "net.pth").write_bytes(content.replace(torch.full((4,), 1.5).numpy().tobytes(), b"\1" * 16))
    with pytest.raises(MenagerieError, match="another checksum"):
        read_checkpoint(tmp_path / "net.pth")


def test_large_files_have_sizes_of_64_bits(tmp_path):
    """Entries beyond 4 GB have their place and size in extra fields, as torch writes them."""
    path = tmp_path / "net.pth"
    torch.save({"x": torch.arange(4.0)}, path)
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\1\2")  # the last entry of the directory
    n_name, n_extra = struct.unpack_from("<2H", content, place + 28)
    size, header = struct.unpack_from("<I", content, place + 24)[0], struct.unpack_from("<I", content, place + 42)[0]
    extra = struct.pack("<2H3Q", 1, 24, size, size, header)
    struct.pack_into("<2I", content, place + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<I", content, place + 42, 0xFFFFFFFF)
    struct.pack_into("<H", content, place + 30, n_extra + len(extra))
    behind = place + 46 + n_name + n_extra
    content[behind:behind] = extra
    end64, end = content.rindex(b"PK\6\6"), content.rindex(b"PK\5\6")
    for at, form in ((end64 + 40, "<Q"), (end + 12, "<I")):
        struct.pack_into(form, content, at, struct.unpack_from(form, content, at)[0] + len(extra))
    locator = content.rindex(b"PK\6\7")
    struct.pack_into("<Q", content, locator + 8, end64)
    path.write_bytes(content)
    assert torch.equal(torch.load(path)["x"], torch.arange(4.0))
    assert torch.equal(read_checkpoint(path)["x"], torch.arange(4.0))


def test_a_small_run_of_the_fuzzer(root):
    """2,000 inputs: benchmarks/fuzz_checkpoints.py."""
    environment = os.environ | {"PYTHONPATH": str(root / "workflow"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(root / "benchmarks/fuzz_checkpoints.py"), "--inputs", "63", "--seed", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    counts = done.stdout.strip().splitlines()[-1].strip("| ").split(" | ")
    assert counts[0] == "all" and sum(map(int, counts[1:])) == 63 * 5 and counts[3:] == ["0"] * 4


@pytest.mark.parametrize(
    "option", ["checkpoint_path='bomb.pth'", "pretrained=True", "pretrained_cfg={'file': 'bomb.pth'}"]
)
def test_builders_cannot_be_told_to_open_weights(tmp_path, bomb, option):
    spec = replace(inline_spec("timm/test_resnet:random"), builder=f"test_resnet({option})")
    with pytest.raises(MenagerieError, match=r"expected options of the architecture only.*column 'weights'"):
        build_model(spec)
