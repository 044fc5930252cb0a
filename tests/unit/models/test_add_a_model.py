"""docs/add-a-model.md, as it is written."""

import re

import pytest
import torch
import yaml

from menagerie.audit import main, skeleton
from menagerie.errors import MenagerieError
from menagerie.features.take_inventory import list_layers
from menagerie.files.layer_patterns import check_models, selection_of
from menagerie.models.build import build_model
from menagerie.models.providers import PROVIDERS, provider
from menagerie.models.registry import read_registry, select_models
from menagerie.models.weights import fetch_weights
from menagerie.survey.config import load_config
from menagerie.survey.contents import Survey


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs/add-a-model.md").read_text()


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_every_name_of_the_first_way_is_understood(page, registry):
    names = yaml.safe_load(blocks(page, "yaml")[0])["models"]
    specs = select_models(registry, names)
    ids = {spec.id for spec in specs}
    assert {"efficientnet_lite0", "resnet50", "timm__resnet18.a1_in1k", "timm__resnet18_random"} <= ids
    assert "timm__resnet18_mine" in ids
    for spec in specs:
        if spec.weights == "provider":
            assert re.match("(hub|url):.", provider(spec.provider).source(spec))
        if "__" in spec.id and spec.provider != "transformers":
            assert isinstance(skeleton(spec), torch.nn.Module)


def test_the_second_way(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_net.py").write_text(blocks(page, "python")[0])
    untrained, trained = select_models({}, yaml.safe_load(blocks(page, "yaml")[1])["models"])
    loaded = build_model(untrained)
    assert loaded.input_size == 64 and loaded.module(torch.zeros(2, 3, 64, 64)).shape == (2, 8, 1, 1)
    (tmp_path / "checkpoints").mkdir()
    torch.save(loaded.module.state_dict(), "checkpoints/small.pth")
    fetch_weights(trained, "small.safetensors")
    assert torch.equal(build_model(trained, "small.safetensors").module[0].bias, loaded.module[0].bias)


def test_the_network_of_the_lab_s_config(root, registry, monkeypatch):
    monkeypatch.chdir(root)
    lab = yaml.safe_load((root / "config/lab.yaml").read_text())
    (own,) = [spec for spec in select_models(registry, lab["models"]) if spec.provider == "python"]
    assert build_model(own).module(torch.zeros(2, 3, 64, 64)).shape == (2, 16, 1, 1)


def test_the_five_minutes_of_the_readme(root, monkeypatch):
    """Its models beside those of the demo: layers of their own, as many jobs as it says, nothing new for the others."""
    monkeypatch.chdir(root)
    readme = (root / "README.md").read_text()
    (given,) = [block for block in blocks(readme, "yaml") if "resnet18:random" in block]
    demo = yaml.safe_load((root / "config/config.yaml").read_text())
    before = Survey.from_config(demo)
    survey = Survey.from_config(demo | {"models": demo["models"] + yaml.safe_load(given)["models"]})
    survey.check()
    assert all(survey.selection(model) == before.selection(model) for model in before.models)
    jobs = {}
    for model in set(survey.models) - set(before.models):
        loaded = build_model(survey.models[model])
        inventory = list_layers(loaded.module, (3, loaded.input_size, loaded.input_size))
        jobs[model] = len(survey.blocks(inventory, model)) * len(survey.subjects)
    assert sorted(jobs.values()) == [5 * 7, 10 * 7]
    assert (
        "These two take 105 scoring jobs: ten layers of the first and all five of the second, in seven subj" in readme
    )


def test_layers_of_each_model(page, registry):
    (text,) = [block for block in blocks(page, "yaml") if block.startswith("layers:")]
    layers = load_config({"run": "r", "models": ["m"], "datasets": {"d": {"reader": "own"}}} | yaml.safe_load(text))[
        "layers"
    ]
    check_models(layers, [*registry, "timm__resnet18_random"])
    assert selection_of(layers, "efficientnet_lite1_random") == ["conv_stem", "blocks.?"]
    assert selection_of(layers, "timm__resnet18_random") == ["layer?.?", "fc"]
    assert selection_of(layers, "squeezenet1_1_random") == 10


def test_the_third_way(page, root, tmp_path, capsys):
    row = dict(re.findall(r"^\| (\w+) \| `([^`]+)`", page, re.MULTILINE))
    table = tmp_path / "models.tsv"
    table.write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")
    spec = read_registry(table)["my_resnet"]
    assert (spec.provider, spec.weights) == ("torchvision", "url:https://example.org/my_resnet.pth")
    assert main(["my_resnet", "--registry", str(table)]) == 0
    assert re.search(r"^my_resnet\t\w+\t11176512\t", capsys.readouterr().out, re.MULTILINE)


def test_downloads_as_the_page_configures_them(page):
    (config,) = [yaml.safe_load(block) for block in blocks(page, "yaml") if block.startswith("downloads:")]
    loaded = load_config({"run": "x", "models": ["*"], "datasets": {"d": {"reader": "own"}}} | config)
    assert loaded["downloads"] == config["downloads"]
    with pytest.raises(MenagerieError, match=r"downloads\.proxy.*password"):
        load_config(loaded | {"downloads": {"proxy": "http://me:secret@proxy:3128"}})


def test_providers_and_sources_of_the_page_exist(page):
    named = re.search(r"`torchvision` \(or ([^)]*)\)", page)[1]
    assert {"torchvision", *named.split(", ")} == set(PROVIDERS)
