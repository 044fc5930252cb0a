"""Ctrl-C ends a run in one line, and the next run goes on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.workflow

STOPPED = "Menagerie: stopped. What is finished is kept, what was at work is done again: run the same command to go on."
AT_ONCE = 2  # jobs
# A job that still imports Snakemake, in the line that Snakemake puts before each script, runs none of our code yet.
STARTING = re.compile(
    r'Traceback [^\n]*\n  File "[^"\n]*/\.snakemake/scripts/[^"\n]*", line 2, .*KeyboardInterrupt', re.DOTALL
)
NOISE = ("Traceback", "KeyboardInterrupt", "Error", "FAILED", "failed", "SIGINT", "did not complete")


@pytest.mark.parametrize(
    "logger",
    [pytest.param((), id="plain", marks=pytest.mark.breadth), pytest.param(("--logger", "menagerie"), id="menagerie")],
)
def test_ctrl_c(project, logger: tuple[str, ...]) -> None:
    """SIGINT to the whole group of processes, as a terminal sends it, while jobs import and compute."""
    before = project.tables()
    for folder in ("scores", "tables"):
        shutil.rmtree(project.results / folder)
    run = subprocess.Popen(
        project.command("--cores", str(AT_ONCE), *logger),
        cwd=project.folder,
        env=project.process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while run.poll() is None and len(list(project.results.rglob("[0-9]*.parquet"))) <= AT_ONCE:
        time.sleep(0.05)
    time.sleep(0.5)  # the next jobs have begun
    os.killpg(run.pid, signal.SIGINT)
    said, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert said.count(f"\n{STOPPED}\n") == 1
    assert not [part for part in STARTING.findall(said) if "/menagerie/" in part], said[-2000:]
    said = STARTING.sub("", said)
    assert not [word for word in NOISE if word in said], said[-2000:]
    kept = {path: path.stat().st_mtime_ns for path in project.results.glob("scores/*/*/*/*.parquet")}
    assert kept and not list(project.results.rglob("*.part"))
    if logger:
        return
    project.run()
    assert project.tables() == before
    repeated = [path for path, stamp in kept.items() if path.stat().st_mtime_ns != stamp]
    assert len(repeated) <= AT_ONCE, "only what was at work is done again"
