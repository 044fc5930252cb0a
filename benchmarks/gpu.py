"""A CUDA card proven by one command: parity with double precision on the host, memory that runs out, speed.

    python benchmarks/gpu.py [--out FOLDER] [--device cpu --quick] [--only WORD ...]

Needs torch, timm, numpy, scipy and h5py, nothing else of this project's environment, and no network. Prints gpu.md,
and writes it and gpu.json. Ends with status 1 where scores differ from the reference by more than 1e-4. Times are
wall-clock, the median of some repeats. ``--quick --device cpu`` runs every part at a small size on any machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

import gpu_parity as parity
import gpu_times as times

TOLERANCE = 1e-4
"""An order of magnitude above what rounding in the forward pass did to any network tried (docs/benchmarks.md)."""
GIB = 2**30
QUICK = ("resnet18", "deit_tiny_patch16_224")
Rows = list[dict[str, object]]


def sections(device: str, quick: bool) -> dict[str, Callable[[dict[str, Rows]], Iterable[dict[str, object]]]]:
    """Title -> rows of its table, given the tables before it."""
    array = np.asarray if device == "cpu" else partial(torch.asarray, device=device)
    networks = QUICK if quick else parity.NETWORKS
    timed = QUICK[:1] if quick else ("resnet50", "vit_base_patch16_224")
    size, n_images, n_host, gib = (512, 12, 4, 2) if quick else (8192, 1000, 8, 64)
    sizes, units = ((100,), 200) if quick else ((1000, 5000), 5600)
    return {
        "The device": lambda _: [times.rates(device, size)],
        "Parity with double precision": lambda _: parity.parity(device, array, networks, *((24, 3) if quick else ())),
        "Linking": lambda done: times.linking(device, array, sizes, units, done["The device"][0]["float32 TFLOP/s"]),
        "Extraction": lambda _: times.extraction(device, timed, n_images, n_host, gib * GIB, 4 if quick else 128),
        "Number format of the forward pass": lambda _: parity.precisions(
            device, networks[:1] if quick else networks[:3], 8 if quick else 96
        ),
        "Memory that runs out": lambda _: parity.out_of_memory(device) if device == "cuda" else [],
        "The survey in hours": lambda done: times.survey(device, done["Extraction"], done["Linking"], 64),
    }


def chosen(titles: list[str], words: list[str] | None) -> set[str]:
    """Titles that hold one of the words, and those whose figures they rest on; all without words."""
    found = {title for title in titles if not words or any(word.lower() in title.lower() for word in words)}
    if "The survey in hours" in found:
        found |= {"Extraction", "Linking"}
    return found | ({"The device"} if "Linking" in found else set())


def table(rows: Rows) -> str:
    """A Markdown table."""
    if not rows:
        return "Needs a CUDA card.\n"
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in rows:
        cells = [row.get(name, "") for name in names]
        lines.append("| " + " | ".join(f"{x:.3g}" if isinstance(x, float) else str(x) for x in cells) + " |")
    return "\n".join(lines) + "\n"


def machine(device: str) -> str:
    """What this ran on."""
    name = torch.cuda.get_device_name(0) if device == "cuda" else platform.processor() or platform.machine()
    return f"{name}; torch {torch.__version__}, timm {parity.timm.__version__}, Python {platform.python_version()}"


def main() -> int:
    """Run all sections, print and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="every part, at a size that any machine can run")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="sections whose titles hold one of these words")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no CUDA card on this machine; --device cpu --quick runs the same parts without one")
    warnings.filterwarnings("ignore", message="Sparse ")
    done: dict[str, Rows] = {}
    text = [f"# {machine(given.device)}\n"]
    given.out.mkdir(parents=True, exist_ok=True)
    content = sections(given.device, given.quick)
    wanted = chosen(list(content), given.only)
    for title, section in content.items():
        if title not in wanted:
            continue
        start = time.perf_counter()
        done[title] = []
        for row in section(done):
            print(f"{title}: {row}", file=sys.stderr, flush=True)  # an interrupted run shows what it has
            done[title].append(row)
        text.append(f"## {title}\n\n{table(done[title])}")
        print(f"{text[-1]}\n({time.perf_counter() - start:.0f} s)\n", flush=True)
        (given.out / "gpu.md").write_text("\n".join(text), encoding="utf-8")
        found = {"machine": machine(given.device), **done}
        (given.out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    errors = [row[parity.DECIDING] for row in done.get("Parity with double precision", [])]
    if errors and not max(errors) <= TOLERANCE:
        print(f"scores differ from double precision by up to {max(errors):.1e}; {TOLERANCE:.0e} was expected")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
