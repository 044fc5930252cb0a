"""Every family of checkpoints: synthetic files with the published key names load into the network, key by key.

Networks and tensors live on torch's meta device: names and shapes are tested, not values.
"""

import argparse
import pickle
import re
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from menagerie.errors import MenagerieError
from menagerie.models import mappings
from menagerie.models.build import build_module, misfits
from menagerie.models.checkpoints.pickle_values import Global, Placeholder
from menagerie.models.checkpoints.read import read_checkpoint
from menagerie.models.mappings import OF_OBJECTS, map_keys, tensors_inside
from menagerie.models.providers import provider

EXAMPLES = {
    "bit": "BiT-Expert-ResNet-V2-Bird_bit_expert",
    "detectron2": "faster_rcnn_R_50_FPN_3x_detection",
    "ipcl": "alexnet_gn_ipcl_places256_ipcl",
    "midas": "MiDaS_monoculardepth",
    "slip": "ViT-S-SLIP_slip",
    "vissl": "ResNet50-SimCLR_selfsupervised",
    "yolov5": "yolov5s_yolo",
    "efficientnet_lite": "efficientnet_lite1",
}


def network(registry, name):
    with torch.device("meta"):
        return build_module(registry[name])


def tensor(*shape):
    return torch.empty(shape, device="meta")


def published_lite(state):
    """timm's keys to those of efficientnet_lite_pytorch, written the other way round than in the package."""
    counts, renamed = {}, {}
    for key, value in state.items():
        found = re.match(r"blocks\.(\d+\.\d+)\.(\w+)\.(.*)", key)
        if not found:
            head = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
            part, leaf = key.split(".", 1)
            renamed[f"{head.get(part, '_fc')}.{leaf}"] = value
            continue
        number = counts.setdefault(found[1], len(counts))
        order = ["_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
        names = ["conv_dw", "bn1", "conv_pw", "bn2"]
        if number:
            order = ["_expand_conv", "_bn0", *order]
            names = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
        renamed[f"_blocks.{number}.{dict(zip(names, order, strict=True))[found[2]]}.{found[3]}"] = value
    return renamed


def published_detectron2(state):
    renamed = {}
    for key, value in state.items():
        key = re.sub(r"\.layer(\d)\.", lambda found: f".res{int(found[1]) + 1}.", key)
        key = key.replace(".downsample.0.", ".shortcut.").replace(".downsample.1.", ".shortcut.norm.")
        key = re.sub(r"\.bn(\d)\.", r".conv\1.norm.", key).replace("bottom_up.conv1.", "bottom_up.stem.conv1.")
        renamed["backbone." + key] = value
    return {"model": renamed | {"proposal_generator.anchor": tensor(1)}, "__author__": "Detectron2 Model Zoo"}


def published_bit(state):
    renamed = {"resnet/head/conv2d/kernel": tensor(1, 1, 2048, 9), "resnet/group_norm/gamma": tensor(2048)}
    for key, value in state.items():
        if value.ndim == 4:
            value = value.permute(2, 3, 1, 0)
        if key == "stem.conv.weight":
            renamed["resnet/root_block/standardized_conv2d/kernel"] = value
            continue
        _, stage, _, block, part, *rest = key.split(".")
        place = f"resnet/block{int(stage) + 1}/unit{int(block) + 1:02d}"
        if part == "downsample":
            renamed[f"{place}/a/proj/standardized_conv2d/kernel"] = value
        elif part.startswith("conv"):
            renamed[f"{place}/{'abc'[int(part[4]) - 1]}/standardized_conv2d/kernel"] = value
        else:
            leaf = {"weight": "gamma", "bias": "beta"}[rest[0]]
            renamed[f"{place}/{'abc'[int(part[4]) - 1]}/group_norm/{leaf}"] = value
    return renamed


def placeholder(kind="Module"):
    return Placeholder(Global("models.yolo", kind))


def module_of(state):
    """A module as the reader of checkpoints leaves it."""
    root = placeholder()
    for key, value in state.items():
        *path, leaf = key.split(".")
        part = root
        for name in path:
            part = part.state.setdefault("_modules", {}).setdefault(name, placeholder())
        part.state.setdefault("_parameters", {})[leaf] = value
    return root


PUBLISHED = {
    "bit": published_bit,
    "detectron2": published_detectron2,
    "ipcl": lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}},
    "midas": lambda state: state | {"scratch.refinenet4.resConfUnit1.conv1.weight": tensor(256, 256, 3, 3)},
    "slip": lambda state: {
        "epoch": 25,
        "args": argparse.Namespace(lr=1.0),
        "state_dict": {f"module.visual.{key}": value for key, value in state.items()}
        | {"module.image_projection": tensor(384, 512), "module.transformer.resblocks.0.ln_1.bias": tensor(512)},
    },
    "vissl": lambda state: {
        "config": placeholder("AttrDict"),
        "classy_state_dict": {
            "base_model": {
                "model": {
                    "trunk": {f"_feature_blocks.{key}": value for key, value in state.items()},
                    "heads": {"0.clf.0.weight": tensor(128, 2048)},
                }
            }
        },
    },
    "yolov5": lambda state: {
        "epoch": -1,
        "model": module_of({key: value.half() for key, value in state.items()} | {"model.24.anchors": tensor(3, 3, 2)}),
    },
    "efficientnet_lite": published_lite,
}


def test_every_mapping_has_an_example():
    assert set(EXAMPLES) == set(PUBLISHED) == set(mappings.MAPPINGS) - {""}


