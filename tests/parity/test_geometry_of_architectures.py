"""Geometry of real architectures against the definitions, on all features in memory, in double precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from menagerie.brain.folds import train_mask
from menagerie.features.accumulate import working_bytes
from menagerie.features.collect import layer_features
from menagerie.features.extract import extract_geometry
from menagerie.features.projection import SparseProjection
from menagerie.features.take_inventory import list_layers

timm = pytest.importorskip("timm")
torchvision = pytest.importorskip("torchvision")

N, K, MOST_LAYERS = 8, 96, 24


def clip_tower() -> nn.Module:
    open_clip = pytest.importorskip("open_clip")
    return open_clip.model.VisionTransformer(
        image_size=32, patch_size=8, width=32, layers=2, heads=2, mlp_ratio=4, output_dim=16
    )


def nested_tokens() -> nn.Module:
    return timm.models.tnt.TNT(
        img_size=32, patch_size=16, embed_dim=24, inner_dim=8, depth=2, num_heads_inner=2, num_heads_outer=2
    )


def detection_backbone() -> nn.Module:
    return torchvision.models.detection.backbone_utils.resnet_fpn_backbone(backbone_name="resnet18", weights=None)


ARCHITECTURES: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "alexnet": (lambda: torchvision.models.alexnet(), 64),
    "squeezenet": (lambda: torchvision.models.squeezenet1_1(), 64),
    "resnet": (lambda: torchvision.models.resnet18(), 40),
    "densenet": (lambda: torchvision.models.densenet121(), 32),
    "shufflenet": (lambda: torchvision.models.shufflenet_v2_x0_5(), 32),
    "efficientnet": (lambda: timm.create_model("efficientnet_lite0"), 48),
    "nfnet": (lambda: timm.create_model("nf_resnet26"), 48),
    "convnext": (lambda: timm.create_model("convnext_atto"), 64),
    "regnet": (lambda: timm.create_model("regnety_002"), 48),
    "vit": (lambda: timm.models.VisionTransformer(img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=3), 32),
    "swin": (lambda: timm.models.SwinTransformer(img_size=56, embed_dim=12, depths=(2, 2), num_heads=(2, 2)), 56),
    "mixer": (lambda: timm.models.MlpMixer(img_size=32, patch_size=8, embed_dim=24, num_blocks=3), 32),
    "levit (hybrid)": (lambda: timm.create_model("levit_128s", img_size=64), 64),
    "tnt (nested tokens)": (nested_tokens, 32),
    "clip": (clip_tower, 32),
    "detection": (detection_backbone, 48),
}


def definition(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RSM and Gram matrix of the standardised SRP."""
    train = train_mask(N)
    matrix = SparseProjection(features.shape[1], K).matrix().astype(np.float64)
    srp = (matrix @ features.T).T
    sd = srp[train].std(axis=0)
    constant = sd <= 1e-6 * np.abs(srp[train].mean(axis=0))
    standardised = (srp - srp[train].mean(axis=0)) / np.where(constant, np.inf, sd)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.corrcoef(features), standardised @ standardised.T


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_geometry_equals_its_definition(name):
    build, size = ARCHITECTURES[name]
    torch.manual_seed(0)
    model = build().eval()
    images = torch.randn(N, 3, size, size)
    inventory = list_layers(model, (3, size, size))
    layers = inventory[:: -(-len(inventory) // MOST_LAYERS)]
    features = layer_features(model, images, [info.layer for info in layers], batch_size=3)
    # A budget that cuts the larger layers. The batch size does not divide the images; it is that of the features, since
    # float32 layers where images hardly differ change with it by more than is tested here.
    budget = (working_bytes(N) + 4 * N * (K + 20_000) + 4 * max(info.n_features for info in layers)) * 4 // 3
    checked = 0
    for layer, geometry in extract_geometry(model, images, layers, n_projections=K, batch_size=3, memory_budget=budget):
        exact = features[layer].astype(np.float64)
        assert geometry.n_features == exact.shape[1]
        if geometry.status != "ok":
            # Networks that start with gains of zero have layers without any variance.
            assert exact.shape[1] < 2 or min(np.ptp(exact, axis=0).max(), np.ptp(exact, axis=1).min()) < 1e-6
            continue
        rsm, gram = definition(exact)
        np.testing.assert_allclose(geometry.rsm(), rsm, atol=1e-5, err_msg=layer)
        np.testing.assert_allclose(geometry.gram(), gram, atol=1e-5 * np.abs(gram).max(), err_msg=layer)
        checked += 1
    assert checked >= 0.8 * len(layers)
