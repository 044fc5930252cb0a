"""Snakemake's messages on their way to the screen: failed jobs explained, an interrupted run ended in one line.

A filter of the standard library on the logger that Snakemake writes to, so that it holds for every way of showing
messages. Added by the Snakefile in the process that the user started.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from menagerie.survey import slurm

LOGGER = "snakemake.logging"
STOPPED = "Menagerie: stopped. What is finished is kept, what was at work is done again: run the same command to go on."
FAILED = (
    "Menagerie: some jobs failed. Each names its log above; fix the cause and run the same command again: "
    "finished jobs are kept."
)
REFUSED = (
    "Menagerie: SLURM refused jobs of {rules}; nothing more was submitted, and finished jobs are kept. Correct the "
    "profile (make check PROFILE=... names what the cluster has) and run the same command again."
)
KILLED = "died with <Signals.SIGINT"
_RESTART = re.compile(r"Trying to restart job (\d+)\.")


class Messages(logging.Filter):
    """Explains failures of jobs, and is silent once the user has stopped the run."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupted = False
        self.refused: dict[int, str] = {}  # job -> rule, of jobs that will never be accepted
        self._announced: set[str] = set()
        self._array = ""  # why the last array of jobs was refused

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a message is shown; what is known of a failed job is added to it."""
        if self.interrupted:
            return False
        text = str(record.msg)
        if KILLED in f"{text} {getattr(record, 'exception', '')}" and self._stops_now():
            return False
        if text.startswith(("Terminating processes on user request", "Cancelling snakemake on user request")):
            self.interrupt()
            return False
        if text.startswith("SLURM sbatch failed for array"):  # each of its jobs is reported next
            self._array = slurm.refusal(text)
            return False
        if getattr(record, "event", None) == "job_error":
            self._explain(record)
        elif said := _RESTART.match(text):
            return int(said[1]) not in self.refused
        elif text.startswith("Will exit after finishing currently running jobs"):
            return self._first(text)
        return True

    def _stops_now(self) -> bool:
        """Whether Ctrl-C arrives within half a second: a job that just started may die of it before we hear of it."""
        for _ in range(10):
            if self.interrupted:
                return True
            time.sleep(0.05)
        return False

    def interrupt(self) -> None:
        """Say once that the run is over, and what happens to its work."""
        if not self.interrupted:
            self.interrupted = True
            os.write(2, f"\n{STOPPED}\n".encode())

    def last_words(self) -> str:
        """What is said at the end of a run that did not get everywhere; empty where all is said."""
        if self.interrupted:
            return ""
        if self.refused:
            return REFUSED.format(rules=", ".join(sorted(set(self.refused.values()))))
        return FAILED

    def _explain(self, record: logging.LogRecord) -> None:
        message, rule = str(record.rule_msg or ""), record.rule_name
        reason = self._array if message.startswith("Part of failed array") else slurm.refusal(message)
        if not reason:
            record.log = [log for log in record.log if Path(str(log)).is_file()] if message else record.log
            record.rule_msg = slurm.why_ended(rule, message, record.log) or record.rule_msg
            return
        record.log = []  # the job never began
        if slurm.passes_by_itself(reason):
            record.rule_msg = f"SLURM did not take the job now: {reason}"
            return
        record.rule_msg = f"SLURM refuses the job: {reason}. It is not submitted again."
        self.refused[record.jobid] = rule
        _finish_what_runs()

    def _first(self, text: str) -> bool:
        new = text not in self._announced
        self._announced.add(text)
        return new


def watch() -> Messages:
    """Let a run's messages pass through a new :class:`Messages`, and Ctrl-C end in one line."""
    messages = Messages()
    logger = logging.getLogger(LOGGER)
    for old in [one for one in logger.filters if isinstance(one, Messages)]:
        logger.removeFilter(old)
    logger.addFilter(messages)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupter(messages))
        sys.unraisablehook = _insist
    return messages


def _insist(lost: sys.UnraisableHookArgs) -> None:
    """Send Ctrl-C again that Python swallowed, as it does where a callback of its garbage collector was at work."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        return sys.__unraisablehook__(lost)
    again = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    again.daemon = True
    return again.start()


def _interrupter(messages: Messages) -> Callable[[int, FrameType | None], None]:
    def stop(number: int, frame: FrameType | None) -> None:
        messages.interrupt()
        signal.default_int_handler(number, frame)

    return stop


def _finish_what_runs() -> None:
    """As on SIGTERM: Snakemake lets jobs that run come to their end and starts no other.

    Its handler takes a lock that the main thread may hold, so it is called from here and not by a signal.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if not callable(handler):
        return
    if threading.current_thread() is threading.main_thread():
        threading.Thread(target=handler, args=(signal.SIGTERM, None), daemon=True).start()
    else:
        handler(signal.SIGTERM, None)
