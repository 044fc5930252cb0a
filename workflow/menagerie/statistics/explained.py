"""Explainable variance explained: a score on the scale of its noise ceiling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def add_explained(model_scores: pa.Table) -> pa.Table:
    """Fill the column ``explained``, ``score^2 / ceiling^2``, and its interval ``explained_low``, ``explained_high``.

    The ceiling of a dataset, split, region and metric is the mean over its subjects (Conwell et al. 2024, Methods).
    ``explained`` stays empty where there is no score, and where the ceiling of any subject is unknown (so for
    ``encoding_r``, a mean over units, which has none). A negative score explains nothing: 0.

    The interval runs from the score's lower end over the ceiling's upper end to the score's upper end over the
    ceiling's lower end, the ceiling's ends being means over subjects. That is right where errors of score and
    ceilings work against each other as much as they can, and too wide otherwise: for jointly normal errors the SD of a
    sum is at most the sum of the SDs. Empty where an end is unknown; the upper end also where the ceiling's lower end
    is 0, since then nothing bounds it.

    Parameters
    ----------
    model_scores
        Table with the schema "model_scores", all subjects of each dataset.

    Returns
    -------
    Table
        The same rows in the same order.
    """
    columns = model_scores.to_pydict()
    places = list(zip(*(columns[key] for key in ("dataset", "split", "region", "metric")), strict=True))
    table = model_scores
    for name, score, ceiling in (
        ("explained", "score", "noise_ceiling"),
        ("explained_low", "ci_low", "ceiling_high"),
        ("explained_high", "ci_high", "ceiling_low"),
    ):
        means = _means_over_subjects(places, columns["subject"], columns[ceiling])
        shares = [
            None if value is None or not means[place] else (max(value, 0.0) / means[place]) ** 2
            for place, value in zip(places, columns[score], strict=True)
        ]
        position = table.schema.get_field_index(name)
        field = table.schema.field(position)
        table = table.set_column(position, field, pa.array(shares, field.type))
    return table


def _means_over_subjects(
    places: Sequence[tuple[str, ...]], subjects: Sequence[str], values: Sequence[float | None]
) -> dict[tuple[str, ...], float | None]:
    """Place -> mean over its subjects, None where one is unknown."""
    by_subject: dict[tuple[str, ...], dict[str, float | None]] = {}
    for place, subject, value in zip(places, subjects, values, strict=True):
        by_subject.setdefault(place, {})[subject] = value
    return {
        place: None if None in found.values() else float(np.mean(list(found.values())))
        for place, found in by_subject.items()
    }
