"""A metric that comes, goes or changes: its scores are made, those of the others are taken over, none is stale."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from .test_invalidation import ALL_SCORES, LAYERS

pytestmark = pytest.mark.workflow

USUAL = ["crsa", "versa", "encoding_r"]


@pytest.fixture
def one_model(project):
    """Two scoring jobs."""
    project.configure(models=["test_vit_random"], datasets={"plants": project.config["datasets"]["plants"]})
    return project


def scored(project) -> Counter:
    """What the logs of the model's scoring jobs say that they scored, and how many say so."""
    logs = (project.results / "logs" / "scores" / "test_vit_random").rglob("[0-9]*.log")
    return Counter(
        re.search(r"Scored (.*); taken over: .*\.", log.read_text())[1] for log in logs if "plants" in str(log)
    )


def tables(project) -> dict[str, bytes]:
    files = sorted((project.results / "scores" / "test_vit_random" / "plants").rglob("[0-9]*.parquet"))
    return {str(file.relative_to(project.results)): file.read_bytes() for file in files}


def test_a_metric_goes_and_comes_back(one_model) -> None:
    before = tables(one_model)
    one_model.configure(metrics=["crsa", "versa"])
    one_model.run("--until", "score")
    assert scored(one_model) == {"nothing": LAYERS} and tables(one_model) != before
    one_model.configure(metrics=USUAL)
    one_model.run("--until", "score")
    assert scored(one_model) == {"encoding_r": LAYERS}
    assert tables(one_model) == before, "scores taken over differ from scores made in one go"


def test_a_penalty_concerns_the_metrics_of_the_ridge(one_model) -> None:
    one_model.configure(penalties=[10.0, 1000.0])
    one_model.run("--until", "score")
    assert scored(one_model) == {"versa, encoding_r": LAYERS}
    after = tables(one_model)
    one_model.run("--until", "score", "--forcerun", "score")
    assert scored(one_model) == {"crsa, versa, encoding_r": LAYERS}, "whoever forces a job wants all of it"
    assert tables(one_model) == after


def test_code_of_one_metric(one_model) -> None:
    """Jobs run, since their tables change; they score one metric."""
    one_model.add_code("workflow/menagerie/linking/measures/versa.py")
    one_model.run("--until", "score")
    assert scored(one_model) == {"versa": LAYERS}


def test_job_counts(project) -> None:
    project.configure(metrics=[*USUAL, "encoding_ev"])
    assert project.planned() == ALL_SCORES


def test_a_failed_job_leaves_the_scores_that_were_there(one_model) -> None:
    """And they are not taken for those that were asked for."""
    before = tables(one_model)
    one_model.configure(metrics=["crsa"])
    one_model.edit(
        "workflow/menagerie/linking/kept.py", "        if not self.metrics:", "        raise ValueError\n        if 0:"
    )
    assert one_model.snakemake("--until", "score").returncode != 0
    assert tables(one_model) == before
    assert one_model.planned()["score"] == LAYERS
