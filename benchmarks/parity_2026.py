"""Layers of today's networks against plain hooks in double precision: what is scored is right, what is not is named.

    PYTHONPATH=workflow python benchmarks/parity_2026.py NAMES [--out FOLDER] [--only WORD ...] [--most-layers 100]

NAMES is a table of packages and names (networks_2026.py builds them, untrained, without a download). Each network sees
eight images; its layers' dissimilarities and Gram matrices come from ``extract_geometry`` in float32, and from hooks on
the same network in float64, from their definitions. Writes parity_2026.md and parity_2026.tsv, network by network, so
that a run can be stopped.
"""

from __future__ import annotations

import argparse
import csv
import gc
import re
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from networks_2026 import build
from torch import nn

from menagerie.brain.folds import train_mask
from menagerie.features.evaluation import plain_evaluation
from menagerie.features.extract import extract_geometry
from menagerie.features.projection import SparseProjection
from menagerie.features.take_inventory import take_inventory
from menagerie.files.geometry import OK, LayerGeometry
from menagerie.files.inventory import LayerInfo

N_IMAGES, N_PROJECTIONS = 8, 128
GROUP = 20_000_000
"""Features of the layers that are held in double precision at a time."""
RESOLUTION = 1e-4
"""Share of a number that a network's operations in single precision may lose."""

COLUMNS = ("network", "seconds", "layers", "others", "compared", "ok", "rdm", "gram", "noise", "statuses")


@dataclass(frozen=True)
class Off:
    """How far a layer is off, in proportion to the largest entry; ``status`` says whether it would be scored."""

    layer: str
    status: str
    rdm: float
    gram: float
    noise: float


