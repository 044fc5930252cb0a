"""Config key ``replication``: which views are compared, checked while planning."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from menagerie.brain.names import duplicates
from menagerie.errors import MenagerieError, unknown

COMPARED = ("original", "replications", "generalisations", "margin")
"""Keys that the comparison depends on; the others are text for the page."""


def check_replication(entry: Mapping, views: Collection[str]) -> None:
    """Refuse views that the run does not have, and one that is compared with itself or twice.

    Raises
    ------
    MenagerieError
        Naming the key, with the nearest view.
    """
    for key in ("replications", "generalisations"):
        for view in entry[key]:
            if view not in views:
                raise unknown(f"dataset in config key replication.{key}", view, views)
    if entry["original"] not in views:
        raise unknown("dataset in config key replication.original", entry["original"], views)
    compared = [entry["original"], *entry["replications"], *entry["generalisations"]]
    if twice := duplicates(compared):
        raise MenagerieError(
            f"Config key replication: found {twice[0]} twice, expected each dataset once, as the original, a "
            "replication or a generalisation. Take one out."
        )
