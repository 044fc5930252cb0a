"""What runs again after a change: exactly the jobs whose results can differ (docs/invalidation.md)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable

import numpy as np
import pytest
import yaml
from PIL import Image

from menagerie.survey.config import SCHEMA
from menagerie.survey.config_page import STAGES, keys

pytestmark = pytest.mark.workflow

MODELS, SUBJECTS, STIMULI, DATASETS, LAYERS = 2, 3, 2, 2, 2
SCORE = MODELS * SUBJECTS * LAYERS
SUMMARY = {"collect_tables": 1, "leaderboard": 1, "plot_leaderboard": DATASETS, "plot_depth": DATASETS, "report": 1}
SELECT = {"select_layers": MODELS} | SUMMARY
SCORES = {"collect_model": MODELS} | SELECT
ALL_SCORES = {"score": SCORE} | SCORES
GEOMETRY = {"extract_geometry": MODELS * STIMULI} | ALL_SCORES
# Which layers there are to score is known only when the inventories are there.
INVENTORY = {"list_layers": MODELS, "extract_geometry": MODELS * STIMULI} | SCORES
ONE_MODEL = {
    "extract_geometry": STIMULI,
    "score": SCORE // MODELS,
    "collect_model": 1,
    "select_layers": 1,
} | SUMMARY
ANNA = {"score": MODELS * LAYERS} | SCORES


def test_nothing_to_do_after_a_run(project) -> None:
    assert project.planned() == {}


def test_one_score_job_per_model_subject_and_layer(project) -> None:
    assert len(list((project.results / "scores").rglob("[0-9]*.parquet"))) == SCORE


CHAIN = ["geometries", "scores", "selection"]  # each is made from the one before

# A key of the config, and the jobs that its new value repeats.
CONFIG_ROWS = {
    "penalty": ({"penalties": [10.0, 1000.0]}, ALL_SCORES),
    "metric": ({"metrics": ["crsa"]}, ALL_SCORES),
    "projection": ({"projection": {"n_components": 90}}, GEOMETRY),
    "seed of the projection": ({"projection": {"n_components": 100, "seed": 1}}, GEOMETRY),
    "seed of the bootstrap": ({"bootstrap": {"n_resamples": 100, "seed": 1}}, SELECT),
    "seed of the permutations": ({"permutations": {"seed": 1}}, SELECT),
    "tests of every layer": ({"permutations": {"layers": True}}, ALL_SCORES),
    "number of resamples": ({"bootstrap": {"n_resamples": 200}}, SELECT),
    "memory budget": ({"memory_budget_mb": 1000}, {"report": 1}),  # the report prints the config
    "batch size": ({"images": {"batch_size": 7}}, {"report": 1}),
    "removed model": ({"models": ["test_vit_random"]}, {"models_table": 1} | SUMMARY),
}


@pytest.mark.parametrize("row", CONFIG_ROWS)
def test_config(project, row: str) -> None:
    change, expected = CONFIG_ROWS[row]
    stages = documented(project.config, change)
    project.configure(**change)
    assert project.planned() == expected
    assert {STAGES[stage] for stage in stages} == {rule for rule in map(STAGES.get, CHAIN) if rule in expected}


def documented(config: dict, change: dict) -> set[str]:
    """Stages that config/README.md says a change makes again, and those that follow."""
    entries = {key: sub for key, sub, _ in keys(yaml.safe_load(SCHEMA.read_text()))}
    before, after = flat(config), flat(change)
    differing = [key for key in after if after[key] != before.get(key)]
    # What concerns only models that came ("of") is not made again for those that were there.
    named = [stage for key in differing if "of" not in entries[key] for stage in entries[key]["reruns"]]
    return set(CHAIN[min(map(CHAIN.index, named)) :]) if named else set()


def flat(config: dict) -> dict:
    """Keys as in config/README.md: those of a nested part behind a dot."""
    nested = [(key, value if isinstance(value, dict) else {"": value}) for key, value in config.items()]
    return {f"{key}.{name}".rstrip("."): value for key, part in nested for name, value in part.items()}


def test_transform(project) -> None:
    """Inventories too: the size of the input fixes the shapes of the layers."""
    project.configure(images={"batch_size": 24, "transform": "paper"})
    assert project.planned() == INVENTORY


def test_layers(project) -> None:
    """A geometry holds the chosen layers; the patterns chose one more of one model."""
    project.configure(layers=["blocks.[024]", "layer[24].0.act2"])
    assert project.planned() == ONE_MODEL | {"score": SUBJECTS * (LAYERS + 1)}


def test_fewer_layers_per_job(project) -> None:
    """How layers are packed into jobs changes no table."""
    project.configure(layers_per_job=2)
    assert project.planned() == {"report": 1}


def test_region(project) -> None:
    datasets = project.config["datasets"]
    datasets["plants"]["regions"] = ["all"]
    project.configure(datasets=datasets)
    assert project.planned() == {"score": MODELS * LAYERS} | SCORES


VIEW = {"plot_leaderboard": DATASETS + 1, "plot_depth": DATASETS + 1}  # figures of one more view


def test_splits(project) -> None:
    """A split that comes, changes or goes: scores of its dataset, and no network."""
    datasets = project.config["datasets"]
    again = {"define_splits": 1, "build_target": 1, "score": MODELS * LAYERS} | SCORES
    datasets["plants"]["split"] = ["even_odd", {"folds": 3, "seed": 0}]
    project.configure(datasets=datasets)
    assert project.planned() == again | VIEW
    project.run()
    assert project.planned() == {}
    datasets["plants"]["split"][1]["seed"] = 1
    project.configure(datasets=datasets)
    assert project.planned() == again | VIEW
    del datasets["plants"]["split"]
    project.configure(datasets=datasets)
    assert project.planned() == again


def test_where_layers_are_selected(project) -> None:
    datasets = project.config["datasets"]
    datasets["animals"]["select_on"] = ["train", "other_subjects"]
    project.configure(datasets=datasets)
    assert project.planned() == SELECT | VIEW
    datasets["animals"]["select_on"] = "train"
    project.configure(datasets=datasets)
    assert project.planned() == {}


def test_added_subject(project) -> None:
    datasets = project.config["datasets"]
    datasets["animals"]["subjects"].append("dora")
    project.configure(datasets=datasets)
    assert project.planned() == {"build_target": 1} | ANNA


def test_removed_subject(project) -> None:
    datasets = project.config["datasets"]
    datasets["animals"]["subjects"].remove("ben")
    project.configure(datasets=datasets)
    assert project.planned() == SCORES


def test_changed_image(project) -> None:
    image = project.folder / "data" / "animals" / "images" / "image03.png"
    Image.fromarray(255 - np.asarray(Image.open(image))).save(image)
    subjects = 2
    assert (
        project.planned()
        == {
            "build_stimuli": 1,
            "define_splits": 1,
            "build_target": subjects,
            "extract_geometry": MODELS,
            "score": MODELS * LAYERS * subjects,
        }
        | SCORES
    )


def test_changed_responses(project) -> None:
    path = project.folder / "data" / "animals" / "anna" / "responses.npy"
    np.save(path, np.load(path) * 2)
    assert project.planned() == {"build_target": 1} | ANNA


def test_sha256_of_weights(project) -> None:
    """Another checksum in the model table fetches the weights and repeats what they take part in; not the inventory."""
    known, wanted = "tiny_trained.safetensors\t\t\t", "tiny_trained.safetensors\t\t0123456789abcdef\t"
    project.edit("config/models.tsv", known, wanted)
    assert project.planned() == {"fetch_weights": 1, "models_table": 1} | ONE_MODEL


def pretend(project, package: str) -> None:
    """Let another version of a package be found first."""
    record = project.folder / "pretended" / f"{package}-99.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 99.0\n")
    project.environment["PYTHONPATH"] = str(record.parent)


FIGURES = {"plot_leaderboard": DATASETS, "plot_depth": DATASETS, "report": 1}
TARGETS = {"build_target": SUBJECTS} | ALL_SCORES
STIMULUS_SETS = {"build_stimuli": STIMULI, "define_splits": STIMULI}
VERSION_ROWS = {
    "timm": INVENTORY,
    "pillow": STIMULUS_SETS | {"build_target": SUBJECTS} | INVENTORY,
    "h5py": STIMULUS_SETS | TARGETS | GEOMETRY,
    "scipy": STIMULUS_SETS | TARGETS | GEOMETRY,
    "statsmodels": FIGURES | {"collect_tables": 1, "leaderboard": 1},
    "matplotlib": FIGURES,
}


@pytest.mark.parametrize("package", VERSION_ROWS)
def test_version(project, package: str) -> None:
    pretend(project, package)
    assert project.planned() == VERSION_ROWS[package]


# A module, and the jobs that new code in it repeats.
MODULE_ROWS = {
    "linking/ridge.py": ALL_SCORES,
    "linking/measures/versa.py": ALL_SCORES,
    "linking/measures/encoding_ev.py": {},  # not asked for
    "linking/measures/table.py": SELECT,
    "linking/bootstrap.py": SELECT,
    "features/projection.py": GEOMETRY,
    "figures/depth.py": {"plot_depth": DATASETS, "report": 1},
    "figures/style.py": {"plot_leaderboard": DATASETS, "plot_depth": DATASETS, "report": 1},
    "errors.py": {},
    "files/storage.py": {},
}


@pytest.mark.parametrize("module", MODULE_ROWS)
def test_module(project, module: str) -> None:
    project.add_code(f"workflow/menagerie/{module}")
    assert project.planned() == MODULE_ROWS[module]


@pytest.mark.parametrize("path", ["menagerie/linking/rsm.py", "menagerie/files/geometry.py", "scripts/score.py"])
def test_comment(project, path: str) -> None:
    file = project.folder / "workflow" / path
    file.write_text(file.read_text() + "\n# A remark.\n")
    assert project.planned() == {}


def test_git_checkout_touches_every_source(project) -> None:
    for file in (project.folder / "workflow").rglob("*.*"):
        os.utime(file)
    assert project.planned() == {}


# What stands in a file, and other words for it: no result can tell the difference.
WORDING_ROWS = {
    "message": ("linking/ridge.py", "raise MenagerieError(\n", 'raise MenagerieError(\n            "Oh. "\n'),
    "docstring": ("linking/ridge.py", '"""', '"""Another word. '),
    "docstring of an attribute": (
        "features/projection.py",
        "import numpy as np\n",
        'import numpy as np\n\n"""About it."""\n',
    ),
    "description of a column": ("linking/schemas.py", 'meaning="', 'meaning="Another word: '),
}


@pytest.mark.parametrize("row", WORDING_ROWS)
def test_wording(project, row: str) -> None:
    module, old, new = WORDING_ROWS[row]
    project.edit(f"workflow/menagerie/{module}", old, new)
    assert project.planned() == {}


def test_touched_results(project) -> None:
    """A result that is touched but the same inside repeats nothing: Snakemake compares checksums of small inputs."""
    for file in [*project.results.glob("targets/*/*.h5"), *project.results.rglob("*.json")]:
        os.utime(file)
    assert project.planned() == {}


def test_added_model(project) -> None:
    project.configure(models=[*project.config["models"], "timm/test_vit2:random"])
    planned = project.planned()
    assert planned["list_layers"] == 1
    assert "score" not in planned, "the layers of the new model are not known before its inventory is taken"
    project.run("--until", "list_layers")
    assert project.planned() == {"models_table": 1} | ONE_MODEL


def test_lost_score(project) -> None:
    """One file of scores is not missed while the table made of it is there; with that lost too, both are made again."""
    lost = sorted((project.results / "scores" / "test_vit_random").rglob("[0-9]*.parquet"))[3]
    lost.unlink()
    assert project.planned() == {}
    (project.results / "scores" / "test_vit_random" / "layers.parquet").unlink()
    (project.results / "tables" / "layer_scores.parquet").unlink()
    assert project.planned() == {"score": 1, "collect_model": 1, "select_layers": 1} | SUMMARY


def test_interrupted_run(project) -> None:
    """Snakemake is killed while a job runs: that job is done again, and what was finished is not."""
    before = project.tables()
    for folder in ("scores", "tables"):
        shutil.rmtree(project.results / folder)
    run = subprocess.Popen(
        project.command("--cores", "1"),
        cwd=project.folder,
        env=project.process_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    n_new = wait_for(lambda: len(list((project.results / "scores").rglob("[0-9]*.parquet"))), run)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    project.run("--unlock")
    planned = project.planned()
    assert planned == ALL_SCORES | {"score": planned["score"], "models_table": planned["models_table"]}
    assert SCORE - n_new - 1 <= planned["score"] < SCORE
    project.run()
    assert project.tables() == before
    assert project.planned() == {}


def wait_for(count: Callable[[], int], run: subprocess.Popen) -> int:
    """Number of new files, as soon as there are two."""
    for _ in range(1200):
        if (found := count()) >= 2 or run.poll() is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("no job finished within two minutes")
