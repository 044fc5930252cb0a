"""``hf-hub:`` names of timm and open_clip, with the hub's files on this disk."""

import json

import open_clip
import pytest
import timm.models._hub
import torch
from timm.models import get_pretrained_cfg

from menagerie.errors import MenagerieError
from menagerie.models.build import build_module, model_transform
from menagerie.models.providers import open_clip as open_clip_provider
from menagerie.models.providers import provider
from menagerie.models.registry import inline_spec


@pytest.fixture
def hub(tmp_path, monkeypatch):
    def download(repo_id, filename, **_):
        path = tmp_path / repo_id / filename
        if not path.is_file():
            raise OSError(f"{repo_id} has no {filename}")
        return str(path)

    monkeypatch.setattr(timm.models._hub, "hf_hub_download", download)
    monkeypatch.setattr(open_clip_provider, "hf_hub_download", download)
    open_clip_provider._hub.cache_clear()
    return tmp_path


def published(hub, repository, name, content):
    path = hub / repository / name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))


def test_timm(hub):
    config = get_pretrained_cfg("resnet18.a1_in1k").to_dict() | {"input_size": [3, 96, 96], "crop_mode": "squash"}
    published(hub, "me/net", "config.json", {"architecture": "resnet18", "num_classes": 5, "pretrained_cfg": config})
    spec = inline_spec("timm/hf-hub:me/net")
    with torch.device("meta"):
        assert build_module(spec).num_classes == 5
    assert (model_transform(spec).input_size, model_transform(spec).crop_mode) == (96, "squash")
    assert provider("timm").source(spec) == "hub:me/net"
    with pytest.raises(MenagerieError, match=r"cannot read config.json of 'me/none'"):
        build_module(inline_spec("timm/hf-hub:me/none"))


def test_open_clip(hub):
    model = open_clip.get_model_config("ViT-B-32") | {"quick_gelu": True}
    scaling = {"mean": [0.5] * 3, "std": [0.25] * 3, "interpolation": "bilinear", "resize_mode": "longest"}
    content = {"model_cfg": model, "preprocess_cfg": scaling}
    published(hub, "me/clip", "open_clip_config.json", content)
    spec = inline_spec("open_clip/hf-hub:me/clip")
    with torch.device("meta"):
        assert "QuickGELU" in {type(part).__name__ for part in build_module(spec).modules()}
    found = model_transform(spec)
    assert (found.crop_mode, found.mean, found.interpolation) == ("border", (0.5,) * 3, "bilinear")
    assert provider("open_clip").source(spec) == "hub:me/clip#open_clip_model.safetensors"
    with pytest.raises(MenagerieError, match=r"open_clip_config.json of 'me/none' cannot be had"):
        build_module(inline_spec("open_clip/hf-hub:me/none"))
