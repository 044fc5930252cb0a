"""Views: a dataset in one split, with layers selected in one way.

Analyses and figures treat each as a dataset of its own.
"""

from __future__ import annotations

import re

DEFAULT_SPLIT, DEFAULT_WAY = "even_odd", "train"


def view_name(dataset: str, split: str, selected_on: str) -> str:
    """Name in tables of analyses and in names of figures: the dataset's own, and what differs from the default.

    ``things``, ``things-folds``, ``monkey_it-by-human_it``.
    """
    name = dataset if split == DEFAULT_SPLIT else f"{dataset}-{split}"
    return name if selected_on == DEFAULT_WAY else f"{name}-by-{re.sub(r'[^A-Za-z0-9]+', '_', selected_on)}"


def view_title(dataset: str, split: str, selected_on: str) -> str:
    """The same in words, for people."""
    parts = []
    if split != DEFAULT_SPLIT:
        parts.append(f"split {split}")
    if selected_on != DEFAULT_WAY:
        parts.append(f"layers selected on {selected_on}")
    return f"{dataset} ({', '.join(parts)})" if parts else dataset
