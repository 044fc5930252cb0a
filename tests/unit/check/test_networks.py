"""The check builds every network without memory, and resolves transforms, sources and patterns."""

import subprocess
import sys
import time

import pytest
import yaml

from menagerie.files.inventory import LayerInfo, write_inventory
from menagerie.survey.check.line import FAILURE, OK, WARNING
from menagerie.survey.check.networks import networks
from menagerie.survey.contents import Survey

HEADER = "id\tprovider\tbuilder\tweights\ttraining\n"
TEN = [
    *("timm/resnet18.a1_in1k", "timm/vit_small_patch16_224.augreg_in1k", "timm/convnext_tiny.fb_in1k"),
    *("torchvision/resnet50.IMAGENET1K_V2", "torchvision/vit_b_16", "torchvision/densenet121:random"),
    *("open_clip/RN50.openai", "open_clip/ViT-B-32.openai", "timm/mixer_b16_224:random", "timm/deit_tiny_patch16_224"),
]


@pytest.fixture
def make(tmp_path, root, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def build(models, **changes):
        (tmp_path / "models.tsv").write_text(HEADER)
        config = {
            "run": "r",
            "results": str(tmp_path / "results"),
            "resources": str(tmp_path / "resources"),
            "registry": str(tmp_path / "models.tsv"),
            "experiments_file": str(root / "config" / "experiments.yaml"),
            "models": models,
            "datasets": {"mine": {"reader": "own", "options": {"folder": str(tmp_path)}}},
        }
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config | changes))
        return Survey.from_config(config | changes)

    return build


def test_networks_that_build(make):
    (line,) = networks(make(["timm/test_resnet:random", "torchvision/resnet18"]))
    assert line.status == OK and line.found.startswith("2 of 2 build")


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("timm/resnet18.a1_in1", "Did you mean 'a1_in1k'"),
        ("timm/resnt18:random", "Did you mean 'resnet18'"),
        ("torchvision/resnet50.IMAGENET1K_V3", "Did you mean 'IMAGENET1K_V2'"),
        ("torchvision/r3d_18", "video network"),
        ("open_clip/ViT-B-32.openi", "Did you mean 'openai'"),
        ("timm/resnet18(img_size=64):random", "does not take the options"),
        ("python/none.py:net:random", "none.py does not exist"),
        ("own/midas:random", "fill the columns"),
    ],
)
def test_a_network_that_does_not_build_is_a_failure_with_its_message(make, model, told):
    _, line = networks(make([model]))
    assert line.status == FAILURE and told in line.found


def test_what_is_on_the_hub_only_is_said(make):
    (line,) = networks(make(["transformers/nobody-here/no-such-network:random"]))
    assert line.status == OK and "0 of 1 build" in line.found and "not in the hub's cache" in line.found


def test_patterns_are_held_against_modules(make):
    models = ["timm/test_resnet:random", "timm/test_vit:random"]
    assert [line.status for line in networks(make(models, layers=["layer?", "blocks.*"]))] == [OK]
    _, pattern, model = networks(make(models, layers=["layr1", "blocks.?"]))
    assert (pattern.status, model.status) == (WARNING, WARNING)
    assert "'layr1' fits no module of 2 models. The nearest name is 'layer1'" in pattern.found
    assert "timm__test_resnet_random" in model.found


def test_an_inventory_counts_before_modules(make, tmp_path):
    survey = make(["timm/test_resnet:random"], layers=["planted"])
    path = tmp_path / "results/r/layers/timm__test_resnet_random.tsv"
    path.parent.mkdir(parents=True)
    write_inventory(path, [LayerInfo(0, "planted", "X", (2,), 2, 0.0)])
    assert [line.status for line in networks(survey)] == [OK]


def test_time_is_limited(make):
    line = next(networks(make(["timm/test_resnet:random", "timm/test_vit:random"]), patience=-1))
    assert line.status == WARNING and "2 were left for lack of time" in line.found


def test_ten_models_take_seconds(make, root, tmp_path):
    """Ten seconds of an idle machine; the bound is on CPU time, since tests share theirs."""
    make(TEN)
    code = (
        "import sys, time\nfrom menagerie.survey.check.networks import networks\n"
        "from menagerie.survey.contents import Survey\nfrom menagerie.survey.config import read_config\n"
        "lines = list(networks(Survey.from_config(read_config(sys.argv[1]))))\n"
        "print(time.process_time(), *[line.found for line in lines], sep=chr(10))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "config.yaml")]
    started = time.monotonic()
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(root / "workflow")}
    )
    seconds, *told = said.stdout.splitlines()
    assert told[0].startswith("10 of 10 build") and len(told) == 1, said.stdout
    assert float(seconds) < 20, f"{seconds} s of CPU, {time.monotonic() - started:.1f} s in all"
