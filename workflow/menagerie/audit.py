"""Check the model table against the networks that today's packages build.

    python -m menagerie.audit                        # every model builds, parameters as in the table (minutes)
    python -m menagerie.audit --layers 'resnet*'     # layers too; runs the networks on noise (all: an hour or so)

Trained networks are built without their weights, for the first check on torch's meta device, which needs no memory.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from menagerie.errors import MenagerieError
from menagerie.features.inventory import list_layers
from menagerie.models.build import build_module, model_transform
from menagerie.models.registry import ModelSpec, read_registry, select_models
from menagerie.storage import atomic

PACKAGES = ("timm", "torchvision", "open_clip_torch", "transformers")
COLUMNS = (
    "id",
    "parameters",
    "expected_parameters",
    "running_parameters",
    "published_parameters",
    "layers",
    "expected_layers",
    "second_half",
    "features",
    "verdict",
)


def audit_model(spec: ModelSpec, *, layers: bool, cache: Path | None = None) -> dict[str, Any]:
    """Facts about the network: parameters, running_parameters and, if asked for, layers, second_half, features.

    ``running_parameters`` counts as the published tables do: weight and bias of every module, once for every time that
    it runs. Facts are kept in ``cache`` under builder, input size and package versions.
    """
    size = model_transform(spec, "paper").input_size
    trained_input = spec.training == "trained" and spec.builder.startswith(("googlenet", "inception"))
    key = json.dumps([spec.provider, spec.builder, size, trained_input, layers, [version(name) for name in PACKAGES]])
    kept = cache / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json" if cache else None
    if kept and kept.is_file():
        return json.loads(kept.read_text())
    facts = _measure(spec, size, layers)
    if kept:
        with atomic(kept) as temporary:
            temporary.write_text(json.dumps(facts))
    return facts


def _measure(spec: ModelSpec, size: int, layers: bool) -> dict[str, Any]:
    module = skeleton(spec)
    facts: dict[str, Any] = {
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "running_parameters": running_parameters(module, size),
    }
    if layers:
        found = list_layers(build_module(spec), (3, size, size))
        facts |= {
            "layers": len(found),
            "second_half": len(found) - len(found) // 2,
            "features": sum(layer.n_features for layer in found),
        }
    return facts


def skeleton(spec: ModelSpec) -> nn.Module:
    """The network on torch's meta device; on the CPU where building it needs values (torchvision's RegNets)."""
    try:
        with torch.device("meta"):
            return build_module(spec)
    except (NotImplementedError, RuntimeError):
        return build_module(spec)


def running_parameters(module: nn.Module, size: int) -> int | None:
    """Weights and biases of the modules that run on one image of ``size`` pixels, each counted as often as it runs.

    The module may be on the meta device; None where its forward pass needs values.
    """
    total = 0

    def count(part: nn.Module, _inputs: Any, _output: Any) -> None:
        nonlocal total
        for name in ("weight", "bias"):
            value = getattr(part, name, None)
            total += value.numel() if isinstance(value, torch.Tensor) else 0

    # A part with several names (CoaT shares its position codes) counts under each, as in the published tables.
    handles = [part.register_forward_hook(count) for _, part in module.named_modules(remove_duplicate=False)]
    device = next(module.parameters()).device
    try:
        with torch.no_grad():
            module(torch.zeros(1, 3, size, size, device=device))
    except (RuntimeError, NotImplementedError):
        return None
    finally:
        for handle in handles:
            handle.remove()
    return total


def audit(
    specs: Iterable[ModelSpec], expected_layers: dict[str, int], *, layers: bool, cache: Path | None = None
) -> list[dict]:
    """One row per model with what was found, what was expected, and a verdict (``ok`` or what differs)."""
    rows = []
    for spec in specs:
        row: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {
            "id": spec.id,
            "expected_parameters": spec.metadata["parameters"],
            "published_parameters": spec.metadata["published_parameters"],
            "expected_layers": expected_layers.get(spec.metadata["published_id"], ""),
        }
        try:
            row |= audit_model(spec, layers=layers, cache=cache)
            row["verdict"] = _verdict(row)
        except MenagerieError as error:
            row["verdict"] = f"does not build: {error}"
        rows.append(row)
        print(f"{spec.id}: {row['verdict']}", file=sys.stderr, flush=True)
    return rows


def _verdict(row: dict[str, Any]) -> str:
    pairs = (
        ("parameters", "expected_parameters"),
        ("running_parameters", "published_parameters"),
        ("layers", "expected_layers"),
    )
    wrong = [
        f"{found} {row[found]}, {expected.replace('_', ' ')} {row[expected]}"
        for found, expected in pairs
        if row[found] not in ("", None) and row[expected] != "" and int(row[found]) != int(row[expected])
    ]
    return "; ".join(wrong) or "ok"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m menagerie.audit", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["*"], help="ids, patterns or provider/name; all by default")
    parser.add_argument("--registry", default="config/models.tsv", help="model table")
    parser.add_argument("--layers", action="store_true", help="take the layer inventories too")
    parser.add_argument("--expected", help="table with the columns published_id and layers to compare with")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was measured")
    parser.add_argument("--out", help="file for the table; printed if not given")
    given = parser.parse_args(arguments)
    expected: dict[str, int] = {}
    try:
        specs = select_models(read_registry(given.registry), given.models)
        if given.expected:
            with Path(given.expected).open(newline="") as file:
                expected = {row["published_id"]: int(row["layers"]) for row in csv.DictReader(file, delimiter="\t")}
        rows = audit(specs, expected, layers=given.layers, cache=given.cache)
    except MenagerieError as error:
        print(error, file=sys.stderr)
        return 2
    with Path(given.out).open("w", newline="") if given.out else nullcontext(sys.stdout) as file:
        table = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return int(any(row["verdict"] != "ok" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
