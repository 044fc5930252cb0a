"""A progress line instead of a paragraph per job: ``snakemake --logger menagerie``.

Counts per stage, rate and time left; errors in full, with the job's log. Snakemake finds this package by its name.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from logging import WARNING, LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

EVERY = 5.0  # seconds between two progress lines
FORESEEABLE = 0.1  # share of jobs done before a time left is named: the first jobs are the long ones
STAGES = ("list_layers", "build_target", "simulate_target", "extract_geometry", "score", "collect_model")


class LogHandler(LogHandlerBase):
    """Writes to standard error; a dry run is shown as Snakemake shows it."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.rules: dict[int, str] = {}
        self.finished: Counter[str] = Counter()
        self.begun = self.shown = time.monotonic()
        self.first_done: int | None = None

    def emit(self, record: LogRecord) -> None:
        """Write what a person needs of one message."""
        event = getattr(record, "event", None)
        if self.common_settings.dryrun:
            self._say(self.format(record))
        elif event == LogEvent.JOB_INFO:
            self.rules[record.jobid] = record.rule_name
        elif event == LogEvent.JOB_FINISHED:
            self.finished[self.rules.get(record.job_id, "")] += 1
        elif event == LogEvent.PROGRESS:
            self._progress(record.done, record.total)
        elif event == LogEvent.JOB_ERROR:
            self._say(_failure(record))
        elif event == LogEvent.RUN_INFO or record.levelno >= WARNING:
            self._say(self.format(record))

    def _progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self.first_done is None:
            self.begun, self.first_done = now, done
        if now - self.shown < EVERY and done < total:
            return
        self.shown = now
        self._say(f"[{time.strftime('%H:%M:%S')}] {progress_line(done, total, self._rate(done, now), self.finished)}")

    def _rate(self, done: int, now: float) -> float:
        elapsed = now - self.begun
        return (done - self.first_done) / elapsed if elapsed > 0 else 0.0

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def progress_line(done: int, total: int, rate: float, finished: Counter[str]) -> str:
    """``486 of 714 jobs (68 %), 1.1 a second, about 4 min left: 10 list_layers, 20 extract_geometry, 440 score``."""
    parts = [f"{done} of {total} jobs ({100 * done // max(total, 1)} %)"]
    if rate > 0 and FORESEEABLE * total <= done < total:
        minutes = (total - done) / rate / 60
        left = f"{minutes:.0f} min" if minutes >= 1 else "less than a minute"
        speed = f"{rate:.1f} a second" if rate >= 1 else f"{rate * 60:.0f} a minute"
        parts += [speed, f"about {left} left" if minutes >= 1 else f"{left} left"]
    stages = ", ".join(f"{finished[stage]} {stage}" for stage in STAGES if finished[stage])
    return ", ".join(parts) + (f": {stages}" if stages else "")


def _failure(record: LogRecord) -> str:
    logs = ", ".join(map(str, record.log)) or "none"
    made = ", ".join(map(str, record.output))
    return f"\nFAILED: {record.rule_name} ({made})\n  log: {logs}\n  {record.rule_msg or ''}".rstrip() + "\n"
