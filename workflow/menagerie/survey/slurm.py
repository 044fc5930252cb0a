"""What SLURM says of a job that it refused or ended, in words that name the resource to change.

Asked while Snakemake runs: imports nothing but the standard library.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

SECONDS = 20  # that a command of the cluster may take
# Refusals that pass by themselves: sbatch's words for a busy controller and for limits on the number of jobs.
_PASSING = re.compile(
    r"temporar|timed out|unable to contact|connection (?:refused|reset|failure)|try again|unavailable"
    r"|submit ?(?:job )?limit|MaxSubmit|MaxJob|slow down",
    re.IGNORECASE,
)
_NAMED_LIMIT = re.compile(r"\b(?:QOS|Assoc)\w*Limit\b")
_MEMORY = re.compile(r"OUT_OF_MEMORY|exceeded (?:job )?memory limit|oom[-_ ]?kill|out of memory", re.IGNORECASE)
_TIME = re.compile(r"\bTIMEOUT\b|DUE TO TIME LIMIT", re.IGNORECASE)


def ask(*command: str, seconds: float = SECONDS) -> tuple[int, str] | None:
    """Exit code and output of a command (its errors where it failed); None where it does not exist."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, (done.stdout if done.returncode == 0 else done.stderr or done.stdout).strip()


def refusal(message: str) -> str:
    """sbatch's reason for not taking a job, from the executor's message; empty where it is about something else."""
    said = re.search(r"sbatch failed.*?The error message was '(.*?)'\.?(?:\n|$)", message, re.DOTALL)
    if said:
        return " ".join(said[1].replace("sbatch: error:", "").split())
    failed = re.search(r"[Jj]ob submission failed with exception: (.*)", message, re.DOTALL)
    return " ".join(failed[1].split()) if failed else ""


def passes_by_itself(reason: str) -> bool:
    """Whether the same submission may be accepted later."""
    if _NAMED_LIMIT.search(reason):  # sbatch adds a sentence that speaks of every kind of limit
        reason = reason.replace("(job submit limit, user's size and/or time limits)", "")
    return bool(_PASSING.search(reason))


def why_ended(rule: str, message: str, logs: Iterable[str]) -> str:
    """Why SLURM ended a job, with what to change; empty where memory and time had nothing to do with it.

    Parameters
    ----------
    rule
        Name of the job's rule.
    message
        The executor's message, which holds SLURM's number of the job.
    logs
        The job's own log and SLURM's.
    """
    job = re.search(r"SLURM-job '([\w.]+)' failed", message)
    if not job:
        return ""
    of_slurm = "\n".join(line for log in logs for line in _daemon_lines(log))
    known = _described(job[1]) if shutil.which("scontrol") else ""
    evidence = f"{message}\n{of_slurm}\n{known}"
    for kind, pattern, resource, unit in (
        ("out of memory", _MEMORY, "mem_mb", "MB"),
        ("out of time", _TIME, "runtime", "minutes"),
    ):
        if pattern.search(evidence):
            had = _asked_for(known, resource)
            amount = f"it had {had} {unit}" if had else f"it had what resource {resource} says"
            more = f"--set-resources '{rule}:{resource}={2 * had if had else '...'}*attempt'"
            return f"Killed by SLURM: {kind} ({amount}). Each attempt asks for as much again; from the start: {more}"
    return ""


def _daemon_lines(log: str) -> list[str]:
    """Lines of a log that SLURM's daemons wrote."""
    path = Path(str(log))
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if line.startswith(("slurmstepd", "srun: error", "slurmd"))]


def _described(job: str) -> str:
    """SLURM's description of a job that it still remembers."""
    said = ask("scontrol", "show", "job", job)
    return said[1] if said and said[0] == 0 else ""


def _asked_for(known: str, resource: str) -> int:
    """MB or minutes in SLURM's description of a job; 0 where it says nothing."""
    if resource == "mem_mb":
        size = re.search(r"\bMinMemory(?:Node|CPU)=(\d+(?:\.\d+)?)([KMGT]?)", known)
        return round(float(size[1]) * {"K": 1 / 1024, "G": 1024, "T": 1024**2}.get(size[2], 1)) if size else 0
    limit = re.search(r"\bTimeLimit=(?:(\d+)-)?(\d+):(\d+):\d+", known)
    return (int(limit[1] or 0) * 24 + int(limit[2])) * 60 + int(limit[3]) if limit else 0
