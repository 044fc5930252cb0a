"""A small project that has run once, and the means to ask Snakemake what it would do next."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "config", "profiles", "envs")

CONFIG = {
    "run": "tiny",
    "resources": str(ROOT / "resources"),
    "models": ["test_vit_random", "test_resnet_random"],
    "layers": ["blocks.?", "layer?.0"],
    "images": {"batch_size": 50},
    "projection": {"n_components": 500},
    "bootstrap": {"n_resamples": 100},
    "datasets": {
        "human": {
            "reader": "kriegeskorte92",
            "stimuli": "objects",
            "subjects": ["BE", "KO"],
            "options": {"species": "human"},
        },
        "simulated": {
            "reader": "simulated",
            "stimuli": "photographs",
            "subjects": ["sim01"],
            "options": {"n_images": 100, "planted": {"late": {"model": "test_resnet_random", "layer": "layer3.0"}}},
        },
    },
}


@dataclass
class Project:
    """A copy of the repository with a config of its own."""

    folder: Path

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.config["run"]

    @property
    def config(self) -> dict:
        return yaml.safe_load((self.folder / "config" / "config.yaml").read_text())

    def configure(self, **changes: object) -> None:
        path = self.folder / "config" / "config.yaml"
        path.write_text(yaml.safe_dump(self.config | changes, sort_keys=False))

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", "--profile", "profiles/default", *arguments]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, env=environment)

    def run(self, *arguments: str) -> str:
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done.stdout + done.stderr

    def planned(self) -> Counter:
        """Rule -> number of jobs that a run would do now."""
        text = self.run("--dry-run", "--quiet", "host")
        jobs = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):$", text, flags=re.MULTILINE)
        return Counter(job for job in jobs if job != "all")

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{path} does not hold {old!r}"
        file.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project after one whole run; to be copied, not changed."""
    project = Project(tmp_path_factory.mktemp("project"))
    for part in PARTS:
        source, copy = ROOT / part, project.folder / part
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy)
    (project.folder / "config" / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    project.run()
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project that a test may change."""
    copy = Project(tmp_path / "project")
    shutil.copytree(finished.folder, copy.folder, ignore=shutil.ignore_patterns("__pycache__"))
    return copy
