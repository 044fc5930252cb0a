"""The layer inventory: what counts as a layer."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import ANY

import pytest
import torch
from torch import nn

from menagerie.errors import MenagerieError
from menagerie.features.take_inventory import list_layers, take_inventory
from menagerie.files.inventory import (
    InventoryHeader,
    count_skipped,
    read_header,
    read_inventory,
    read_skipped,
    write_inventory,
)

INPUT = (3, 8, 8)


class Shared(nn.Module):
    """One in-place ReLU used twice, a shortcut, and containers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.drop = nn.Dropout()
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        x = self.relu(self.first(x))
        x = self.relu(self.second(x) + x)
        return self.head(self.drop(x.mean(dim=(2, 3))))


def names(model: nn.Module, shape: tuple[int, int, int] = INPUT) -> list[str]:
    return [info.layer for info in list_layers(model, shape)]


def test_shared_in_place_module_gives_one_layer_per_firing():
    # The dropout is a layer, since nothing else shows the pooled features; the root is not.
    assert names(Shared()) == ["first.0", "first.1", "relu", "second", "relu#2", "drop", "head"]


def test_depth_shape_and_features():
    layers = list_layers(Shared(), INPUT)
    assert [info.index for info in layers] == list(range(7))
    assert (layers[0].depth, layers[3].depth, layers[-1].depth) == (0, 0.5, 1)
    assert (layers[0].shape, layers[0].n_features) == ((4, 8, 8), 256)
    assert layers[0].class_name == "Conv2d"


def test_duplicates_name_the_layer_they_repeat():
    class PassesOn(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.Identity(), nn.Dropout())

        def forward(self, x):
            return self.body(x)

    inventory = take_inventory(PassesOn(), INPUT)
    assert [info.layer for info in inventory.layers] == ["body.0", "body.1"]
    assert {skipped.layer: skipped.reason for skipped in inventory.skipped} == dict.fromkeys(
        ["body.2", "body.3", "body", "output"], "same values as body.1"
    )
    assert inventory.layers[1].aliases == ("body.2", "body.3", "body", "output")


def test_root_is_a_layer_where_it_shows_something_new():
    class Sums(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)

        def forward(self, x):
            return self.conv(x).sum(dim=(2, 3))

    assert names(Sums()) == ["conv", "output"]


def test_tuples_and_dicts_are_opened_and_other_values_skipped():
    class Many(nn.Module):
        def forward(self, x):
            return x * 2, {"deep": [x + 1, None]}, x.argmax(dim=1)

    inventory = take_inventory(Many(), INPUT)
    assert [info.layer for info in inventory.layers] == ["output[0]", "output[1][deep][0]"]
    assert inventory.skipped[0].layer == "output[2]"
    assert inventory.skipped[0].reason == "no real numbers: int64"


class Windows(nn.Module):
    """Windows beside images in the first axis (as Swin has), and images in the second (as some transformers have)."""

    def __init__(self):
        super().__init__()
        self.folds = nn.Linear(12, 3)
        self.mixes = nn.Linear(12, 3)
        self.fixed = nn.Linear(12, 3)
        self.bias = nn.Parameter(torch.randn(6, 12))

    def forward(self, x):
        windows = x.reshape(len(x), 3, 4, 2, 8).permute(0, 2, 1, 3, 4).reshape(len(x) * 16, 12)
        self.fixed(self.bias)
        swapped = windows.reshape(len(x), 16, 12).transpose(0, 1)[:15]
        return self.folds(windows).reshape(len(x), -1) * 2 + self.mixes(swapped).sum()


def test_images_are_found_along_any_axis():
    inventory = take_inventory(Windows(), INPUT)
    found = [(info.layer, info.shape, info.axis, info.run) for info in inventory.layers]
    assert found == [("folds", (16, 3), 0, 16), ("mixes", (15, 3), 1, 1)]
    reasons = {skipped.layer: skipped.reason for skipped in inventory.skipped}
    assert reasons["fixed"] == "does not grow with the number of images"
    assert reasons["output"] == "an image's values depend on the other images of its batch"


def test_zero_gains_do_not_hide_layers_and_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[3].weight)
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert names(model) == ["0", "1", "2", "3"]
    assert model.training and model[1].training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_attention_maps_are_layers():
    vision_transformer = pytest.importorskip("timm").models.vision_transformer
    model = vision_transformer.VisionTransformer(img_size=8, patch_size=4, embed_dim=8, depth=1, num_heads=2)
    model.blocks[0].attn.fused_attn = True
    layers = names(model)
    assert "blocks.0.attn.attn_drop" in layers
    assert "blocks.0.attn.q_norm" not in layers
    assert model.blocks[0].attn.fused_attn


