"""The rows of config/models.tsv against the networks that today's packages build."""

import csv
from collections import Counter
from dataclasses import replace

import pytest
import torch

from menagerie.audit import architecture, audit, main, running_parameters, skeleton, summary
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


# Cheap ones whose layers are counted here too; all 224 by the command of docs/add-a-model.md.
LAYER_SAMPLE = [
    "alexnet_gn_ipcl_imagenet_ipcl",
    "levit_128_random",
    "pit_ti_224_random",
    "RN50_clip",
    "squeezenet1_0_random",
    "yolov5s_yolo",
]

# Families whose layers are not those of 2022 in today's packages; reasons in docs/add-a-model.md.
CHANGED = {"levit": (0, 11), "pit": (7, 0), "poolformer": (2, 1), "swin": (1, 0), "vit_base_r50": (0, 3)}


@pytest.fixture(scope="module")
def measured(root):
    """What the full audit found, by published id."""
    with (root / "tests/unit/models/expected.tsv").open(newline="") as file:
        return {row["published_id"]: row for row in csv.DictReader(file, delimiter="\t")}


def survey(registry):
    return [spec for spec in registry.values() if spec.metadata["published_id"]]


def test_the_survey_is_complete(registry, measured):
    assert len(measured) == 224 and set(measured) == {spec.metadata["published_id"] for spec in survey(registry)}
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


@pytest.mark.parametrize("name", LAYER_SAMPLE)
def test_layers_are_as_the_full_audit_counted_them(registry, measured, name):
    expected = measured[registry[name].metadata["published_id"]]
    (row,) = audit([registry[name]], {}, layers=True)
    found = [row["layers"], row["second_half"], row["features"]]
    assert found == [int(expected[column]) for column in ("layers", "layers_second_half", "features")]
    assert row["cpu_s"] > 0 and row["peak_mb"] > 100


def test_all_layers_of_the_survey(measured):
    """As in the reference survey of the networks, plus one, plus attention of the CLIP towers: docs/add-a-model.md."""
    assert sum(int(row["layers"]) for row in measured.values()) == 42_192 + 1 + 98
    assert sum(int(row["layers_second_half"]) for row in measured.values()) == 21_147 + 49
    for name, row in measured.items():
        family = next((family for family in CHANGED if name.startswith(family)), "")
        assert (int(row["added_since_2022"]), int(row["removed_since_2022"])) == CHANGED.get(family, (0, 0)), name


def test_models_that_differ_in_weights_only_are_run_once(registry, tmp_path):
    names = ["squeezenet1_0", "squeezenet1_0_random"]
    rows = audit([registry[name] for name in names], {"squeezenet1_0_random": 65}, layers=True, cache=tmp_path)
    assert rows[0]["network"] == rows[1]["network"] and len(list(tmp_path.iterdir())) == 1
    assert (rows[0]["verdict"], rows[1]["verdict"]) == ("ok", "layers 64, expected layers 65")
    table = summary({name: registry[name] for name in names}, rows)
    assert [(row["provider"], row["status"], row["models"], row["networks"], row["layers"]) for row in table] == [
        ("torchvision", "differs", 1, 1, 64),
        ("torchvision", "ok", 1, 1, 64),
        ("all", "", 2, 1, 128),
    ]
    assert table[2]["weights"] == "random 1, url 1" and table[2]["risk"] == "single address 1"
    assert table[2]["published_equal"] == "2 of 2" and table[2]["cpu_s"] == round(rows[0]["cpu_s"])


def test_what_an_architecture_is(registry):
    def of(name, **changes):
        return architecture(skeleton(replace(inline_spec(name), **changes)))

    assert of("timm/test_vit:random") == of("timm/test_vit:random", seed=3) != of("timm/test_vit2:random")
    # Options that show in no parameter count: the same modules, put to other use.
    assert of("timm/test_vit:random") != of("timm/test_vit:random", builder="test_vit(global_pool='max')")


def test_shared_parts_count_as_often_as_they_run():
    part = torch.nn.Conv2d(3, 3, 1)
    assert running_parameters(torch.nn.Sequential(part, torch.nn.Sequential(part)), 8) == 4 * 12


def test_the_command_prints_a_table(root, capsys, monkeypatch):
    monkeypatch.chdir(root)
    assert main(["squeezenet1_*"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("id\tnetwork\tparameters") and len(rows) == 3
    assert main(["--summary", "--survey", "squeezenet1_*", "efficientnet_lite0"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("all\t\t2\t1\t1\t")
    assert main(["no_such_model"]) == 2


def test_twins_of_models_without_a_row_build(registry):
    with torch.device("meta"):
        module = build_module(inline_spec("own/taskonomy:random"))
    assert sum(parameter.numel() for parameter in module.parameters()) == 23655504
