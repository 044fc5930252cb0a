"""How to send one-second jobs to SLURM: plain jobs, groups, arrays, or a block of them in one process.

    SLURM_CONF=... .venv-slurm/bin/python benchmarks/packing.py <folder> <n tasks> <tasks per pack> [mode ...]

Needs a SLURM (tests/cluster/local_slurm.py starts one here). Each task imports numpy and sleeps for a second, so that
the figures tell of the overhead and not of the number of cores. Prints submissions, wall seconds, seconds in which
allocations were held, and these over the seconds of work. Where the cluster was started in the same control group (not
the root), also the processor seconds of everything per task, which do not depend on what else runs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

SNAKEFILE = """
N, SIZE = {n}, {size}
rule all:
    input: expand("out/{{block}}.txt", block=range(0, N, SIZE))
rule task:
    output: "out/{{block}}.txt"
    {group}
    resources: mem_mb=1000, runtime=60
    params: size=SIZE, n=N
    script: "task.py"
"""
TASK = """
import time
import numpy
first = int(snakemake.wildcards.block)
for _ in range(first, min(first + snakemake.params.size, snakemake.params.n)):
    time.sleep(1)
open(snakemake.output[0], "w").close()
"""
MODES = ("plain", "groups", "arrays", "block")


def settings(mode: str, pack: int) -> tuple[int, str, list[str]]:
    """Tasks per job, what the rule says, and options of Snakemake."""
    if mode == "groups":
        # --cores is the width of a group: without it, a group asks for the cores of all its members at once.
        return 1, 'group: "tasks"', ["--group-components", f"tasks={pack}", "--cores", "1"]
    return (pack if mode == "block" else 1), "", ["--slurm-array-jobs", "task"] if mode == "arrays" else []


def measure(folder: Path, n: int, pack: int, mode: str) -> str:
    """One run; a line of the table."""
    size, group, options = settings(mode, pack)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "Snakefile").write_text(SNAKEFILE.format(n=n, size=size, group=group))
    (folder / "task.py").write_text(TASK)
    known = set(squeue("%i"))
    command = [sys.executable, "-m", "snakemake", "--executor", "slurm", "--jobs", "200", "--scheduler", "greedy"]
    command += [
        "--slurm-status-command",
        "squeue",
        "--slurm-init-seconds-before-status-checks",
        "2",
    ]
    command += ["--latency-wait", "30", "--quiet", "all", *options]
    start, spent = time.monotonic(), processor_seconds()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds, spent = time.monotonic() - start, processor_seconds() - spent
    if done.returncode:
        return f"{n}\t{mode}\tfailed: {done.stderr[-300:]}"
    rows = [row.split("|") for row in squeue("%i|%V|%S|%e") if row.split("|")[0] not in known]
    times = [[datetime.fromisoformat(text) for text in row[1:]] for row in rows]
    held = sum((end - begin).total_seconds() for _, begin, end in times)
    waited = sum((begin - submitted).total_seconds() for submitted, begin, _ in times) / max(1, len(times))
    submissions = len({row[0].split("_")[0] for row in rows})
    costs = f"{waited:.1f}\t{held:.0f}\t{held / n:.2f}\t{spent / n:.2f}"
    return f"{n}\t{mode}\t{submissions}\t{len(rows)}\t{seconds:.0f}\t{costs}"


def processor_seconds() -> float:
    """Of all processes in this process's control group, ended ones too; NaN in the root group."""
    groups = [line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for controllers, path in groups:
        first, second = (Path(f"/sys/fs/cgroup/{name}{path}") for name in ("cpuacct", ""))
        if path != "/" and "cpuacct" in controllers:
            return int((first / "cpuacct.usage").read_text()) / 1e9
        if path != "/" and not controllers and (second / "cpu.stat").is_file():
            return int((second / "cpu.stat").read_text().split()[1]) / 1e6
    return float("nan")


def squeue(form: str) -> list[str]:
    command = ["squeue", "--noheader", "--array", "--states=all", f"--format={form}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


if __name__ == "__main__":
    print(
        "tasks\tmode\tsubmissions\tallocations\twall s\tmean wait s\theld s\theld s per 1 s task\tprocessor s per task",
        flush=True,
    )
    for name in sys.argv[4:] or MODES:
        print(measure(Path(sys.argv[1]).resolve(), int(sys.argv[2]), int(sys.argv[3]), name), flush=True)
