"""Checkpoints as training scripts save them: each loads whole, or says what is missing."""

import json
from dataclasses import replace

import pytest
import torch
from open_clip.transformer import VisionTransformer as OpenClipTransformer
from safetensors.torch import load_file, save_file
from torchvision.models.vision_transformer import VisionTransformer

from menagerie.errors import MenagerieError
from menagerie.models.build import build_module
from menagerie.models.providers import provider
from menagerie.models.registry import inline_spec
from menagerie.models.weights import fetch_weights

NAME = "timm/test_resnet(num_classes=0)"
RIGHT = build_module(replace(inline_spec(f"{NAME}:random"), seed=1)).state_dict()
WRONG = build_module(replace(inline_spec(f"{NAME}:random"), seed=2)).state_dict()
HEAD = {"fc.weight": torch.zeros(7, 96), "fc.bias": torch.zeros(7)}


def under(prefix, state):
    return {prefix + key: value for key, value in state.items()}


LAYOUTS = {
    "bare": RIGHT,
    "DataParallel": under("module.", RIGHT),
    "compiled and parallel": {"state_dict": under("module._orig_mod.", RIGHT), "epoch": 3},
    "model": {"model": under("model.", RIGHT)},
    "net": {"net": RIGHT, "acc": 0.9},
    "net in names": under("net.", RIGHT),
    "model_state_dict": {"model_state_dict": RIGHT, "optimizer_state_dict": {"state": {}}},
    "Lightning": {"state_dict": under("model.", RIGHT) | under("criterion.", HEAD), "pytorch-lightning_version": "2"},
    "Lightning net": {"state_dict": under("net.", RIGHT), "callbacks": {}},
    "DINO": {
        "student": under("module.backbone.", WRONG) | under("module.head.", HEAD),
        "teacher": under("backbone.", RIGHT) | under("head.", HEAD),
        "epoch": 1,
    },
    "DINO in one": under("student.backbone.", WRONG) | under("teacher.backbone.", RIGHT),
    "MoCo": {
        "state_dict": under("module.encoder_q.", RIGHT | HEAD)
        | under("module.encoder_k.", WRONG | HEAD)
        | {"module.queue": torch.zeros(2), "module.queue_ptr": torch.zeros(1)},
        "arch": "resnet50",
    },
    "MAE": {"model": RIGHT | {"mask_token": torch.zeros(1), "decoder_blocks.0.weight": torch.zeros(2)}},
    "EMA of timm": {"state_dict": WRONG, "state_dict_ema": RIGHT},
    "EMA of torchvision": {"model": WRONG, "model_ema": under("module.", RIGHT) | {"n_averaged": torch.tensor(5)}},
    "EMA in Lightning": {"state_dict": under("model.", WRONG) | under("ema_model.", RIGHT)},
    "half precision": {key: v.half() if v.is_floating_point() else v for key, v in RIGHT.items()},
    "without counts": {key: v for key, v in RIGHT.items() if "num_batches" not in key},
}


def fetched(folder, checkpoint, name=NAME):
    torch.save(checkpoint, folder / "saved.pth")
    return fetch_weights(inline_spec(f"{name}@{folder / 'saved.pth'}"), folder / "out.safetensors")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_of_the_field_loads_whole(layout, tmp_path):
    fetched(tmp_path, LAYOUTS[layout])
    found = load_file(tmp_path / "out.safetensors")
    assert found.keys() == RIGHT.keys()
    for key, value in found.items():
        torch.testing.assert_close(value.to(RIGHT[key].dtype), RIGHT[key], rtol=1e-3, atol=1e-3)


def test_what_was_taken_is_noted(tmp_path):
    assert fetched(tmp_path, LAYOUTS["DINO"])["part"] == "teacher without 'backbone.'"
    assert fetched(tmp_path, LAYOUTS["bare"])["part"] == ""


def test_shards_with_a_prefix(tmp_path):
    keys = list(RIGHT)
    names = {key: f"m-{index % 2}.safetensors" for index, key in enumerate(keys)}
    for name in set(names.values()):
        save_file({f"model.{key}": RIGHT[key] for key in keys if names[key] == name}, tmp_path / name)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {f"model.{key}": name for key, name in names.items()}}))
    assert fetch_weights(inline_spec(f"{NAME}@{index}"), tmp_path / "out.safetensors")["keys"] == len(RIGHT)


@pytest.mark.parametrize("layout", ["bare", "DataParallel", "DINO", "MoCo", "Lightning"])
def test_a_partial_one_is_refused_naming_what_is_missing(layout, tmp_path):
    def without(part):
        if isinstance(part, dict):
            return {key: without(value) for key, value in part.items() if not key.endswith("layer1.0.conv1.weight")}
        return part

    with pytest.raises(MenagerieError, match=r"1 missing keys \(layer1\.0\.conv1\.weight\)"):
        fetched(tmp_path, without(LAYOUTS[layout]))


def test_a_larger_network_is_refused(tmp_path):
    with pytest.raises(MenagerieError, match=r"1 keys too many \(layer9\.0\.weight\)"):
        fetched(tmp_path, under("module.", RIGHT | {"layer9.0.weight": torch.zeros(2)}))


def test_two_networks_of_equal_standing_are_named(tmp_path):
    with pytest.raises(MenagerieError, match=r"2 times, behind left\., right\."):
        fetched(tmp_path, under("left.", RIGHT) | under("right.", WRONG))


def test_positional_embeddings_are_interpolated_on_request_only(tmp_path):
    state = build_module(inline_spec("timm/test_vit:random")).state_dict()
    smaller = build_module(inline_spec("timm/test_vit(img_size=96):random")).state_dict()
    with pytest.raises(MenagerieError, match=r"positional embeddings.*\(1, 37, 64\).*only on request.*img_size=384"):
        fetched(tmp_path, smaller, "timm/test_vit")
    fetched(tmp_path, under("module.", state), "timm/test_vit(img_size=96)")
    assert load_file(tmp_path / "out.safetensors")["pos_embed"].shape == (1, 37, 64)


def test_positional_embeddings_of_torchvision_and_open_clip():
    sizes = {"patch_size": 8, "num_layers": 1, "num_heads": 1, "hidden_dim": 8, "mlp_dim": 8}
    large, small = (VisionTransformer(image_size=size, **sizes) for size in (32, 16))
    found = provider("torchvision").interpolate(small, large.state_dict())
    assert found["encoder.pos_embedding"].shape == (1, 5, 8)
    tower = {"patch_size": 8, "layers": 1, "heads": 1, "width": 8, "mlp_ratio": 1.0, "output_dim": 4}
    large, small = (OpenClipTransformer(image_size=size, **tower) for size in (32, 16))
    for prefix in ("", "visual."):
        found = provider("open_clip").interpolate(small, under(prefix, large.state_dict()))
        assert found["positional_embedding"].shape == (5, 8)
