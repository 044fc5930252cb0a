"""This machine: Python, disk, memory, GPU, and whether another run holds the folder."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from menagerie.survey.check.line import FAILURE, OK, WARNING, Line, gigabytes
from menagerie.survey.slurm import ask

PYTHON = (3, 11)
PACKAGES = ("snakemake", "torch", "torchvision", "timm", "h5py", "pyarrow", "statsmodels")
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
    said = ask("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
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
            FAILURE, "GPU", f"{found}, but the config says device: cuda", "Say device: auto, or fix the driver."
        )
    return Line(OK, "GPU", f"{found}; networks run on CPUs")


def lock(folder: str | Path = ".snakemake") -> Line:
    """Whether another run holds this folder, or left its lock behind."""
    if any(Path(folder, "locks").glob("*")):
        advice = "Wait for the other run; if there is none, it was killed: snakemake --unlock"
        return Line(WARNING, "lock", f"{folder}/locks is not empty", advice)
    return Line(OK, "lock", "no other run here")
