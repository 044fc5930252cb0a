"""Attention maps and projections that no module returns."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from menagerie.features.attention import attention_map
from menagerie.features.collect import layer_features
from menagerie.features.hooks import observed, run
from menagerie.features.take_inventory import list_layers, take_inventory

SMALL = {"image_size": 32, "patch_size": 16, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16}


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.3},
        {"is_causal": True},
        {"attn_mask": tokens(5, 5) > 0},
        {"attn_mask": tokens(2, 1, 5, 5)},
    ],
)
def test_map_times_values_is_the_fused_result(options):
    query, key, value = tokens(3, 2, 4, 5, 6)
    fused = functional.scaled_dot_product_attention(query, key, value, **options)
    # Where a mask leaves nothing, PyTorch gives 0 or, older, not a number.
    torch.testing.assert_close(attention_map(query, key, **options) @ value, fused.nan_to_num(0.0))


def test_map_of_grouped_queries():
    query, key, value = tokens(2, 4, 5, 6), tokens(2, 2, 5, 6), tokens(2, 2, 5, 6)
    fused = functional.scaled_dot_product_attention(query, key, value, enable_gqa=True)
    weights = attention_map(query, key, enable_gqa=True)
    torch.testing.assert_close(weights @ value.repeat_interleave(2, dim=1), fused)


def test_the_same_vision_transformer_has_the_same_layers_in_three_packages():
    timm, torchvision = pytest.importorskip("timm"), pytest.importorskip("torchvision")
    open_clip = pytest.importorskip("open_clip")
    size = {"img_size": 32, "patch_size": 16, "embed_dim": 8, "depth": 1, "num_heads": 2}
    clip_size = {"image_size": 32, "patch_size": 16, "width": 8, "layers": 1, "heads": 2, "mlp_ratio": 2}
    models = {
        "blocks.0.": timm.models.VisionTransformer(mlp_ratio=2, **size),
        "encoder.layers.encoder_layer_0.": torchvision.models.VisionTransformer(**SMALL),
        "transformer.resblocks.0.": open_clip.transformer.VisionTransformer(output_dim=4, **clip_size),
    }
    shapes = {
        prefix: sorted(info.shape for info in list_layers(model.eval(), (3, 32, 32)) if info.layer.startswith(prefix))
        for prefix, model in models.items()
    }
    timm_block, *others = shapes.values()
    assert (2, 5, 5) in timm_block and (5, 24) in timm_block  # the map of both heads; queries, keys and values
    # The block itself ends with the prefix's dot cut off, in all three alike.
    assert others == [timm_block] * 2


def test_cross_attention_and_unlike_sizes():
    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, kdim=3, vdim=3)
            self.register_buffer("query", tokens(2, 1, 4))

        def forward(self, x):
            pixels = x.flatten(2).permute(2, 0, 1)
            return self.attention(self.query.expand(-1, len(x), -1), pixels, pixels, need_weights=False)[0]

    inventory = take_inventory(Reads(), (3, 4, 4))
    shapes = {info.layer: (info.shape, info.axis) for info in inventory.layers}
    assert shapes["attention[in_proj][1]"] == ((16, 4), 1) and shapes["attention[in_proj][2]"] == ((16, 4), 1)
    assert shapes["attention[attention]"] == ((2, 2, 16), 0)
    # The query is the same for every image, and its copies are no function of the image; but they have a row each.
    assert shapes["attention[in_proj][0]"] == ((2, 4), 1)
    # Only the network's own arithmetic counts: 16 x 3 x 4 twice, 2 x 4 x 4 twice, and two products of 2 x 2 x 16 x 2.
    assert inventory.multiply_adds == 2 * 16 * 12 + 2 * 2 * 16 + 2 * 2 * 2 * 16 * 2


def test_a_map_alone_is_found_and_leaves_the_rest_as_it_was():
    model = pytest.importorskip("torchvision").models.VisionTransformer(**SMALL).eval()
    images = tokens(3, 3, 32, 32)
    before = model(images)
    name = "encoder.layers.encoder_layer_0.self_attention[attention]"
    found = layer_features(model, images, [name])[name]
    assert found.shape == (3, 2 * 5 * 5)
    torch.testing.assert_close(torch.from_numpy(found).reshape(3, 2, 5, 5).sum(dim=3), torch.ones(3, 2, 5))
    original = functional.scaled_dot_product_attention
    with observed(model, lambda *_: None):
        assert functional.scaled_dot_product_attention is not original
        run(model, images)
    assert functional.scaled_dot_product_attention is original
    assert torch.equal(model(images), before)


def test_several_calls_in_one_module_have_names_of_their_own():
    class Twice(nn.Module):
        def forward(self, x):
            x = x.flatten(2).transpose(1, 2)
            x = functional.scaled_dot_product_attention(x, x, x)
            return functional.scaled_dot_product_attention(x, 2 * x, x)

    layers = [info.layer for info in list_layers(Twice(), (3, 4, 4))]
    assert layers == ["output[attention]", "output[attention#2]", "output"]
