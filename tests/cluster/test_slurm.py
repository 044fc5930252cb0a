"""The SLURM profile on a real SLURM (two nodes, pretended GPUs): the same tables as on this machine, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import yaml

pytestmark = [pytest.mark.workflow, pytest.mark.cluster]
ROOT = Path(__file__).parents[2]
HERE = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]


def load(path: Path) -> ModuleType:
    """A helper beside the tests: pytest's import mode keeps test folders off the path."""
    spec = spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


local_slurm = load(Path(__file__).with_name("local_slurm.py"))
projects = load(ROOT / "tests" / "workflow" / "conftest.py")


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def cluster(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    with local_slurm.LocalSlurm(tmp_path_factory.mktemp("slurm"), n_nodes=2) as running:
        yield running


@pytest.fixture(scope="module")
def runs(cluster, python: str, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """The same project after a run here and after a run on the cluster."""
    fresh = projects.make_project(tmp_path_factory.mktemp("fresh"))
    here, there = (
        fresh.copy(tmp_path_factory.mktemp("run") / "here"),
        fresh.copy(tmp_path_factory.mktemp("run") / "there"),
    )
    here.configure(layers_per_job="auto")
    there.configure(layers_per_job="auto")
    here.run()
    there.environment |= {"SLURM_CONF": cluster.environment["SLURM_CONF"], "PATH": cluster.environment["PATH"]}
    command = [python, "-m", "snakemake", "--profile", "profiles/slurm", *HERE]
    done = subprocess.run(
        command, cwd=there.folder, env=there.process_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-5000:]
    return here, there


def test_same_tables_as_on_this_machine(runs) -> None:
    here, there = runs
    assert len(there.tables()) > 10
    assert there.tables() == here.tables()


def test_extraction_asks_for_gpus_and_scoring_does_not(runs, cluster) -> None:
    jobs = cluster.jobs("%T|%b|%m|%l")
    assert {state for state, *_ in jobs} == {"COMPLETED"}
    with_gpu = [job for job in jobs if "gpu:1" in job[1]]
    assert len(with_gpu) == 4, "two networks, two stimulus sets"
    assert all(memory.endswith("M") and limit not in ("UNLIMITED", "") for _, _, memory, limit in jobs)


def test_nothing_to_do_on_the_cluster_after_the_run(runs) -> None:
    assert runs[1].planned() == {}


def test_drained_node(cluster, tmp_path: Path) -> None:
    """Jobs go to the node that is left."""
    cluster.call("scontrol", "update", "NodeName=n1", "State=DRAIN", "Reason=test")
    try:
        output = cluster.call("srun", "--ntasks=1", "--mem=100", "sh", "-c", "echo $SLURMD_NODENAME")
    finally:
        cluster.call("scontrol", "update", "NodeName=n1", "State=RESUME")
    assert output.strip() == "n2"


def test_profile_and_default_do_not_fight(runs) -> None:
    """Snakemake loads profiles/default beside --profile: both must agree on every key that both have."""
    slurm, default = (
        yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text()) for name in ("slurm", "default")
    )
    both = set(slurm) & set(default)
    assert {key: slurm[key] for key in both} == {key: default[key] for key in both}
