"""The progress line."""

import logging
from collections import Counter
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_menagerie import LogHandler, progress_line


def record(event: LogEvent | None = None, level: int = logging.INFO, message: str = "", **fields: object):
    made = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    made.__dict__.update(fields, event=event)
    return made


@pytest.fixture
def handler() -> LogHandler:
    return LogHandler(SimpleNamespace(dryrun=False), None)


def test_progress_line() -> None:
    line = progress_line(486, 714, 1.1, Counter({"score": 440, "list_layers": 10, "report": 1}))
    assert line == "486 of 714 jobs (68 %), 1.1 a second, about 3 min left: 10 list_layers, 440 score"
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


def test_a_failed_job_names_its_log(handler: LogHandler, capsys: pytest.CaptureFixture) -> None:
    fields = {"rule_name": "score", "output": ["a.parquet"], "log": ["logs/a.log"], "rule_msg": None}
    handler.emit(record(LogEvent.JOB_ERROR, logging.ERROR, **fields))
    shown = capsys.readouterr().err
    assert "FAILED: score (a.parquet)" in shown
    assert "log: logs/a.log" in shown


def test_chatter_is_left_out_and_warnings_are_not(handler: LogHandler, capsys: pytest.CaptureFixture) -> None:
    handler.emit(record(message="Select jobs to execute..."))
    handler.emit(record(level=logging.WARNING, message="disk is full"))
    assert capsys.readouterr().err == "disk is full\n"
