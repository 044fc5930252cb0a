"""The edge of the grid of penalties: where many units choose the smallest or largest, the grid bounds their scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

EDGE = 0.2
"""Share of units at one end of the grid from which a score counts as bounded by it."""
ENDS = {"at_lowest_penalty": "smallest", "at_highest_penalty": "largest"}


def at_edge(row: Mapping[str, object]) -> str:
    """Which end of the grid bounds a row of scores: "smallest", "largest", or "" for neither."""
    return next((end for name, end in ENDS.items() if (row.get(name) or 0) > EDGE), "")


def edge_lines(rows: Iterable[Mapping[str, object]]) -> list[str]:
    """Sentences for a log, one for each region, split and end: layers of which the grid bounds the scores.

    Parameters
    ----------
    rows
        Rows of ``layer_scores``.
    """
    layers: dict[tuple, set] = {}
    bounded: dict[tuple, set] = {}
    for row in rows:
        if row["at_lowest_penalty"] is not None:
            place = (row["region"], row["split"])
            layers.setdefault(place, set()).add(row["layer_index"])
            if end := at_edge(row):
                bounded.setdefault((*place, end), set()).add(row["layer_index"])
    return [
        f"{region}, split {split}: more than {EDGE:.0%} of units choose the {end} penalty in {len(found)} of "
        f"{len(layers[region, split])} layers; their scores are bounded by the config key penalties (try auto)."
        for (region, split, end), found in bounded.items()
    ]
