"""Geometry: time and memory against bare forward passes and features in memory, growth, and the cost of the survey.

    PYTHONPATH=workflow python benchmarks/geometry.py [--out FOLDER] [--registry FILE] [--images 64] [--only WORD ...]

Writes geometry.json and geometry.md. Times are processor seconds of one core, so that a busy machine changes them
little. Memory is what a process of its own needs at its peak, beyond the network after one forward pass.
``--registry`` takes the table of the survey's networks (columns survey_layers, survey_features, gflops) and adds the
cost of the whole survey.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import timm
import torch
from sklearn.random_projection import SparseRandomProjection
from torch import nn

from menagerie.brain.folds import train_mask
from menagerie.brain.target import Target
from menagerie.features.accumulate import RawGram
from menagerie.features.collect import layer_features
from menagerie.features.extract import extract_geometry
from menagerie.features.projection import N_PROJECTIONS, SparseProjection
from menagerie.features.take_inventory import list_layers
from menagerie.files.geometry import LayerGeometry, fold
from menagerie.files.inventory import LayerInfo
from menagerie.linking import score_layer

NETWORKS = ("efficientnet_lite0", "resnet50", "vit_small_patch16_224")
MOST_LAYERS = 20
SHAPES = (4_096, 50_176, 200_704, 802_816, 3_211_264)
"""Layer sizes of the survey: small heads, late and early stages of ResNets, VGG's first block."""
SURVEY = {"images": 1000, "layers": 20_719, "voxels": 44_806, "subjects": 8}
BUDGET = 4 * 2**30
BUDGETS_GIB = (4, 16, 64, 256)


def network(name: str) -> tuple[nn.Module, list[LayerInfo]]:
    """A network at random weights, and layers spread over its depth."""
    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    layers = list_layers(model)
    return model, layers[:: math.ceil(len(layers) / MOST_LAYERS)]


def forward(model: nn.Module, images: torch.Tensor) -> None:
    """Bare forward passes."""
    with torch.inference_mode():
        for batch in images.split(32):
            model(batch)


def by_geometry(model: nn.Module, images: torch.Tensor, layers: list[LayerInfo]) -> None:
    """This package."""
    for _ in extract_geometry(model, images, layers, memory_budget=BUDGET):
        pass


