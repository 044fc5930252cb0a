"""The rows of config/models.tsv against the networks that today's packages build."""

import csv
from collections import Counter

import pytest
import torch

from menagerie.audit import audit, main, running_parameters
from menagerie.models.build import build_module, model_transform
from menagerie.models.registry import inline_spec

# One of every provider and every network of this package.
SAMPLE = [
    "alexnet_gn_ipcl_imagenet_ipcl",
    "autoencoding_taskonomy",
    "BiT-Expert-ResNet-V2-Food_bit_expert",
    "coat_lite_tiny",
    "DPT_Hybrid_monoculardepth",
    "dino_vitb16_selfsupervised",
    "googlenet",
    "MiDaS_monoculardepth",
    "RN50_clip",
    "resnet18_random",
    "retinanet_R_50_FPN_3x_detection",
    "tnt_s_patch16_224",
    "ViT-S-CLIP_slip",
    "yolov5m_yolo",
]


def survey(registry):
    return [spec for spec in registry.values() if spec.metadata["published_id"]]


def test_the_survey_is_complete(registry, root):
    with (root / "tests/unit/models/expected.tsv").open(newline="") as file:
        expected = {row["published_id"] for row in csv.DictReader(file, delimiter="\t")}
    assert len(expected) == 224 and expected == {spec.metadata["published_id"] for spec in survey(registry)}
    assert Counter(spec.training for spec in survey(registry)) == {"trained": 159, "random": 65}
    assert sum(bool(spec.metadata["published_parameters"]) for spec in survey(registry)) == 188


def test_every_row_knows_its_transform(registry):
    for spec in registry.values():
        if spec.metadata["published_id"]:
            for convention in ("model", "paper"):
                transform = model_transform(spec, convention)
                assert transform.input_size in (224, 240, 256, 288, 299, 384, 640, 800), spec.id


def test_the_paper_showed_timm_models_one_way(registry):
    """224 pixels and ImageNet's mean and SD whatever the checkpoint wants; own sizes elsewhere."""
    for spec in survey(registry):
        transform = model_transform(spec, "paper")
        if spec.provider == "timm" and "slip" not in spec.mapping:
            assert (transform.input_size, transform.mean) == (224, (0.485, 0.456, 0.406)), spec.id
        if spec.provider == "torchvision" and spec.training == "random":
            assert transform.mean == (0, 0, 0), spec.id


def test_wrong_labels_are_mended_and_kept(registry):
    labels = {name: spec.metadata["published_label"] for name, spec in registry.items()}
    mixed = [name for name, label in labels.items() if "compare_diet_imagenetsize=imagenet" in label]
    assert len(mixed) == 9 and all(registry[name].metadata["data"] == "imagenet21k+imagenet" for name in mixed)
    for name in ("ViT-L-CLIP-CC12M_slip", "ViT-L-SLIP-CC12M_slip"):
        assert registry[name].metadata["architecture"] == "ViT-B" and registry[name].metadata["data"] == "cc12m"
        assert "architecture=ViT-L" in labels[name]
    assert registry["random_weights_taskonomy"].training == "random"
    assert "training=trained" in labels["random_weights_taskonomy"]


def test_twins_are_built_like_their_trained_models(registry):
    for spec in registry.values():
        if spec.id.endswith("_random") and spec.id.removesuffix("_random") in registry:
            trained = registry[spec.id.removesuffix("_random")]
            assert spec.builder.partition(".")[0] == trained.builder.partition(".")[0], spec.id
            assert spec.metadata["parameters"] == trained.metadata["parameters"], spec.id


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_of_every_provider_builds_with_the_published_parameters(registry, name):
    (row,) = audit([registry[name]], {}, layers=False)
    assert row["verdict"] == "ok"
    assert row["parameters"] == int(registry[name].metadata["parameters"])


def test_layers_are_as_counted(registry, tmp_path):
    (row,) = audit([registry["squeezenet1_0_random"]], {"squeezenet1_0_random": 64}, layers=True, cache=tmp_path)
    assert (row["verdict"], row["layers"], row["second_half"]) == ("ok", 64, 32)
    assert len(list(tmp_path.iterdir())) == 1


def test_shared_parts_count_as_often_as_they_run():
    part = torch.nn.Conv2d(3, 3, 1)
    assert running_parameters(torch.nn.Sequential(part, torch.nn.Sequential(part)), 8) == 4 * 12


def test_the_command_prints_a_table(root, capsys, monkeypatch):
    monkeypatch.chdir(root)
    assert main(["squeezenet1_*"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("id\tparameters") and len(rows) == 3
    assert main(["no_such_model"]) == 2


def test_twins_of_models_without_a_row_build(registry):
    with torch.device("meta"):
        module = build_module(inline_spec("own/taskonomy:random"))
    assert sum(parameter.numel() for parameter in module.parameters()) == 23655504
