"""The SLURM profile on a real SLURM with pretended GPUs: the same tables as on this machine, byte for byte."""

from __future__ import annotations

import re
import shutil

import pytest

# One node and packed jobs, two nodes and one job per model x subject x layer.
LAYERS_PER_JOB = {1: "auto", 2: 1}
N_SCORES = {1: 6, 2: 12}  # two networks x three subjects, x two layers
pytestmark = [
    pytest.mark.workflow,
    pytest.mark.cluster,
    pytest.mark.parametrize("login", LAYERS_PER_JOB, indirect=True, scope="module"),
]


@pytest.fixture(scope="module")
def here(login, finished, tmp_path_factory: pytest.TempPathFactory):
    """The small project after a run without SLURM."""
    project = finished.copy(tmp_path_factory.mktemp("here") / "project")
    project.configure(layers_per_job=LAYERS_PER_JOB[login.cluster.n_nodes])
    for folder in ("scores", "tables"):  # another packing is no reason to score again
        shutil.rmtree(project.results / folder)
    project.run()
    return project


@pytest.fixture(scope="module")
def there(login, fresh, tmp_path_factory: pytest.TempPathFactory):
    """The small project after a run on the cluster."""
    project = fresh.copy(tmp_path_factory.mktemp("there") / "project")
    project.configure(layers_per_job=LAYERS_PER_JOB[login.cluster.n_nodes])
    login.run(project, "--logger", "menagerie")
    return project


def test_same_tables_as_on_this_machine(there, here) -> None:
    assert len(there.tables()) > 10
    assert there.tables() == here.tables()


def test_as_many_scoring_jobs_as_layers_per_job_says(there, login) -> None:
    """1: exactly one job per model x subject x layer; auto: one per model x subject."""
    jobs = [comment for (comment,) in login.cluster.jobs("%k") if comment.startswith("rule_score_")]
    scores = list(there.results.glob("scores/*/*/*/*.parquet"))
    assert len(jobs) == len(set(jobs)) == len(scores) == N_SCORES[login.cluster.n_nodes]


def test_extraction_asks_for_gpus_and_scoring_does_not(there, login) -> None:
    jobs = login.cluster.jobs("%T|%k|%b|%m|%l")
    assert {state for state, *_ in jobs} == {"COMPLETED"}
    with_gpu = [comment.partition("_wildcards_")[0] for _, comment, gres, *_ in jobs if "gpu:1" in gres]
    assert with_gpu == ["rule_extract_geometry"] * 4, "two networks, two stimulus sets"
    assert all(memory.endswith("M") and limit not in ("UNLIMITED", "") for *_, memory, limit in jobs)


def test_progress_counts_every_job_to_the_end(there) -> None:
    """A line a minute, the last with all jobs done; of a job nothing but that."""
    said = (there.folder / "snakemake.out").read_text()
    lines = re.findall(r"^\[[\d:]+\] (\d+) of (\d+) jobs \((\d+) %\)(.*)$", said, flags=re.MULTILINE)
    done, total, percent, rest = lines[-1]
    n_scores = len(list(there.results.glob("scores/*/*/*/*.parquet")))
    assert done == total and percent == "100" and f"{n_scores} score" in rest and "4 extract_geometry" in rest
    assert "queued or in work" in said and not re.search(r", \d+ in work", said)
    assert "FAILED" not in said and "has been submitted" not in said


def test_nothing_to_do_on_the_cluster_after_the_run(there) -> None:
    assert there.planned() == {}
