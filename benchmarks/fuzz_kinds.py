"""Kinds of input for ``fuzz_inputs.py``: whole files of each, and how each is changed at random."""

from __future__ import annotations

import io
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image
from scipy.io import savemat

ROOT = Path(__file__).parents[1]
IDS = [f"image{number:02d}" for number in range(8)]
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 32, (1 << 63) - 1, (1 << 64) - 1)
VALUES = [
    None, True, False, 0, -1, 1.5, 2.0, 1e308, 10**30, float("nan"), float("inf"), "", " ", "x", "~nosuchuser/x",
    "../..", "/dev/zero", "/dev/stdin", "a{x}b", "a\nb", "\x1b[2J", "\u202e", "\0", "é", "\ud83d\ude00", "$x$",
    "*" * 40, "a*b*c*d*e*f*g*h*i*j*k*l", "=1+1", "</script>", "x" * 5000, [], {}, [[]], {"": 1}, [1, "a"],
    {"a": {"b": []}}, ["x", "x"], "2024-01-01", "0x10", "1_000", "resnet18:random", "timm/resnet18",
    "file:/etc/hostname", "@",
]  # fmt: skip
SNIPPETS = [
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe9", b"\r", b"\t", b"'", b'"', b",", b";", b"\n\n", b"1e999", b"NaN",
    b"-inf", b"9" * 400, b"&a [*a]", b"<<: ", b"!!binary x", b"!!python/object:x.y {}", b"? [a]\n: b\n", b"- " * 60,
    b"{" * 80, b"on: 1\n", b"2024: 1\n", b"---\n", b"%YAML 9\n", b"x" * 140_000, b"\x1b]0;x\x07",
    b"=cmd|' /C calc'!A0", b"a: b: c",
]  # fmt: skip
WORDS = [
    "ncsnr", "task", "score", "model", "streams", "ventral", "nothing", ">", "<", "==", "!=", "<=", "in", "not in",
    "is", "and", "or", "not", "(", ")", "{", "}", "[", "]", "0", "1", "0.2", "-", "+", "~", "|", ":", "*", "/", "**",
    "^", "%", "1e999", "9" * 400, "'x'", '"', "f'{x}'", "lambda: 1", "__import__('os')", "C(task)",
    "C(score, Treatment('a'))", ",", ".", "x.y", "\n", "#", "\\", "é", "\0", "1j", "0x1F", "b'x'", "...", ":=", "@",
    "=", "None", "True", "(1 | model)", "(" * 90, "not " * 300, "a > " * 200,
]  # fmt: skip

Change = Callable[[bytes, random.Random], bytes]


def change_bytes(content: bytes, rng: random.Random) -> bytes:
    """One change of bytes; the beginning and the end are hit as often as all the rest."""
    edited = bytearray(content) or bytearray(1)
    edge = min(len(edited), 400)
    place = rng.choice([rng.randrange(edge), len(edited) - 1 - rng.randrange(edge), rng.randrange(len(edited))])
    length, action = rng.choice([1, 2, 4, 8, 30, 200]), rng.randrange(6)
    if action == 0:
        edited[place] ^= 1 << rng.randrange(8)
    elif action == 1:
        size = rng.choice([1, 2, 4, 8])
        number = rng.choice(NUMBERS) & ((1 << 8 * size) - 1)
        edited[place : place + size] = number.to_bytes(size, rng.choice(["little", "big"]))
    elif action == 2:
        del edited[place : place + length]
    elif action == 3:
        edited[place:place] = rng.randbytes(length)
    elif action == 4:
        edited[place:place] = edited[place : place + length]
    else:
        del edited[place:]
    return bytes(edited)


def change_text(content: bytes, rng: random.Random) -> bytes:
    """A piece of hostile text put somewhere, or a change of bytes."""
    if rng.random() < 0.3:
        return change_bytes(content, rng)
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(SNIPPETS) + content[place + rng.choice([0, 0, 1, 10]) :]


