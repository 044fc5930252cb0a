import textwrap

import pytest
import torch

from menagerie.errors import MenagerieError
from menagerie.models.build import build_model, build_module, model_transform
from menagerie.models.builders import parse_builder
from menagerie.models.providers import PROVIDERS, provider
from menagerie.models.registry import inline_spec
from menagerie.models.weights import fetch_weights

OWN_NETWORK = """
from torch import nn

TRANSFORM = {"input_size": 32, "mean": (0, 0, 0), "std": (1, 1, 1), "interpolation": "bilinear", "crop_pct": 1.0}

def small(width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU())

def wrong():
    return 7
"""


@pytest.fixture
def own_file(tmp_path):
    path = tmp_path / "my_net.py"
    path.write_text(textwrap.dedent(OWN_NETWORK))
    return path


def on_meta(name):
    with torch.device("meta"):
        return build_module(inline_spec(name))


def test_every_provider_offers_what_it_must():
    for name in PROVIDERS:
        assert all(callable(getattr(provider(name), part)) for part in ("build", "options", "source")), name
    with pytest.raises(MenagerieError, match=r"Unknown provider.*Did you mean 'timm'"):
        provider("tim")


def test_builders_with_options():
    assert parse_builder("resnet50") == ("resnet50", {})
    assert parse_builder("a.b(x=1, y='z')") == ("a.b", {"x": 1, "y": "z"})
    for wrong in ("a(", "a(1)", "a(x=y)", "a(x=1", "a(**{})", "a(x=__import__('os'))", ""):
        with pytest.raises(MenagerieError, match="expected name or name"):
            parse_builder(wrong)


def test_heads_can_be_left_out():
    for name in ("torchvision/resnet18(num_classes=0):random", "timm/resnet18(num_classes=0):random"):
        assert on_meta(name)(torch.zeros(1, 3, 64, 64, device="meta")).shape == (1, 512)


def test_a_users_own_network(own_file, tmp_path):
    untrained = build_model(inline_spec(f"python/{own_file}:small:random"))
    assert untrained.input_size == 32 and untrained.module(torch.zeros(1, 3, 32, 32)).shape == (1, 4, 30, 30)
    torch.save({"state_dict": untrained.module.state_dict()}, tmp_path / "mine.pth")
    spec = inline_spec(f"python/{own_file}:small@{tmp_path / 'mine.pth'}")
    assert spec.id.endswith("_mine") and spec.id.startswith("python__")
    fetch_weights(spec, tmp_path / "out.safetensors")
    loaded = build_model(spec, tmp_path / "out.safetensors")
    assert torch.equal(loaded.module[0].weight, untrained.module[0].weight)
    assert on_meta(f"python/{own_file}:small(width=7):random")[0].out_channels == 7


def test_mistakes_in_a_users_file_are_named(own_file):
    for name, message in [
        (f"python/{own_file}:smal:random", "Unknown function.*Did you mean 'small'"),
        (f"python/{own_file}:wrong:random", "returned int, expected a torch.nn.Module"),
        ("python/nowhere.py:small:random", "nowhere.py does not exist"),
        ("python/nowhere:random", r"expected path/to/file\.py:function"),
    ]:
        with pytest.raises(MenagerieError, match=message):
            build_module(inline_spec(name))
    with pytest.raises(MenagerieError, match="say which checkpoint"):
        provider("python").source(inline_spec(f"python/{own_file}:small"))


def test_a_checkpoint_for_a_known_architecture(tmp_path):
    untrained = build_model(inline_spec("timm/test_resnet:random"))
    torch.save(untrained.module.state_dict(), tmp_path / "ours.pth")
    spec = inline_spec(f"timm/test_resnet@{tmp_path / 'ours.pth'}")
    assert spec.id == "timm__test_resnet_ours"
    fetch_weights(spec, tmp_path / "out.safetensors")
    loaded = build_model(spec, tmp_path / "out.safetensors").module
    assert torch.equal(loaded.fc.weight, untrained.module.fc.weight)


def test_sources_that_providers_know():
    source = {name: provider(name).source for name in PROVIDERS}
    assert source["timm"](inline_spec("timm/resnet18.a1_in1k")) == "hub:timm/resnet18.a1_in1k"
    assert source["torchvision"](inline_spec("torchvision/resnet18")).startswith("url:")
    clip = source["open_clip"](inline_spec("open_clip/RN50-quickgelu.openai"))
    assert clip == "hub:timm/resnet50_clip.openai#open_clip_model.safetensors"
    assert source["transformers"](inline_spec("transformers/google/vit-base")) == "hub:google/vit-base"
    with pytest.raises(MenagerieError, match=r"several trainings.*RN50-quickgelu\.<tag>"):
        source["open_clip"](inline_spec("open_clip/RN50-quickgelu"))
    with pytest.raises(MenagerieError, match="own/midas:random"):
        source["own"](inline_spec("own/midas"))


def test_networks_of_transformers_from_a_local_configuration(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(
        '{"model_type": "vit", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, '
        '"intermediate_size": 16, "image_size": 32, "patch_size": 8, "architectures": ["ViTModel"]}'
    )
    loaded = build_model(inline_spec(f"transformers/{config}:random"))
    assert loaded.input_size == 32
    assert loaded.module(torch.zeros(2, 3, 32, 32)).last_hidden_state.shape == (2, 17, 8)
    with pytest.raises(MenagerieError, match="does not exist"):
        build_model(inline_spec("transformers/none.json:random"))


def test_dpt_takes_images_of_any_size(registry):
    with torch.device("meta"):
        module = build_module(registry["DPT_Hybrid_monoculardepth"])
        for size in (256, 384):
            assert module(torch.zeros(1, 3, size, size)).predicted_depth.shape == (1, size, size)


def test_trained_googlenet_scales_its_input():
    assert on_meta("torchvision/googlenet").transform_input
    assert not on_meta("torchvision/googlenet:random").transform_input


def test_clip_uses_its_own_activation():
    assert any(type(part).__name__ == "QuickGELU" for part in on_meta("open_clip/ViT-B-32-quickgelu:random").modules())


def test_own_networks_need_a_row_for_their_transform():
    with pytest.raises(MenagerieError, match="fill the columns"):
        model_transform(inline_spec("own/midas:random"))
