"""Check the model table against the networks that today's packages build.

    python -m menagerie.audit                        # every model builds, parameters as in the table (minutes)
    python -m menagerie.audit --layers 'resnet*'     # layers too; runs each network on six images of noise
    python -m menagerie.audit --layers --cache audit --summary      # the table by provider; half an hour, then kept

Trained networks are built without their weights, for the first check on torch's meta device, which needs no memory.
"""

from __future__ import annotations

import argparse
import csv
import gc
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import nullcontext, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from menagerie.errors import MenagerieError
from menagerie.features.take_inventory import list_layers
from menagerie.files.storage import atomic
from menagerie.models.build import build_module, model_transform
from menagerie.models.registry import ModelSpec, read_registry, select_models
from menagerie.provenance.jobs import command

PACKAGES = ("timm", "torchvision", "open_clip_torch", "transformers")
COLUMNS = (
    "id",
    "network",
    "parameters",
    "expected_parameters",
    "running_parameters",
    "published_parameters",
    "layers",
    "expected_layers",
    "second_half",
    "features",
    "cpu_s",
    "peak_mb",
    "verdict",
)

SUMMARY_COLUMNS = (
    "provider",
    "status",
    "models",
    "trained",
    "networks",
    "parameters",
    "published_equal",
    "layers",
    "second_half",
    "weights",
    "licence_known",
    "risk",
    "cpu_s",
    "peak_mb",
)


def audit_model(spec: ModelSpec, *, layers: bool, cache: Path | None = None) -> dict[str, Any]:
    """Facts about the network: parameters, running_parameters and, if asked for, what its inventory says.

    ``running_parameters`` counts as the published tables do: weight and bias of every module, once for every time that
    it runs. Facts are kept in ``cache`` under the architecture, so that models which differ in their weights only (an
    untrained twin, the 25 Taskonomy encoders) are run once.
    """
    size = model_transform(spec, "paper").input_size
    module = skeleton(spec)
    parts = [architecture(module), size, layers, [version(name) for name in PACKAGES]]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    kept = cache / f"{key}.json" if cache else None
    if kept and kept.is_file():
        return json.loads(kept.read_text())
    facts: dict[str, Any] = {
        "network": key,
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "running_parameters": running_parameters(module, size),
    }
    if layers:
        facts |= _inventory(spec, size)
    if kept:
        with atomic(kept) as temporary:
            temporary.write_text(json.dumps(facts))
    return facts


def architecture(module: nn.Module) -> str:
    """Digest of what makes a network compute what it does, but for the values of its parameters.

    That is the tree of its modules, their plain attributes, and the shapes of its state.
    """
    plain = (int, float, str, tuple, type(None))
    parts = [
        (name, type(part).__name__, sorted((k, repr(v)) for k, v in vars(part).items() if isinstance(v, plain)))
        for name, part in module.named_modules(remove_duplicate=False)
    ]
    shapes = [(name, list(value.shape)) for name, value in module.state_dict().items()]
    return hashlib.sha256(json.dumps([repr(module), parts, shapes]).encode()).hexdigest()


def _inventory(spec: ModelSpec, size: int) -> dict[str, Any]:
    """Counts of the layer inventory, and what taking it cost: building the network and running it on noise.

    ``peak_mb`` is that of the whole process meanwhile, so memory that earlier networks left behind counts too.
    """
    gc.collect()
    _forget_peak()
    start = time.process_time()
    found = list_layers(build_module(spec), (3, size, size))
    return {
        "layers": len(found),
        "second_half": len(found) - len(found) // 2,
        "features": sum(layer.n_features for layer in found),
        "cpu_s": round(time.process_time() - start, 1),
        "peak_mb": _peak_mb(),
    }


def _forget_peak() -> None:
    """Let the peak memory of this process count from now on (Linux; elsewhere it stays the process's whole peak)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> int | None:
    """Peak resident memory in MB since the last ``_forget_peak``; None where the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return None


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


