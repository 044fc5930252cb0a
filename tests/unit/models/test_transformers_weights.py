"""Checkpoints of transformers load as transformers loads them: towers out of pairs, without heads, never in part."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from menagerie.errors import MenagerieError
from menagerie.models.build import build_model
from menagerie.models.registry import inline_spec
from menagerie.models.weights import fetch_weights

SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
IMAGES = SMALL | {"image_size": 32, "patch_size": 16}
TEXTS = SMALL | {"vocab_size": 99, "max_position_embeddings": 8}
PAIRS = {
    "clip": ("CLIPModel", {"projection_dim": 8}),
    "siglip": ("SiglipModel", {}),
    "blip": ("BlipModel", {"projection_dim": 8}),
    "chinese_clip": ("ChineseCLIPModel", {"projection_dim": 8}),
}


def saved(folder, name, config):
    """A network of transformers with its configuration and weights, as it is published."""
    torch.manual_seed(1)
    network = getattr(transformers, name)(config).eval()
    network.save_pretrained(folder)
    return network


def loaded(folder, file="model.safetensors"):
    spec = inline_spec(f"transformers/{folder / 'config.json'}@{folder / file}")
    fetch_weights(spec, folder / "out/w.safetensors")
    return build_model(spec, folder / "out/w.safetensors").module


@pytest.mark.parametrize("kind", PAIRS)
def test_the_vision_tower_of_a_pair(kind, tmp_path):
    name, more = PAIRS[kind]
    config = transformers.AutoConfig.for_model(kind, vision_config=IMAGES, text_config=TEXTS, **more)
    whole = saved(tmp_path, name, config)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = whole.vision_model(images).last_hidden_state
        found = loaded(tmp_path)(images).last_hidden_state
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_a_classifier_and_its_bare_network(tmp_path):
    whole = saved(tmp_path, "ViTForImageClassification", transformers.ViTConfig(**IMAGES))
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded(tmp_path)(images).logits, whole(images).logits)
    config = json.loads((tmp_path / "config.json").read_text()) | {"architectures": []}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(MenagerieError, match=r"missing keys \(pooler"):
        loaded(tmp_path)
    config["architectures"] = ["ViTForMaskedImageModeling"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(MenagerieError, match=r"missing keys \("):
        loaded(tmp_path)


def test_names_of_older_files_are_converted_as_transformers_does_it(tmp_path):
    whole = saved(tmp_path, "ViTModel", transformers.ViTConfig(**IMAGES))
    state = load_file(tmp_path / "model.safetensors")
    save_file({f"module.{key}": value for key, value in state.items()}, tmp_path / "wrapped.safetensors")
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        found = loaded(tmp_path, "wrapped.safetensors")(images).last_hidden_state
        torch.testing.assert_close(found, whole(images).last_hidden_state)


@pytest.mark.parametrize("kind", ["vit", "classifier", *PAIRS])
def test_a_deeper_network_is_refused(kind, tmp_path):
    if kind in PAIRS:
        name, more = PAIRS[kind]
        saved(tmp_path, name, transformers.AutoConfig.for_model(kind, vision_config=IMAGES, text_config=TEXTS, **more))
    else:
        name = "ViTModel" if kind == "vit" else "ViTForImageClassification"
        saved(tmp_path, name, transformers.ViTConfig(**IMAGES))
    config = json.loads((tmp_path / "config.json").read_text())
    config.get("vision_config", config)["num_hidden_layers"] = 1
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(MenagerieError, match="keys too many"):
        loaded(tmp_path)


def test_a_partial_one_and_another_size_are_refused(tmp_path):
    saved(tmp_path, "ViTModel", transformers.ViTConfig(**IMAGES))
    state = load_file(tmp_path / "model.safetensors")
    left_out = next(key for key in state if "layernorm" in key and key.endswith("bias"))
    save_file({key: value for key, value in state.items() if key != left_out}, tmp_path / "part.safetensors")
    with pytest.raises(MenagerieError, match=r"1 missing keys \("):
        loaded(tmp_path, "part.safetensors")
    config = json.loads((tmp_path / "config.json").read_text()) | {"image_size": 48}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(MenagerieError, match=r"1 wrong shapes.*position_embeddings.*only on request"):
        loaded(tmp_path)
