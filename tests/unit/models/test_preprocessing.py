"""Pixels that networks see equal those of the library's own transform, on an oblong and a square photograph."""

import json

import numpy as np
import open_clip
import pytest
import torch
import torchvision
import transformers
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from sklearn.datasets import load_sample_image
from timm.data import create_transform, resolve_data_config
from timm.models import get_deprecated_models, get_pretrained_cfg, is_model_pretrained, list_pretrained
from torchvision.models import get_model_weights, list_models

from menagerie.errors import MenagerieError
from menagerie.models.build import build_module, model_transform
from menagerie.models.providers import provider
from menagerie.models.registry import inline_spec

PHOTOGRAPHS = (load_sample_image("flower.jpg")[20:395, 70:570], load_sample_image("china.jpg")[:400, 100:500])
KINDS = (
    "vit",
    "dinov2",
    "clip",
    "siglip",
    "convnext",
    "deit",
    "mobilevit",
    "dpt",
    "segformer",
    "blip",
    "levit",
    "beit",
)


def assert_same_pixels(spec, library):
    ours = model_transform(spec)
    for photograph in PHOTOGRAPHS:
        theirs = library(Image.fromarray(photograph))
        torch.testing.assert_close(ours(photograph), theirs, rtol=0, atol=1e-5, msg=f"{spec.id}: other pixels")
        assert theirs.shape == (3, ours.input_size, ours.input_size)


def test_photographs_are_one_oblong_and_one_square():
    assert [picture.shape for picture in PHOTOGRAPHS] == [(375, 500, 3), (400, 400, 3)]


def test_every_pipeline_of_timm():
    pipelines = {}
    for name in list_pretrained():
        settings = resolve_data_config({}, pretrained_cfg=get_pretrained_cfg(name).to_dict())
        size = settings["input_size"]
        if size[1] != size[2]:
            with pytest.raises(MenagerieError, match="expected a square"):
                model_transform(inline_spec(f"timm/{name}"))
            continue
        # Each way to cut, each filter and each scaling once, and each size once: sizes differ in rounding only.
        scaling = settings | {"input_size": 0, "crop_pct": 0}
        for key in (str(scaling), size, (settings["crop_mode"], settings["crop_pct"])):
            pipelines.setdefault(key, (name, settings))
    chosen = {name: settings for name, settings in pipelines.values() if settings["input_size"][1] <= 600}
    assert len(chosen) > 40
    for name, settings in chosen.items():
        assert_same_pixels(inline_spec(f"timm/{name}"), create_transform(**settings))


def test_names_that_timm_has_given_up_stand_for_their_successors():
    source, refused = provider("timm").source, []
    for old, new in get_deprecated_models().items():
        if not is_model_pretrained(new):
            refused.append(old)  # timm's own table names a tag that timm does not have
            with pytest.raises(MenagerieError, match="Unknown timm tag"):
                source(inline_spec(f"timm/{old}"))
        else:
            assert source(inline_spec(f"timm/{old}")) == source(inline_spec(f"timm/{new}"))
    assert len(refused) < 5
    with torch.device("meta"):
        assert build_module(inline_spec("timm/tv_resnet34")).num_classes == 1000


def test_a_size_in_the_builder_reaches_timm_s_transform():
    spec = inline_spec("timm/vit_small_patch16_224.augreg_in1k(img_size=192)")
    assert model_transform(spec).input_size == 192
    with torch.device("meta"):
        assert build_module(spec).patch_embed.img_size == (192, 192)
    with pytest.raises(MenagerieError, match=r"does not take the options.*img_size.*Correct the builder"):
        build_module(inline_spec("timm/resnet18(img_size=192):random"))


def test_every_pipeline_of_open_clip():
    pipelines = {}
    for architecture, tag in open_clip.list_pretrained():
        config = open_clip.get_pretrained_cfg(architecture, tag)
        given = {key: value for key, value in config.items() if key in PreprocessCfg.__dataclass_fields__}
        size = open_clip.get_model_config(architecture)["vision_cfg"]["image_size"]
        settings = PreprocessCfg(**given | {"size": size})
        pipelines.setdefault(str(settings), (f"open_clip/{architecture}.{tag}", settings))
    assert {settings.resize_mode for _, settings in pipelines.values()} == {"shortest", "squash"}
    for name, settings in pipelines.values():
        assert_same_pixels(inline_spec(name), image_transform_v2(settings, is_train=False))


def test_every_tag_of_open_clip_has_its_own_activation():
    wrong = [
        f"{architecture}.{tag}"
        for architecture, tag in open_clip.list_pretrained()
        if open_clip.get_pretrained_cfg(architecture, tag).get("quick_gelu", False)
        != bool(open_clip.get_model_config(architecture).get("quick_gelu"))
        and architecture.startswith("ViT-B")
    ]
    assert "ViT-B-32.openai" in wrong
    for name in wrong:
        with torch.device("meta"):
            classes = {type(part).__name__ for part in build_module(inline_spec(f"open_clip/{name}")).modules()}
        assert ("QuickGELU" in classes) != ("GELU" in classes)
        architecture, _, tag = name.partition(".")
        assert ("QuickGELU" in classes) == open_clip.get_pretrained_cfg(architecture, tag).get("quick_gelu", False)


def test_every_pipeline_of_torchvision():
    pipelines = {}
    for name in list_models(module=torchvision.models):
        for weights in get_model_weights(name):
            pipelines.setdefault(repr(weights.transforms()), (name, weights))
    assert len(pipelines) > 15
    for name, weights in pipelines.values():
        spec = inline_spec(f"torchvision/{name}.{weights.name}")
        assert_same_pixels(spec, weights.transforms())
        assert provider("torchvision").source(spec) == f"url:{weights.url}"


