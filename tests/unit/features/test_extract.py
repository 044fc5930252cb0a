"""Extraction against all features in memory, in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from menagerie.brain.folds import train_mask
from menagerie.errors import MenagerieError
from menagerie.features.accumulate import working_bytes
from menagerie.features.extract import extract_geometry
from menagerie.features.planner import Planner
from menagerie.features.projection import SparseProjection
from menagerie.features.take_inventory import list_layers

K = 64
N = 14


class Residual(nn.Module):
    """In-place activations that would overwrite what earlier layers returned."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 6)

    def forward(self, x):
        x = self.relu(self.norm(self.conv(x)))
        y = self.second(x)
        y += x
        return self.head(self.relu(y).mean(dim=(2, 3)))

    def features(self, x):
        """The layers by hand, without in-place steps."""
        conv = self.conv(x)
        norm = self.norm(conv)
        relu = norm.relu()
        second = self.second(relu)
        relu2 = (second + relu).relu()
        return {"conv": conv, "norm": norm, "relu": relu, "second": second, "relu#2": relu2,
                "head": self.head(relu2.mean(dim=(2, 3)))}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Residual().eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(N, 3, 12, 12, generator=torch.Generator().manual_seed(1)) + 1


def expected(features: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """RSM, Gram matrix and dimensionalities, straight from their definitions."""
    matrix = SparseProjection(features.shape[1], K).matrix().astype(np.float64)
    srp = (matrix @ features.T).T
    sd = srp[train].std(axis=0)
    standardised = (srp - srp[train].mean(axis=0)) / np.where(sd > 0, sd, np.inf)

    def dimensionality(values):
        eigenvalues = (
            np.linalg.eigvalsh(np.cov(values.T))
            if values.shape[1] < 600
            else np.linalg.eigvalsh((values - values.mean(0)) @ (values - values.mean(0)).T)
        )
        return eigenvalues.sum() ** 2 / (eigenvalues**2).sum()

    dimensionalities = {"raw": dimensionality(features), "srp": dimensionality(srp)}
    return np.corrcoef(features), standardised @ standardised.T, dimensionalities


def check(geometry, features, train):
    rsm, gram, dimensionalities = expected(features.flatten(1).double().numpy(), train)
    assert geometry.status == "ok"
    np.testing.assert_allclose(geometry.rsm(), rsm, atol=1e-5)
    np.testing.assert_allclose(geometry.gram(), gram, atol=1e-5 * np.abs(gram).max())
    assert geometry.effective_dimensionality == pytest.approx(dimensionalities, rel=1e-4)


@torch.inference_mode()
def test_equals_all_features_in_memory(model, images):
    train = train_mask(N)
    truth = model.features(images)
    found = dict(extract_geometry(model, images, n_projections=K, batch_size=4))
    assert list(found) == list(truth)
    for index, (layer, features) in enumerate(truth.items()):
        assert (found[layer].layer, found[layer].index) == (layer, index)
        assert found[layer].n_features == features[0].numel()
        check(found[layer], features, train)


@torch.inference_mode()
def test_training_images_alone_standardise(model, images):
    train = np.arange(N) < 5
    found = dict(extract_geometry(model, images, ["norm"], n_projections=K, train=train))
    check(found["norm"], model.features(images)["norm"], train)


def test_result_does_not_depend_on_budget_or_batch_size(model, images):
    whole = dict(extract_geometry(model, images, n_projections=K, batch_size=N))
    tight = (working_bytes(N) + N * 4 * (K + 400)) * 4 // 3
    passes = Planner(N, K, tight).passes(list_layers(model, (3, 12, 12)))
    assert len(passes) > 4
    for layer, geometry in extract_geometry(model, images, n_projections=K, batch_size=3, memory_budget=tight):
        np.testing.assert_allclose(geometry.rdm_triu, whole[layer].rdm_triu, atol=1e-5)
        scale = np.abs(whole[layer].gram_triu).max()
        np.testing.assert_allclose(geometry.gram_triu, whole[layer].gram_triu, atol=1e-5 * scale)


def test_small_differences_between_images_survive_the_projection():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(300, 4))
    images = 5 * torch.rand(1, 3, 10, 10) + 1e-3 * torch.randn(N, 3, 10, 10)
    (_, geometry), *_ = extract_geometry(model, images, n_projections=K)
    gram = expected(images.flatten(1).double().numpy(), train_mask(N))[1]
    np.testing.assert_allclose(geometry.gram(), gram, atol=1e-5 * np.abs(gram).max())


def test_forward_pass_ends_after_the_last_wanted_layer(model, images):
    layers = list_layers(model, (3, 12, 12))
    reached = []
    handle = model.head.register_forward_hook(lambda *_: reached.append(1))
    list(extract_geometry(model, images, layers[:2], n_projections=K))
    handle.remove()
    assert not reached


class Flawed(nn.Module):
    """Layers without a geometry, each for its own reason."""

    def __init__(self):
        super().__init__()
        self.dead = nn.Linear(12, 6)
        self.flat = nn.Identity()
        self.wild = nn.Identity()
        self.good = nn.Linear(12, 6)

    def forward(self, x):
        x = x.flatten(1)
        self.dead(x * 0)
        self.flat(x.mean(dim=1, keepdim=True).expand(-1, 5))
        self.wild(torch.where(x > 1e6, torch.inf, x + 3))
        return self.good(x)


def test_layers_without_geometry_say_why():
    torch.manual_seed(0)
    model = Flawed()
    images = torch.randn(6, 3, 2, 2)
    images[4, 0, 0, 0] = 1e7
    layers = list_layers(model, (3, 2, 2))
    found = dict(extract_geometry(model, images, layers, n_projections=K))
    assert found["dead"].status == "constant over images"
    assert found["flat"].status == "constant over features for 6 images (first: image 0)"
    assert found["wild"].status == "values are not finite (first at image 4, counted from 0)"
    assert found["good"].status == "ok"
    for name in ("dead", "flat", "wild"):
        assert found[name].rdm_triu.size == found[name].gram_triu.size == 0


def test_unknown_layer_names_the_nearest(model, images):
    with pytest.raises(MenagerieError, match=r"'secnd'\. Did you mean 'second'"):
        extract_geometry(model, images, ["secnd"])


def test_inventory_of_another_network_is_recognised(model, images):
    others = list_layers(nn.Sequential(nn.Conv2d(3, 8, 3)), (3, 12, 12))
    with pytest.raises(MenagerieError, match="layer '0' of the inventory did not fire in Residual"):
        list(extract_geometry(model, images, others, n_projections=K))
    other_size = list_layers(model, (3, 16, 16))
    with pytest.raises(MenagerieError, match="expected 2048 features"):
        list(extract_geometry(model, images, other_size, n_projections=K))


def test_bad_arguments_are_named(model, images):
    with pytest.raises(MenagerieError, match="images: found 2"):
        extract_geometry(model, images[:2])
    with pytest.raises(MenagerieError, match="train: expected 14 booleans"):
        extract_geometry(model, images, train=np.ones(3, dtype=bool))
    with pytest.raises(MenagerieError, match="memory_budget: 1 MiB"):
        extract_geometry(model, images, memory_budget=2**20)
