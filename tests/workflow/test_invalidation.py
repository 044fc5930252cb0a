"""What runs again after a change: exactly the jobs whose results can differ, counted per rule."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.workflow

MODELS, SUBJECTS, STIMULI, DATASETS = 2, 3, 2, 2
SUMMARY = {"collect_tables": 1, "leaderboard": 1, "plot_leaderboard": DATASETS, "plot_depth": DATASETS, "report": 1}
SCORES = {"collect_model": MODELS, "select_layers": MODELS} | SUMMARY


def n_layers(project, model: str) -> int:
    folder = project.results / "scores" / model / "simulated" / "sim01"
    return len(list(folder.glob("*.parquet")))


def score_jobs(project) -> int:
    return SUBJECTS * sum(n_layers(project, model) for model in project.config["models"])


def test_nothing_to_do_after_a_run(project) -> None:
    assert project.planned() == {}


def test_one_score_job_per_model_subject_and_layer(project) -> None:
    assert score_jobs(project) > 20
    assert len(list((project.results / "scores").rglob("[0-9]*.parquet"))) == score_jobs(project)


def test_penalty(project) -> None:
    project.configure(penalties=[10.0, 1000.0])
    assert project.planned() == {"score": score_jobs(project)} | SCORES


def test_metric(project) -> None:
    project.configure(metrics=["crsa"])
    assert project.planned() == {"score": score_jobs(project)} | SCORES


def test_projection(project) -> None:
    project.configure(projection={"n_components": 400})
    expected = {"extract_geometry": MODELS * STIMULI, "score": score_jobs(project)} | SCORES
    assert project.planned() == expected


def test_bootstrap(project) -> None:
    project.configure(bootstrap={"n_resamples": 200})
    assert project.planned() == {"select_layers": MODELS} | SUMMARY


@pytest.mark.parametrize(
    "change", [{"memory_budget_mb": 1000}, {"images": {"batch_size": 7}}], ids=["memory budget", "batch size"]
)
def test_settings_that_do_not_change_results(project, change: dict) -> None:
    project.configure(**change)
    assert project.planned() == {}


def test_scoring_module(project) -> None:
    project.edit("workflow/menagerie/linking/rsm.py", "import numpy as np\n", "import numpy as np\n\nEXTRA = 1\n")
    assert project.planned() == {"score": score_jobs(project)} | SCORES


def test_figure_module(project) -> None:
    path = "workflow/menagerie/figures/depth.py"
    project.edit(path, "import pandas as pd\n", "import pandas as pd\n\nEXTRA = 1\n")
    assert project.planned() == {"plot_depth": DATASETS, "report": 1}


@pytest.mark.parametrize(
    "path",
    ["workflow/menagerie/linking/rsm.py", "workflow/menagerie/geometry.py", "workflow/scripts/score.py"],
)
def test_comment(project, path: str) -> None:
    file = project.folder / path
    file.write_text(file.read_text() + "\n# A remark.\n")
    assert project.planned() == {}


def test_git_checkout_touches_every_source(project) -> None:
    for file in (project.folder / "workflow").rglob("*.py"):
        os.utime(file)
    assert project.planned() == {}


def test_touched_target(project) -> None:
    """A file that is touched but the same inside reruns nothing: Snakemake compares the checksum of small inputs."""
    os.utime(project.results / "targets" / "human" / "BE.h5")
    assert project.planned() == {}


def test_changed_target(project) -> None:
    target = project.results / "targets" / "human" / "BE.h5"
    target.write_bytes(target.read_bytes() + b"0")
    per_subject = sum(n_layers(project, model) for model in project.config["models"])
    assert project.planned() == {"score": per_subject} | SCORES


def test_added_subject(project) -> None:
    datasets = project.config["datasets"]
    datasets["human"]["subjects"].append("SN")
    project.configure(datasets=datasets)
    per_subject = sum(n_layers(project, model) for model in project.config["models"])
    assert project.planned() == {"build_target": 1, "score": per_subject} | SCORES


def test_added_model(project) -> None:
    before = n_layers(project, "test_vit_random") * SUBJECTS
    project.configure(models=[*project.config["models"], "timm/test_vit2:random"])
    planned = project.planned()
    assert planned["list_layers"] == 1
    assert "score" not in planned, "the layers of the new model are not known before its inventory is taken"
    project.run("--until", "list_layers")
    assert (
        project.planned()
        == {
            "extract_geometry": STIMULI,
            "score": before,
            "collect_model": 1,
            "select_layers": 1,
            "models_table": 1,
        }
        | SUMMARY
    )


def test_removed_model(project) -> None:
    project.configure(models=["test_vit_random"])
    assert project.planned() == {"models_table": 1} | SUMMARY


def test_lost_score(project) -> None:
    lost = sorted((project.results / "scores" / "test_vit_random").rglob("[0-9]*.parquet"))[3]
    lost.unlink()
    assert project.planned() == {"score": 1, "collect_model": 1, "select_layers": 1} | SUMMARY
