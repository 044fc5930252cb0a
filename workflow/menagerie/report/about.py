"""What targets say of where a run's responses come from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from menagerie.brain.target import read_provenance
from menagerie.report.sections import merged_about


def about_datasets(targets: Iterable[str | Path]) -> dict[str, dict[str, str]]:
    """Dataset -> provenance of its targets (``<dataset>/<subject>.h5``), those of all subjects as one.

    Raises
    ------
    MenagerieError
        When a file is no target.
    """
    subjects: dict[str, dict[str, dict[str, str]]] = {}
    for path in map(Path, targets):
        subjects.setdefault(path.parent.name, {})[path.stem] = read_provenance(path)
    return {dataset: merged_about(found) for dataset, found in subjects.items()}
