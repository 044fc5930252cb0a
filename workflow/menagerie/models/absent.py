"""Weights that cannot be had: noted when a fetch fails for good, read at the next start, which goes on without them.

One JSON file per model in ``<resources>/weights/absent``. A note stops to count when the weights are here, when the
model's row names another source, or when the mirror folder or the local file holds what was missing; and when a
person deletes it. Read whenever the workflow starts: no torch here.
"""

from __future__ import annotations

import json
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.files.paths import user_path
from menagerie.files.storage import atomic
from menagerie.models.registry import ModelSpec
from menagerie.models.sources import mirror_copy


class AbsentError(MenagerieError):
    """The source has no such file, or does not answer: no fault of the model's row or of this machine's files.

    Attributes
    ----------
    source
        What was asked for: a weights source as in the model table, with the provider's own filled in.
    """

    def __init__(self, message: str, source: str):
        super().__init__(message)
        self.source = source


def note_of(spec: ModelSpec, folder: str | Path) -> Path:
    """Where it is noted that the weights of a model could not be had; ``folder`` is that of converted weights."""
    return Path(folder) / "absent" / f"{spec.id}.json"


def note_absence(spec: ModelSpec, folder: str | Path, error: AbsentError, missing_weights: str) -> MenagerieError:
    """Remember that these weights could not be had, and why; the error to raise, which tells what happens next.

    ``missing_weights`` is the config's: ``skip`` or ``stop``.
    """
    note = note_of(spec, folder)
    note.parent.mkdir(parents=True, exist_ok=True)
    facts = {"weights": spec.weights, "builder": spec.builder, "source": error.source, "reason": str(error)}
    with atomic(note) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")
    if missing_weights == "stop":
        return error
    return MenagerieError(
        f"{error} The other models go on. Run the same command again: it leaves {spec.id} out and finishes the tables. "
        f"To ask for it once more later, delete {note}."
    )


def absence(spec: ModelSpec, folder: str | Path, mirror: str | Path | None = None) -> str:
    """Why the weights of a model cannot be had, as far as is known; '' where they are here or nobody has tried.

    Raises
    ------
    MenagerieError
        When a note cannot be read, or the mirror folder has two files for the source.
    """
    note = note_of(spec, folder)
    if not note.is_file():
        return ""
    try:
        facts = json.loads(note.read_text())
        same = (facts["weights"], facts["builder"]) == (spec.weights, spec.builder)
        kind, _, reference = facts["source"].partition(":")
        reason = facts["reason"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MenagerieError(
            f"{note}: cannot be read ({error}). Delete it; the weights are then asked for again."
        ) from None
    if kind == "file":
        here = user_path(reference).is_file()
    else:
        here = mirror_copy(facts["source"], mirror, spec.sha256) is not None
    return reason if same and not here else ""
