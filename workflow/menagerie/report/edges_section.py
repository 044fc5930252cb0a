"""Scores that the grid of penalties bounds, for the page's caveats."""

from __future__ import annotations

import pandas as pd

from menagerie.figures.tidy import METRICS, in_order
from menagerie.linking.edges import EDGE, at_edge
from menagerie.statistics.views import by_view


def edge_facts(model_scores: pd.DataFrame) -> list[str]:
    """Sentences, one for each view, metric and end of the grid where any selected layer is bounded by it."""
    rows = by_view(model_scores[model_scores["at_lowest_penalty"].notna()])
    ends = pd.Series([at_edge(row) for row in rows.to_dict("records")], index=rows.index, dtype=object)
    sentences = []
    for view in in_order(rows["dataset"]):
        for metric in in_order(rows["metric"]):
            here = ends[(rows["dataset"] == view) & (rows["metric"] == metric)]
            for end, count in here[here != ""].value_counts(sort=False).items():
                sentences.append(
                    f"{view}, {METRICS[metric].label}: in {count} of {len(here)} scores more than {EDGE:.0%} of units "
                    f"have the {end} penalty."
                )
    return sentences
