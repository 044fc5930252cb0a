"""RSMs of the layers that models are represented by: raw, and re-weighted to predict a brain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from menagerie.errors import MenagerieError
from menagerie.files.geometry import GeometryFile, LayerGeometry
from menagerie.linking.arrays import Array
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.ridge import PENALTIES, SLOPE
from menagerie.linking.rsm import upper
from menagerie.statistics.experiments import MAPPED
from menagerie.statistics.similarity import classical_mds, second_order


def layer_reader(paths: Iterable[str | Path]) -> Callable[[str, int], LayerGeometry]:
    """A function (model, layer index) -> geometry, over containers that are named after their models."""
    path_of = {Path(path).stem: path for path in paths}

    def read_layer(model: str, index: int) -> LayerGeometry:
        with GeometryFile(path_of[model]) as file:
            return file.read(index)

    return read_layer


def selected_triangles(
    rows: pd.DataFrame,
    read_layer: Callable[[str, int], LayerGeometry],
    brain: Brain,
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
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
    penalties, training
        Of the ridge, as in scoring.
    """
    for row in rows.itertuples():
        pair = Comparison(read_layer(row.model, int(row.layer_index)), brain, penalties, training)
        yield upper(compared_rsm(pair, row.region, row.metric))


def compared_rsm(pair: Comparison, region: str, metric: str) -> Array:
    """``(n, n)`` test-half RSM of a layer that a metric of ``MAPPED`` compares with the region's.

    The RSM of its raw features for ``crsa``, of its predictions for the region's units for ``versa``.
    """
    return pair.layer_rsm("test") if metric == "crsa" else pair.predicted_rsm(region, "test")


def compare_models(
    scores: pd.DataFrame,
    read_layer: Callable[[str, int], LayerGeometry],
    brain: Brain,
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Similarity of every two models, and a map of them, for each region and metric of one subject.

    Parameters
    ----------
    scores
        Rows of ``model_scores`` of the subject.
    read_layer, brain, penalties, training
        As in :func:`selected_triangles`.

    Returns
    -------
    similarity
        Columns dataset, subject, region, metric, model_a, model_b, r (each pair once).
    map
        Columns dataset, subject, region, metric, model, x, y: classical MDS of ``1 - r``; empty coordinates where two
        dimensions do not exist.

    Raises
    ------
    MenagerieError
        When no model has a score in any region.
    """
    pairs, places = [], []
    usable = scores[(scores["status"] == "ok") & scores["metric"].isin(MAPPED)]
    for key, rows in usable.groupby(["dataset", "subject", "region", "metric"]):
        where = dict(zip(("dataset", "subject", "region", "metric"), key, strict=True))
        models = rows["model"].to_numpy()
        similarity = second_order(selected_triangles(rows, read_layer, brain, penalties, training), len(rows))
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