def summary(specs: Mapping[str, ModelSpec], rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of ``audit`` by provider and status, and in all.

    ``networks`` counts architectures: models that differ in their weights only share one, and are run once, so
    ``cpu_s`` is a sum over networks; ``peak_mb`` is the largest. ``risk`` counts weights by what may keep one from
    having them: a single address, or a file that is made by hand.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((specs[row["id"]].provider, status(row)), []).append(row)
    table = [_summary_row(provider, found, specs, groups[provider, found]) for provider, found in sorted(groups)]
    return [*table, _summary_row("all", "", specs, [row for group in groups.values() for row in group])]


def status(row: Mapping[str, Any]) -> str:
    """``ok``, ``differs`` from what is expected, or ``does not build``."""
    verdict = row["verdict"]
    return "ok" if verdict == "ok" else "does not build" if verdict.startswith("does not build") else "differs"


def _summary_row(provider: str, found: str, specs: Mapping[str, ModelSpec], rows: list[Mapping]) -> dict[str, Any]:
    members = [specs[row["id"]] for row in rows]
    networks = {row["network"]: row for row in rows}.values()
    published = [row for row in rows if row["published_parameters"] not in ("", None)]
    equal = sum(str(row["running_parameters"]) == str(row["published_parameters"]) for row in published)
    trained = [spec for spec in members if spec.training == "trained"]
    kinds = Counter(spec.weights.partition(":")[0] for spec in members)
    risks = Counter({"single address": kinds["url"], "made by hand": kinds["file"]})
    return {
        "provider": provider,
        "status": found,
        "models": len(rows),
        "trained": len(trained),
        "networks": len(networks),
        "parameters": _total(rows, "parameters"),
        "published_equal": f"{equal} of {len(published)}",
        "layers": _total(rows, "layers"),
        "second_half": _total(rows, "second_half"),
        "weights": _counts(kinds),
        "licence_known": f"{sum(_licence_is_known(spec) for spec in trained)} of {len(trained)}",
        "risk": _counts(+risks),
        "cpu_s": round(_total(networks, "cpu_s")),
        "peak_mb": max((row["peak_mb"] or 0 for row in networks), default=0),
    }


def _licence_is_known(spec: ModelSpec) -> bool:
    licence = spec.metadata["licence"]
    return bool(licence) and "not checked" not in licence and "not stated" not in licence


def _total(rows: Iterable[Mapping[str, Any]], column: str) -> float:
    return sum(row[column] or 0 for row in rows)


def _counts(counter: Counter) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


@command
def main(arguments: list[str] | None = None) -> int:
    """Command line; exit code 1 where a model is not as published."""
    parser = argparse.ArgumentParser(prog="python -m menagerie.audit", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["*"], help="ids, patterns or provider/name; all by default")
    parser.add_argument("--registry", default="config/models.tsv", help="model table")
    parser.add_argument("--survey", action="store_true", help="only models of the published survey")
    parser.add_argument("--summary", action="store_true", help="the table by provider instead of a row a model")
    parser.add_argument("--layers", action="store_true", help="take the layer inventories too")
    parser.add_argument("--expected", help="table with the columns published_id and layers to compare with")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was measured")
    parser.add_argument("--out", help="file for the table; printed if not given")
    given = parser.parse_args(arguments)
    expected: dict[str, int] = {}
    specs = select_models(read_registry(given.registry), given.models)
    specs = [spec for spec in specs if spec.metadata["published_id"] or not given.survey]
    if given.expected:
        with Path(given.expected).open(newline="") as file:
            expected = {row["published_id"]: int(row["layers"]) for row in csv.DictReader(file, delimiter="\t")}
    rows = audit(specs, expected, layers=given.layers, cache=given.cache)
    with Path(given.out).open("w", newline="") if given.out else nullcontext(sys.stdout) as file:
        columns, shown = COLUMNS, rows
        if given.summary:
            columns, shown = SUMMARY_COLUMNS, summary({spec.id: spec for spec in specs}, rows)
        table = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(shown)
    return int(any(row["verdict"] != "ok" for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
