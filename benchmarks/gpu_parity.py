"""What benchmarks/gpu.py checks: geometry and scores against a plain reference in double precision on the host."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import timm
import torch
from torch import Tensor, nn

from menagerie.brain.folds import PARTS, train_mask
from menagerie.brain.target import Target
from menagerie.features.extract import extract_geometry
from menagerie.features.hooks import observed, run
from menagerie.features.layout import Layout, per_image
from menagerie.features.projection import SparseProjection
from menagerie.features.take_inventory import list_layers
from menagerie.files.geometry import OK, LayerGeometry, fold
from menagerie.files.inventory import LayerInfo
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.measures import USUAL, measure
from menagerie.linking.ridge import PENALTIES
from menagerie.linking.rsm import UndefinedError

NETWORKS = (
    "resnet50",
    "vit_small_patch16_224",
    "efficientnet_lite0",
    "convnext_tiny",
    "mobilenetv3_large_100",
    "densenet121",
    "regnety_008",
    "swin_tiny_patch4_window7_224",
    "mixer_s32_224",
    "vgg11_bn",
    "deit_tiny_patch16_224",
    "xcit_nano_12_p16_224",
)
N_COMPONENTS = 2000
SEED = 0
DECIDING = "scores, one penalty"

Array = Callable[[np.ndarray], object]
Geometries = dict[str, LayerGeometry]


def network(name: str, n_layers: int) -> tuple[nn.Module, list[LayerInfo]]:
    """A network at random weights, and layers spread over its depth."""
    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    for module in model.modules():
        # Residual branches that start at zero would be constant layers.
        if isinstance(module, nn.BatchNorm2d) and not module.weight.any():
            nn.init.ones_(module.weight)
    layers = list_layers(model)
    return model, layers[:: max(1, len(layers) // n_layers)][:n_layers]


def photographs(n_images: int, size: int = 224) -> Tensor:
    """Images with the spectrum of photographs (amplitude 1 / frequency), float32 ``(n, 3, size, size)``."""
    noise = torch.randn(n_images, 3, size, size, generator=torch.Generator().manual_seed(1))
    frequency = torch.fft.fftfreq(size)[:, None].square() + torch.fft.rfftfreq(size)[None, :].square()
    smooth = torch.fft.irfft2(torch.fft.rfft2(noise) / frequency.clamp(min=1 / size**2).sqrt(), s=(size, size))
    return (smooth - smooth.mean(dim=(2, 3), keepdim=True)) / smooth.std(dim=(2, 3), keepdim=True)


def reference(model: nn.Module, images: Tensor, layers: Sequence[LayerInfo]) -> Geometries:
    """Geometry by its definition, every step in double precision on the host: features, RSM, SRP, Gram matrix."""
    features: dict[str, Tensor] = {}
    infos = {info.layer: info for info in layers}

    def receive(name: str, _: nn.Module, output: Tensor) -> None:
        features.setdefault(name, per_image(output, len(images), Layout.of(infos[name])).clone())

    with observed(model.double(), receive, wanted=infos):
        run(model, images.double())
    model.float()
    return {name: _geometry(infos[name], features[name].numpy()) for name in infos}


def _geometry(info: LayerInfo, features: np.ndarray) -> LayerGeometry:
    projected = SparseProjection(info.n_features, N_COMPONENTS, SEED).matrix().astype(np.float64) @ features.T
    train = train_mask(len(features))
    mean, sd = (getattr(projected[:, train], what)(axis=1, keepdims=True) for what in ("mean", "std"))
    varies = (sd > 1e-6 * np.abs(mean))[:, 0]
    standard = ((projected - mean)[varies] / sd[varies]).T
    return LayerGeometry(
        info.layer,
        info.index,
        info.n_features,
        fold(1 - np.corrcoef(features), with_diagonal=False).astype(np.float64),
        fold(standard @ standard.T, with_diagonal=True).astype(np.float64),
    )


def extracted(model: nn.Module, images: Tensor, layers: Sequence[LayerInfo], **settings: object) -> Geometries:
    """Geometry by this package, the network back on the host afterwards."""
    found = dict(extract_geometry(model, images, layers, n_projections=N_COMPONENTS, seed=SEED, **settings))
    model.cpu()
    return found


def planted(geometry: LayerGeometry, n_images: int, n_units: int = 300) -> Target:
    """A brain that reads out a layer, with noise; units have means, as voxels do."""
    draw = np.random.default_rng(2)
    values, vectors = np.linalg.eigh(np.asarray(geometry.gram(), dtype=np.float64))
    signal = vectors * np.sqrt(np.clip(values, 0, None)) @ draw.standard_normal((n_images, n_units))
    responses = signal / signal.std(axis=0) + draw.standard_normal((n_images, n_units)) + draw.standard_normal(n_units)
    ids = np.array([str(image) for image in range(n_images)], dtype=object)
    return Target("planted", "one", "planted", ids, responses, {"all": np.ones(n_units, dtype=bool)})


COLUMNS = ("RSM", "Gram, of its norm", DECIDING, "scores, all penalties", "scores, all penalties, host")
ONE_PENALTY = (1000.0,)


def scores(
    geometry: LayerGeometry, brain: Brain, penalties: Sequence[float] = PENALTIES
) -> dict[tuple[str, str], float]:
    """Every metric on both parts."""
    pair, found = Comparison(geometry, brain, penalties), {}
    for name, metric in ((name, measure(name)) for name in USUAL):
        for part in PARTS:
            try:
                found[name, part] = metric.score(pair, "all", part)[0]
            except UndefinedError:
                found[name, part] = np.nan
    return found


def largest(one: dict, other: dict) -> float:
    """Largest difference of two sets of scores; NaN in one and not in the other is infinite."""
    a, b = (np.array(list(x.values())) for x in (one, other))
    return np.inf if (np.isnan(a) != np.isnan(b)).any() else float(np.nanmax(np.abs(a - b), initial=0.0))


def single(target: Target) -> Target:
    """The target as files hold it, in single precision."""
    return Target(
        target.dataset, target.subject, target.stimuli, target.image_ids, target.responses.astype(np.float32),
        target.regions,
    )  # fmt: skip


def parity(
    device: str, array: Array, networks: Sequence[str] = NETWORKS, n_images: int = 40, n_layers: int = 6
) -> Iterator[dict[str, object]]:
    """One row a network: largest errors of geometry and scores on the device, and of the host's single precision.

    With several penalties, a unit for which two do equally well may get the other one, which moves its score by more
    than rounding; so the scores that decide are those for one penalty.
    """
    images = photographs(n_images)
    for name in networks:
        model, layers = network(name, n_layers)
        exact = reference(model, images, layers)
        target = planted(exact[layers[len(layers) // 2].layer], n_images)
        own, host = extracted(model, images, layers, device=device), extracted(model, images, layers, device="cpu")
        brains = Brain(target), Brain(single(target), array=array), Brain(single(target))
        row = {"network": name, "layers": len(layers), "statuses that differ": 0}
        worst = dict.fromkeys(COLUMNS, 0.0)
        for info in layers:
            a, b, c = (which[info.layer] for which in (exact, own, host))
            row["statuses that differ"] += b.status != c.status
            if OK not in (b.status, c.status) or b.status != c.status:
                continue
            found = [scores(geometry, brain) for geometry, brain in zip((a, b, c), brains, strict=True)]
            fixed = [scores(geometry, brain, ONE_PENALTY) for geometry, brain in zip((a, b), brains[:2], strict=True)]
            errors = (
                np.abs(a.rdm_triu - b.rdm_triu).max(),
                np.linalg.norm(a.gram_triu - b.gram_triu) / np.linalg.norm(a.gram_triu),
                largest(*fixed),
                largest(found[0], found[1]),
                largest(found[0], found[2]),
            )
            worst = {key: max(value, float(error)) for (key, value), error in zip(worst.items(), errors, strict=True)}
        del model
        gc.collect()
        yield row | worst


def precisions(device: str, networks: Sequence[str], n_images: int = 96) -> Iterator[dict[str, object]]:
    """What other number formats of the forward pass change, against float32 on the same device."""
    images = photographs(n_images)
    for name in networks:
        model, layers = network(name, 20)
        exact = extracted(model, images, layers, device=device)
        brain = Brain(single(planted(exact[layers[len(layers) // 2].layer], n_images)))
        for precision in ("tf32", "bfloat16", "float16"):
            found = extracted(model, images, layers, device=device, precision=precision)
            both = [layer for layer in exact if exact[layer].status == found[layer].status == OK]
            agreement = [np.corrcoef(exact[layer].rdm_triu, found[layer].rdm_triu)[0, 1] for layer in both]
            pairs = [(scores(exact[layer], brain), scores(found[layer], brain)) for layer in both]
            changes = {
                metric: max(largest(*({key: x[key] for key in x if key[0] == metric} for x in pair)) for pair in pairs)
                for metric in USUAL
            }
            yield {"network": name, "forward pass in": precision, "least correlation of RSMs": min(agreement)} | {
                f"largest change of {metric}": change for metric, change in changes.items()
            }


def out_of_memory(device: str) -> list[dict[str, object]]:
    """Geometry where neither the batch nor the budget fits the card, against plenty of memory: warnings, difference."""
    model, layers = network("resnet50", 20)
    images = photographs(256)
    plenty = extracted(model, images, layers, device=device, batch_size=32)
    room = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(2 * 2**30 / room)
    try:
        with warnings_of("menagerie.features.extract") as said:
            scarce = extracted(model, images, layers, device=device, batch_size=256, memory_budget=8 * 2**30)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    errors = [
        np.abs(plenty[name].rdm_triu - scarce[name].rdm_triu).max() for name in plenty if plenty[name].rdm_triu.size
    ]
    return [
        {
            "memory allowed": "2 GiB",
            "batches halved": sum("batch size" in line for line in said),
            "budgets halved": sum("budget" in line for line in said),
            "largest change of an RSM": float(max(errors)),
        }
    ]


@contextmanager
def warnings_of(logger: str) -> Iterator[list[str]]:
    """Messages of a logger meanwhile."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger(logger).addHandler(handler)
    try:
        yield said
    finally:
        logging.getLogger(logger).removeHandler(handler)