def test_wrong_input_size_is_explained():
    with pytest.raises(MenagerieError, match="Sequential does not run on images of 3x8x8"):
        list_layers(nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), INPUT)


def test_file_round_trip(tmp_path):
    layers = list_layers(Shared(), INPUT)
    write_inventory(tmp_path / "shared.tsv", layers)
    back = read_inventory(tmp_path / "shared.tsv")
    assert [(info.index, info.layer, info.class_name, info.shape, info.n_features) for info in back] == [
        (info.index, info.layer, info.class_name, info.shape, info.n_features) for info in layers
    ]
    assert [info.depth for info in back] == pytest.approx([info.depth for info in layers], abs=1e-6)
    assert read_header(tmp_path / "shared.tsv") == InventoryHeader()


def test_header_says_what_it_was_made_from_and_counts_the_work(tmp_path):
    inventory = take_inventory(Shared(), INPUT)
    # First convolution 4 x 3 x 9 at 64 places, second 4 x 4 x 9 at 64 places, a linear layer of 4 x 5; per image.
    assert inventory.multiply_adds == 64 * 9 * (12 + 16) + 20
    header = InventoryHeader("0123abcd", inventory.multiply_adds)
    write_inventory(tmp_path / "shared.tsv", inventory.layers, header)
    assert read_header(tmp_path / "shared.tsv") == header
    assert len(read_inventory(tmp_path / "shared.tsv")) == len(inventory.layers)
    assert read_header(tmp_path / "missing.tsv") == InventoryHeader()


def test_tensors_that_are_no_layers_are_in_the_file(tmp_path):
    inventory = take_inventory(Windows(), INPUT)
    write_inventory(tmp_path / "net.tsv", inventory.layers, InventoryHeader("ab", 3), inventory.skipped)
    assert read_inventory(tmp_path / "net.tsv") == [replace(info, depth=ANY) for info in inventory.layers]
    assert read_skipped(tmp_path / "net.tsv") == inventory.skipped
    assert read_header(tmp_path / "net.tsv") == InventoryHeader("ab", 3)
    assert count_skipped(tmp_path / "net.tsv") == {
        "does not grow with the number of images": 1,
        "an image's values depend on the other images of its batch": 1,
    }


def test_an_output_beside_a_child_of_that_name():
    class HasOutput(nn.Module):
        def __init__(self):
            super().__init__()
            self.output = nn.Conv2d(3, 2, 1)

        def forward(self, x):
            return self.output(x).sum(dim=(2, 3))

    assert names(HasOutput()) == ["output", "output_"]


def test_torchscript_is_named_and_its_parts_in_a_network_are_no_obstacle():
    conv = nn.Conv2d(3, 2, 1)
    with pytest.raises(MenagerieError, match="is a TorchScript program"):
        take_inventory(torch.jit.script(conv), INPUT)
    assert names(nn.Sequential(torch.jit.script(conv), nn.ReLU())) == ["1"]
    assert names(torch.jit.trace(conv, torch.rand(2, *INPUT))) == ["output"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_networks_in_other_formats(dtype):
    assert names(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Flatten()).to(dtype)) == ["0", "1"]


HEAD = "index\tlayer\tclass\tshape\tn_features\tdepth\taxis\trun\taliases\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index\tlayer\n", "expected the columns index, layer, class"),
        ("index\tlayer\tclass\tshape\tn_features\tdepth\n0\tc\tConv2d\t4\t4\t0\n", "expected the columns"),
        (f"{HEAD}0\tconv\tConv2d\t2x2\t5\t0\t0\t1\t\n", "layer 0"),
        (f"{HEAD}1\tconv\tConv2d\t2x2\t4\t0\t0\t1\t\n", "layer 0"),
        (f"{HEAD}0\tconv\tConv2d\t2x2\t4\t0\t-1\t1\t\n", "layer 0"),
        (f"{HEAD}0\tconv\tConv2d\t2x2\t4\t0\t0\t0\t\n", "layer 0"),
        (f"{HEAD}0\tconv\tConv2d\n", "layer 0"),
    ],
)
def test_damaged_file_is_named(tmp_path, text, message):
    path = tmp_path / "model.tsv"
    path.write_text(text)
    with pytest.raises(MenagerieError, match=message) as caught:
        read_inventory(path)
    assert "model.tsv" in str(caught.value)