def change_yaml(content: bytes, rng: random.Random) -> bytes:
    """One value or key of a YAML or JSON file exchanged for a hostile one, or a change of its text."""
    if rng.random() < 0.25:
        return change_text(content, rng)
    try:
        values = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError):  # it was changed before
        return change_text(content, rng)
    places: list[tuple[dict | list, object]] = []

    def visit(value: object) -> None:
        if isinstance(value, dict | list):
            for key in list(value) if isinstance(value, dict) else range(len(value)):
                places.append((value, key))
                visit(value[key])

    visit(values)
    if not places:
        return change_text(content, rng)
    owner, key = rng.choice(places)
    action = rng.randrange(5)
    if action == 0:
        del owner[key]
    elif action == 1 and isinstance(owner, dict):
        strange = rng.choice(VALUES)
        owner[strange if not isinstance(strange, dict | list) else "x"] = owner.pop(key)
    elif action == 2:
        owner[key] = rng.choice(places)[0]
        try:
            return json.dumps(values, default=str).encode()
        except (ValueError, RecursionError):  # it holds itself
            owner[key] = 1
    else:
        owner[key] = rng.choice(VALUES)
    return yaml.safe_dump(values, allow_unicode=True).encode(errors="surrogatepass")


def change_words(content: bytes, rng: random.Random) -> bytes:
    """Words of an expression or formula put in, taken out or exchanged."""
    words = content.decode(errors="replace").split(" ")
    place = rng.randrange(len(words))
    action = rng.randrange(3)
    words[place : place + (action > 0)] = [] if action == 2 and len(words) > 1 else [rng.choice(WORDS)]
    return " ".join(words).encode()


def change_cells(content: bytes, rng: random.Random) -> bytes:
    """One cell, row or column of a table of text changed, or a change of its text."""
    if rng.random() < 0.3:
        return change_text(content, rng)
    separator = b"\t" if b"\t" in content else b","
    rows = [line.split(separator) for line in content.split(b"\n")]
    row = rng.randrange(len(rows))
    cell, action = rng.randrange(len(rows[row])), rng.randrange(6)
    if action == 0:
        del rows[row][cell]
    elif action == 1:
        rows.insert(row, rows[row])
    elif action == 2:
        del rows[row]
    elif action == 3:
        longest = max(2_000_000 // (1 + sum(map(len, rows[row]))), 2)
        rows[row] = rows[row] * min(rng.choice([2, 100, 20_000]), longest)
    else:
        rows[row][cell] = rng.choice([rng.choice(SNIPPETS), str(rng.choice(VALUES)).encode(errors="replace")])
    return b"\n".join(separator.join(cells) for cells in rows)


def change_names(content: bytes, rng: random.Random) -> bytes:
    """One file name of a list exchanged for a hostile one."""
    names = json.loads(content)
    strange = [str(value) for value in VALUES if value] + [
        "a\udce9.png",
        "A.PNG",
        "a.png.png",
        ".png",
        "-rf.png",
        "%s.png",
    ]
    names[rng.randrange(len(names))] = rng.choice(strange)[:100] + rng.choice(["", ".png", ".jpg"])
    return json.dumps(names).encode()


def _text_table(separator: str, first: str = "") -> bytes:
    lines = [separator.join([*([first] if first else []), "u0", "u1", "u2"])]
    for number, name in enumerate(IDS):
        lines.append(separator.join([*([name] if first else []), f"0.{number}1", f"{number}.5", f"-{number}.25"]))
    return "\n".join(lines).encode() + b"\n"


def _written(write: Callable[[Path], object], ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{ending}"
        write(path)
        return path.read_bytes()


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)).save(stream, kind)
    return stream.getvalue()


def _hdf5(path: Path, name: str, values: np.ndarray, **options: object) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=values, **options)
        file.attrs["note"] = "x"


def _parquet(path: Path) -> None:
    table = pa.table({"image": IDS, "u0": np.arange(8) * 0.37 % 1, "u1": np.arange(8) % 3 + 0.5})
    pq.write_table(table, path)


def _folds(first: str) -> bytes:
    rows = [f"{name},{'test' if number % 4 == 0 else 'train'},{number % 2}" for number, name in enumerate(IDS)]
    return "\n".join([f"{first},part,fold", *rows]).encode()


