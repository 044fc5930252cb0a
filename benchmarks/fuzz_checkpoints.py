"""Damaged and hostile files of weights, by the thousand: the outcome is a value or a message.

Each input is a whole file of weights of one of nine kinds, changed at random: bytes, numbers in headers, entries of the
zip file, steps and names of the pickle inside. A child process with limits (memory, processor time) reads it under five
key mappings. What must not happen: a crash, another exception than MenagerieError, an import, a write, a process, a
connection, code that is compiled, more than two seconds or 512 MB.

    python benchmarks/fuzz_checkpoints.py --inputs 2000 --seed 0
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import pickletools
import random
import resource
import subprocess
import sys
import tempfile
import time
import types
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

ADDRESS_SPACE, SECONDS_A_FILE, BATCH = 512 << 20, 2.0, 100
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 32, (1 << 63) - 1, (1 << 64) - 1)
NAMES = [
    "os\nsystem",
    "builtins\neval",
    "builtins\ngetattr",
    "torch\nload",
    "torch\nFloatStorage",
    "torch.jit\nload",
    "torch._utils\n_rebuild_tensor_v2",
    "torch._utils\n_rebuild_tensor_v3",
    "torch._utils\n_rebuild_parameter",
    "torch._tensor\n_rebuild_from_type_v2",
    "torch.storage\n_load_from_bytes",
    "collections\nOrderedDict",
    "numpy\nndarray",
    "numpy\ndtype",
    "numpy.core.multiarray\n_reconstruct",
    "numpy._core.multiarray\nscalar",
    "_codecs\nencode",
]
OPCODES = [info.code.encode("latin1") for info in pickletools.opcodes]


def network() -> torch.nn.Module:
    """A module of classes that nobody can import, as YOLOv5 and Detectron2 pickle theirs."""
    for name in ("models", "models.yolo"):
        sys.modules.setdefault(name, types.ModuleType(name))
    kind = type("Model", (torch.nn.Sequential,), {"__module__": "models.yolo", "__qualname__": "Model"})
    sys.modules["models.yolo"].Model = kind
    return kind(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2))


def kinds() -> dict[str, tuple[str, bytes]]:
    """Kind -> ending and content of a whole file."""
    module = network()
    state = module.state_dict()
    arrays = {f"backbone.{key}": value.numpy() for key, value in state.items()}
    vissl = {
        "classy_state_dict": {"base_model": {"model": {"trunk": state}}},
        "lr": np.float64(0.1),
        "ids": [1, 2.5, "x"],
    }
    stream = io.BytesIO()
    np.savez(stream, **{f"resnet/root_block/{key}": value for key, value in arrays.items()})
    return {
        "zip": (".pth", saved({"state_dict": state})),
        "zip of objects": (".pt", saved({"model": module.half(), "epoch": -1})),
        "zip of vissl": (".torch", saved(vissl)),
        "older format": (".pth", saved({"state_dict": state}, old=True)),
        "older format of objects": (".pt", saved({"model": module, "epoch": -1}, old=True)),
        "pickle": (".pkl", pickle.dumps({"model": arrays, "__author__": "x"}, protocol=2)),
        "newer pickle": (".pkl", pickle.dumps({"model": arrays, "__author__": "x"}, protocol=5)),
        "npz": (".npz", stream.getvalue()),
        "safetensors": (".safetensors", save({key: value.contiguous() for key, value in state.items()})),
    }


def saved(value: object, *, old: bool = False) -> bytes:
    """What ``torch.save`` writes, in its zip format or the older one."""
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not old)
    return stream.getvalue()


def change_bytes(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """One change of bytes; headers and directories are hit as often as all the rest."""
    edited = bytearray(content) or bytearray(1)
    edge = min(len(edited), 600)
    place = rng.choice([rng.randrange(edge), len(edited) - 1 - rng.randrange(edge), rng.randrange(len(edited))])
    length = rng.choice([1, 2, 4, 8, 30, 200])
    action = rng.randrange(8)
    if action == 0:
        edited[place] ^= 1 << rng.randrange(8)
    elif action == 1:
        edited[place] = rng.randrange(256)
    elif action == 2:
        size = rng.choice([1, 2, 4, 8])
        number = rng.choice(NUMBERS) & ((1 << 8 * size) - 1)
        edited[place : place + size] = number.to_bytes(size, rng.choice(["little", "big"]))
    elif action == 3:
        del edited[place : place + length]
    elif action == 4:
        edited[place:place] = rng.randbytes(length)
    elif action == 5:
        edited[place:place] = edited[place : place + length]
    elif action == 6:
        del edited[place:]
    else:
        other = rng.choice(others)
        start = rng.randrange(len(other))
        edited[place:place] = other[start : start + length * 4]
    return bytes(edited)


def change_pickle(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """One change of a pickle's steps: removed, doubled, exchanged, another opcode, number, text or name."""
    try:
        steps = [place for _, _, place in pickletools.genops(content)]
    except Exception:  # it was changed before
        return change_bytes(content, rng, others)
    bounds = list(zip(steps, [*steps[1:], len(content)], strict=True))
    start, end = rng.choice(bounds)
    step, action = content[start:end], rng.randrange(7)
    if action == 0:
        new = b""
    elif action == 1:
        new = step * rng.choice([2, 3, 50])
    elif action == 2:
        other_start, other_end = rng.choice(bounds)
        new = content[other_start:other_end]
    elif action == 3:
        new = rng.choice(OPCODES) + step[1:]
    elif action == 4:
        new = step[:1] + rng.randbytes(max(len(step) - 1, 0))
    elif action == 5:
        number = rng.choice(NUMBERS) - rng.randrange(2)
        new = b"\x8a\x09" + number.to_bytes(9, "little", signed=True)
    else:
        new = b"c" + rng.choice(NAMES).encode() + b"\n" + rng.choice([b"", b")R", b")\x81", b"}b", b"N\x85R"])
    return content[:start] + new + content[end:]


