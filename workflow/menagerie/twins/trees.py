"""Folders that twins are written into: an earlier twin is replaced, anything else stays."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from menagerie.errors import MenagerieError


def clear_tree(root: Path, folders: Sequence[str], note: Path, name: str) -> None:
    """Make room for a twin: remove an earlier one, known by its note, and make the folder.

    Empty folders are nobody's data: Snakemake makes those of a rule's output before the rule runs.

    Parameters
    ----------
    root
        Folder of the twin.
    folders
        Names of the folders below it that a tree consists of.
    note
        File that only twins have.
    name
        What messages call the dataset.

    Raises
    ------
    MenagerieError
        When there are files and no note.
    """
    held = [path for folder in folders for path in (root / folder).rglob("*") if not path.is_dir()]
    if held and not note.is_file():
        raise MenagerieError(
            f"{root} holds {name} tree that is not a twin and is not overwritten (first file: {held[0]}). Give another "
            "folder."
        )
    for folder in folders:  # nothing of an earlier twin must stay
        shutil.rmtree(root / folder, ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)
