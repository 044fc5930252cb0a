"""Explainable variance explained: a score on the scale of its noise ceiling."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def add_explained(model_scores: pa.Table) -> pa.Table:
    """Fill the column ``explained`` of a table of model scores: ``score^2 / ceiling^2``.

    The ceiling of a dataset, split, region and metric is the mean over its subjects (Conwell et al. 2024, Methods).
    ``explained`` stays empty where there is no score, and where the ceiling of any subject is unknown (so for
    ``encoding_r``, a mean over units, which has none). A negative score explains nothing: 0.

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
    by_subject: dict[tuple[str, ...], dict[str, float | None]] = {}
    for place, subject, ceiling in zip(places, columns["subject"], columns["noise_ceiling"], strict=True):
        by_subject.setdefault(place, {})[subject] = ceiling
    means = {
        place: None if None in ceilings.values() else float(np.mean(list(ceilings.values())))
        for place, ceilings in by_subject.items()
    }
    explained = [
        None if score is None or not means[place] else (max(score, 0.0) / means[place]) ** 2
        for place, score in zip(places, columns["score"], strict=True)
    ]
    position = model_scores.schema.get_field_index("explained")
    field = model_scores.schema.field(position)
    return model_scores.set_column(position, field, pa.array(explained, field.type))
