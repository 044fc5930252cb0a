"""What benchmarks/gpu.py times: the card's own rates, extraction, linking, and the survey from these pieces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import gpu_parity as cases
import numpy as np
import torch
from torch import Tensor, nn

from menagerie.brain.target import Target
from menagerie.features.accumulate import RawGram
from menagerie.features.extract import extract_geometry
from menagerie.features.planner import Planner
from menagerie.features.precision import forward_precision
from menagerie.features.projection import N_PROJECTIONS, SparseProjection
from menagerie.features.take_inventory import list_layers
from menagerie.files.geometry import LayerGeometry, fold
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.measures import USUAL, measure
from menagerie.linking.ridge import PENALTIES

SURVEY = {"images": 1000, "layers": 20_719, "voxels": 44_806, "subjects": 8}
SURVEY_SUMS = {"gflops": 5_617, "gflops, 64 GiB": 26_173, "features": 9.653e9, "root": 1.913e7}
"""Sums over the survey's 224 networks, from its registry: GFLOPs of one image (once, and over the passes that a budget
needs), features, and the root of layers times features, which bounds the projection's cost from above."""


GFLOPS = {"resnet50": 8.2, "resnet18": 3.6}
"""Of one image of 224 pixels, multiplications and additions counted apart, as the registry counts them."""


def seconds(work: Callable[[], object], device: str, repeats: int = 3, warm: int = 1) -> float:
    """Wall-clock, the median of some repeats after those that warm up."""
    found = []
    for _ in range(repeats + warm):
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        found.append(time.perf_counter() - start)
    return float(np.median(found[warm:]))


def synchronise(device: str) -> None:
    """Wait for the device."""
    if device == "cuda":
        torch.cuda.synchronize()


def rates(device: str, size: int) -> dict[str, float]:
    """TFLOP/s of matrix products of this size, and TB/s of a copy, read and written."""
    found = {}
    for name, dtype, tf32 in (
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("float64", torch.float64, False),
        ("bfloat16", torch.bfloat16, False),
    ):
        a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        torch.backends.cuda.matmul.fp32_precision = "tf32" if tf32 else "ieee"
        found[f"{name} TFLOP/s"] = 2 * size**3 / seconds(lambda: a @ b, device) / 1e12  # noqa: B023 - called at once
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    values = torch.randn(size, size * 4, device=device)
    found["copy TB/s"] = 2 * values.nbytes / seconds(values.clone, device) / 1e12
    return found


def forward(model: nn.Module, images: Tensor, batch_size: int, device: str) -> None:
    """Bare forward passes over images in the host's memory."""
    with torch.inference_mode(), forward_precision("float32", torch.device(device)):
        for batch in images.split(batch_size):
            model(batch.to(device, non_blocking=True))


def extraction(
    device: str, networks: Sequence[str], n_images: int, n_host: int, budget: int, batch_size: int
) -> Iterator[dict[str, object]]:
    """Geometry against bare forward passes, and against two cores, for twenty layers and for all of them."""
    images = cases.photographs(n_images)
    images = images.pin_memory() if device == "cuda" else images
    for name in networks:
        model, some = cases.network(name, 20)
        layers = list_layers(model)
        host = _on_two_cores(model, images[:n_host], some) / n_host * n_images
        model.to(device)
        bare = seconds(lambda: forward(model, images, batch_size, device), device)  # noqa: B023 - called at once
        row: dict[str, object] = {"network": name, "images": n_images, "forward s": bare}
        for title, which in (("20 layers", some), ("all layers", layers)):

            def geometry(which: Sequence = which, model: nn.Module = model) -> None:
                for _ in extract_geometry(model, images, which, budget, batch_size=batch_size, device=device):
                    pass

            taken = seconds(geometry, device, repeats=1, warm=title == "20 layers")
            row |= {f"{title} s": taken, f"{title}, times forward": taken / bare}
            if title == "20 layers":
                row["times two cores"] = host / taken
        row["layers"] = len(layers)
        row["passes for all"] = len(Planner(n_images, N_PROJECTIONS, budget, device).passes(layers))
        yield row


def _on_two_cores(model: nn.Module, images: Tensor, layers: Sequence) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    start = time.perf_counter()
    for _ in extract_geometry(model, images, layers, device="cpu"):
        pass
    taken = time.perf_counter() - start
    torch.set_num_threads(threads)
    return taken


