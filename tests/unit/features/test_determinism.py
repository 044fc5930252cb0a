"""Layers that are random, or that depend on more than their image."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from menagerie.errors import MenagerieError
from menagerie.features.extract import extract_geometry
from menagerie.features.take_inventory import list_layers, take_inventory

INPUT = (3, 16, 16)
RANDOM = "random: computed from random numbers in evaluation mode"
DIFFERS = "random: two passes over the same images differ"
BATCH = "an image's values depend on the other images of its batch"
OWN = torch.Generator()


class Slip(nn.Module):
    """Two convolutions and something between them that should not be there in evaluation mode."""

    def __init__(self, between):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3)
        self.second = nn.Conv2d(8, 8, 3)
        self.head = nn.Linear(8, 4)
        self.between = between

    def forward(self, x):
        x = self.second(self.between(self.first(x)))
        return self.head(x.mean(dim=(2, 3)))


def reasons(between) -> dict[str, str]:
    inventory = take_inventory(Slip(between), INPUT)
    assert [info.layer for info in inventory.layers] == ["first"]
    return {skipped.layer: skipped.reason for skipped in inventory.skipped if not skipped.repeats}


def coin(x):
    return x * 2 if torch.rand(1) < 0.01 else x


def in_place(x):
    x[:, :1].add_(torch.randn_like(x[:, :1]))
    return x


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        (lambda x: functional.dropout(x, 0.1), RANDOM),
        # Beside an offset of 1,000 the noise is within 1e-8 of the values, and all that differs between images.
        (lambda x: 1000 + 1e-5 * functional.dropout(x, 0.5), RANDOM),
        (coin, RANDOM),
        (in_place, RANDOM),
        (lambda x: x[:, torch.randperm(8)], RANDOM),
        (lambda x: x * 2 if random.random() < 0.01 else x, RANDOM),
        (lambda x: x + torch.from_numpy(np.random.rand(*x.shape)).float(), RANDOM),  # noqa: NPY002
        (lambda x: x + torch.rand(x.shape, generator=OWN), DIFFERS),
        (lambda x: functional.batch_norm(x, None, None, training=True), BATCH),
        (nn.BatchNorm2d(8, track_running_stats=False).eval(), BATCH),
        (lambda x: x + 0.01 * x.flip(0), BATCH),
        (lambda x: x / x.abs().max(), BATCH),
    ],
)
def test_layers_that_are_no_function_of_their_image_are_named(between, reason):
    found = reasons(between)
    assert found.pop("second") == found.pop("head") == reason
    assert set(found.values()) <= {reason}


@pytest.mark.parametrize(
    "between",
    [
        lambda x: functional.dropout(x, 0.5, training=False),
        nn.Dropout(0.5),
        lambda x: x * torch.rand(x.shape[1:], generator=torch.Generator().manual_seed(0)),
        lambda x: x + 0 * torch.randn(3).numel(),
        lambda x: x - x.mean(dim=(1, 2, 3), keepdim=True),
    ],
)
def test_random_numbers_that_change_nothing_do_no_harm(between):
    layers = [info.layer for info in list_layers(Slip(between), INPUT)]
    assert {"first", "second", "head"} <= set(layers)


def test_the_callers_random_numbers_stay_as_they_were():
    model = Slip(coin)
    torch.manual_seed(3), random.seed(3), np.random.seed(3)  # noqa: NPY002
    expected = torch.rand(1), random.random(), np.random.rand()  # noqa: NPY002
    torch.manual_seed(3), random.seed(3), np.random.seed(3)  # noqa: NPY002
    take_inventory(model, INPUT)
    assert (torch.rand(1), random.random(), np.random.rand()) == expected  # noqa: NPY002


def test_a_network_without_a_deterministic_layer_is_refused_by_name():
    class Noise(nn.Module):
        def forward(self, x):
            return torch.rand_like(x)

    with pytest.raises(MenagerieError, match=r"Noise has no module that returns features.*random: computed from"):
        take_inventory(Noise(), INPUT)


def test_a_layer_that_turns_random_after_the_inventory_has_no_geometry():
    """The check at the end of an extraction: a network may behave otherwise with its weights and real images."""
    model = Slip(lambda x: x)
    layers = list_layers(model, INPUT)
    model.between = lambda x: x + 0.1 * torch.randn_like(x)
    images = torch.randn(8, *INPUT)
    found = dict(extract_geometry(model, images, layers, n_projections=32))
    assert found["first"].status == "ok"
    assert found["second"].status.startswith("nearly constant over images")


class MaskedAutoencoder(nn.Module):
    """Random masking as transformers' ViTMAE has it, with the library's own switches."""

    def __init__(self, mask_ratio):
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(3, 6, 4, 4)
        self.mask_ratio = mask_ratio
        self.head = nn.Linear(6, 4)

    def random_masking(self, x, noise=None):
        noise = torch.rand(x.shape[:2]) if noise is None else noise
        keep = noise.argsort(dim=1)[:, : int(x.shape[1] * (1 - self.mask_ratio))]
        return torch.gather(x, 1, keep[..., None].expand(-1, -1, x.shape[2]))

    def forward(self, x):
        return self.head(self.random_masking(self.patches(x).flatten(2).transpose(1, 2)))


def test_masked_autoencoders_see_whole_images():
    model = MaskedAutoencoder(0.75)
    head = {info.layer: info for info in list_layers(model, INPUT)}["head"]
    assert head.shape == (16, 4)
    assert model.mask_ratio == 0.75 and "random_masking" not in vars(model)
    images = torch.randn(5, *INPUT)
    (_, geometry), = extract_geometry(model, images, ["head"], n_projections=16)  # fmt: skip
    tokens = model.head(model.patches(images).flatten(2).transpose(1, 2)).flatten(1)
    np.testing.assert_allclose(geometry.rsm(), np.corrcoef(tokens.detach().double().numpy()), atol=1e-6)


def test_transformers_masked_autoencoders_see_whole_images():
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.ViTMAEConfig(image_size=32, patch_size=8, **sizes, attn_implementation="eager")
    inventory = take_inventory(transformers.ViTMAEModel(config), (3, 32, 32))
    shapes = {info.layer: info.shape for info in inventory.layers}
    assert shapes["layers.0"] == (17, 12)
    assert not [skipped for skipped in inventory.skipped if skipped.kind == "random"]
    assert config.mask_ratio == 0.75