def kinds() -> dict[str, tuple[int, str, Sequence[tuple[str, bytes]], Sequence[Change]]]:
    """Kind -> weight, loader, whole files (ending and content), changes."""
    rng = np.random.default_rng(0)
    square = np.corrcoef(rng.normal(size=(8, 20)))
    config = [(ROOT / "config" / name).read_bytes() for name in ("config.yaml", "lab.yaml", "paper.yaml")]
    nifti = nib.Nifti1Image(rng.normal(size=(3, 3, 3)).astype(np.float32), np.diag([1.8, 1.8, 1.8, 1]))
    betas = rng.integers(-900, 900, (750, 2, 2, 2)).astype(np.int16)
    beta_nifti = nib.Nifti1Image(np.ascontiguousarray(betas.T), np.eye(4))
    table = (ROOT / "config" / "models.tsv").read_bytes()
    some_rows = b"\n".join(table.split(b"\n")[:12])
    mat = lambda path: savemat(path, {"rdm": square, "names": np.array(IDS, dtype=object), "s": {"a": 1.0}})  # noqa: E731
    rsm = [(".npy", _npy(square)), (".csv", _square(square)), (".mat", _written(mat, ".mat"))]
    lists = [(".txt", "\n".join(IDS).encode()), (".json", json.dumps(IDS).encode())]
    json_folds = json.dumps([{"train": IDS[2:], "test": IDS[:2]}]).encode()
    images = [(f".{kind}", _picture(kind)) for kind in ("png", "jpeg", "bmp", "gif", "tiff", "webp")]
    units = b"unit,region,layer\n" + b"\n".join(f"u{n},{'V4' if n else 'IT'},{n}".encode() for n in range(3))
    regions = b"ncsnr > 0.2 and streams in {ventral, lateral} or not streams == ventral"
    hdf5 = _written(lambda path: _hdf5(path, "x/rdm", square, chunks=(4, 4), compression="gzip"), ".h5")
    beta_hdf5 = _written(lambda path: _hdf5(path, "betas", betas), ".hdf5")
    return {
        "config": (12, "config", [(".yaml", content) for content in config], [change_yaml]),
        "experiments": (10, "experiments", [(".yaml", _shipped("experiments.yaml"))], [change_yaml]),
        "twin spec": (10, "twin", [(".yaml", _shipped("nsd_twin.yaml"))], [change_yaml]),
        "model table": (8, "registry", [(".tsv", some_rows)], [change_cells]),
        "region expression": (10, "expression", [(".txt", regions), (".txt", b"ncsnr > 0.2")], [change_words]),
        "formula": (8, "formula", [(".txt", b"score ~ task + model"), (".txt", b"score ~ task")], [change_words]),
        "npy": (8, "responses", [(".npy", _npy(rng.normal(size=(8, 3))))], [change_bytes]),
        "csv": (8, "responses", [(".csv", _text_table(",")), (".csv", _text_table(";", "image"))], [change_cells]),
        "parquet": (6, "responses", [(".parquet", _written(_parquet, ".parquet"))], [change_bytes]),
        "units": (5, "units", [(".csv", units)], [change_cells]),
        "split list": (5, "ids", lists, [change_yaml, change_text]),
        "split table": (5, "folds", [(".csv", _folds("image")), (".json", json_folds)], [change_cells, change_text]),
        "image": (8, "image", images, [change_bytes]),
        "file names": (5, "names", [(".json", json.dumps([f"{name}.png" for name in IDS]).encode())], [change_names]),
        "NIfTI volume": (5, "volume", [(".nii", nifti.to_bytes())], [change_bytes]),
        "NIfTI betas": (4, "betas", [(".nii", beta_nifti.to_bytes())], [change_bytes]),
        "HDF5 betas": (4, "betas", [(".hdf5", beta_hdf5)], [change_bytes]),
        "HDF5": (2, "hdf5", [(".h5", hdf5)], [change_bytes]),
        "mat": (2, "mat", [(".mat", _written(mat, ".mat"))], [change_bytes]),
        "RSM": (4, "rsm", rsm, [change_bytes]),
    }


def _shipped(name: str) -> bytes:
    return (ROOT / "config" / name).read_bytes()


def _square(values: np.ndarray) -> bytes:
    lines = [",".join(["", *IDS]), *(",".join([name, *map(str, row)]) for name, row in zip(IDS, values, strict=True))]
    return "\n".join(lines).encode()


def inputs(numbers: range, seed: int) -> list[tuple[int, str, str, str, bytes]]:
    """Number, kind, loader, ending and content of the inputs; the same for the same seed."""
    known = kinds()
    weights = [weight for weight, *_ in known.values()]
    found = []
    for number in numbers:
        rng = random.Random(f"{seed} {number}")
        kind = rng.choices(list(known), weights)[0]
        _, loader, files, changes = known[kind]
        ending, content = rng.choice(files)
        for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
            content = rng.choice(changes)(content, rng)[: 4 << 20]
        found.append((number, kind, loader, ending, content))
    return found
