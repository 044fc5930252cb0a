from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from menagerie.errors import MenagerieError
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec, inline_spec


def state(model):
    return model.module.state_dict()


def test_the_seed_makes_the_network(small):
    torch.manual_seed(1)
    first = state(build_model(small))
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    again, other = state(build_model(small)), state(build_model(replace(small, seed=1)))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["conv1.0.weight"], other["conv1.0.weight"])


def test_networks_are_ready_to_look_at_images(small):
    loaded = build_model(small)
    assert not loaded.module.training and not any(p.requires_grad for p in loaded.module.parameters())
    assert loaded.input_size == loaded.transform.input_size == 160
    images = torch.stack([loaded.transform(torch.zeros(50, 60, 3, dtype=torch.uint8).numpy())] * 2)
    assert loaded.module(images).shape == (2, 1000)


@pytest.mark.parametrize("name", ["timm/test_vit:random", "timm/test_convnext", "torchvision/squeezenet1_1:random"])
def test_providers_build_and_load_strictly(tmp_path, name):
    spec = inline_spec(name)
    untrained = replace(spec, weights="random", training="random", seed=3)
    weights = tmp_path / "weights.safetensors"
    save_file(state(build_model(untrained)), weights)
    loaded = build_model(replace(spec, weights=f"file:{weights}", training="trained"), weights)
    expected = state(build_model(untrained))
    assert all(torch.equal(value, expected[key]) for key, value in state(loaded).items())


def test_weights_that_do_not_fit_are_named(tmp_path, small):
    spec = replace(small, weights="file:x", training="trained")
    good = state(build_model(small))
    bad = {key: value for key, value in good.items() if key != "fc.bias"}
    bad |= {"head.bias": torch.zeros(2), "fc.weight": torch.zeros(3, 3)}
    save_file(bad, tmp_path / "bad.safetensors")
    message = (
        r"1 missing keys \(fc.bias\); 1 keys too many \(head.bias\); 1 wrong shapes \(fc.weight has shape \(3, 3\),"
    )
    with pytest.raises(MenagerieError, match=message):
        build_model(spec, tmp_path / "bad.safetensors")
    with pytest.raises(MenagerieError, match="do not exist"):
        build_model(spec, tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "bad.safetensors").read_bytes()[:1000])
    with pytest.raises(MenagerieError, match="no whole safetensors file"):
        build_model(spec, tmp_path / "cut.safetensors")


def test_trained_and_untrained_are_not_mixed_up(tmp_path, small):
    with pytest.raises(MenagerieError, match="is a trained one"):
        build_model(replace(small, weights="provider", training="trained"))
    with pytest.raises(MenagerieError, match="is untrained, but weights were given"):
        build_model(small, tmp_path / "w.safetensors")


def test_attention_maps_reach_a_module():
    module = build_model(inline_spec("timm/test_vit:random")).module
    seen = []
    module.blocks[0].attn.attn_drop.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.no_grad():
        module(torch.rand(1, 3, 160, 160))
    torch.testing.assert_close(seen[0].sum(-1), torch.ones(seen[0].shape[:-1]))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm/resnet81:random", "Unknown timm architecture.*Did you mean 'resnet18'"),
        ("timm/resnet18.a9_in1k:random", "Unknown timm tag.*Did you mean 'a[123]_in1k'"),
        ("torchvision/squeezenet1_2:random", "Unknown torchvision architecture.*Did you mean 'squeezenet1_"),
    ],
)
def test_unknown_builders_get_a_hint(name, message):
    with pytest.raises(MenagerieError, match=message):
        build_model(inline_spec(name))


def test_the_row_wins_over_the_provider():
    spec = ModelSpec("x", "timm", "test_resnet", "random", training="random", input_size=64, crop_pct=1.0)
    transform = build_model(spec).transform
    assert (transform.input_size, transform.crop_pct, transform.mean) == (64, 1.0, (0.5, 0.5, 0.5))
