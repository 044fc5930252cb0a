"""Trial tables: which image was shown in which volume of which session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menagerie.brain.formats.csv_files import read_csv
from menagerie.brain.laion.layout import N_RUNS, SESSIONS, Layout, is_label, owner, planned_repeats
from menagerie.errors import MenagerieError

COLUMNS = ("session", "run", "beta_index", "label")
_AGAIN = "Fetch the file again; it must be the one of the release."


@dataclass(frozen=True)
class Trials:
    """Trials of one session.

    Attributes
    ----------
    labels
        Image of each volume of the session's betas.
    runs
        int ``(trials,)``: run of each volume, 1 to 12.
    """

    labels: tuple[str, ...]
    runs: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def read_trials(path: Path, subject: str, session: str) -> Trials:
    """Read and check one trial table; trials come in the order of their volumes.

    Raises
    ------
    MenagerieError
        When the file is missing, columns are missing or repeat, a number is none, volumes are not each there once, a
        row belongs to another session, or a label is no image that the subject can have seen.
    """
    if not path.is_file():
        raise MenagerieError(
            f"LAION-fMRI trial table {path} is missing, expected one beside the betas of {session}. Fetch it."
        )
    table = read_csv(path)
    cells = {}
    for name in COLUMNS:
        if name not in table.names:
            found = ", ".join(table.names[:6])
            raise MenagerieError(f"{path}: found columns {found}, expected {', '.join(COLUMNS)}. {_AGAIN}")
        cells[name] = table.texts(table.names.index(name))
    if strange := [name for name in cells["session"] if name != session]:
        raise MenagerieError(f"{path}: found session '{strange[0]}', expected {session} in every row. {_AGAIN}")
    numbers = {name: _whole(path, name, cells[name]) for name in ("run", "beta_index")}
    n = len(cells["label"])
    if not np.array_equal(np.sort(numbers["beta_index"]), np.arange(n)):
        raise MenagerieError(
            f"{path}: found beta_index from {numbers['beta_index'].min()} to {numbers['beta_index'].max()} in {n} "
            f"rows, expected each of 0 to {n - 1} once. {_AGAIN}"
        )
    if numbers["run"].min() < 1 or numbers["run"].max() > N_RUNS:
        raise MenagerieError(
            f"{path}: found run {numbers['run'].min()} to {numbers['run'].max()}, expected 1 to {N_RUNS}. {_AGAIN}"
        )
    order = np.argsort(numbers["beta_index"])
    labels = tuple(cells["label"][row] for row in order)
    _check_labels(path, subject, labels)
    return Trials(labels, numbers["run"][order])


def _whole(path: Path, name: str, cells: Sequence[str]) -> np.ndarray:
    for row, cell in enumerate(cells, start=1):
        if not (cell.isascii() and cell.isdecimal() and len(cell) < 7):
            raise MenagerieError(f"{path}, row {row}: found {name} '{cell}', expected a whole number. {_AGAIN}")
    return np.array([int(cell) for cell in cells])


def _check_labels(path: Path, subject: str, labels: Sequence[str]) -> None:
    for row, label in enumerate(labels, start=1):
        if not is_label(label):
            raise MenagerieError(
                f"{path}, volume {row - 1}: found label '{label}', expected the name of an image of LAION-fMRI "
                f"(shared_12rep_..., shared_4rep_..., unique_..._pNN.jpg). {_AGAIN}"
            )
        if (person := owner(label)) not in (None, subject):
            raise MenagerieError(
                f"{path}, volume {row - 1}: found '{label}', an image that {person} alone saw, expected images of "
                f"{subject}. The table belongs to another subject: fetch it again."
            )


@dataclass(frozen=True)
class Sessions:
    """The sessions of one subject that are there.

    Attributes
    ----------
    trials
        Session ("ses-01") -> its trials.
    missing
        Sessions of the release without betas.
    """

    trials: Mapping[str, Trials]
    missing: tuple[str, ...]

    def counts(self) -> Counter[str]:
        """Image -> trials of it."""
        return Counter(label for trials in self.trials.values() for label in trials.labels)

    def places(self, labels: Sequence[str]) -> list[list[tuple[str, int]]]:
        """Session and volume of each trial of some images, in the order shown."""
        found: dict[str, list[tuple[str, int]]] = {label: [] for label in labels}
        for session, trials in self.trials.items():
            for volume, label in enumerate(trials.labels):
                if label in found:
                    found[label].append((session, volume))
        return [found[label] for label in labels]


def read_sessions(layout: Layout, subject: str) -> Sessions:
    """Trials of every session of a subject whose betas are there.

    Raises
    ------
    MenagerieError
        As :func:`read_trials`; or when there is no session, or an image was shown more often than the design says.
    """
    there = [session for session in SESSIONS if layout.betas(subject, session).is_file()]
    if not there:
        raise MenagerieError(
            f"LAION-fMRI {subject}: found no betas in {layout.subject_folder(subject)}, expected files such as "
            f"{layout.betas(subject, SESSIONS[0]).name}. Fetch the sessions, or check laion_root."
        )
    sessions = Sessions(
        {session: read_trials(layout.trials(subject, session), subject, session) for session in there},
        tuple(session for session in SESSIONS if session not in there),
    )
    for label, count in sessions.counts().items():
        if count > planned_repeats(label):
            raise MenagerieError(
                f"LAION-fMRI {subject}: the trial tables show '{label}' {count} times, expected at most "
                f"{planned_repeats(label)}. A table repeats trials, or is another session's: fetch them again."
            )
    return sessions
