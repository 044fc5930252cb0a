"""This machine and its cluster: Python, disk, memory, GPU, SLURM, and the profile that says how to use them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import yaml

from menagerie.survey.check.line import FAILURE, OK, WARNING, Line, gigabytes

PYTHON = (3, 11)
PACKAGES = ("snakemake", "torch", "torchvision", "timm", "h5py", "pyarrow", "statsmodels")
_TIMEOUT = 20  # seconds for a question to a driver or a cluster
_ROOM = 1.5  # free disk over the estimate, below which a warning is due: estimates are that rough


def python() -> Line:
    """The interpreter and the packages of the lock file."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON:
        return Line(FAILURE, "Python", f"{found}; 3.11 or newer is needed", "make PYTHON=python3.12 setup")
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        return Line(
            FAILURE, "Python", f"{found}, without {', '.join(missing)}", "make setup, then use .venv/bin/python"
        )
    return Line(OK, "Python", f"{found}, packages are there")


def disk(folder: str | Path, needed: float) -> Line:
    """Free space where results will lie, against the bytes that they need."""
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        return Line(FAILURE, "disk", f"{place} cannot be written to", "Choose another folder: config key results.")
    free = shutil.disk_usage(place).free
    found = f"{gigabytes(free)} free at {place}, about {gigabytes(needed)} needed"
    if free < needed:
        return Line(FAILURE, "disk", found, "Free some, or choose another disk: config key results.")
    if free < _ROOM * needed:
        return Line(WARNING, "disk", found, "The estimate is rough: watch it, or free some.")
    return Line(OK, "disk", found)


def memory(needed: float, *, on_cluster: bool = False) -> Line:
    """Memory of this machine (or of its container), against that of the largest job."""
    found = f"the largest job takes {gigabytes(needed)}"
    if on_cluster:
        return Line(OK, "memory", f"{found}; each job asks its node for what it needs")
    total = memory_limit()
    found = f"{gigabytes(total)} here, {found}"
    if total < needed:
        return Line(FAILURE, "memory", found, "Lower config key memory_budget_mb, or use a larger machine.")
    if total < 2 * needed:
        return Line(WARNING, "memory", found, f"One at a time fits: snakemake --resources mem_mb={total / 1e6:.0f}")
    return Line(OK, "memory", found)


def memory_limit() -> float:
    """Bytes of memory that this process may use: the machine's, or its control group's where that is less."""
    total = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return min(total, float(text)) if text.isdigit() else total


def gpu(device: str, *, on_cluster: bool = False) -> Line:
    """GPUs by ``nvidia-smi`` (importing torch would take longer than all else), against config key device."""
    said = _ask("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    if on_cluster and device != "cpu":
        return Line(OK, "GPU", "each extraction job asks the cluster for one (see profile)")
    if said is not None and said[0] == 0 and said[1]:
        cards = said[1].splitlines()
        if "+cpu" in metadata.version("torch") and device != "cpu":
            status = FAILURE if device == "cuda" else WARNING
            return Line(status, "GPU", f"{cards[0]}, but torch is built for CPUs", "Install torch with CUDA.")
        return Line(OK, "GPU", f"{len(cards)}: {cards[0]}")
    found = "none found" if said is None else f"nvidia-smi failed: {said[1].splitlines()[0] if said[1] else said[0]}"
    if device == "cuda":
        return Line(
            FAILURE, "GPU", f"{found}, but the config says device: cuda", "Say device: auto, or mend the driver."
        )
    return Line(OK, "GPU", f"{found}; networks run on CPUs")


def profile(folder: str | Path) -> tuple[Line, Mapping]:
    """The profile's line, and its content (empty where it cannot be read)."""
    path = Path(folder) / "config.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return Line(FAILURE, "profile", f"{path}: {' '.join(str(error).split())}", "Mend it; profiles/ has two."), {}
    if not isinstance(content, dict):
        return Line(FAILURE, "profile", f"{path} has no keys", "Start from profiles/default/config.yaml."), {}
    return Line(*_judge(path, content)), content


def _judge(path: Path, content: Mapping) -> Sequence[str]:
    executor = content.get("executor", "local")
    if executor != "local" and find_spec(f"snakemake_executor_plugin_{str(executor).replace('-', '_')}") is None:
        hint = "make slurm, then .venv-slurm/bin/snakemake" if executor == "slurm" else "Install its plugin."
        return FAILURE, "profile", f"{path}: executor {executor} is not installed for this Python", hint
    if "cores" not in content and "jobs" not in content:
        return (
            FAILURE,
            "profile",
            f"{path} names neither cores nor jobs",
            "Add 'cores: all', or 'jobs: 200' on a cluster.",
        )
    if "rules" in str(content.get("quiet", "")):
        return WARNING, "profile", f"{path}: 'quiet: rules' hides the logs of failed jobs", "Use --logger menagerie."
    cores, there = content.get("cores"), os.cpu_count() or 1
    if isinstance(cores, int) and cores > there:
        return WARNING, "profile", f"{path}: {cores} cores, but there are {there}", "Say 'cores: all'."
    return OK, "profile", f"{path}: {executor}, {content.get('jobs') or cores} jobs at once"


def cluster(content: Mapping) -> Line:
    """SLURM by ``sinfo``, where the profile sends jobs there: reachable, with nodes, with the partitions it names."""
    if content.get("executor") != "slurm":
        return Line(OK, "cluster", "not asked for by the profile")
    said = _ask("sinfo", "--noheader", "--format=%R %a %D")
    if said is None:
        return Line(FAILURE, "cluster", "no command sinfo", "Run from a login node of the cluster.")
    code, text = said
    if code:
        return Line(FAILURE, "cluster", f"sinfo failed: {text.splitlines()[0] if text else code}", "Ask its operators.")
    rows = [line.split() for line in text.splitlines()]
    up = {row[0]: int(row[2]) for row in rows if len(row) == 3 and row[1] == "up" and row[2].isdigit()}
    if not up:
        return Line(FAILURE, "cluster", "no partition is up", "Wait, or ask its operators.")
    for name in sorted(_partitions(content)):
        if name not in up:
            found = f"partition {name} of the profile is not up; found {', '.join(up)}"
            return Line(FAILURE, "cluster", found, "Name another under slurm_partition.")
    return Line(OK, "cluster", ", ".join(f"{name}: {nodes} nodes" for name, nodes in up.items()))


def _partitions(content: Mapping) -> set[str]:
    parts = [content.get("default-resources") or {}, *(content.get("set-resources") or {}).values()]
    return {str(part["slurm_partition"]).strip("'\"") for part in parts if part and "slurm_partition" in part}


def lock(folder: str | Path = ".snakemake") -> Line:
    """Whether another run holds this folder, or left its lock behind."""
    if any(Path(folder, "locks").glob("*")):
        advice = "Wait for the other run; if there is none, it was killed: snakemake --unlock"
        return Line(WARNING, "lock", f"{folder}/locks is not empty", advice)
    return Line(OK, "lock", "no other run here")


def _ask(*command: str) -> tuple[int, str] | None:
    """Exit code and output of a command; None where it does not exist."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, (done.stdout if done.returncode == 0 else done.stderr or done.stdout).strip()
