"""Properties of the selected layers that are stored beside their geometry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from menagerie.files.geometry import GeometryFile


def selected_dimensions(
    scores: pd.DataFrame, stimuli_of: Mapping[str, str], geometries: Mapping[tuple[str, str], str]
) -> pd.DataFrame:
    """Table ``model_scores`` with the effective dimensionality of each row's selected layer: ``ed_raw``, ``ed_srp``.

    Parameters
    ----------
    scores
        Table ``model_scores``.
    stimuli_of
        Dataset -> stimulus set.
    geometries
        (stimulus set, model) -> path of the geometry container.

    Returns
    -------
    DataFrame
        The same rows; the new columns are empty where no layer was selected or its dimensionality is not known.
    """
    layers: dict[tuple[str, str], set[int]] = {}
    for row in scores.itertuples():
        if pd.notna(row.layer_index):
            layers.setdefault((stimuli_of[row.dataset], row.model), set()).add(int(row.layer_index))
    known = {
        (*key, index): dimensions
        for key, indices in layers.items()
        for index, dimensions in _read(geometries[key], sorted(indices))
    }
    found = [
        known.get((stimuli_of[row.dataset], row.model, int(row.layer_index)), {}) if pd.notna(row.layer_index) else {}
        for row in scores.itertuples()
    ]
    return scores.assign(**{f"ed_{name}": [one.get(name) for one in found] for name in ("raw", "srp")})


def _read(path: str, indices: Iterable[int]) -> list[tuple[int, dict[str, float]]]:
    with GeometryFile(path) as file:
        return [(index, file.read(index).effective_dimensionality) for index in indices]
