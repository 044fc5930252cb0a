"""The progress line."""

import logging
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_menagerie
from snakemake_logger_plugin_menagerie import LogHandler, progress_line, unreadable_config


def record(event: LogEvent | None = None, level: int = logging.INFO, message: str = "", **fields: object):
    made = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    made.__dict__.update(fields, event=event)
    return made


@pytest.fixture
def handler() -> LogHandler:
    return LogHandler(SimpleNamespace(dryrun=False), None)


def test_progress_line() -> None:
    line = progress_line(486, 714, 1.1, Counter({"score": 440, "list_layers": 10, "report": 1}))
    assert line == "486 of 714 jobs (68 %), 1.1 a second, about 3 min left: 10 list_layers, 440 score, 1 others"
    assert progress_line(9, 10, 0.001, Counter(), 3) == "9 of 10 jobs (90 %), slow, about 17 min left, 3 in work"
    assert "about 4 h left" in progress_line(100, 1000, 0.0625, Counter())
    assert "about 10 days left" in progress_line(100, 1000, 0.00104, Counter())
    assert progress_line(1, 10, 0.0, Counter()) == "1 of 10 jobs (10 %)"
    assert progress_line(9, 100, 0.1, Counter()) == "9 of 100 jobs (9 %)", "too early to tell"
    assert progress_line(9, 10, 0.5, Counter()) == "9 of 10 jobs (90 %), 30 a minute, less than a minute left"


def test_the_last_job_is_always_shown(handler: LogHandler, capsys: pytest.CaptureFixture) -> None:
    handler.emit(record(LogEvent.JOB_INFO, jobid=1, rule_name="score"))
    handler.emit(record(LogEvent.JOB_FINISHED, job_id=1))
    handler.emit(record(LogEvent.PROGRESS, done=1, total=2))
    handler.emit(record(LogEvent.PROGRESS, done=2, total=2))
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 1
    assert "2 of 2 jobs (100 %)" in shown[0]
    assert shown[0].endswith("1 score")


def test_failed_jobs_name_their_logs(handler: LogHandler, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("Traceback\nValueError: the reason\n")
    fields = {"jobid": 7, "rule_name": "score", "output": ["a.parquet"], "log": [str(log)], "rule_msg": None}
    handler.emit(record(LogEvent.JOB_STARTED, jobs=[7, 8]))
    handler.emit(record(LogEvent.JOB_ERROR, logging.ERROR, **fields))
    shown = capsys.readouterr().err
    assert "FAILED: score (a.parquet)" in shown
    assert f"log: {log}\n  it ends: ValueError: the reason\n" in shown
    for job in (8, 9):
        again = {**fields, "jobid": job, "log": ["elsewhere.log"]}
        handler.emit(record(LogEvent.JOB_ERROR, logging.ERROR, **again))
    handler.emit(record(LogEvent.JOB_FINISHED, job_id=9))  # at the second try
    handler.emit(record(LogEvent.PROGRESS, done=0, total=9))
    assert not handler.in_work
    capsys.readouterr()
    handler.close()
    handler.close()
    assert capsys.readouterr().err == f"\n2 of 9 jobs failed:\n  score: log {log}\n  score: log elsewhere.log\n"


def test_on_a_cluster(handler: LogHandler, capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch) -> None:
    """A job that SLURM killed left an empty log: SLURM's tells why. Jobs that were submitted need not run yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.log").touch()
    (tmp_path / "7.log").write_text("slurmstepd: error: Exceeded job memory limit\nWorkflowError:\n")
    handler.emit(record(message="Job 1 has been submitted with SLURM jobid 7 (log: 7.log)."))
    handler.emit(record(LogEvent.JOB_INFO, jobid=1, rule_name="score"))
    handler.emit(record(LogEvent.JOB_STARTED, jobs=[1, 2]))
    said = "SLURM-job '7' failed. For further error details see the cluster/cloud log and the log files"
    logs = ["a.log", str(tmp_path / "7.log")]
    fields = {"jobid": 1, "rule_name": "score", "output": ["a.parquet"], "log": logs, "rule_msg": said}
    handler.emit(record(LogEvent.JOB_ERROR, logging.ERROR, **fields))
    handler.emit(record(message="Trying to restart job 1."))
    shown = capsys.readouterr().err
    assert "  log: a.log, 7.log\n  it ends: slurmstepd: error: Exceeded job memory limit\n" in shown
    assert "SLURM-job '7' failed. \n" in shown and shown.endswith("\n  tried again: score (a.parquet)\n")
    handler.every = 0
    handler.emit(record(LogEvent.PROGRESS, done=1, total=3))
    assert "1 of 3 jobs (33 %), 1 queued or in work" in capsys.readouterr().err


def test_configs_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("- a list\n")
    (tmp_path / "good.yaml").write_text("run: r\n")
    assert "config/config.yaml: expected keys" in unreadable_config(["--cores", "2"])
    assert unreadable_config(["--configfile", "good.yaml", "-n", "--config", "run=s"]) == ""
    assert "bad.yaml: found no such file" in unreadable_config(["-n", "--configfiles", "good.yaml", "bad.yaml", "-q"])
    assert "bad.yaml: found no such file" in unreadable_config(["--configfile=bad.yaml"])


def test_an_error_before_the_run_is_told_by_the_config(
    handler: LogHandler, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["snakemake", "--configfile", "nowhere.yaml"])
    traceback = record(LogEvent.ERROR, logging.ERROR, "Traceback (most recent call last): ...")
    handler.emit(traceback)
    shown = capsys.readouterr().err
    assert shown.startswith("Config nowhere.yaml: found no such file") and "Traceback" not in shown
    handler.emit(record(LogEvent.RUN_INFO, stats={"total": 3}))
    capsys.readouterr()
    handler.emit(traceback)
    assert "Traceback" in capsys.readouterr().err, "during a run it has another cause"


def test_the_rate_is_that_of_late(handler: LogHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    for now, done in [(0, 0), (100, 1), (1000, 2), (1010, 12)]:
        monkeypatch.setattr(snakemake_logger_plugin_menagerie.time, "monotonic", lambda now=now: now)
        handler.emit(record(LogEvent.PROGRESS, done=done, total=20))
    assert handler._rate() == 1.0


def test_a_run_with_nothing_to_do_says_so(handler: LogHandler, capsys: pytest.CaptureFixture) -> None:
    handler.emit(record(message="Nothing to be done (all requested files are present and up to date)."))
    assert "up to date" in capsys.readouterr().err


def test_chatter_is_left_out_and_warnings_are_not(handler: LogHandler, capsys: pytest.CaptureFixture) -> None:
    handler.emit(record(message="Select jobs to execute..."))
    handler.emit(record(level=logging.WARNING, message="disk is full"))
    assert capsys.readouterr().err == "disk is full\n"


def test_what_a_log_says_cannot_colour_the_terminal(
    handler: LogHandler, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    log = tmp_path / "a.log"
    log.write_text("\x1b[2J\x1b]0;title\x07ValueError: \u202ereversed\n")
    fields = {"jobid": 7, "rule_name": "score", "output": ["a\x1b[31m.parquet"], "log": [str(log)], "rule_msg": None}
    handler.emit(record(LogEvent.JOB_ERROR, logging.ERROR, **fields))
    handler.close()
    shown = capsys.readouterr().err
    assert "ValueError" in shown and "\\x1b[2J" in shown and not {"\x1b", "\x07", "\u202e"} & set(shown)