def test_weights_of_torchvision_by_name():
    default = provider("torchvision").source(inline_spec("torchvision/resnet50.DEFAULT"))
    assert default == f"url:{get_model_weights('resnet50').DEFAULT.url}"
    with pytest.raises(MenagerieError, match=r"Unknown torchvision weights.*Did you mean 'IMAGENET1K_V2'"):
        model_transform(inline_spec("torchvision/resnet50.IMAGENET1K_V3"))
    with torch.device("meta"):
        module = build_module(inline_spec("torchvision/vit_b_16.IMAGENET1K_SWAG_E2E_V1"))
    assert module.image_size == 384


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("fasterrcnn_resnet50_fpn", "detection network"),
        ("r3d_18", "video network"),
        ("raft_small", "optical flow network"),
        ("quantized_resnet18", "quantised network"),
    ],
)
def test_networks_of_torchvision_that_take_no_images_are_refused_by_that_word(name, word):
    with pytest.raises(MenagerieError, match=word):
        build_module(inline_spec(f"torchvision/{name}:random"))


def test_segmentation_networks_of_torchvision_need_a_transform():
    spec = inline_spec("torchvision/lraspp_mobilenet_v3_large")
    with torch.device("meta"):
        assert build_module(spec)(torch.zeros(1, 3, 64, 64))["out"].shape == (1, 21, 64, 64)
    with pytest.raises(MenagerieError, match="segmentation network"):
        model_transform(spec)


def configuration(folder, kind, **changes):
    config = transformers.AutoConfig.for_model(kind)
    path = folder / "config.json"
    path.write_text(json.dumps(config.to_dict() | changes, default=str))
    return inline_spec(f"transformers/{path}:random")


@pytest.mark.parametrize("kind", KINDS)
def test_the_processor_next_to_a_configuration_is_taken(kind, tmp_path):
    spec = configuration(tmp_path, kind)
    mapping = transformers.models.auto.image_processing_auto.IMAGE_PROCESSOR_MAPPING
    own = mapping[type(transformers.AutoConfig.for_model(kind))]["torchvision"](image_mean=[0.1, 0.2, 0.3], resample=2)
    own.save_pretrained(tmp_path)
    library = transformers.AutoImageProcessor.from_pretrained(tmp_path)
    assert_same_pixels(spec, lambda picture: library(picture, return_tensors="pt")["pixel_values"][0])


@pytest.mark.parametrize("kind", KINDS)
def test_without_one_the_default_of_its_kind_is_taken(kind, tmp_path):
    mapping = transformers.models.auto.image_processing_auto.IMAGE_PROCESSOR_MAPPING
    own = mapping[type(transformers.AutoConfig.for_model(kind))]["torchvision"]()
    spec = configuration(tmp_path, kind)
    assert_same_pixels(spec, lambda picture: own(picture, return_tensors="pt")["pixel_values"][0])


def test_mobilevit_sees_blue_first(tmp_path):
    spec = configuration(tmp_path, "mobilevit")
    red = np.zeros((300, 300, 3), np.uint8)
    red[..., 0] = 255
    assert model_transform(spec)(red)[:, 100, 100].tolist() == [0, 0, 1]


def test_the_size_of_a_network_that_takes_no_other(tmp_path):
    assert model_transform(configuration(tmp_path, "vit", image_size=160)).input_size == 160
    (tmp_path / "other").mkdir()
    assert model_transform(configuration(tmp_path / "other", "dinov2", image_size=518)).input_size == 224


@pytest.mark.parametrize("kind", ["clip", "siglip", "blip", "align", "blip-2"])
def test_of_two_towers_the_one_for_images_runs(kind, tmp_path):
    with torch.device("meta"):
        module = build_module(configuration(tmp_path, kind))
    assert type(module).__name__.endswith("VisionModel")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("videomae", "video network"),
        ("vjepa2", "video network"),
        ("bert", "no network that takes images"),
        ("pp_chart2table", "no network that takes images"),
        ("siglip2", "expected one square"),
        ("glpn", "a depth estimation network, makes of each image images of their own shapes"),
        ("detr", "a detection network, makes of each image images of their own shapes"),
        ("mask2former", "a segmentation network, makes of each image images of their own shapes"),
        ("efficientloftr", "no pixel values for an image alone"),
    ],
)
def test_networks_of_transformers_that_take_no_images_are_refused(kind, words, tmp_path):
    spec = configuration(tmp_path, kind)
    with torch.device("meta"), pytest.raises(MenagerieError, match=words):
        model_transform(spec)  # what `make check` asks first
        build_module(spec)


def test_a_quantised_network_of_transformers_is_refused_by_that_word(tmp_path):
    spec = configuration(tmp_path, "vit", quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})
    for look in (build_module, model_transform):
        with torch.device("meta"), pytest.raises(MenagerieError, match="quantised network"):
            look(spec)


def test_columns_replace_part_of_a_processor_only_where_they_can(tmp_path):
    from dataclasses import replace

    plain = model_transform(replace(configuration(tmp_path, "dinov2"), input_size=98))
    assert (plain.input_size, plain.crop_mode) == (98, "center")
    (tmp_path / "other").mkdir()
    with pytest.raises(MenagerieError, match="expected all five or none"):
        model_transform(replace(configuration(tmp_path / "other", "mobilevit"), input_size=98))