def simulate(n_images: int, n_units: int, p: int = 2000) -> tuple[LayerGeometry, Target]:
    """A layer with a power-law spectrum, and responses that it explains in part."""
    draw = torch.Generator().manual_seed(0)
    raw = torch.randn(n_images, p, generator=draw) * torch.arange(1, p + 1) ** -0.6
    raw = raw @ torch.randn(p, p, generator=draw)
    features = (raw - raw[::2].mean(0)) / raw[::2].std(0)
    signal = features @ torch.randn(p, n_units, generator=draw)
    responses = (signal / signal.std(0) + 2 * torch.randn(n_images, n_units, generator=draw)).numpy()
    layer = LayerGeometry(
        "layer",
        0,
        p,
        fold(1 - torch.corrcoef(raw).numpy(), with_diagonal=False),
        fold((features @ features.T).numpy(), with_diagonal=True),
    )
    ids = np.array([str(image) for image in range(n_images)], dtype=object)
    return layer, Target("d", "s", "d", ids, responses, {"all": np.ones(n_units, dtype=bool)})


def useful_operations(n_images: int, n_units: int) -> float:
    """Operations that the definitions ask for, per layer: as benchmarks/linking.py counts them."""
    n = n_images / 2
    return len(PENALTIES) * n**3 + 2 * n * n * n_units * (len(PENALTIES) + 1) + 2 * n * n * n_units


def score(layer: LayerGeometry, brain: Brain) -> None:
    """One layer: every metric on both parts."""
    pair = Comparison(replace(layer), brain)  # a layer as it comes from the file, without matrices unfolded before
    for metric in map(measure, USUAL):
        for part in ("train", "test"):
            metric.score(pair, "all", part)


def linking(
    device: str, array: cases.Array, sizes: Sequence[int], n_units: int, peak: float
) -> Iterator[dict[str, object]]:
    """Layers a second, the share of the card's single precision, and two cores for the smallest size."""
    for n_images in sizes:
        layer, target = simulate(n_images, n_units)
        brain = Brain(target, array=array)
        taken = seconds(lambda: score(layer, brain), device)  # noqa: B023 - called at once
        rate = useful_operations(n_images, n_units) / taken / 1e12
        row: dict[str, object] = {
            "images": n_images,
            "units": n_units,
            "ms a layer": taken * 1e3,
            "layers a second": 1 / taken,
            "TFLOP/s": rate,
            "share of sgemm": rate / peak,
        }
        if n_images == min(sizes):
            host = Brain(target)
            row["times two cores"] = _numpy_on_two_cores(lambda: score(layer, host)) / taken  # noqa: B023
        yield row


def _numpy_on_two_cores(work: Callable[[], object]) -> float:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(2):
        return seconds(work, "cpu", repeats=1)


def survey(device: str, extracted: Sequence[dict], linked: Sequence[dict], gib: int) -> list[dict[str, object]]:
    """Hours of the whole survey on one such device, from measured rates, loading of images and weights apart."""
    images, sums = SURVEY["images"], SURVEY_SUMS
    resnet = extracted[0]
    per_gflop = resnet["forward s"] / resnet["images"] / GFLOPS[resnet["network"]]
    projection = SparseProjection(802_816)
    entries = sum(block.nnz for block in projection.blocks())
    batch = torch.randn(64, 802_816, device=device)
    per_entry = seconds(lambda: projection(batch), device) / 64 / entries
    slab = torch.randn(images, 65_536, device=device)
    per_feature = seconds(lambda: RawGram(images, device).add(slab), device) / 65_536
    per_layer = linked[0]["ms a layer"] / 1e3
    parts = {
        "forward, each image once": sums["gflops"] * images * per_gflop,
        f"forward, passes that {gib} GiB need": sums[f"gflops, {gib} GiB"] * images * per_gflop,
        "projection": N_PROJECTIONS * sums["root"] * images * per_entry,
        "raw Gram matrices": sums["features"] * per_feature,
        "scores": per_layer * SURVEY["layers"] * SURVEY["subjects"],
    }
    return [{"part": name, "hours": value / 3600} for name, value in parts.items()]
