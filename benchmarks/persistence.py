"""What Snakemake's records of finished jobs cost: files (the default) against one SQLite database.

    python benchmarks/persistence.py <folder> [jobs]

Runs a workflow of so many empty jobs with each back end and prints seconds of the run, of a start with nothing to do,
and the files below ``.snakemake``.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

SNAKEFILE = """
rule all:
    input: expand("out/{{n}}.txt", n=range({n_jobs}))

rule one:
    output: touch("out/{{n}}.txt")
    params: code="0123456789abcdef"
"""
OPTIONS = ("--cores", "all", "--scheduler", "greedy", "--scheduler-subsample", "500", "--quiet", "all")


def timed(folder: Path, backend: str) -> tuple[float, float]:
    """Wall and processor seconds of one Snakemake."""
    command = [sys.executable, "-m", "snakemake", *OPTIONS, "--persistence-backend", backend]
    before, started = getrusage(RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.monotonic() - started, getrusage(RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(folder: Path, backend: str, n_jobs: int) -> str:
    """A row of the table: run, nothing to do, number and size of the files that hold the records."""
    folder.mkdir(parents=True)
    (folder / "Snakefile").write_text(SNAKEFILE.format(n_jobs=n_jobs))
    run, idle = timed(folder, backend), timed(folder, backend)
    files = [path for path in (folder / ".snakemake").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    times = " | ".join(f"{wall:.1f} | {cpu:.1f}" for wall, cpu in (run, idle))
    return f"| {backend} | {n_jobs} | {times} | {len(files)} | {size:.1f} |"


def main() -> None:
    base, n_jobs = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    print("| back end | jobs | run, wall s | run, processor s | idle start, wall s | idle, processor s | files | MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for backend in ("file", "db"):
        print(measure(base / backend, backend, n_jobs), flush=True)


if __name__ == "__main__":
    main()
