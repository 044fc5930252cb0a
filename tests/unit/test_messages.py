"""Messages of a run: failures explained with what SLURM knows, an interrupted run in one line."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import weakref

import pytest

from menagerie.survey import messages, slurm
from menagerie.survey.messages import Messages

SBATCH = "SLURM sbatch failed. The error message was '{}'.\n    sbatch call:\n        sbatch -p gpu --wrap=\"python\"\n"


def record(text: str = "", **fields: object) -> logging.LogRecord:
    made = logging.LogRecord(messages.LOGGER, logging.ERROR, "", 0, text, None, None)
    made.__dict__.update(fields)
    return made


def failure(message: str | None, log: list[str], job: int = 7) -> logging.LogRecord:
    return record("Error in rule score", event="job_error", rule_name="score", rule_msg=message, jobid=job, log=log)


@pytest.fixture
def sigterm(monkeypatch):
    """What is done on SIGTERM, without a signal."""
    said = []
    monkeypatch.setattr(messages.signal, "getsignal", lambda number: lambda *_: said.append(number))
    return said


@pytest.mark.parametrize(
    "reason",
    [
        "sbatch: error: invalid partition specified: gpu",
        "sbatch: error: Batch job submission failed: Requested node configuration is not available",
        "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified",
        "sbatch: error: Invalid generic resource (gres) specification",
        "sbatch: error: Batch job submission failed: Invalid qos specification",
        "sbatch: error: QOSMaxWallDurationPerJobLimit\nsbatch: error: Batch job submission failed: Job violates "
        "accounting/QOS policy (job submit limit, user's size and/or time limits)",
    ],
)
def test_a_refused_job_is_not_tried_again_and_names_no_log(reason, tmp_path, sigterm):
    log = tmp_path / "of_an_earlier_run.log"
    log.write_text("done\n")
    seen, made = Messages(), failure(SBATCH.format(reason), [str(log)])
    assert seen.filter(made)
    assert made.rule_msg.startswith("SLURM refuses the job: ") and "sbatch call" not in made.rule_msg
    assert reason.split("failed: ")[-1].split()[-1] in made.rule_msg
    assert made.log == [] and seen.refused == {7: "score"}
    assert not seen.filter(record("Trying to restart job 7.")) and seen.filter(record("Trying to restart job 8."))
    assert "refused jobs of score" in seen.last_words()
    for _ in range(100):
        if sigterm:
            break
        time.sleep(0.01)
    assert sigterm == [signal.SIGTERM]


@pytest.mark.parametrize(
    "reason",
    [
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying.",
        "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates "
        "accounting/QOS policy (job submit limit, user's size and/or time limits)",
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
    ],
)
def test_a_refusal_that_passes_is_tried_again(reason, sigterm):
    seen, made = Messages(), failure(SBATCH.format(reason), ["never.log"])
    assert seen.filter(made) and made.log == []
    assert made.rule_msg.startswith("SLURM did not take the job now: ")
    assert seen.filter(record("Trying to restart job 7.")) and not seen.refused and not sigterm


def test_an_account_that_the_executor_refuses_is_a_refusal(sigterm):
    made = failure("Job submission failed with exception: The given account nobody is invalid. Available: lab", [])
    seen = Messages()
    assert seen.filter(made)
    assert "account nobody is invalid" in made.rule_msg and seen.refused


@pytest.mark.parametrize(
    ("status", "line", "resource", "words"),
    [
        ("OUT_OF_MEMORY", "", "mem_mb=2000", "out of memory (it had 1000 MB)"),
        (
            "FAILED",
            "slurmstepd: error: Step 5.0 exceeded memory limit (1400 > 1000), being killed",
            "mem_mb=2000",
            "memory",
        ),
        ("FAILED", "slurmstepd: error: Detected 1 oom_kill event in StepId=5.0.", "mem_mb=2000", "out of memory"),
        ("TIMEOUT", "", "runtime=3120", "out of time (it had 1560 minutes)"),
        ("FAILED", "slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT now DUE TO TIME LIMIT ***", "runtime=3120", "time"),
    ],
)
def test_memory_and_time_are_named(status, line, resource, words, tmp_path, monkeypatch):
    log = tmp_path / "5.log"
    log.write_text(f"words of the job: out of memory is not meant\n{line}\n")
    (tmp_path / "scontrol").write_text(
        "#!/bin/sh\necho '   TimeLimit=1-02:00:00 Foo=1'; echo '   MinMemoryNode=1000M'\n"
    )
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    made = failure(f"SLURM-job '5' failed, SLURM status is: '{status}'. Reason: Unknown.", [str(log), "never.log"])
    assert Messages().filter(made)
    assert words in made.rule_msg and f"--set-resources 'score:{resource}*attempt'" in made.rule_msg
    assert made.log == [str(log)]


def test_every_job_of_a_refused_array_names_the_reason(sigterm):
    call = (
        "SLURM sbatch failed for array job submission (tasks 1-2). The error message was 'sbatch: error: Batch job "
        "submission failed: Invalid qos specification'.\n    sbatch call:\n        sbatch --array=1-2\n"
    )
    seen = Messages()
    assert not seen.filter(record(call))
    for job in (1, 2):
        made = failure("Part of failed array sbatch submission (tasks 1-2); see log for details.", ["never.log"], job)
        assert seen.filter(made) and "Invalid qos specification" in made.rule_msg and made.log == []
    assert set(seen.refused) == {1, 2}


def test_other_failures_stay_as_they_are(tmp_path):
    log = tmp_path / "5.log"
    log.write_text("ValueError: out of memory\n")
    for message in ("SLURM-job '5' failed, SLURM status is: 'FAILED'.", None):
        made = failure(message, [str(log)])
        assert Messages().filter(made) and made.rule_msg == message and made.log == [str(log)]
    assert slurm.why_ended("score", "no job of SLURM", []) == ""


def test_memory_without_scontrol_is_still_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = slurm.why_ended("score", "SLURM-job '5_3' failed, SLURM status is: 'OUT_OF_MEMORY'.", [])
    assert "out of memory (it had what resource mem_mb says)" in said


def test_an_interrupted_run_says_one_line(capfd):
    seen = Messages()
    assert seen.last_words() == messages.FAILED
    assert not seen.filter(record("Terminating processes on user request, this might take some time."))
    assert not seen.filter(failure(None, [])) and not seen.filter(record("At least one job did not complete."))
    seen.interrupt()
    assert capfd.readouterr().err.split("\n") == ["", messages.STOPPED, ""] and seen.last_words() == ""


def test_watching_twice_filters_once():
    logger, before = logging.getLogger(messages.LOGGER), signal.getsignal(signal.SIGINT)
    try:
        messages.watch()
        second = messages.watch()
        assert [one for one in logger.filters if isinstance(one, Messages)] == [second]
        with pytest.raises(KeyboardInterrupt):
            signal.getsignal(signal.SIGINT)(signal.SIGINT, None)
        assert second.interrupted
    finally:
        logger.removeFilter(second)
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_that_python_swallows_comes_again():
    """An exception in a callback of a weak reference is printed and lost: the run would go on after "stopped"."""
    before, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    logger = logging.getLogger(messages.LOGGER)
    watched = messages.watch()
    try:
        thing = type("Thing", (), {})()
        reference = weakref.ref(thing, lambda _: signal.getsignal(signal.SIGINT)(signal.SIGINT, None))
        with pytest.raises(KeyboardInterrupt):
            del thing
            time.sleep(5)
        assert watched.interrupted and reference() is None
    finally:
        signal.signal(signal.SIGINT, before)
        sys.unraisablehook = hook
        logger.removeFilter(watched)


@pytest.mark.parametrize("stopped", [True, False])
def test_a_job_that_ctrl_c_killed_at_its_start_is_no_failure_of_its_own(stopped, capfd):
    said = Messages()
    if stopped:
        threading.Timer(0.1, said.interrupt).start()
    text = "RuleException:\nCalledProcessError in file \"scores.smk\": Command 'python' died with <Signals.SIGINT: 2>."
    assert said.filter(record(text)) is not stopped
    assert said.filter(failure("died", [])) is not stopped
