"""Remarks on data: what deserves a look, or would stop a run; lines of ``make check`` and of logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from menagerie.errors import MenagerieError, on_screen

PLAIN, WARNING, FAILURE = "plain", "warning", "failure"


@dataclass(frozen=True)
class Remark:
    """One finding about a file.

    Attributes
    ----------
    text
        The file, and what was found there.
    advice
        What to do if it is not as meant.
    status
        "plain": information only; "warning": deserves a look; "failure": stops a run.
    """

    text: str
    advice: str = ""
    status: str = WARNING

    def __str__(self) -> str:
        return on_screen(f"{'Warning' if self.status == WARNING else 'Note'}: {self.text} {self.advice}".rstrip())


def plain(text: str, advice: str = "") -> Remark:
    """Information that asks for nothing unless it is wrong."""
    return Remark(text, advice, PLAIN)


def log(remarks: Iterable[Remark]) -> None:
    """Print remarks, which a job's log keeps."""
    for remark in remarks:
        print(remark, flush=True)


def refusal(error: MenagerieError) -> Remark:
    """An error as a remark; its last sentence is the remedy."""
    text, _, advice = str(error).rpartition(". ")
    return Remark(f"{text}." if text else str(error), advice if text else "", FAILURE)


def guarded(look: Callable[[], Iterable[Remark]]) -> Iterator[Remark]:
    """Remarks of one look; what it refuses becomes a remark too, so that the next look still happens."""
    try:
        yield from look()
    except MenagerieError as error:
        yield refusal(error)
