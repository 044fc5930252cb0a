"""RSMs of the layers that models are represented by: raw, and re-weighted to predict a brain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from menagerie.errors import MenagerieError
from menagerie.geometry import LayerGeometry
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.ridge import PENALTIES
from menagerie.linking.rsm import upper
from menagerie.statistics.similarity import classical_mds, second_order

# encoding_r compares responses, not geometries.
METRICS = ("crsa", "versa")


def selected_triangles(
    rows: pd.DataFrame,
    read_layer: Callable[[str, int], LayerGeometry],
    brain: Brain,
    penalties: Sequence[float] = PENALTIES,
) -> Iterator[np.ndarray]:
    """Strict upper triangles of the test-half RSMs of selected layers, one model at a time.

    Parameters
    ----------
    rows
        Rows of ``model_scores`` of one subject, region and metric: for ``crsa`` the RSM of the layer's raw features,
        for ``versa`` that of its predictions for the region's units.
    read_layer
        (model, layer index) -> geometry.
    brain
        The subject.
    penalties
        Of the ridge, as in scoring.
    """
    for row in rows.itertuples():
        pair = Comparison(read_layer(row.model, int(row.layer_index)), brain, penalties)
        yield upper(pair.layer_rsm("test") if row.metric == "crsa" else pair.predicted_rsm(row.region, "test"))


def compare_models(
    scores: pd.DataFrame,
    read_layer: Callable[[str, int], LayerGeometry],
    brain: Brain,
    penalties: Sequence[float] = PENALTIES,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Similarity of every two models, and a map of them, for each region and metric of one subject.

    Parameters
    ----------
    scores
        Rows of ``model_scores`` of the subject.
    read_layer, brain, penalties
        As in :func:`selected_triangles`.

    Returns
    -------
    similarity
        Columns dataset, subject, region, metric, model_a, model_b, r (each pair once).
    map
        Columns dataset, subject, region, metric, model, x, y: classical MDS of ``1 - r``; empty coordinates where two
        dimensions do not exist.
    """
    pairs, places = [], []
    usable = scores[(scores["status"] == "ok") & scores["metric"].isin(METRICS)]
    for key, rows in usable.groupby(["dataset", "subject", "region", "metric"]):
        where = dict(zip(("dataset", "subject", "region", "metric"), key, strict=True))
        models = rows["model"].to_numpy()
        similarity = second_order(selected_triangles(rows, read_layer, brain, penalties), len(rows))
        pairs.append(pairs_of_models(models, similarity, where))
        places.append(map_of_models(models, similarity, where))
    if not pairs:
        raise MenagerieError(
            f"{brain.target.dataset}/{brain.target.subject}: no model has a selected layer to compare."
        )
    return pd.concat(pairs, ignore_index=True), pd.concat(places, ignore_index=True)


def pairs_of_models(models: Sequence[str], similarity: np.ndarray, where: Mapping[str, str]) -> pd.DataFrame:
    """Every pair of models once: model_a, model_b, r, and the columns of ``where``."""
    names = np.asarray(models, dtype=object)
    first, second = np.triu_indices(len(names), 1)
    found = {"model_a": names[first], "model_b": names[second], "r": similarity[first, second]}
    return pd.DataFrame(found).assign(**where)


def map_of_models(models: Sequence[str], similarity: np.ndarray, where: Mapping[str, str]) -> pd.DataFrame:
    """Coordinates of every model by classical MDS: model, x, y (empty where two dimensions do not exist), ``where``."""
    return pd.DataFrame({"model": list(models), **_axes(similarity)}).assign(**where)


def _axes(similarity: np.ndarray) -> dict[str, np.ndarray | None]:
    try:
        points, _ = classical_mds(similarity)
    except MenagerieError:
        return {"x": None, "y": None}
    return {"x": points[:, 0], "y": points[:, 1]}
