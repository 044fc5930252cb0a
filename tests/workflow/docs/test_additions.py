"""How-tos for a region, a metric, an experiment and a figure, followed as written, in one project and one run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from .pages import blocks

pytestmark = pytest.mark.workflow


def follow(page: str, folder: Path) -> dict[str, str]:
    """Do what the blocks of a page say; returns the blocks that name no file, by language.

    A block ``# path`` is a new file, or the end of one that is there. A diff names the file, and shows lines to find
    (``" "``, ``"-"``) and to leave there (``" "``, ``"+"``).
    """
    others = {}
    for block in blocks(page):
        named = re.match(r"# (\S+)\n", block.text) or re.match(r"--- (\S+)\n", block.text)
        if not named:
            others[block.language] = block.text
            continue
        path, text = folder / named[1], block.text[named.end() :]
        if block.language == "diff":
            lines = text.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            content = path.read_text()
            assert content.count(old) == 1, f"{page}: {named[1]} does not hold, once,\n{old}"
            path.write_text(content.replace(old, new))
        else:
            before = path.read_text().rstrip("\n") + "\n\n\n" if path.exists() else ""
            path.write_text(before + text)
    return others


@pytest.fixture(scope="module")
def added(finished, tmp_path_factory):
    """The small project after all four pages and one run of one model and one dataset."""
    project = finished.copy(tmp_path_factory.mktemp("additions") / "project")
    region = follow("docs/add-a-region.md", project.folder)
    (project.folder / "data" / "animals" / "anna" / "units.csv").write_text(region["csv"])
    (project.folder / "data" / "animals" / "ben" / "units.csv").write_text(region["csv"])
    follow("docs/add-a-metric.md", project.folder)
    experiment = follow("docs/add-an-experiment.md", project.folder)
    follow("docs/add-a-figure.md", project.folder)
    datasets = {"animals": project.config["datasets"]["animals"]}
    project.configure(
        models=["test_vit_random"],
        datasets=datasets,
        layers_per_job=2,
        metrics=["crsa", "crsa_tau", "versa"],
        **yaml.safe_load(experiment["yaml"]),
    )
    project.run()
    return project, experiment


def scores(project):
    return pq.read_table(project.results / "tables" / "model_scores.parquet").to_pandas()


def test_a_region(added) -> None:
    found = scores(added[0])
    assert set(found["region"]) == {"V1", "early", "IT"}
    assert dict(zip(found["region"], found["n_units"], strict=True)) == {"V1": 2, "early": 2, "IT": 3}


def test_a_metric(added) -> None:
    found = scores(added[0])
    tau = found[found["metric"] == "crsa_tau"].set_index(["subject", "region"])
    assert (tau["status"] == "ok").all() and tau["ci_low"].isna().all()
    pearson = found[found["metric"] == "crsa"].set_index(["subject", "region"])
    assert (tau["score"] != pearson["score"]).any() and tau["score"].abs().max() <= 1


def test_an_experiment(added) -> None:
    project, page = added
    effects = pq.read_table(project.results / "experiments" / "vit_metrics" / "effects.parquet").to_pandas()
    sound = effects[effects["analysis"] == "sound"]
    assert set(sound["region"]) == {"V1", "early", "IT"} and (sound["n"] == 2).all()
    persons = effects[effects["analysis"] == "person"]
    assert set(persons["subject"]) == {"anna", "ben"}
    code = page["python"].replace("results/demo", "results/tiny")
    done = subprocess.run([sys.executable, "-c", code], cwd=project.folder, capture_output=True, text=True, check=True)
    assert "versa" in done.stdout


def test_a_figure(added) -> None:
    figures = added[0].results / "figures"
    assert {"halves_animals.svg", "halves_animals.png"} <= {path.name for path in figures.iterdir()}
    assert (figures / "narrow" / "halves_animals.svg").stat().st_size > 1000