@pytest.mark.parametrize("mapping", sorted(EXAMPLES))
def test_published_keys_fit_the_network(registry, mapping, monkeypatch):
    spec = registry[EXAMPLES[mapping]]
    assert spec.mapping == mapping
    expected = network(registry, spec.id).state_dict()
    monkeypatch.setattr(torch, "as_tensor", lambda value: value)
    found = map_keys(mapping, PUBLISHED[mapping](expected), "a test")
    assert not misfits(expected, found)


def test_other_generations_of_vissl_files(registry):
    expected = network(registry, EXAMPLES["vissl"]).state_dict()
    swav = {f"module.{key}": value for key, value in expected.items()}
    swav |= {"module.projection_head.0.weight": tensor(1), "module.prototypes.weight": tensor(1)}
    converted = {"model_state_dict": {f"_feature_blocks.{key}": value for key, value in expected.items()}}
    for checkpoint in (swav, {"state_dict": swav}, converted):
        assert not misfits(expected, map_keys("vissl", checkpoint, "a test"))


def test_detectron2_gets_images_in_the_order_of_rgb(registry):
    weight = np.arange(3, dtype=np.float32).reshape(1, 3, 1, 1)
    mapped = map_keys("detectron2", {"model": {"backbone.bottom_up.stem.conv1.weight": weight}}, "a test")
    assert mapped["bottom_up.conv1.weight"].flatten().tolist() == [2.0, 1.0, 0.0]


def test_bit_kernels_are_turned(registry):
    kernel = torch.arange(24.0).reshape(1, 2, 3, 4)
    mapped = map_keys("bit", {"resnet/block2/unit03/b/standardized_conv2d/kernel": kernel}, "a test")
    assert mapped["stages.1.blocks.2.conv2.weight"][3, 2, 0, 1] == kernel[0, 1, 2, 3]


@pytest.mark.parametrize("mapping", sorted(set(EXAMPLES) - {"midas", "ipcl", "vissl"}))
def test_files_of_another_family_are_refused(mapping):
    with pytest.raises(MenagerieError, match="a test"):
        map_keys(mapping, {"features.0.weight": torch.zeros(1)}, "a test")


def test_open_clip_takes_the_visual_tower():
    module = nn.Linear(2, 2)
    state = {f"visual.{key}": value for key, value in module.state_dict().items()} | {"logit_scale": torch.ones(1)}
    assert set(provider("open_clip").adapt(module, state)) == {"weight", "bias"}


def test_torchvision_reads_the_first_dense_keys_and_leaves_auxiliary_heads_out():
    adapt = provider("torchvision").adapt
    old = {"features.denseblock1.denselayer1.norm.1.weight": torch.ones(1), "aux1.fc1.weight": torch.ones(1)}
    assert list(adapt(nn.Linear(1, 1), old)) == ["features.denseblock1.denselayer1.norm1.weight"]


class Bomb:
    def __reduce__(self):
        return (print, ("a pickle ran its own code",))


@pytest.mark.parametrize("zipped", [True, False])
def test_objects_are_read_as_data(tmp_path, capsys, zipped):
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    payload = {"model": module, "ema": Bomb(), "options": SimpleNamespace(a=1), "x": OrderedDict(y=torch.arange(4.0))}
    torch.save(payload, tmp_path / "objects.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(MenagerieError, match="was refused"):
        read_checkpoint(tmp_path / "objects.pt")
    read = read_checkpoint(tmp_path / "objects.pt", objects=True)
    assert str(read["ema"].kind).endswith("print") and read["ema"].arguments == ("a pickle ran its own code",)
    assert read["options"].state == {"a": 1}
    state, expected = tensors_inside(read["model"]), module.state_dict()
    assert set(state) == set(expected) and all(torch.equal(state[key], expected[key]) for key in expected)
    assert torch.equal(read["x"]["y"], torch.arange(4.0))
    assert "its own code" not in capsys.readouterr().out


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_of_plain_pickles(tmp_path, protocol):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    arrays = {"a": values, "turned": values.T, "swapped": values.astype(">f4"), "n": np.float64(2.5), "b": values > 2}
    (tmp_path / "zoo.pkl").write_bytes(pickle.dumps({"model": arrays, "author": Bomb()}, protocol=protocol))
    read = read_checkpoint(tmp_path / "zoo.pkl", objects=True)
    for name, expected in arrays.items():
        np.testing.assert_array_equal(read["model"][name], expected)
    assert isinstance(read["author"], Placeholder)


def test_command_lines_in_checkpoints_are_harmless(tmp_path):
    torch.save({"args": argparse.Namespace(lr=0.1), "state_dict": {"x": torch.ones(1)}}, tmp_path / "slip.pt")
    assert read_checkpoint(tmp_path / "slip.pt")["args"].state == {"lr": 0.1}
    assert "slip" not in OF_OBJECTS


def test_a_module_in_itself_ends():
    module = module_of({"a.weight": torch.ones(1)})
    module.state["_modules"]["self"] = module
    assert list(tensors_inside(module)) == ["a.weight"]


@pytest.mark.parametrize(
    ("mapping", "checkpoint"),
    [
        ("bit", {"resnet/block": torch.zeros(1)}),
        ("bit", {"resnet/block1/unitx/a": torch.zeros(1)}),
        ("slip", {3: torch.zeros(1)}),
        ("yolov5", {"model": {"a": 3}}),
        ("detectron2", {"model": {"backbone.a": "text", 3: 4}}),
    ],
)
def test_names_that_a_family_does_not_have(mapping, checkpoint):
    with pytest.raises(MenagerieError, match="a test"):
        map_keys(mapping, checkpoint, "a test")
