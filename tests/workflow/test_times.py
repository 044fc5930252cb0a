"""Dates in the future, and results that cannot be written: one clear line, or the right jobs; never stale results."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.workflow

FUTURE = 2_000_000_000  # May 2033


def change_responses(project) -> Path:
    path = project.folder / "data" / "animals" / "anna" / "responses.npy"
    np.save(path, np.load(path) * 2 + 1)
    return path


def test_results_dated_in_the_future_are_used_and_replaced(project) -> None:
    for path in project.results.rglob("*"):
        os.utime(path, (FUTURE, FUTURE))
    assert not project.planned()
    project.run()
    change_responses(project)
    project.run()
    assert not project.planned()
    assert not any(path.stat().st_mtime > FUTURE - 1 for path in project.results.rglob("*.parquet"))


def test_a_source_dated_in_the_future_is_named_though_results_exist(project) -> None:
    path = change_responses(project)
    os.utime(path, (FUTURE, FUTURE))
    for options in ([], ["--dry-run"]):
        done = project.snakemake(*options)
        assert done.returncode == 1
        assert "data/animals/anna/responses.npy: found the date 2033-05" in done.stderr
        assert "Traceback" not in done.stderr and "Nothing to be done" not in done.stdout + done.stderr
    path.touch()
    assert project.planned()["build_target"] == 1


@pytest.fixture
def read_only(project):
    """The project, its results on a disk that cannot be written."""
    results = str(project.folder / "results")
    for command in (["mount", "--bind", results, results], ["mount", "-o", "remount,bind,ro", results]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            subprocess.run(["umount", results], capture_output=True, check=False)
            pytest.skip("this machine does not let us mount")
    yield project
    subprocess.run(["umount", results], check=True)


def test_results_that_cannot_be_written(read_only) -> None:
    change_responses(read_only)
    done = read_only.snakemake()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "Results cannot be written: found Read-only file system at results/tiny" in done.stderr


@pytest.mark.parametrize("error", ["MenagerieError('Planted.')", "ValueError('Planted.')"])
def test_an_error_of_planning_is_no_reason_to_take_results_as_they_are(project, error: str) -> None:
    """Snakemake catches what input functions raise and goes on with an output that exists."""
    project.edit(
        "workflow/menagerie/survey/source_recipes.py",
        "    def list_layers(self, model: str) -> Recipe:\n",
        f"    def list_layers(self, model: str) -> Recipe:\n        raise {error}\n",
    )
    project.edit(
        "workflow/menagerie/survey/source_recipes.py",
        "from pathlib import Path\n",
        "from pathlib import Path\n\nfrom menagerie.errors import MenagerieError\n",
    )
    done = project.snakemake()
    assert done.returncode == 1 and "Planted." in done.stderr
    assert "Nothing to be done" not in done.stdout + done.stderr
