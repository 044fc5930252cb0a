"""The check builds every network without memory, and resolves transforms, sources and patterns."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from menagerie.files.inventory import LayerInfo, write_inventory
from menagerie.models.build import build_module
from menagerie.models.examine import examine
from menagerie.models.examine_apart import Examination
from menagerie.models.registry import inline_spec
from menagerie.survey.check import networks as check
from menagerie.survey.check.line import FAILURE, OK, WARNING
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


def networks(survey):
    """Lines of the check, with networks looked at in this process."""
    seen = {name: examine(spec) for name, spec in check.distinct(survey).items()}
    return list(check.networks(survey, seen))


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
        ("python/config/my_nett.py:small:random", "Did you mean 'my_net.py'"),
        ("own/midas:random", "fill the columns"),
    ],
)
def test_a_network_that_does_not_build_is_a_failure_with_its_message(make, model, told):
    _, line = networks(make([model]))
    assert line.status == FAILURE and told in line.found


def test_files_of_weights_are_read(make, tmp_path, monkeypatch):
    state = build_module(inline_spec("timm/test_resnet:random")).state_dict()
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "whole.pth")
    state.pop("layer1.0.conv1.weight")
    torch.save(state, tmp_path / "partial.pth")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "object.pth")
    (tmp_path / "text.pth").write_text("hello")
    names = ("whole", "partial", "object", "text", "none")
    summary, *problems = networks(make([f"timm/test_resnet@{tmp_path}/{name}.pth" for name in names]))
    assert summary.found.startswith("2 of 5 build")  # a file that is not there is told in the line of weights
    for line, told in zip(
        problems, ("1 missing keys (layer1.0.conv1.weight)", "was refused", "cannot be"), strict=True
    ):
        assert line.status == FAILURE and told in line.found
    monkeypatch.setattr("menagerie.models.weights.LARGEST_CHECKED", 3)
    (summary,) = networks(make([f"timm/test_resnet@{tmp_path}/{name}.pth" for name in names]))
    assert "(0.0 GB) is read by its job only" in summary.found


@pytest.mark.parametrize("name", ["timm/vit_tiny_patch16_224", "torchvision/squeezenet1_1", "open_clip/RN50-quickgelu"])
def test_files_fit_on_the_meta_device_as_they_do_in_memory(name, tmp_path, monkeypatch):
    """The package's own conversions included: built once only."""
    spec = inline_spec(f"{name}:random")
    torch.save(build_module(spec).state_dict(), tmp_path / "saved.pth")
    monkeypatch.setattr("menagerie.models.fit.build_module", None)
    assert examine(inline_spec(f"{name}@{tmp_path}/saved.pth")).problem == ""


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


def test_keys_of_layers_that_no_model_takes_are_told(make):
    layers = {"timm__test_res*": ["layer?"], "timm__test_resnet_random": 3, "timm__*": 2, "*_vit_*": 4, "default": 5}
    layers["efficientnet_lite0"] = 2
    survey = make(["timm/test_resnet:random", "timm/test_vit:random"], layers=layers)
    _, *lines = networks(survey)
    told = [line.found.partition(":")[0] for line in lines]
    assert told == [f"config key layers.{key}" for key in ("timm__test_res*", "*_vit_*", "efficientnet_lite0")]
    assert "nearest model of the run is 'timm__test_resnet_random'" in lines[0].found


def test_an_inventory_counts_before_modules(make, tmp_path):
    survey = make(["timm/test_resnet:random"], layers=["planted"])
    path = tmp_path / "results/r/layers/timm__test_resnet_random.tsv"
    path.parent.mkdir(parents=True)
    write_inventory(path, [LayerInfo(0, "planted", "X", (2,), 2, 0.0)])
    assert [line.status for line in networks(survey)] == [OK]


def test_what_was_not_looked_at_is_said(make):
    survey = make(["timm/test_resnet:random", "timm/test_vit:random"])
    line = next(check.networks(survey, {}))
    assert line.status == WARNING and "2 were left for lack of time" in line.found


def test_networks_that_differ_in_seed_are_built_once():
    spec = inline_spec("timm/test_resnet:random")
    models = {"a": spec, "b": replace(spec, id="b", seed=1), "c": inline_spec("timm/test_resnet")}
    survey = SimpleNamespace(models=models)
    assert list(check.distinct(survey)) == ["a", "c"]


HANGING, CRASHING = "import time\ntime.sleep(600)\n", "import os\nprint('hello')\nos.kill(os.getpid(), 9)\n"
PRINTING = "import torch\ndef net():\n    print('hello')\n    return torch.nn.Linear(2, 2)\n"


def test_a_file_that_hangs_or_crashes_costs_itself(tmp_path):
    files = {"hangs": HANGING, "crashes": CRASHING, "prints": PRINTING}
    specs = {}
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
        specs[name] = inline_spec(f"python/{tmp_path}/{name}.py:net:random")
    with Examination(specs, each=0.5) as examination:
        found = examination.found()
    assert found["hangs"].warning == "its network was not built within 0.5 s, and was left"
    assert found["crashes"].problem.startswith("building its network ended Python")
    assert found["prints"].doubt == found["prints"].problem == "", "what it prints does not disturb"


def test_looking_ends_with_the_check(tmp_path):
    (tmp_path / "hangs.py").write_text(HANGING)
    started = time.monotonic()
    with Examination({"hangs": inline_spec(f"python/{tmp_path}/hangs.py:net:random")}, each=600):
        pass
    assert time.monotonic() - started < 30


def test_ten_models_and_a_thousand_images_take_seconds(make, root, tmp_path):
    """Ten seconds of one quiet core; the bound is on its time in both processes, since tests share theirs."""
    images = tmp_path / "lab" / "images"
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(1000):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((500, 375), Image.Resampling.BILINEAR).save(images / f"{number}.jpg")
    (tmp_path / "lab" / "anna").mkdir()
    np.save(tmp_path / "lab" / "anna" / "responses.npy", rng.normal(size=(1000, 50)))
    make(TEN, datasets={"mine": {"reader": "own", "options": {"folder": str(tmp_path / "lab")}}})
    code = (
        "import sys, os\nfrom menagerie.survey.check.__main__ import main\n"
        "main(sys.argv[1:])\nprint(sum(os.times()[:4]))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "config.yaml"), "--profile", f"{root}/profiles/default"]
    environment = os.environ | {"PYTHONPATH": str(root / "workflow")}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
    *told, seconds = said.stdout.splitlines()
    assert "10 of 10 build" in said.stdout and "1000 images" in said.stdout and "0 failures" in told[-1], said.stdout
    assert float(seconds) < 20, f"{seconds} s of processor time"