def by_hooks_and_numpy(model: nn.Module, images: torch.Tensor, layers: list[LayerInfo]) -> None:
    """What one would write: all features in memory, then numpy and scikit-learn layer by layer."""
    train = train_mask(len(images))
    features = layer_features(model, images, [info.layer for info in layers])
    for values in features.values():
        np.corrcoef(values)
        srp = SparseRandomProjection(N_PROJECTIONS, random_state=0).fit_transform(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            standardised = (srp - srp[train].mean(axis=0)) / srp[train].std(axis=0)
        standardised @ standardised.T


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Processor seconds, the best of some repeats."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def peak() -> int:
    """Peak memory of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_own_process(way: str, name: str, n_images: int) -> dict[str, float]:
    """Time and memory of one way, in a process of its own."""
    command = [sys.executable, __file__, "--one", way, name, str(n_images)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(found.stdout.splitlines()[-1])


def one(way: str, name: str, n_images: int) -> None:
    """The child process of :func:`in_own_process`."""
    model, layers = network(name)
    images = torch.randn(n_images, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    forward(model, images[:32])
    before = peak()
    work = {"forward": lambda: forward(model, images)}
    work["geometry"] = lambda: by_geometry(model, images, layers)
    work["hooks and numpy"] = lambda: by_hooks_and_numpy(model, images, layers)
    elapsed = seconds(work[way])
    features = sum(info.n_features for info in layers)
    print(json.dumps({"seconds": elapsed, "bytes": peak() - before, "layers": len(layers), "features": features}))


def comparison(n_images: int) -> list[dict[str, object]]:
    """The three ways, network by network."""
    rows = []
    for name in NETWORKS:
        ways = {way: in_own_process(way, name, n_images) for way in ("forward", "geometry", "hooks and numpy")}
        geometry, plain = ways["geometry"], ways["hooks and numpy"]
        rows.append(
            {
                "network": name,
                "images": n_images,
                "layers": geometry["layers"],
                "million features": geometry["features"] / 1e6,
                "forward s": ways["forward"]["seconds"],
                "geometry s": geometry["seconds"],
                "hooks and numpy s": plain["seconds"],
                "geometry / forward": geometry["seconds"] / ways["forward"]["seconds"],
                "hooks and numpy / geometry": plain["seconds"] / geometry["seconds"],
                "geometry MB": geometry["bytes"] / 1e6,
                "hooks and numpy MB": plain["bytes"] / 1e6,
            }
        )
    return rows


class Chain(nn.Module):
    """Layers of one size without much work in between, so that growth is the geometry's own."""

    def __init__(self, n_layers: int, n_features: int):
        super().__init__()
        side = math.isqrt(n_features)
        self.steps = nn.Sequential(*(nn.Conv2d(3 if not step else 1, 1, 1) for step in range(n_layers)))
        self.input_shape = (3, side, side)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images ``(b, 3, side, side)``."""
        return self.steps(images)


def growth() -> list[dict[str, object]]:
    """Time for 1, 2, 4, 8, 16 times as many images, layers and features; slope of log time over log size."""
    base = {"images": 32, "layers": 2, "features": 128**2}
    rows = []
    for what in base:
        times = []
        for factor in (1, 2, 4, 8, 16):
            size = base | {what: base[what] * factor}
            torch.manual_seed(0)
            model = Chain(size["layers"], size["features"])
            images = torch.randn(size["images"], *model.input_shape)
            layers = list_layers(model, model.input_shape)
            times.append(seconds(lambda: by_geometry(model, images, layers), repeats=2))  # noqa: B023 - called at once
        slope = np.polyfit(np.log([1, 2, 4, 8, 16]), np.log(times), 1)[0]
        rows.append({"growing": what, **{f"{2**step}x s": value for step, value in enumerate(times)}, "slope": slope})
    return rows


def pieces() -> list[dict[str, object]]:
    """Projection and Gram matrix at the survey's layer sizes."""
    rows = []
    for n_features in SHAPES:
        projection = SparseProjection(n_features)
        batch = torch.randn(32, n_features)
        making = seconds(lambda: [None for _ in projection.blocks()])  # noqa: B023 - called at once
        project = seconds(lambda: projection(batch), repeats=3) / 32  # noqa: B023 - called at once
        rows.append(
            {
                "features": n_features,
                "non-zero entries, million": sum(block.nnz for block in projection.blocks()) / 1e6,
                "generate s": making,
                "project ms an image": project * 1e3,
            }
        )
    return rows


def precision(n_images: int = 32) -> list[dict[str, object]]:
    """What the number format of the forward pass changes: RSMs, and cRSA with another network's layer as the brain."""
    model, layers = network("resnet50")
    images = torch.randn(n_images, 3, 224, 224, generator=torch.Generator().manual_seed(2)).cumsum(dim=3) / 15
    other, other_layers = network("efficientnet_lite0")
    brain = next(extract_geometry(other, images, other_layers[-3:-2]))[1].rsm_triu
    exact = dict(extract_geometry(model, images, layers))
    rows = []
    for name in ("bfloat16", "float16"):
        found = dict(extract_geometry(model, images, layers, precision=name))
        both = [layer for layer, geometry in exact.items() if geometry.status == found[layer].status == "ok"]
        agreement = [np.corrcoef(exact[layer].rsm_triu, found[layer].rsm_triu)[0, 1] for layer in both]
        scores = [[np.corrcoef(way[layer].rsm_triu, brain)[0, 1] for layer in both] for way in (exact, found)]
        rows.append(
            {
                "forward pass in": name,
                "least correlation of RSMs": min(agreement),
                "largest change of cRSA": float(np.abs(np.subtract(*scores)).max()),
            }
        )
    return rows


def survey_cost(registry: Path) -> list[dict[str, object]]:
    """Core-hours of the survey from measured rates.

    Sums over layers follow from the registry's totals a network; the square root of a network's mean layer size bounds
    the mean of the square roots, so that the projection's cost is an upper bound.
    """
    import pandas as pd

    table = pd.read_csv(registry, sep="\t")[["survey_layers", "survey_features", "gflops"]]
    table["gflops"] = table["gflops"].fillna(table["gflops"].median())
    images = SURVEY["images"]
    model, _ = network("resnet50")
    batch = torch.randn(16, 3, 224, 224)
    # GFLOPs of the registry count multiplications and additions apart: 8.2 for ResNet-50.
    per_gflop = seconds(lambda: forward(model, batch), repeats=2) / 16 / 8.2
    projection = SparseProjection(802_816)
    entries = sum(block.nnz for block in projection.blocks())
    part = torch.randn(32, 802_816)
    per_entry = seconds(lambda: projection(part), repeats=3) / 32 / entries
    slab = torch.randn(images, 16_384)
    per_feature = seconds(lambda: RawGram(images).add(slab), repeats=2) / 16_384
    entries_an_image = (N_PROJECTIONS * np.sqrt(table.survey_layers * table.survey_features)).sum()
    once = table.gflops.sum() * images * per_gflop

    def passes(size: int) -> float:
        """GFLOPs an image over all passes; those over early layers end early, and half the network is their mean."""
        number = np.ceil(table.survey_features * 4 * images / (size * 2**30 * 0.75))
        return float((table.gflops * (1 + (number - 1) / 2)).sum())

    score = scoring_seconds()
    rows = {
        "forward, one pass": once,
        **{f"forward, passes that {size} GiB need": passes(size) * images * per_gflop for size in BUDGETS_GIB},
        "projection": entries_an_image * images * per_entry,
        "raw Gram matrices": table.survey_features.sum() * per_feature,
        f"scores, {SURVEY['layers']} layers x {SURVEY['subjects']} subjects": score
        * SURVEY["layers"]
        * SURVEY["subjects"],
    }
    return [{"part": name, "core-hours": value / 3600} for name, value in rows.items()]


def scoring_seconds() -> float:
    """Seconds for one layer and one subject with an eighth of the survey's voxels."""
    images, units = SURVEY["images"], SURVEY["voxels"] // SURVEY["subjects"]
    rng = np.random.default_rng(0)
    features = rng.standard_normal((images, 2000)).astype(np.float32)
    geometry = LayerGeometry(
        "layer",
        0,
        2000,
        fold(np.corrcoef(features), with_diagonal=False),
        fold(features @ features.T, with_diagonal=True),
    )
    target = Target(
        dataset="benchmark",
        subject="one",
        stimuli="benchmark",
        image_ids=np.array([str(image) for image in range(images)]),
        responses=rng.standard_normal((images, units)).astype(np.float32),
        regions={"all": np.ones(units, dtype=bool)},
    )
    return seconds(lambda: score_layer(geometry, target, model="benchmark", depth=0.0))


def markdown(results: dict[str, list[dict[str, object]]], machine: str) -> str:
    """All tables."""
    parts = [f"# Geometry benchmarks\n\n{machine}\n"]
    for title, rows in results.items():
        names = list(rows[0])
        lines = [f"## {title}", "", "| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
        for row in rows:
            cells = [f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row.values()]
            lines.append("| " + " | ".join(cells) + " |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Run all benchmarks and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--registry", type=Path)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="sections whose titles hold one of these words")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.one:
        one(arguments.one[0], arguments.one[1], int(arguments.one[2]))
        return
    machine = f"{platform.processor() or platform.machine()}, one core, torch {torch.__version__}"
    sections: dict[str, Callable[[], list[dict[str, object]]]] = {"Pieces at the survey's layer sizes": pieces}
    if arguments.registry:
        sections["Cost of the survey"] = lambda: survey_cost(arguments.registry)
    sections |= {
        "Against bare forward passes, and all features in memory": lambda: comparison(arguments.images),
        "Growth": growth,
        "Precision of the forward pass": precision,
    }
    if arguments.only:
        words = [word.lower() for word in arguments.only]
        sections = {title: part for title, part in sections.items() if any(word in title.lower() for word in words)}
    results = {}
    arguments.out.mkdir(parents=True, exist_ok=True)
    for title, section in sections.items():
        results[title] = section()
        text = markdown(results, machine)
        (arguments.out / "geometry.json").write_text(json.dumps({"machine": machine, **results}, indent=1) + "\n")
        (arguments.out / "geometry.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
