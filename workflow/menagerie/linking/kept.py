"""Scores of an earlier run that still hold: a metric that comes, goes or changes leaves those of the others alone.

A table of scores says of each metric what its scores were made from. A job that is repeated takes over the rows of the
metrics for which that is still so, and scores the others. Rows taken over and rows scored anew make the same table,
byte for byte, as scoring all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from menagerie.errors import MenagerieError
from menagerie.files.tables import read_provenance, read_table
from menagerie.provenance.code import value_fingerprint
from menagerie.provenance.recipe import Recipe

_PLACE = ("split", "fold", "region")


@dataclass(frozen=True)
class Kept:
    """Rows of ``layer_scores`` that still hold.

    Attributes
    ----------
    metrics
        Those whose rows they are.
    rows
        Layer index -> its rows.
    """

    metrics: tuple[str, ...]
    rows: Mapping[int, Sequence[dict]]

    def beside(self, new: pa.Table, index: int, metrics: Sequence[str]) -> pa.Table:
        """Rows of a layer, as :func:`~menagerie.linking.score.score_layer` orders them.

        Parameters
        ----------
        new
            The layer's rows of the other metrics.
        index
            Of the layer in the inventory.
        metrics
            All of them, in order.

        Raises
        ------
        MenagerieError
            When the kept rows are not those that belong beside the new ones.
        """
        kept, scored = list(self.rows.get(index, ())), new.to_pylist()
        if not self.metrics:
            return new
        places = list(dict.fromkeys(tuple(row[key] for key in _PLACE) for row in scored or kept))
        order = {place: number for number, place in enumerate(places)}
        expected = len(places) * 2 * len(metrics)
        rows = [*kept, *scored]
        if len(rows) != expected or any(tuple(row[key] for key in _PLACE) not in order for row in kept):
            raise MenagerieError(
                f"Layer {index}: found {len(rows)} rows of {', '.join(metrics)}, expected {expected}: one for "
                f"each of {len(places)} regions and folds, part and metric. Delete the model's scores and run the "
                "workflow again."
            )
        rows.sort(key=lambda row: (order[tuple(row[key] for key in _PLACE)], metrics.index(row["metric"])))
        return pa.Table.from_pylist(rows, schema=new.schema)


def made_from_by_metric(recipe: Recipe, device: str) -> dict[str, str]:
    """Metric -> fingerprint of all that its scores depend on.

    Parameters
    ----------
    recipe
        Of the scoring job.
    device
        Where it computes.
    """
    shared = [dict(recipe.wildcards), recipe.settings["regions"], recipe.sources, recipe.upstream, device]
    return {metric: value_fingerprint([shared, own]) for metric, own in recipe.settings["measures"].items()}


def read_kept(path: str | Path, wanted: Mapping[str, str], made_from: str) -> Kept:
    """Rows of an earlier table that still hold; none of a table that is to be made anew although nothing has changed.

    Parameters
    ----------
    path
        The table; it need not be there, nor be readable.
    wanted
        As from :func:`made_from_by_metric`.
    made_from
        Fingerprint of the recipe of today: whoever repeats a job with the same one wants it repeated in full.
    """
    try:
        provenance = read_provenance(path)
        rows = read_table(path).to_pylist()
    except (MenagerieError, OSError, ValueError, pa.ArrowException):
        return Kept((), {})
    known = provenance.get("measures", {})
    metrics = tuple(metric for metric, own in wanted.items() if known.get(metric) == own)
    if provenance.get("made_from") == made_from or not metrics:
        return Kept((), {})
    layers: dict[int, list[dict]] = {}
    for row in rows:
        if row["metric"] in metrics:
            layers.setdefault(row["layer_index"], []).append(row)
    return Kept(metrics, layers)
