"""Where images lie in a tensor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from menagerie.features.extract import extract_geometry
from menagerie.features.layout import Layout, layouts, per_image, shape_of_image
from menagerie.features.take_inventory import list_layers, take_inventory

sizes = st.integers(1, 4)


@given(st.lists(sizes, max_size=2), sizes, sizes, st.integers(2, 5), st.lists(sizes, max_size=2))
def test_features_come_back_whatever_the_layout(before, outer, run, n, after):
    own = torch.arange(float(np.prod([*before, outer, run, *after]))).reshape(*before, outer, run, *after)
    images = torch.stack([own + 1000 * image for image in range(n)])  # image first
    axis = len(before)
    output = images.movedim(0, axis + 1).flatten(axis, axis + 2)
    features = per_image(output, n, Layout(axis, run))
    assert torch.equal(features, images.reshape(n, -1))
    shape = shape_of_image(output.shape, n, Layout(axis, run))
    assert np.prod(shape) == features.shape[1] and 0 not in shape
    alone = own.flatten(axis, axis + 1)
    assert Layout(axis, run) in layouts(output.shape, n, alone.shape, 1)


def test_a_single_image_is_its_own_whatever_was_squeezed():
    assert per_image(torch.ones(2, 3), 1, Layout(2, 1)).shape == (1, 6)
    assert layouts((3, 4), 3, (4,), 1) == [Layout(0, 1)]


@pytest.mark.parametrize(
    ("shape", "alone"),
    [((3, 3), (1, 1)), ((4, 5), (4, 5)), ((6, 4), (2, 3)), ((), ())],
    ids=["images x images", "fixed", "two axes differ", "a single number"],
)
def test_no_layout(shape, alone):
    assert layouts(shape, 3, alone, 1) == []


class TokensFirst(nn.Module):
    """A transformer with PyTorch's default order: tokens, images, features."""

    def __init__(self, *, batch_first=False):
        super().__init__()
        torch.manual_seed(0)
        self.batch_first = batch_first
        self.patches = nn.Conv2d(3, 8, 4, 4)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        tokens = self.patches(x).flatten(2)
        tokens = tokens.transpose(1, 2) if self.batch_first else tokens.permute(2, 0, 1)
        return self.head(self.encoder(tokens).mean(dim=1 if self.batch_first else 0))


def test_tokens_first_is_the_same_network():
    images = torch.randn(7, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    first, last = TokensFirst(), TokensFirst(batch_first=True)
    layers, others = (list_layers(model, (3, 16, 16)) for model in (first, last))
    assert [(info.layer, info.shape) for info in layers] == [(info.layer, info.shape) for info in others]
    assert {info.axis for info in layers} == {0, 1} and {info.axis for info in others} == {0}
    assert len(layers) == 18
    found, expected = (dict(extract_geometry(m, images, n_projections=32, batch_size=3)) for m in (first, last))
    for layer, geometry in expected.items():
        np.testing.assert_allclose(found[layer].rsm(), geometry.rsm(), atol=1e-5, err_msg=layer)
        np.testing.assert_allclose(found[layer].gram(), geometry.gram(), atol=1e-4 * geometry.gram().max())


class FlatTokens(nn.Module):
    """Tokens and images in one axis, tokens slowest; and a squeeze that also takes away the axis of a single image."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(3, 6)
        self.head = nn.Linear(6, 2)
        self.last = nn.Identity()

    def forward(self, x):
        n = len(x)
        tokens = self.mix(x.flatten(2).permute(2, 0, 1).reshape(-1, 3))
        pooled = self.head(tokens.reshape(-1, n, 6).mean(dim=0))
        return self.last(pooled[:, :1].squeeze().exp())


def test_tokens_that_share_the_images_axis():
    layers = {info.layer: info for info in list_layers(FlatTokens(), (3, 4, 4))}
    assert (layers["mix"].axis, layers["mix"].run, layers["mix"].shape) == (0, 1, (16, 6))
    assert layers["last"].n_features == 1
    model, images = FlatTokens(), torch.randn(7, 3, 4, 4)
    geometry = dict(extract_geometry(model, images, n_projections=16, batch_size=3))["mix"]
    tokens = model.mix(images.flatten(2).transpose(1, 2)).flatten(1).detach().double().numpy()
    np.testing.assert_allclose(geometry.rsm(), np.corrcoef(tokens), atol=1e-6)


def test_a_network_that_refuses_a_single_image():
    class NeedsTwo(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            if len(x) < 2:
                raise ValueError("Expected more than 1 value per channel when training")
            return self.conv(x)

    model = NeedsTwo()
    inventory = take_inventory(model, (3, 8, 8))
    assert [info.layer for info in inventory.layers] == ["conv"]
    assert inventory.multiply_adds == 4 * 27 * 36
    # Five images in batches of four would leave one.
    (_, geometry), = extract_geometry(model, torch.randn(5, 3, 8, 8), batch_size=4, n_projections=16)  # fmt: skip
    assert geometry.status == "ok"
