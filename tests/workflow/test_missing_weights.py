"""A dead address: the run goes on with the rest, names what is missing, and takes the model up when it can be had."""

from __future__ import annotations

import re
import shutil

import pytest

pytestmark = pytest.mark.workflow
DEAD = "http://127.0.0.1:9/tiny_trained.safetensors"


def test_a_dead_address(project) -> None:
    table = project.folder / "config" / "models.tsv"
    table.write_text(re.sub(r"file:\S+tiny_trained\.safetensors", f"url:{DEAD}", table.read_text()))
    for path in (project.folder / "resources" / "weights").glob("tiny_trained.*"):
        path.unlink()
    project.configure(layers_per_job=4)  # other names of the scores: everything has to be made again
    first = project.snakemake()
    said = first.stdout + first.stderr
    assert first.returncode != 0 and DEAD in said and "Run the same command again" in said
    assert project.run().count(f"Left out: tiny_trained. {DEAD}") == 1
    assert DEAD in (project.results / "report.html").read_text()
    board = (project.results / "tables" / "leaderboard.csv").read_text()
    assert "test_vit_random" in board and "tiny_trained" not in board
    assert project.planned() == {}

    mirror = project.folder / "mirror" / "127.0.0.1"
    mirror.mkdir(parents=True)
    shutil.copy2(project.folder / "data" / "tiny_trained.safetensors", mirror)
    project.configure(downloads={"mirror": "mirror"})
    assert "Left out" not in project.run()
    assert "tiny_trained" in (project.results / "tables" / "leaderboard.csv").read_text()
