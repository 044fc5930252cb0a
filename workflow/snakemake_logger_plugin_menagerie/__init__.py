"""A progress line instead of a paragraph per job: ``snakemake --logger menagerie``.

Counts per stage, rate and time left; errors in full, with the job's log and how it ends. Locally and on a cluster.
Snakemake finds this package by its name.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from logging import WARNING, LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

EVERY, EVERY_IN_FILE = 5.0, 60.0  # seconds between two progress lines: on a terminal, in a file
WINDOW = 600.0  # seconds that the rate is taken over: later stages have another one
FORESEEABLE = 0.1  # share of jobs done before a time left is named: the first jobs are the long ones
RESTARTED, SUBMITTED = re.compile(r"Trying to restart job (\d+)\."), re.compile(r"Job \d+ has been submitted")
STAGES = (
    "fetch_weights",
    "list_layers",
    "build_target",
    "simulate_target",
    "extract_geometry",
    "score",
    "select_layers",
    "collect_model",
)


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
        self.in_work: set[int] = set()
        self.failed: dict[int, str] = {}
        self.names: dict[int, str] = {}  # of jobs that failed
        self.queued = False  # whether jobs wait on a cluster before they run
        self.history: deque[tuple[float, int]] = deque()
        self.total = 0
        self.shown = time.monotonic()
        self.every = EVERY if sys.stderr.isatty() else EVERY_IN_FILE

    def emit(self, record: LogRecord) -> None:
        """Write what a person needs of one message."""
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self.total = record.stats.get("total", 0)
        if event == LogEvent.ERROR and not self.total:
            self._say(unreadable_config(sys.argv[1:]) or self.format(record))
        elif self.common_settings.dryrun:
            self._say(self.format(record))
        elif event == LogEvent.JOB_INFO:
            self.rules[record.jobid] = record.rule_name
        elif event == LogEvent.JOB_STARTED:
            self.in_work.update(record.jobs)
        elif event == LogEvent.JOB_FINISHED:
            self.in_work.discard(record.job_id)
            self.failed.pop(record.job_id, None)  # it was tried again
            self.finished[self.rules.get(record.job_id, "")] += 1
        elif event == LogEvent.PROGRESS:
            self._progress(record.done, record.total)
        elif event == LogEvent.JOB_ERROR:
            self._fail(vars(record))
        elif said := RESTARTED.match(str(record.msg)):
            self._say(f"  tried again: {self.names.get(int(said[1]), said[1])}")
        elif SUBMITTED.match(str(record.msg)):
            self.queued = True
        elif event == LogEvent.RUN_INFO or record.levelno >= WARNING or _is_idle(record):
            self._say(self.format(record))
            if str(record.msg).startswith("Exiting because a job execution failed"):
                self._list_failures()

    def close(self) -> None:
        """List failed jobs, where the run ended without a word."""
        self._list_failures()
        super().close()

    def _list_failures(self) -> None:
        """Failed jobs again, since their messages may be far above."""
        if self.failed:
            of = f" of {self.total}" if self.total else ""
            self._say("\n".join([f"\n{len(self.failed)}{of} jobs failed:", *map(_safe, self.failed.values())]))
            self.failed.clear()

    def _progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        self.total = total
        self.history.append((now, done))
        while now - self.history[0][0] > WINDOW:
            self.history.popleft()
        if now - self.shown < self.every and done < total:
            return
        self.shown = now
        line = progress_line(done, total, self._rate(), self.finished, len(self.in_work), self.queued)
        self._say(f"[{time.strftime('%H:%M:%S')}] {line}")

    def _rate(self) -> float:
        (begun, first), (now, done) = self.history[0], self.history[-1]
        return (done - first) / (now - begun) if now > begun else 0.0

    def _fail(self, job: dict) -> None:
        self.in_work.discard(job["jobid"])
        logs = ", ".join(map(_from_here, job["log"])) or "none"
        self.failed[job["jobid"]] = f"  {job['rule_name']}: log {logs}"
        self.names[job["jobid"]] = f"{job['rule_name']} ({', '.join(map(str, job['output']))})"
        self._say(_safe(_failure(job, self.names[job["jobid"]], logs)))

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def unreadable_config(arguments: Sequence[str]) -> str:
    """What is wrong with the config files of a command line; empty where all can be read.

    Snakemake reads them before the Snakefile, and answers with a traceback, or without the file's name.
    """
    from menagerie.errors import MenagerieError
    from menagerie.survey.config import read_config

    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=["config/config.yaml"])
    try:
        for path in parser.parse_known_args(arguments)[0].configfile:
            read_config(path)
    except MenagerieError as error:
        return str(error)
    return ""


def progress_line(
    done: int, total: int, rate: float, finished: Counter[str], in_work: int = 0, queued: bool = False
) -> str:
    """``486 of 714 jobs (68 %), 1.1 a second, about 4 min left, 2 in work: 10 list_layers, 440 score, 6 others``.

    With ``queued`` it says "queued or in work": Snakemake does not know which of the jobs it submitted run already.
    """
    parts = [f"{done} of {total} jobs ({100 * done // max(total, 1)} %)"]
    if rate > 0 and FORESEEABLE * total <= done < total:
        speed = f"{rate:.1f} a second" if rate >= 1 else f"{rate * 60:.0f} a minute" if rate >= 1 / 60 else "slow"
        parts += [speed, f"{_duration((total - done) / rate)} left"]
    if in_work and done < total:
        parts.append(f"{in_work} {'queued or ' if queued else ''}in work")
    counts = [f"{finished[stage]} {stage}" for stage in STAGES if finished[stage]]
    others = sum(count for stage, count in finished.items() if stage not in STAGES)
    stages = ", ".join([*counts, *([f"{others} others"] if others else [])])
    return ", ".join(parts) + (f": {stages}" if stages else "")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute"
    if seconds < 2 * 3600:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.0f} h" if seconds < 2 * 86400 else f"about {seconds / 86400:.0f} days"


def _is_idle(record: LogRecord) -> bool:
    """Whether Snakemake says that there is nothing to do: else a person would see nothing at all."""
    return str(record.msg).startswith("Nothing to be done")


def _failure(job: dict, name: str, logs: str) -> str:
    said = next(filter(None, map(_last_line, job["log"])), "")
    lines = [f"\nFAILED: {name}", f"  log: {logs}"]
    lines += [f"  it ends: {said}"] if said else []
    lines += [f"  {job['rule_msg'].partition('For further error details')[0]}"] if job["rule_msg"] else []
    return "\n".join(lines)


def _safe(text: str) -> str:
    """What files and their names say, without what a terminal would obey."""
    from menagerie.errors import on_screen

    return on_screen(text)


def _from_here(path: object) -> str:
    """The path as a person would type it here."""
    return str(path).removeprefix(f"{Path.cwd()}/")


def _last_line(log: object) -> str:
    """Last line of a log: the message, the end of a traceback, or in SLURM's log why it killed a job."""
    path = Path(str(log))
    if not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    of_slurm = [line for line in lines if line.startswith("slurmstepd")]  # Snakemake's own farewell follows it
    return (of_slurm or lines)[-1][:500] if lines else ""
