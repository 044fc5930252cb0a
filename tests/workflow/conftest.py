"""A small project that has run once, and the means to ask Snakemake what it would do next."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "config", "profiles", "envs")
N_IMAGES, N_UNITS = 24, 6

# Two networks, four layers, two datasets of the reader `own`, three subjects: twelve scoring jobs, nothing to download.
CONFIG = {
    "run": "tiny",
    "models": ["test_vit_random", "tiny_trained"],
    "layers": ["blocks.[02]", "layer[24].0.act2"],
    "layers_per_job": 1,
    "images": {"batch_size": 24},
    "projection": {"n_components": 100},
    "bootstrap": {"n_resamples": 100},
    "datasets": {
        "animals": {"reader": "own", "subjects": ["anna", "ben"], "options": {"folder": "data/animals"}},
        "plants": {"reader": "own", "subjects": ["cleo"], "options": {"folder": "data/plants"}},
    },
}
TRAINED = {"id": "tiny_trained", "provider": "timm", "builder": "test_resnet", "training": "trained"}


@dataclass
class Project:
    """A copy of the repository with a config of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.config["run"]

    @property
    def config(self) -> dict:
        return yaml.safe_load((self.folder / "config" / "config.yaml").read_text())

    def configure(self, **changes: object) -> None:
        path = self.folder / "config" / "config.yaml"
        path.write_text(yaml.safe_dump(self.config | changes, sort_keys=False))

    def command(self, *arguments: str, profile: str = "profiles/default") -> list[str]:
        return [sys.executable, "-m", "snakemake", "--profile", profile, *arguments]

    def process_environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return inherited | {"OMP_NUM_THREADS": "1"} | self.environment

    def snakemake(self, *arguments: str, profile: str = "profiles/default") -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*arguments, profile=profile),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env=self.process_environment(),
        )

    def run(self, *arguments: str, profile: str = "profiles/default") -> str:
        done = self.snakemake(*arguments, profile=profile)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done.stdout + done.stderr

    def planned(self, *targets: str) -> Counter:
        """Rule -> number of jobs that a run would do now, of everything or for some targets."""
        text = self.run(*targets, "--dry-run", "--quiet", "host")
        jobs = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):$", text, flags=re.MULTILINE)
        return Counter(job for job in jobs if job != "all")

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{path} does not hold {old!r}"
        file.write_text(text.replace(old, new, 1))

    def add_code(self, path: str) -> None:
        """Code that changes what a file means, at its end."""
        file = self.folder / path
        file.write_text(file.read_text() + "\nEXTRA = 1\n")

    def tables(self) -> dict[str, bytes]:
        """Every table of the run, byte for byte, by its path below the results."""
        files = sorted([*self.results.rglob("*.parquet"), *self.results.rglob("leaderboard.csv")])
        return {str(file.relative_to(self.results)): file.read_bytes() for file in files}

    def copy(self, folder: Path) -> Project:
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
        return Project(folder, dict(self.environment))


def write_dataset(folder: Path, subjects: list[str], seed: int) -> None:
    """A dataset for the reader `own`: images of noise in several grains, and units that see them blurred."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    pixels = []
    for number in range(N_IMAGES):
        grain = 2 ** (number % 4)
        noise = rng.integers(0, 256, (32 // grain, 32 // grain, 3), dtype=np.uint8)
        pixels.append(np.kron(noise, np.ones((grain, grain, 1), dtype=np.uint8)))
        Image.fromarray(pixels[-1]).save(folder / "images" / f"image{number:02d}.png")
    grey = np.stack(pixels).mean(axis=3).reshape(N_IMAGES, -1)
    grey = (grey - grey.mean(axis=0)) / 64
    for subject in subjects:
        signal = grey @ rng.standard_normal((grey.shape[1], N_UNITS)) / 16
        (folder / subject).mkdir()
        np.save(folder / subject / "responses.npy", signal[:, :, None] + rng.standard_normal((N_IMAGES, N_UNITS, 2)))


def write_trained_model(folder: Path) -> None:
    """A network whose weights come from a file of the project."""
    import torch
    from safetensors.numpy import save_file
    from timm import create_model

    torch.manual_seed(0)
    state = {key: value.detach().numpy() for key, value in create_model("test_resnet").state_dict().items()}
    save_file(state, folder / "data" / "tiny_trained.safetensors")
    registry = folder / "config" / "models.tsv"
    header, *rows = registry.read_text().splitlines()
    row = TRAINED | {"weights": "file:data/tiny_trained.safetensors", "input_size": "160"}
    rows.append("\t".join(row.get(column, "") for column in header.split("\t")))
    registry.write_text("\n".join([header, *rows, ""]))


def make_project(folder: Path) -> Project:
    """The repository's workflow with the small config, its data and its trained network; nothing has run."""
    project = Project(folder)
    for part in PARTS:
        source, copy = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy)
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    write_dataset(folder / "data" / "animals", ["anna", "ben", "dora"], seed=1)
    write_dataset(folder / "data" / "plants", ["cleo"], seed=2)
    write_trained_model(folder)
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project after one whole run; to be copied, not changed."""
    project = make_project(tmp_path_factory.mktemp("project"))
    project.run()
    return project


@pytest.fixture(scope="session")
def analysed(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished project after a second run: another model, another bootstrap, another figure style, and analyses."""
    project = finished.copy(tmp_path_factory.mktemp("analysed") / "project")
    models, experiments = ["test_vit_random", "timm/test_vit2:random"], ["training", "overall", "model_to_model"]
    project.configure(models=models, bootstrap={"n_resamples": 120}, experiments=experiments)
    project.add_code("workflow/menagerie/figures/style.py")
    project.run()
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project that a test may change."""
    return finished.copy(tmp_path / "project")
