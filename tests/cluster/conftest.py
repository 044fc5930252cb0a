"""A cluster of this machine, and the small project of tests/workflow on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
# What a cluster that boots for a minute needs otherwise: no second is to be lost, and without accounting sacct has
# nothing to ask.
HERE = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]
WITHOUT_ACCOUNTING = ["--slurm-status-command", "squeue"]


def load(path: Path) -> ModuleType:
    """A helper beside the tests: pytest's import mode keeps test folders off the path."""
    spec = spec_from_file_location(f"cluster_{path.stem}", path)
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


local_slurm = load(Path(__file__).with_name("local_slurm.py"))
projects = load(ROOT / "tests" / "workflow" / "conftest.py")


@dataclass
class LoginNode:
    """Where a person types ``snakemake --profile slurm``."""

    cluster: object
    python: str

    def start(self, project, *arguments: str) -> subprocess.Popen:
        project.environment |= {key: self.cluster.environment[key] for key in ("SLURM_CONF", "PATH")}
        here = HERE if self.cluster.accounting else [*HERE, *WITHOUT_ACCOUNTING]
        command = [self.python, "-m", "snakemake", "--profile", "profiles/slurm", *here, *arguments]
        log = (project.folder / "snakemake.out").open("a")
        environment = project.process_environment()
        # The project's own package and logger, wherever another copy of them is installed.
        environment["PYTHONPATH"] = f"{project.folder / 'workflow'}:{environment.get('PYTHONPATH', '')}".rstrip(":")
        return subprocess.Popen(command, cwd=project.folder, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def run(self, project, *arguments: str, succeeds: bool = True) -> None:
        """Run to the end; fails with Snakemake's words where the outcome is not the expected one."""
        code = self.start(project, *arguments).wait()
        assert (code == 0) == succeeds, (project.folder / "snakemake.out").read_text()[-6000:]


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter with Snakemake's SLURM executor: .venv-slurm, made for the test where it is absent."""
    if reason := local_slurm.missing():
        pytest.skip(reason)
    folder = ROOT / ".venv-slurm"
    if not (folder / "bin" / "snakemake").is_file():
        folder = tmp_path_factory.mktemp("environment") / "venv"
        installer = ["sh", str(ROOT / "profiles" / "slurm" / "install.sh"), sys.prefix, str(folder)]
        done = subprocess.run(installer, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"the SLURM executor cannot be installed: {done.stderr[-300:]}")
    return str(folder / "bin" / "python")


@pytest.fixture(scope="session")
def fresh(python: str, tmp_path_factory: pytest.TempPathFactory):
    """The small project before any run; to be copied, not changed.

    MENAGERIE_CLUSTER_LAYERS=all scores every layer instead of two: hundreds of jobs instead of twelve.
    """
    project = projects.make_project(tmp_path_factory.mktemp("fresh"))
    if layers := os.environ.get("MENAGERIE_CLUSTER_LAYERS"):
        project.configure(layers=layers)
    return project


@pytest.fixture(scope="session")
def finished(fresh, tmp_path_factory: pytest.TempPathFactory):
    """The small project after a run without SLURM, one job per layer; to be copied, not changed."""
    project = fresh.copy(tmp_path_factory.mktemp("finished") / "project")
    project.run()
    return project


@pytest.fixture(scope="session")
def node_with(python: str):
    """Boots a cluster in a folder, and gives its login node; skips where what it needs is missing."""

    @contextmanager
    def boot(folder: Path, **cluster: object) -> Iterator[LoginNode]:
        if reason := local_slurm.missing(bool(cluster.get("accounting"))):
            pytest.skip(reason)
        with local_slurm.LocalSlurm(folder, **cluster) as running:
            yield LoginNode(running, python)

    return boot


@pytest.fixture(scope="module")
def login(request: pytest.FixtureRequest, node_with, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoginNode]:
    """A login node of a cluster that has just booted, of two nodes or as many as a module asks for."""
    with node_with(tmp_path_factory.mktemp("slurm"), n_nodes=getattr(request, "param", 2)) as node:
        yield node
