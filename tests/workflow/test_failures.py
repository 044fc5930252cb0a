"""What goes wrong during a run; after a plain re-run the tables are those of an undisturbed one, byte for byte."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest

pytestmark = pytest.mark.workflow

# Run by every Python process of the project before anything else; strikes at half of the scoring jobs.
FAULT = """
import os, random, resource, signal, sys
if any(word.endswith(".score.py") for word in sys.orig_argv) and random.random() < 0.5:
    {fault}
"""
FAULTS = {
    "job killed at once": "os.kill(os.getpid(), signal.SIGKILL)",
    "job killed at work": "signal.signal(signal.SIGALRM, signal.SIG_DFL); signal.setitimer(signal.ITIMER_REAL, 0.5)",
    "disk full": "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))",
    "out of memory": "resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))",
}


def forget_scores(project) -> dict[str, bytes]:
    """Remove scores and tables; what they were."""
    before = project.tables()
    for folder in ("scores", "tables"):
        shutil.rmtree(project.results / folder)
    return before


MORE = ("job killed at once", "out of memory")
CASES = [pytest.param(fault, marks=pytest.mark.breadth if fault in MORE else ()) for fault in FAULTS]


@pytest.mark.parametrize("fault", CASES)
def test_failing_jobs(project, fault: str) -> None:
    project.configure(layers_per_job=1)
    before = forget_scores(project)
    hook = project.folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(FAULT.format(fault=FAULTS[fault]))
    project.environment["PYTHONPATH"] = str(hook)
    for _ in range(3):  # half of twelve jobs: three runs without any fault are as good as impossible
        disturbed = project.snakemake()
        if disturbed.returncode:
            break
    assert disturbed.returncode != 0
    assert "log:" in disturbed.stdout + disturbed.stderr
    assert not list(project.results.rglob("*.part")) or "killed" in fault
    kept = {path: path.stat().st_mtime_ns for path in project.results.glob("scores/*/*/*/*.parquet")}
    del project.environment["PYTHONPATH"]
    project.run()
    assert project.tables() == before
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items()), "finished jobs are not repeated"
    assert project.planned() == {}


def start_scoring(project) -> subprocess.Popen:
    """A run in the background that has written its first scores."""
    started = subprocess.Popen(
        project.command(),
        cwd=project.folder,
        env=project.process_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while started.poll() is None and not list(project.results.rglob("[0-9]*.parquet")):
        time.sleep(0.1)
    return started


def test_two_at_once(project) -> None:
    """The second is refused and says why; the first does not notice."""
    before = forget_scores(project)
    first = start_scoring(project)
    second = project.snakemake()
    assert second.returncode != 0
    assert "lock" in second.stdout + second.stderr
    assert first.wait() == 0
    assert project.tables() == before


def test_snakemake_killed(project) -> None:
    """SIGKILL leaves a lock; once it is lifted, the next run goes on where the first one was."""
    before = forget_scores(project)
    first = start_scoring(project)
    first.kill()
    first.wait()
    refused = project.snakemake()
    assert refused.returncode != 0
    assert "--unlock" in refused.stdout + refused.stderr
    project.run("--unlock")
    project.run()
    assert project.tables() == before
    assert project.planned() == {}


def test_scoring_on_a_gpu_that_is_not_there(project) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    forget_scores(project)
    project.configure(score_on="gpu", models=["tiny_trained"])
    refused = project.snakemake()
    assert refused.returncode != 0
    assert "Config key score_on is 'gpu'" in refused.stdout + refused.stderr
