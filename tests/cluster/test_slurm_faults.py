"""What goes wrong on a cluster; in the end the tables are those of an undisturbed run, byte for byte."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.cluster]

# Run by every Python process of a job before anything else: scoring processes count themselves in a file, and some are
# struck by their number, so that a test strikes as many as it says.
HOOK = """
import os, signal, sys, time
if any(word.endswith(".score.py") for word in sys.orig_argv):
    counter = os.open({counter!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(counter, b".")
    number = os.lseek(counter, 0, os.SEEK_CUR)
    {fault}
"""
# One packed job dies when its second layer is to be kept; every layer that is to be kept is counted.
HOOK_IN_A_PACK = """
import os, signal, sys
kept = []
def look(event, arguments):
    if event == "os.rename" and ".parts" in str(arguments[1]):
        kept.append(arguments[1])
        os.write(os.open({counter!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND), b".")
        if len(kept) == 2:
            try:
                os.open({counter!r} + ".struck", os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)
if any(word.endswith(".score.py") for word in sys.orig_argv):
    sys.addaudithook(look)
"""
EVERY_TWENTIETH = "number % 20 == 7 and os.kill(os.getpid(), signal.SIGKILL)"
TOO_BIG = "held = number == 1 and [bytearray(1_500_000_000), time.sleep(60)]"
TOO_LONG = "number == 1 and time.sleep(600)"
SLOW = "time.sleep(5)"
SCORES = ("--until", "collect_tables")  # figures and report have no faults of their own
TABLES = [f"tables/{name}_scores.parquet" for name in ("layer", "model", "unit")]


@pytest.fixture
def project(finished, tmp_path: Path):
    """The small project before it is scored; what it must come to is ``finished``."""
    copy = finished.copy(tmp_path / "project")
    for folder in ("scores", "tables"):
        shutil.rmtree(copy.results / folder)
    return copy


def strike(project, fault: str, text: str = HOOK) -> Path:
    """Plant a fault in the scoring jobs; the file whose size counts them."""
    hook, counter = project.folder / "hook", project.folder / "counter"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(text.format(counter=str(counter), fault=fault))
    project.environment["PYTHONPATH"] = str(hook)
    return counter


def assert_undisturbed(project, finished) -> None:
    """Every table of scores is there, and every table is what it was without SLURM and without faults."""
    found, wanted = project.tables(), finished.tables()
    assert {path for path in wanted if path.startswith("scores/")} <= set(found)
    assert set(TABLES) <= set(found)
    assert all(found[path] == wanted[path] for path in found)


def start_slowly(login, project) -> subprocess.Popen:
    """A run of slow scoring jobs, of which one is done and the others are not."""
    strike(project, SLOW)
    run = login.start(project, *SCORES)
    assert login.cluster.until(lambda: any(project.results.glob("scores/*/*/*/[0-9]*.parquet")), 600)
    return run


def states_of_scores(login, known: int) -> list[str]:
    """State and memory of the scoring jobs after the first ``known`` jobs of the cluster."""
    jobs = sorted(login.cluster.jobs("%i|%T|%m|%k"), key=lambda job: int(job[0]))
    return [f"{state} {memory}" for _, state, memory, comment in jobs[known:] if comment.startswith("rule_score_")]


def test_too_much_memory_is_asked_for_again(login, project, finished) -> None:
    """SLURM kills the job; the next attempt asks for twice as much; the progress logger tells why."""
    strike(project, TOO_BIG)
    known = len(login.cluster.jobs())
    login.run(project, *SCORES, "--logger", "menagerie")
    said = (project.folder / "snakemake.out").read_text()
    assert "FAILED: score" in said and "it ends: slurmstepd" in said and "  tried again: score (" in said
    assert "Killed by SLURM: out of memory (it had 1000 MB)" in said
    states = states_of_scores(login, known)
    assert [state for state in states if not state.startswith("COMPLETED")] == ["FAILED 1000M"]
    assert states.count("COMPLETED 2000M") == 1
    assert any("exceeded memory limit" in log.read_text() for log in login.cluster.folder.glob("log/n*.log"))
    assert_undisturbed(project, finished)


def test_too_much_time_is_asked_for_again(login, project, finished) -> None:
    """A minute is too short for one job; the next attempt has two."""
    strike(project, TOO_LONG)
    known = len(login.cluster.jobs())
    login.run(project, *SCORES, "--set-resources", "score:runtime=attempt")
    failed = [state for state in states_of_scores(login, known) if not state.startswith("COMPLETED")]
    assert failed == ["TIMEOUT 1000M"]
    assert_undisturbed(project, finished)


def test_a_refused_submission_is_not_tried_again(login, project) -> None:
    """One reason, no log that never was, no second attempt; with Snakemake's own way of showing messages."""
    known = len(login.cluster.jobs())
    login.run(project, *SCORES, "--set-resources", "score:gres='gpu:a100:1'", succeeds=False)
    said = (project.folder / "snakemake.out").read_text()
    assert "SLURM refuses the job: " in said and "Menagerie: SLURM refused jobs of score" in said
    assert "check log file" not in said and "Traceback" not in said
    n_jobs = said.count("SLURM refuses the job: ")
    assert 0 < n_jobs == len(set(re.findall(r"^    output: (.*)$", said, re.MULTILINE))) <= 12, "each once at most"
    assert states_of_scores(login, known) == ["FAILED 1000M"] * n_jobs, "SLURM remembers what it refused"


def test_five_percent_of_jobs_die(login, project, finished) -> None:
    """Without retries the run fails, keeps what was finished, and a plain re-run completes it."""
    counter = strike(project, EVERY_TWENTIETH)
    login.run(project, *SCORES, "--retries", "0", succeeds=False)
    n_jobs = len(list(finished.results.glob("scores/*/*/*/*.parquet")))
    n_struck = len(range(7, n_jobs + 1, 20))
    assert counter.stat().st_size == n_jobs
    kept = {path: path.stat().st_mtime_ns for path in project.results.glob("scores/*/*/*/*.parquet")}
    assert len(kept) == n_jobs - n_struck
    (project.folder / "hook" / "sitecustomize.py").unlink()
    known = len(login.cluster.jobs())
    login.run(project, *SCORES)
    assert states_of_scores(login, known) == ["COMPLETED 1000M"] * n_struck, "only what died is repeated"
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    assert_undisturbed(project, finished)


def test_a_packed_job_dies_between_layers(login, project, finished) -> None:
    """The next attempt takes over the layers that were done, and its neighbours know nothing of it."""
    project.configure(layers_per_job="auto")
    counter = strike(project, "", HOOK_IN_A_PACK)
    known = len(login.cluster.jobs())
    login.run(project, *SCORES)
    states = [state.partition(" ")[0] for state in states_of_scores(login, known)]
    assert sorted(states) == ["COMPLETED"] * 6 + ["FAILED"]
    n_layers = len(list(finished.results.glob("scores/*/*/*/*.parquet")))
    assert counter.stat().st_size == n_layers + 1, "each layer once, and once more the one that was not kept"
    assert not list(project.results.glob("scores/*/*/*/.*"))
    found, wanted = project.tables(), finished.tables()
    assert {name: found[name] for name in TABLES} == {name: wanted[name] for name in TABLES}


def test_snakemake_dies(login, project, finished) -> None:
    """Its jobs go on without it; the next run takes over."""
    first = start_slowly(login, project)
    first.send_signal(signal.SIGKILL)
    first.wait()
    login.run(project, *SCORES, succeeds=False)  # the folder is still locked
    assert "unlock" in (project.folder / "snakemake.out").read_text()
    project.run("--unlock")
    login.run(project, *SCORES)
    assert_undisturbed(project, finished)


def test_a_node_dies_and_comes_back(login, project, finished) -> None:
    """SLURM starts its jobs again elsewhere."""
    run = start_slowly(login, project)
    login.cluster.kill_node("n1")
    assert login.cluster.until(lambda: "down" in " ".join(login.cluster.states()), 60)
    login.cluster.start_node("n1")
    login.cluster.wait_idle()
    if run.wait():
        login.run(project, *SCORES)
    assert_undisturbed(project, finished)


def test_a_node_is_drained(login, project, finished) -> None:
    """Its jobs end, and no more come: the rest goes to the node that is left."""
    run = start_slowly(login, project)
    login.cluster.call("scontrol", "update", "NodeName=n1", "State=DRAIN", "Reason=test")
    try:
        output = login.cluster.call("srun", "--ntasks=1", "--mem=100", "sh", "-c", "echo $SLURMD_NODENAME")
        assert run.wait() == 0
    finally:
        login.cluster.call("scontrol", "update", "NodeName=n1", "State=RESUME")
    assert output.strip() == "n2"
    assert_undisturbed(project, finished)