def images(side: int) -> torch.Tensor:
    """Eight images of noise, mostly of low frequency, ``(8, 3, side, side)``."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.randn(N_IMAGES, 3, 7, 7, generator=generator)
    fine = torch.randn(N_IMAGES, 3, side, side, generator=generator)
    return nn.functional.interpolate(coarse, size=(side, side), mode="bicubic") + 0.3 * fine


def by_plain_hooks(model: nn.Module, batch: torch.Tensor, layers: Sequence[LayerInfo]) -> dict[str, np.ndarray]:
    """Features in float64 ``(n, p)`` by a hook on each module and nothing else of this package's hooks.

    Layers that no module returns (attention maps and projections inside PyTorch's attention) are left out.
    """
    paths = {path or "output": module for path, module in model.named_modules()}
    found: dict[str, np.ndarray] = {}
    fired: Counter[str] = Counter()

    def hook_of(path: str):
        def hook(_, __, output):
            fired[path] += 1
            for info in by_path[path]:
                number, keys = re.fullmatch(r"(?:#(\d+))?((?:\[[^\]]*\])*)", info.layer[len(path) :]).groups()
                if fired[path] == int(number or 1) and info.layer not in found:
                    found[info.layer] = rows(part(output, re.findall(r"\[([^\]]*)\]", keys)), info)

        return hook

    by_path: dict[str, list[LayerInfo]] = {}
    for info in layers:
        path = max((p for p in paths if re.fullmatch(re.escape(p) + r"(#\d+)?(\[[^\]]*\])*", info.layer)), key=len)
        if not re.search(r"\[(attention|in_proj)", info.layer):
            by_path.setdefault(path, []).append(info)
    handles = [paths[path].register_forward_hook(hook_of(path)) for path in by_path]
    with plain_evaluation(model):
        model(batch)
    for handle in handles:
        handle.remove()
    return found


def part(output: object, keys: Sequence[str]) -> torch.Tensor:
    """The tensor at these keys of an output."""
    for key in keys:
        if isinstance(output, dict):
            output = output[key]
        else:
            output = output[int(key)] if key.isdigit() else getattr(output, key)
    return output


def rows(output: torch.Tensor, info: LayerInfo) -> np.ndarray:
    """Image by image, float64 ``(n, p)``, by cutting the axis of the images into ``outer``, image and ``run``."""
    values = output.detach().double().numpy()
    outer = values.shape[info.axis] // (N_IMAGES * info.run)
    cut = values.reshape(*values.shape[: info.axis], outer, N_IMAGES, info.run, *values.shape[info.axis + 1 :])
    return np.moveaxis(cut, info.axis + 1, 0).reshape(N_IMAGES, -1).copy()


def definition(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dissimilarities and Gram matrix of the standardised SRP, in float64.

    Columns whose SD over the training images is less than single precision resolves of their values have weight 0:
    attention that is all but certain in a training half of four images makes standard scores of 1e22.
    """
    patterns = features - features.mean(axis=1, keepdims=True)
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    rdm = ((patterns[:, None] - patterns[None]) ** 2).sum(axis=2) / 2
    train = train_mask(N_IMAGES)
    matrix = SparseProjection(features.shape[1], N_PROJECTIONS).matrix().astype(np.float64)
    srp = (matrix @ (features - features[0]).T).T
    sd = srp[train].std(axis=0)
    srp = (srp - srp[train].mean(axis=0)) / np.where(sd > RESOLUTION * np.abs(srp).max(axis=0), sd, np.inf)
    return rdm, srp @ srp.T


def off(found: np.ndarray, exact: np.ndarray) -> float:
    """Largest error in proportion to the largest entry."""
    return float(np.abs(found - exact).max() / np.abs(exact).max())


def compare(package: str, name: str, most_layers: int) -> tuple[list[Off], Counter, int]:
    """Every compared layer of a network, the reasons of its other tensors, and the number of its layers."""
    model, side = build(package, name)
    inventory = take_inventory(model, (3, side, side))
    layers = inventory.layers[:: -(-len(inventory.layers) // most_layers)]
    exact_model = build(package, name)[0].double()
    batch = images(side)
    geometries = extract_geometry(model, batch, layers, n_projections=N_PROJECTIONS, batch_size=3)
    found = []
    for group in groups(layers):
        exact = by_plain_hooks(exact_model, batch.double(), group)
        for _ in group:
            layer, geometry = next(geometries)
            if layer in exact:
                found.append(_off(geometry, exact.pop(layer)))
    reasons = Counter(tensor.kind for tensor in inventory.skipped if not tensor.repeats)
    return found, reasons, len(inventory.layers)


def _off(geometry: LayerGeometry, features: np.ndarray) -> Off:
    if geometry.status != OK:
        return Off(geometry.layer, geometry.status, np.nan, np.nan, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        rdm, gram = definition(features)
    errors = off(1 - geometry.rsm(), rdm), off(geometry.gram(), gram)
    return Off(geometry.layer, OK, *errors, max(geometry.rounding.values()))


def groups(layers: Sequence[LayerInfo]) -> Iterator[list[LayerInfo]]:
    """Layers in order, so many at a time that their features fit into memory."""
    group: list[LayerInfo] = []
    for info in layers:
        if group and sum(one.n_features for one in group) + info.n_features > GROUP:
            yield group
            group = []
        group.append(info)
    yield group


def row_of(package: str, name: str, most_layers: int) -> dict[str, object]:
    """A network's row of the table."""
    start = time.process_time()
    try:
        found, reasons, n_layers = compare(package, name, most_layers)
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        return dict.fromkeys(COLUMNS, "") | {"network": f"{package}/{name}", "statuses": reason}
    scored = [one for one in found if one.status == OK]
    statuses = Counter(one.status.partition(":")[0] for one in found if one.status != OK)
    return {
        "network": f"{package}/{name}",
        "seconds": round(time.process_time() - start),
        "layers": n_layers,
        "others": ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()),
        "compared": len(found),
        "ok": len(scored),
        **{what: f"{max((getattr(one, what) for one in scored), default=0):.1e}" for what in ("rdm", "gram", "noise")},
        "statuses": ", ".join(f"{count} {status}" for status, count in statuses.most_common()),
    }


def main() -> None:
    """Compare every network of the table that no earlier run of the same folder has compared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", default=[""], help="networks whose names hold one of these"
    )
    parser.add_argument("--most-layers", type=int, default=100, help="layers of a network, spread over its depth")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "parity_2026.tsv"
    done = list(csv.DictReader(path.open(newline=""), delimiter="\t")) if path.is_file() else []
    lines = [line.split("\t") for line in given.names.read_text().splitlines() if line and not line.startswith("#")]
    for package, name in lines:
        network = f"{package}/{name}"
        if any(row["network"] == network for row in done) or not any(word in network for word in given.only):
            continue
        done.append(row_of(package, name, given.most_layers))
        print(*done[-1].values(), sep="  ", flush=True)
        gc.collect()
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
            table.writeheader()
            table.writerows(done)
    cells = [[str(row[column]) for column in COLUMNS] for row in done]
    text = "\n".join("| " + " | ".join(row) + " |" for row in [COLUMNS, ["---"] * len(COLUMNS), *cells])
    (given.out / "parity_2026.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
