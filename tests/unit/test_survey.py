"""From the config to models, datasets, layers and job names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from menagerie.errors import MenagerieError
from menagerie.files.inventory import LayerInfo, SkippedTensor, block_name, block_range, write_inventory
from menagerie.files.layer_counts import LayerCount
from menagerie.linking.measures.table import AXES, TABLE
from menagerie.statistics.experiments import read_experiments
from menagerie.survey.config import SCHEMA, load_config
from menagerie.survey.config_page import schema_text
from menagerie.survey.contents import Survey

DATASETS = {"simulated": {"reader": "simulated"}}
# What a run can do without, or takes from elsewhere.
OPTIONAL = {"subjects", "stimuli", "regions", "models", "datasets", "scores", "standing", "folder", "replication"}
OPTIONAL |= {"survey", "tables", "columns", "ceilings", "groups"}
REGISTRY = "id\tprovider\tbuilder\tweights\ttraining\nalpha\ttimm\ttest_vit\trandom\trandom\n"


@pytest.fixture
def raw(tmp_path: Path) -> dict:
    registry = tmp_path / "models.tsv"
    registry.write_text(REGISTRY)
    return {"run": "r", "registry": str(registry), "models": ["alpha"], "datasets": DATASETS}


def inventory(*paths: str) -> list[LayerInfo]:
    last = max(len(paths) - 1, 1)
    return [
        LayerInfo(index=i, layer=path, class_name="Conv2d", shape=(3,), n_features=3, depth=i / last)
        for i, path in enumerate(paths)
    ]


def test_defaults_are_filled_in(raw: dict) -> None:
    config = load_config(raw)
    assert config["penalties"] == [10.0**k for k in range(1, 8)]
    assert config["projection"] == {"n_components": 5920, "seed": 0, "standardise": "even"}
    assert config["layers_per_job"] == "auto"
    assert config["datasets"]["simulated"]["options"] == {}


def test_the_config_that_was_given_is_left_alone(raw: dict) -> None:
    load_config(raw)
    assert set(raw) == {"run", "registry", "models", "datasets"}


def test_every_property_of_the_schema_is_described(root: Path) -> None:
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())

    def objects(node: dict, path: str):
        if node.get("type") == "object":
            yield node, path
            for key, sub in node.get("properties", {}).items():
                yield from objects(sub, f"{path}.{key}")
            if isinstance(node.get("additionalProperties"), dict):
                yield from objects(node["additionalProperties"], f"{path}.*")

    for node, path in objects(schema, "config"):
        for key, sub in node.get("properties", {}).items():
            assert sub.get("description"), f"{path}.{key} has no description"
            required = key in node.get("required", []) or key in OPTIONAL
            assert required or "default" in sub, f"{path}.{key} has no default"
        if path.count("*") == 0 or "properties" in node:
            assert "additionalProperties" in node or path.endswith("options"), f"{path} lets unknown keys pass"


def test_the_schema_knows_every_metric(root: Path) -> None:
    """For editors; configs are checked against the table itself."""
    assert (root / "workflow/schemas/config.schema.yaml").read_text() == schema_text(), "menagerie.survey.config_page"
    enum = yaml.safe_load(schema_text())["properties"]["metrics"]["items"]["enum"]
    assert enum == list(TABLE) and {row.axis for row in TABLE.values()} == set(AXES)


@pytest.mark.parametrize("name", ["config", "paper", "laion", "lab", "published", "published_laion"])
def test_editors_find_the_schema_of_shipped_configs(root: Path, name: str) -> None:
    """A YAML language server completes keys by this first line."""
    file = root / "config" / f"{name}.yaml"
    first = file.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (file.parent / first.partition("=")[2]).resolve() == SCHEMA.resolve()


def test_the_paper_is_224_models_and_four_subjects(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    survey = Survey.from_config(yaml.safe_load(Path("config/paper.yaml").read_text()))
    assert len({spec.metadata["published_id"] for spec in survey.models.values()}) == len(survey.models) == 224
    assert survey.datasets["nsd"].subjects == ("subj01", "subj02", "subj05", "subj07")
    assert survey.config["layers"] == "second_half" and survey.config["images"]["transform"] == "paper"
    assert set(survey.config["experiments"]) >= set(read_experiments("config/experiments.yaml"))


def test_laion_is_the_survey_on_five_people(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    paper, survey = (
        Survey.from_config(yaml.safe_load(Path(f"config/{n}.yaml").read_text())) for n in ("paper", "laion")
    )
    assert list(survey.models) == list(paper.models)
    dataset = survey.datasets["laion"]
    assert dataset.subjects == ("sub-01", "sub-03", "sub-05", "sub-06", "sub-07")
    assert list(dataset.splits) == ["replication", "tau", "cluster_k5", "ood"]
    assert dataset.train_shares == (0.5, 0.8, *[0.8] * 5, 1121 / 1492)
    for key in ("layers", "metrics", "training_predictions", "images", "experiments"):
        assert survey.config[key] == paper.config[key]


@pytest.mark.parametrize("path", ["config/config.yaml", "config/paper.yaml", "config/laion.yaml"])
def test_shipped_configs_are_valid(root: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    survey = Survey.from_config(yaml.safe_load((root / path).read_text()))
    assert survey.models
    assert survey.datasets
    assert survey.stimuli


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"penaltys": [1]}, "'penaltys'. Did you mean 'penalties'?"),
        ({"projection": {"components": 3}}, "'components'. Did you mean 'n_components'?"),
        ({"metrics": ["crsa", "vrsa"]}, "'vrsa'. Did you mean 'versa'?"),
        ({"penalties": [0]}, "penalties.0"),
        ({"run": "a/b"}, "run"),
        ({"layers": "secondhalf"}, "layers"),
        ({"layers": {"alpha": "secondhalf"}}, "layers"),
        ({"layers": {}}, "layers"),
        ({"layers": 0}, "layers"),
        ({"layers": True}, "layers"),
        ({"models": []}, "models"),
        ({"models": ["alfa"]}, "Did you mean 'alpha'?"),
        ({"datasets": {"x": {"reader": "kriegskorte92"}}}, "Did you mean 'kriegeskorte92'?"),
        ({"datasets": {"x": {"reader": "simulated", "subject": ["a"]}}}, "Did you mean 'subjects'?"),
        ({"datasets": {"x": {"subjects": ["a"]}}}, "'reader' is a required property"),
        ({"memory_budget_mb": 10}, "memory_budget_mb"),
        ({"device": "gpu"}, "device"),
    ],
)
def test_wrong_values_are_named(raw: dict, change: dict, message: str) -> None:
    with pytest.raises(MenagerieError) as error:
        survey = Survey.from_config(raw | change)
        assert survey.models
    assert message in str(error.value)


def test_a_map_of_models_needs_a_metric_of_rsms(raw: dict) -> None:
    raw |= {"metrics": ["encoding_r", "cka"], "experiments": ["model_to_model"]}
    with pytest.raises(
        MenagerieError, match="found model_to_model with metrics encoding_r, cka, expected crsa or versa"
    ):
        Survey.from_config(raw).check()


def test_one_stimulus_set_has_one_reader(raw: dict) -> None:
    datasets = {
        "a": {"reader": "simulated", "stimuli": "s"},
        "b": {"reader": "kriegeskorte92", "stimuli": "s"},
    }
    with pytest.raises(MenagerieError, match="different readers"):
        _ = Survey.from_config(raw | {"datasets": datasets}).stimuli


def test_layers_of_a_model_hang_on_its_own_selection(raw: dict) -> None:
    layers = inventory("stem", "blocks.0", "blocks.1", "head")
    survey = Survey.from_config(raw | {"layers": {"alpha": ["blocks.*"], "default": 1}})
    assert [layer.layer for layer in survey.layers(layers, "alpha")] == ["blocks.0", "blocks.1"]
    assert [layer.layer for layer in survey.layers(layers, "beta")] == ["stem"]
    assert survey.blocks(layers, "alpha") == ["0001-0002"]


def test_a_model_without_a_layer_has_no_jobs(raw: dict) -> None:
    survey = Survey.from_config(raw | {"layers": ["nothing"]})
    assert survey.layers(inventory("stem", "head"), "alpha") == survey.blocks(inventory("stem"), "alpha") == []


def test_counts_of_layers(raw: dict, tmp_path: Path) -> None:
    survey = Survey.from_config(raw | {"results": str(tmp_path), "layers": ["blocks.*", "bocks.*"]})
    assert survey.layer_counts() == []
    folder = tmp_path / "r" / "layers"
    folder.mkdir(parents=True)
    skipped = [SkippedTensor("n", "Net", "random: ..."), SkippedTensor("b", "Identity", "same values as stem")]
    write_inventory(folder / "alpha.tsv", inventory("stem", "blocks.0"), skipped=skipped)
    (count,) = survey.layer_counts()
    assert count == LayerCount("alpha", 2, 1, {"random": 1, "same values as an earlier one": 1}, unmatched=("bocks.*",))


def test_a_mapping_of_layers_names_models(raw: dict) -> None:
    registered = raw | {"datasets": {"people": {"reader": "kriegeskorte92"}}}
    Survey.from_config(registered | {"layers": {"al*": "all", "default": 3}}).check()
    with pytest.raises(MenagerieError, match=r"config key layers: 'defualt'\. Did you mean 'default'"):
        Survey.from_config(registered | {"layers": {"defualt": 3}}).check()


def test_layers_per_job(raw: dict) -> None:
    layers = inventory("a", "b", "c", "d", "e")
    one = Survey.from_config(raw | {"layers_per_job": 1})
    assert one.blocks(layers, "alpha") == ["0000", "0001", "0002", "0003", "0004"]
    assert Survey.from_config(raw).blocks(layers, "alpha") == ["0000-0004"]
    assert Survey.from_config(raw | {"layers_per_job": 2}).blocks(layers, "alpha") == ["0000-0001", "0002-0003", "0004"]


def test_block_names_round_trip() -> None:
    assert block_range(block_name([7])) == (7, 7)
    assert block_range(block_name([7, 9, 12])) == (7, 12)


def test_stage_params_hold_only_what_the_stage_depends_on(raw: dict) -> None:
    one, other = Survey.from_config(raw), Survey.from_config(raw | {"penalties": [1.0]})
    assert one.stage_params("extract") == other.stage_params("extract")
    assert one.stage_params("score") != other.stage_params("score")


@pytest.mark.parametrize(
    "module", ["menagerie.survey.contents", "menagerie.linking", "menagerie.brain.readers.simulated"]
)
def test_what_every_job_imports_stays_light(root: Path, module: str) -> None:
    code = f"import sys, {module}; print([name for name in ('torch', 'snakemake', 'pandas') if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
