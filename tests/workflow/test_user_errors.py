"""What a person sees on the terminal when the mistake is theirs: the message and an exit code, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, Project, make_project

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project, before its first run; the logger is that of this tree, whatever is installed."""
    project = make_project(tmp_path_factory.mktemp("fresh"))
    project.environment["PYTHONPATH"] = str(ROOT / "workflow")
    return project


WRONG = {
    "run": ({"run": "../x"}, "Config key run: found '../x'"),
    "model": ({"models": ["test_vitt_random"]}, "Did you mean 'test_vit_random'"),
    "folder": ({"datasets": {"a": {"reader": "own", "options": {"folder": "nowhere"}}}}, "found no folder nowhere"),
    "subject": ({"datasets": {"a": {"reader": "kriegeskorte92", "subjects": ["XY"]}}}, "(reader kriegeskorte92): 'XY'"),
    "experiment": ({"experiments": ["traning"]}, "Did you mean 'training'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_config_stops_before_any_job(fresh: Project, name: str) -> None:
    changes, message = WRONG[name]
    config = fresh.folder / "config" / "config.yaml"
    before = config.read_text()
    fresh.configure(**changes)
    seen = fresh.snakemake("--dry-run")
    config.write_text(before)
    text = seen.stdout + seen.stderr
    assert seen.returncode == 1
    assert message in text
    assert "Traceback" not in text and len(text.splitlines()) < 12
    assert not fresh.results.exists()


@pytest.mark.parametrize("arguments", [("--configfile", "config/mine.yaml"), ()], ids=["missing", "broken"])
def test_a_config_that_cannot_be_read(fresh: Project, arguments: tuple[str, ...]) -> None:
    """Snakemake meets it before the Snakefile; with our logger the message is ours."""
    config = fresh.folder / "config" / "config.yaml"
    before = config.read_text()
    config.write_text("run: [tiny\nmodels: {")
    seen = fresh.snakemake("--dry-run", "--logger", "menagerie", *arguments)
    config.write_text(before)
    text = seen.stdout + seen.stderr
    assert seen.returncode == 1
    assert (
        "Config config/mine.yaml: found no such file" if arguments else "Config config/config.yaml: expected YAML"
    ) in text
    assert "Traceback" not in text and len(text.splitlines()) < 12


def test_a_job_that_meets_a_bad_file(fresh: Project) -> None:
    """Message and log on the terminal; the message alone in the log. A mistake of ours keeps its traceback."""
    target = "results/tiny/stimuli/animals.h5"
    image = fresh.folder / "data/animals/images/image03.png"
    whole = image.read_bytes()
    image.write_text("no image")
    seen = fresh.snakemake(target, "--logger", "menagerie")
    text = seen.stdout + seen.stderr
    log = fresh.results / "logs/stimuli/animals.log"
    assert seen.returncode == 1
    assert f"Image {image.relative_to(fresh.folder)} is damaged or no image" in text
    assert f"log: {log.relative_to(fresh.folder)}" in text
    assert "Traceback" not in text
    assert "1 of 1 jobs failed" in text
    assert log.read_text().startswith("Image ") and "Traceback" not in log.read_text()
    image.write_bytes(whole)

    opening = "with job(snakemake) as recipe:\n"
    fresh.edit("workflow/scripts/build_stimuli.py", opening, f"{opening}    1 / 0\n")
    seen = fresh.snakemake(target, "--logger", "menagerie")
    assert seen.returncode == 1
    assert "ZeroDivisionError: division by zero" in seen.stderr
    assert "Traceback" in log.read_text() and "build_stimuli.py" in log.read_text()


COMMANDS = {
    "plan": ["menagerie.survey.plan", "nowhere.yaml"],
    "archive": ["menagerie.archive", "nowhere"],
    "audit": ["menagerie.audit", "no_such_model"],
    "twin": ["menagerie.twins.nsd.twin_command", "--spec", "nowhere.yaml"],
    "fetch": ["menagerie.brain.nsd.fetch_nsd"],
    "reproduce": ["menagerie.statistics.reproduce", "nowhere"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(tmp_path: Path, name: str) -> None:
    seen = subprocess.run(
        [sys.executable, "-m", *COMMANDS[name]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "workflow")},
    )
    assert seen.returncode == 2, seen.stderr
    assert "Traceback" not in seen.stderr
    assert len(seen.stderr.strip().splitlines()) == 1
