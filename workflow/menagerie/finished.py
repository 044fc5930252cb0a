"""Which models are finished and untouched since, so that their scoring jobs can stay out of Snakemake's graph.

At the end of a run a ledger notes, for every model whose scores are complete, what they rest on: the setting (config,
code, versions), the row of the model table, and size and time of every file upstream. On the next start a model counts
as finished only while all of that is exactly the same. Anything else, however harmless, lets Snakemake look at the
whole graph again; so the ledger can cost time, never an update. Deleting it is always safe.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from menagerie.files.storage import atomic

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Ledger:
    """What finished models rest on.

    Attributes
    ----------
    setting
        Fingerprint of config, code and versions, the same for all models.
    rows
        Model -> fingerprint of its row in the model table.
    files
        Model -> files that its scores rest on, and the table of its scores.
    stamps
        File -> size in bytes and time of modification in nanoseconds.
    """

    setting: str
    rows: Mapping[str, str]
    files: Mapping[str, frozenset[str]]
    stamps: Mapping[str, Stamp]


def stamp(path: str | Path) -> Stamp | None:
    """Size and time of a file or folder; None where it is missing."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def read_ledger(path: str | Path) -> Ledger:
    """Ledger of the last run; an empty one where it is missing or damaged."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        shared = frozenset(found["shared"])
        files = {model: shared.union(own) for model, own in found["files"].items()}
        stamps = {name: (int(size), int(time)) for name, (size, time) in found["stamps"].items()}
        return Ledger(found["setting"], found["rows"], files, stamps)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Ledger("", {}, {}, {})


def write_ledger(path: str | Path, ledger: Ledger) -> None:
    """Write a ledger; files that all models share are written once."""
    shared = frozenset.intersection(*ledger.files.values()) if ledger.files else frozenset()
    text = json.dumps(
        {
            "setting": ledger.setting,
            "rows": dict(ledger.rows),
            "shared": sorted(shared),
            "files": {model: sorted(files - shared) for model, files in ledger.files.items()},
            "stamps": ledger.stamps,
        }
    )
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def finished_models(ledger: Ledger, setting: str, rows: Mapping[str, str]) -> list[str]:
    """Models for which everything is as the ledger says; ``rows`` holds the present fingerprint of each model's row."""
    if ledger.setting != setting:
        return []
    now = cache(stamp)
    return [
        model
        for model, row in rows.items()
        if model in ledger.files
        and ledger.rows.get(model) == row
        and all(name in ledger.stamps and now(name) == ledger.stamps[name] for name in ledger.files[model])
    ]


def settled(
    leaves: Iterable[str],
    made: Iterable[str],
    table: str,
    started: float,
    look: Callable[[str], Stamp | None] = stamp,
) -> dict[str, Stamp] | None:
    """Stamps of the files that a finished model rests on; None where one may have changed while the run went on.

    Parameters
    ----------
    leaves
        Files that no job makes: they must be older than the run.
    made
        Files that jobs make: they must be older than the run, or not younger than the table.
    table
        Scores of the model.
    started
        Start of the run, seconds since the epoch, before any file was looked at.
    look
        How a file is looked at; cached by a caller with many models.
    """
    stamps = {name: look(name) for name in (*leaves, *made, table)}
    if None in stamps.values():
        return None
    start, end = int(started * 1e9), stamps[table][1]
    if any(stamps[name][1] >= start for name in leaves) or any(start <= stamps[name][1] > end for name in made):
        return None
    return stamps