def change_entry(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """One entry of a zip file changed inside and packed anew, so that the container stays sound."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # no zip file (any more)
        return change_pickle(content, rng, others)
    name = rng.choice(
        [rng.choice(list(entries)), next((n for n in entries if n.endswith("data.pkl")), next(iter(entries)))]
    )
    change = change_pickle if name.endswith("data.pkl") else change_bytes
    entries[name] = change(entries[name], rng, others)
    if rng.random() < 0.1:
        entries[rng.choice(["x/constants.pkl", "archive/code/x.py", "archive/data/999", "../x"])] = rng.randbytes(20)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.05 else zipfile.ZIP_STORED) as archive:
        for entry, inside in entries.items():
            archive.writestr(entry, inside)
    return stream.getvalue()


def inputs(numbers: range, seed: int) -> list[tuple[int, str, str, bytes]]:
    """Number, kind, ending and content of the inputs; the same for the same seed."""
    torch.manual_seed(0)
    files = kinds()
    whole = [content for _, content in files.values()]
    found = []
    for number in numbers:
        rng = random.Random(f"{seed} {number}")
        kind = list(files)[number % len(files)]
        ending, content = files[kind]
        for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
            changes: list[Callable] = (
                [change_bytes, change_entry, change_entry] if "zip" in kind else [change_bytes, change_pickle]
            )
            content = rng.choice(changes)(content, rng, whole)
        found.append((number, kind, ending, content))
    return found


def read(path: Path, mapping: str) -> str:
    """What comes of a file: "value" or "message"; any other exception passes."""
    from menagerie.errors import MenagerieError
    from menagerie.models.checkpoints.read import read_checkpoint
    from menagerie.models.mappings import OF_OBJECTS, map_keys

    try:
        state = map_keys(mapping, read_checkpoint(path, objects=mapping in OF_OBJECTS), "a test")
        return f"value of {sum(value.numel() for value in state.values())} numbers"[:5]
    except MenagerieError as error:
        str(error)
        return "message"


def watch(told: list[str]) -> None:
    """Note imports, writes, processes and connections from now on."""
    known = set(sys.modules)

    def hook(event: str, arguments: tuple) -> None:
        writes = event == "open" and (set(str(arguments[1] or "")) & set("wax+") or (arguments[2] or 0) & 0o3)
        imports = event == "import" and arguments[0] not in known
        begins = (
            "os.",
            "subprocess.",
            "socket.",
            "shutil.",
            "ctypes.",
            "pickle.",
            "marshal.",
            "exec",
            "compile",
            "code.",
        )
        harmless = ("os.listdir", "os.scandir", "os.fwalk", "os.walk")
        if writes or imports or (event.startswith(begins) and event not in harmless):
            told.append(f"{event} {arguments!r:.100}")

    sys.addaudithook(hook)


MAPPINGS = ("", "vissl", "yolov5", "detectron2", "bit")


def child(folder: Path) -> None:
    """Read the files of a folder and print a line a file: started under limits by the parent."""
    files = sorted(folder.iterdir())
    for ending, content in kinds().values():  # everything is imported before the watch begins
        (folder / f"whole{ending}").write_bytes(content)
        for mapping in MAPPINGS:
            with suppress(Exception):
                read(folder / f"whole{ending}", mapping)
        (folder / f"whole{ending}").unlink()
    with Path("/proc/self/statm").open() as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE, resource.RLIM_INFINITY))
    told: list[str] = []
    watch(told)
    for path in files:
        print(json.dumps({"begun": path.name}), flush=True)
        for mapping in MAPPINGS:
            start = time.process_time()
            try:
                outcome = read(path, mapping)
            except Exception as error:
                outcome = f"traceback: {type(error).__name__}: {error!s:.100}"
            seconds = time.process_time() - start
            if seconds > SECONDS_A_FILE:
                outcome = f"hang: {seconds:.1f} s"
            if told:
                outcome = f"act: {told[0]} and {len(told) - 1} others"
                told.clear()
            print(json.dumps({"file": path.name, "mapping": mapping, "outcome": outcome}), flush=True)


def run_batch(files: list[tuple[int, str, str, bytes]]) -> dict[str, list[str]]:
    """Outcomes of a batch by file name; a child that dies is started again behind the file that it died of."""
    outcomes: dict[str, list[str]] = {}
    names = {f"{number:06d}{ending}": content for number, _, ending, content in files}
    while names:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            for name, content in names.items():
                (folder / name).write_bytes(content)
            before = {path.name: path.read_bytes() for path in folder.iterdir()}
            command = [sys.executable, __file__, "--child", str(folder)]
            limit = int(60 + SECONDS_A_FILE * len(names))
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                cwd=folder,
                preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
            )
            lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            for line in lines:
                if "file" in line:
                    outcomes.setdefault(line["file"], []).append(line["outcome"])
            begun = [line["begun"] for line in lines if "begun" in line]
            if {path.name: path.read_bytes() for path in folder.iterdir()} != before:
                outcomes.setdefault(begun[-1] if begun else "?", []).append("act: files of the folder changed")
        if done.returncode == 0:
            return outcomes
        if not begun:
            raise RuntimeError(f"the child did not start: {done.stderr[-2000:]}")
        outcomes.setdefault(begun[-1], []).append(f"crash: exit code {done.returncode} {done.stderr[-200:]}")
        names = {name: content for name, content in names.items() if name > begun[-1]}
    return outcomes


def main() -> int:
    """Print the table of outcomes by kind; exit code 1 if anything happened that must not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for inputs that went wrong")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.child:
        child(given.child)
        return 0
    columns, table, wrong = ("value", "message", "traceback", "hang", "act", "crash"), {}, []
    for start in range(0, given.inputs, BATCH):
        batch = inputs(range(start, min(start + BATCH, given.inputs)), given.seed)
        outcomes = run_batch(batch)
        for number, kind, ending, content in batch:
            found = outcomes[f"{number:06d}{ending}"]
            table.setdefault(kind, Counter()).update(outcome.partition(":")[0] for outcome in found)
            bad = [outcome for outcome in found if outcome not in ("value", "message")]
            wrong += [f"{number} ({kind}): {outcome}" for outcome in bad]
            if bad and given.keep:
                given.keep.mkdir(parents=True, exist_ok=True)
                (given.keep / f"{number:06d}{ending}").write_bytes(content)
    print(f"{given.inputs} files, seed {given.seed}, each read under {len(MAPPINGS)} key mappings.\n")
    print("| kind | " + " | ".join(columns) + " |\n| --- |" + " --- |" * len(columns))
    for kind, counts in sorted(table.items()):
        print(f"| {kind} | " + " | ".join(str(counts[column]) for column in columns) + " |")
    total = sum(table.values(), Counter())
    print("| all | " + " | ".join(str(total[column]) for column in columns) + " |")
    print("".join(f"\n{line}" for line in wrong[:50]))
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
