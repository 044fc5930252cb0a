"""Contents of sources and results decide what runs again, whatever times, paths and Snakemake's records say."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.workflow

SUBJECTS, STIMULI, LAYERS = 3, 2, 2
NAMES = ("layer_scores", "model_scores", "unit_scores", "models")
# Tables only: figures and report follow from them, and take as long as all else.
TABLES = [f"results/tiny/tables/{name}.parquet" for name in NAMES]
SUMMARY = {"collect_tables": 1}
# What follows from new scores of one model, or of all.
ONE = {"collect_model": 1, "select_layers": 1} | SUMMARY
BOTH = {"collect_model": 2, "select_layers": 2} | SUMMARY
ONE_MODEL = {"extract_geometry": STIMULI, "score": SUBJECTS * LAYERS} | ONE
ANNA = {"build_target": 1, "score": 2 * LAYERS} | BOTH
OWN_NETWORK = """from torch import nn
from blocks import block


def small():
    return nn.Sequential(block(3), nn.Flatten(1), nn.Linear(1024, 4))
"""
BLOCK = """from torch import nn


def block(channels):
    return nn.Sequential(nn.Conv2d(channels, 16, 3, 28), nn.ReLU())
"""


def replaced(path: Path, write) -> None:
    """Another content under an older time of modification, as `cp -p` and `rsync -a` leave it."""
    before = path.stat()
    write(path)
    os.utime(path, ns=(before.st_mtime_ns - 10**12, before.st_mtime_ns - 10**12))


def tables(project) -> list[bytes]:
    return [(project.results / "tables" / f"{name}.parquet").read_bytes() for name in NAMES]


def with_own_network(project) -> None:
    (project.folder / "nets").mkdir()
    (project.folder / "nets" / "mine.py").write_text(OWN_NETWORK)
    (project.folder / "nets" / "blocks.py").write_text(BLOCK)
    project.configure(models=["tiny_trained", "python/nets/mine.py:small:random"], layers=["0.*", "layer[24].0.act2"])
    project.run(*TABLES)


@pytest.fixture
def own(project):
    with_own_network(project)
    return project


NETWORK_ROWS = {
    "the network's file": ("nets/mine.py", "1024, 4", "1024, 5"),
    "a module that it imports": ("nets/blocks.py", "nn.ReLU()", "nn.Tanh()"),
}


@pytest.mark.parametrize("row", NETWORK_ROWS)
def test_own_network(own, row: str) -> None:
    path, old, new = NETWORK_ROWS[row]
    replaced(own.folder / path, lambda file: file.write_text(file.read_text().replace(old, new)))
    planned = own.planned(*TABLES)
    assert planned["list_layers"] == 1 and planned["score"] == 0, "layers are known after the inventory is taken"
    own.run(*TABLES)
    assert own.planned(*TABLES) == {}


def test_a_file_next_to_the_network_that_it_does_not_import(own) -> None:
    (own.folder / "nets" / "other.py").write_text("print('not imported')\n")
    assert own.planned(*TABLES) == {}


def retrain(path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    save_file({name: np.asarray(value * 1.5, value.dtype) for name, value in load_file(path).items()}, path)


def test_checkpoint_of_the_same_name_and_older(project) -> None:
    replaced(project.folder / "data" / "tiny_trained.safetensors", retrain)
    assert project.planned(*TABLES) == {"fetch_weights": 1} | ONE_MODEL
    project.run(*TABLES)
    assert project.planned(*TABLES) == {}
    assert len(list((project.folder / "resources" / "weights").glob("tiny_trained-*.safetensors"))) == 2


@pytest.mark.breadth
def test_two_checkouts_share_resources(project, tmp_path: Path) -> None:
    """Checkpoints with one name and two contents: each checkout goes on with its own."""
    other = project.copy(tmp_path / "other")
    shutil.rmtree(other.folder / "resources")
    (other.folder / "resources").symlink_to(project.folder / "resources")
    retrain(other.folder / "data" / "tiny_trained.safetensors")
    other.run(*TABLES)
    assert project.planned(*TABLES) == {}
    assert tables(other) != tables(project)


def test_image_of_older_time(project) -> None:
    def invert(path: Path) -> None:
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)

    replaced(project.folder / "data" / "animals" / "images" / "image03.png", invert)
    assert (
        project.planned(*TABLES)
        == {"build_stimuli": 1, "define_splits": 1, "build_target": 2, "extract_geometry": 2, "score": 2 * 2 * LAYERS}
        | BOTH
    )


def responses(project) -> Path:
    return project.folder / "data" / "animals" / "anna" / "responses.npy"


def test_responses_of_older_time(project) -> None:
    replaced(responses(project), lambda path: np.save(path, np.load(path)[:, ::-1]))
    assert project.planned(*TABLES) == ANNA


def test_responses_behind_a_link_that_moves(project) -> None:
    path = responses(project)
    first, second = path.with_name("v1.data"), path.with_name("v2.data")
    path.rename(first)
    path.symlink_to(first)
    assert project.planned(*TABLES) == {}, "the same content"
    np.save(second.with_suffix(".npy"), np.load(first) * 2)
    second.with_suffix(".npy").rename(second)
    os.utime(second, ns=(10**18, 10**18))
    path.unlink()
    path.symlink_to(second)
    assert project.planned(*TABLES) == ANNA


def test_touched_sources(project) -> None:
    for file in (project.folder / "data").rglob("*.*"):
        os.utime(file)
    assert project.planned(*TABLES) == {}


def test_data_moved(project) -> None:
    """Paths do not count, contents do; the report prints the config."""
    (project.folder / "data" / "animals").rename(project.folder / "elsewhere")
    datasets = project.config["datasets"]
    datasets["animals"]["options"]["folder"] = str(project.folder / "elsewhere")
    project.configure(datasets=datasets)
    assert project.planned(*TABLES) == {}


def test_a_subject_folder_arrives(project) -> None:
    """Without a list of subjects, those that have a folder are scored."""
    datasets = project.config["datasets"]
    for name in datasets:
        datasets[name].pop("subjects")
    shutil.move(project.folder / "data" / "animals" / "dora", project.folder / "dora")
    project.configure(datasets=datasets)
    assert project.planned(*TABLES) == {}
    shutil.move(project.folder / "dora", project.folder / "data" / "animals" / "dora")
    assert project.planned(*TABLES) == ANNA | {"build_target": 1}


def test_a_unit_table_arrives(project) -> None:
    folder = responses(project).parent
    (folder / "units.csv").write_text("regions\n" + "V1\n" * 3 + "IT\n" * 3)
    assert project.planned(*TABLES) == ANNA
    project.run(*TABLES)
    assert project.planned(*TABLES) == {}


def test_an_order_of_images_arrives(project) -> None:
    folder = project.folder / "data" / "animals"
    names = sorted(path.name for path in (folder / "images").iterdir())
    (folder / "images.csv").write_text("file\n" + "\n".join(reversed(names)) + "\n")
    planned = project.planned(*TABLES)
    assert planned["build_stimuli"] == 1 and planned["build_target"] == 2 and planned["extract_geometry"] == 2


SPELLINGS = {
    "layers reordered": {"layers": ["layer[24].0.act2", "blocks.[02]"]},
    "layers in other words": {"layers": ["blocks.0", "blocks.2", "layer2.0.act2", "layer4.0.act2"]},
    "a penalty as a whole number": {"penalties": [10, 100, 1000, 10000, 100000, 1000000, 10000000]},
    "metrics reordered": {"metrics": ["encoding_r", "crsa", "versa"]},
}


@pytest.mark.parametrize("row", SPELLINGS)
def test_another_spelling(project, row: str) -> None:
    project.configure(**SPELLINGS[row])
    assert project.planned(*TABLES) == {}


# ---- results that do not fit the config, and records that are lost

PENALTIES = {"penalties": [10.0, 1000.0]}
SCORES = {"score": 2 * SUBJECTS * LAYERS} | BOTH


def saved_results(project, name: str = "saved") -> Path:
    copy = project.folder / name
    shutil.copytree(project.folder / "results", copy)
    return copy


def restore(project, copy: Path) -> None:
    shutil.rmtree(project.folder / "results")
    shutil.copytree(copy, project.folder / "results")


def test_results_restored_after_a_change(project) -> None:
    old = saved_results(project)
    project.configure(**PENALTIES)
    project.run(*TABLES)
    right = tables(project)
    restore(project, old)
    assert project.planned(*TABLES) == SCORES
    project.run(*TABLES)
    assert tables(project) == right and project.planned(*TABLES) == {}


@pytest.mark.breadth
def test_tables_alone_restored_after_a_change(project) -> None:
    old = saved_results(project)
    project.configure(**PENALTIES)
    project.run(*TABLES)
    right = tables(project)
    for path in [*old.rglob("*.parquet"), *old.rglob("*.csv")]:
        shutil.copy2(path, project.folder / "results" / path.relative_to(old))
    assert project.planned(*TABLES)["collect_tables"] == 1
    project.run(*TABLES)
    assert tables(project) == right and project.planned(*TABLES) == {}


def test_records_lost(project) -> None:
    shutil.rmtree(project.folder / ".snakemake")
    assert project.planned(*TABLES) == {}
    project.configure(**PENALTIES)
    assert project.planned(*TABLES) == SCORES


@pytest.mark.breadth
def test_results_of_another_config_copied_in(project) -> None:
    project.configure(run="other", **PENALTIES)
    shutil.copytree(project.folder / "results" / "tiny", project.results)
    others = [path.replace("/tiny/", "/other/") for path in TABLES]
    planned = project.planned(*others)
    assert planned["score"] == SCORES["score"] and planned["collect_tables"] == 1
    project.run(*others)
    assert {float(p) for p in penalties(project)} <= {10.0, 1000.0} and project.planned(*others) == {}


@pytest.mark.breadth
def test_two_configs_with_one_run_name(project) -> None:
    first = tables(project)
    project.configure(**PENALTIES)
    project.run(*TABLES)
    assert tables(project) != first
    project.configure(penalties=[10.0**power for power in range(1, 8)])
    assert project.planned(*TABLES) == SCORES
    project.run(*TABLES)
    assert tables(project) == first


def test_a_look_at_a_change_that_is_taken_back(project) -> None:
    """A dry run writes nothing into the results."""
    before = {path: path.stat().st_mtime_ns for path in project.results.rglob("*")}
    config = project.config
    project.configure(**PENALTIES)
    assert project.planned(*TABLES) == SCORES
    assert {path: path.stat().st_mtime_ns for path in project.results.rglob("*")} == before
    project.configure(**config, penalties=[10.0**power for power in range(1, 8)])
    assert project.planned(*TABLES) == {}


OPTIONS = {
    "other triggers": ["--rerun-triggers", "mtime"],
    "all triggers": ["--rerun-triggers", "mtime", "params", "input", "code", "software-env"],
}


@pytest.mark.parametrize("row", OPTIONS)
def test_run_with_other_triggers(project, row: str) -> None:
    project.configure(**PENALTIES)
    project.run(*TABLES, *OPTIONS[row])
    assert project.planned(*TABLES) == {}
    assert {float(p) for p in penalties(project)} <= {10.0, 1000.0}


def penalties(project) -> list[float]:
    from menagerie.files.tables import read_table

    return read_table(project.results / "tables" / "unit_scores.parquet")["penalty"].to_pylist()


def test_touch_does_not_make_results_current(project) -> None:
    project.configure(**PENALTIES)
    project.run(*TABLES, "--touch")
    assert project.planned(*TABLES)["score"] == SCORES["score"]
    project.run(*TABLES)
    assert {float(p) for p in penalties(project)} <= {10.0, 1000.0}
    assert project.planned(*TABLES) == {}


def test_cleanup_metadata(project) -> None:
    tables = [str(path.relative_to(project.folder)) for path in project.results.rglob("*.parquet")]
    project.run("--cleanup-metadata", *tables)
    assert project.planned(*TABLES) == {}
    project.configure(**PENALTIES)
    assert project.planned(*TABLES) == SCORES


def test_until_and_then_the_rest(project) -> None:
    project.configure(**PENALTIES)
    project.run(*TABLES, "--until", "score")
    assert project.planned(*TABLES) == BOTH
    project.run(*TABLES)
    assert project.planned(*TABLES) == {}


def test_forced_jobs(project) -> None:
    """Jobs by name run although their results are current, with all that rests on them."""
    text = project.run("--dry-run", "--quiet", "host", "--forcerun", "score", "--", *TABLES)
    assert text.count("rule score:") == SCORES["score"]


def test_interrupted_between_two_configs(project) -> None:
    """Half of the scores of another config, and back: those are made again."""
    first = tables(project)
    project.configure(**PENALTIES)
    project.run(*TABLES, "--until", "score")
    project.configure(penalties=[10.0**power for power in range(1, 8)])
    assert project.planned(*TABLES)["score"] in (0, SCORES["score"])
    project.run(*TABLES)
    assert tables(project) == first


def test_moved_project(project, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    project.folder.rename(moved)
    project.folder = moved
    assert project.planned(*TABLES) == {}


def test_inspection_sees_every_file(project) -> None:
    """Options that look at the graph see all of it, although a start leaves finished models out."""
    scores = {str(path.relative_to(project.folder)) for path in project.results.rglob("[0-9]*.parquet")}
    summary = project.run("--summary")
    assert all(path in summary for path in scores)
    untracked = [line for line in project.run("--list-untracked").splitlines() if line.startswith("results/tiny/")]
    assert all(line.startswith(("results/tiny/benchmarks/", "results/tiny/logs/")) for line in untracked), untracked
    deleted = project.run("--delete-all-output", "--dry-run")
    assert all(path in deleted for path in scores)
