"""The oldest Snakemake that the Snakefile admits runs what the README names."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
OLDEST = re.search(r'^min_version\("(.*)"\)$', (ROOT / "Snakefile").read_text(), flags=re.MULTILINE)[1]
BESIDE = ("appdirs", "reretry")  # what it needs and the locked release does not
COMMAND = ("--profile", "profiles/default", "--logger", "menagerie", "--configfile", "config/config.yaml")


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that release, before the environment's own on the path."""
    folder = tmp_path_factory.mktemp("snakemake")
    uv = Path(sys.executable).with_name("uv")
    installer = [str(uv), "pip"] if uv.is_file() else [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    packages = [f"snakemake=={OLDEST}", *(name for name in BESIDE if importlib.util.find_spec(name) is None)]
    command = [*installer, "install", "--quiet", "--no-deps", "--target", str(folder), *packages]
    command += ["--python", sys.executable] if uv.is_file() else []
    index = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    ).stdout.strip()
    environment = os.environ | ({"UV_DEFAULT_INDEX": index} if index else {})
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90, env=environment)
    except subprocess.TimeoutExpired:
        pytest.skip(f"Snakemake {OLDEST} cannot be installed: no answer in 90 s")
    if done.returncode:
        pytest.skip(f"Snakemake {OLDEST} cannot be installed: {done.stderr.strip()[-300:]}")
    return folder


def test_it_runs_what_the_readme_names(oldest: Path, project) -> None:
    project.environment["PYTHONPATH"] = str(oldest)
    asked = subprocess.run(
        [sys.executable, "-m", "snakemake", "--version"],
        capture_output=True,
        text=True,
        env=project.process_environment(),
    )
    assert asked.stdout.strip() == OLDEST != metadata.version("snakemake")
    nothing = project.snakemake(*COMMAND, "--dry-run")
    assert nothing.returncode == 0, nothing.stderr[-3000:]
    (project.results / "tables" / "models.parquet").unlink()
    one = project.snakemake("--until", "models_table", *COMMAND)
    assert one.returncode == 0 and "1 of 1 jobs (100 %)" in one.stderr, one.stderr[-3000:]
