"""Score tables as analyses take them: each view (:mod:`menagerie.files.views`) as a dataset of its own."""

from __future__ import annotations

import pandas as pd

from menagerie.files.views import DEFAULT_SPLIT, DEFAULT_WAY, view_name


def by_view(scores: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``model_scores`` or ``layer_scores`` whose column ``dataset`` names the view."""
    ways = scores["selected_on"] if "selected_on" in scores else pd.Series(DEFAULT_WAY, index=scores.index)
    keys = list(zip(scores["dataset"], scores["split"], ways, strict=True))
    names = {key: view_name(*key) for key in dict.fromkeys(keys)}
    return scores.assign(dataset=[names[key] for key in keys])


def first_view(scores: pd.DataFrame) -> pd.DataFrame:
    """Rows of the split and the way of selecting that come first, for what shows one of them."""
    if scores.empty:
        return scores
    first = scores.iloc[0]
    return scores[(scores["split"] == first["split"]) & (scores["selected_on"] == first["selected_on"])]


def even_odd_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Rows of the survey's own protocol: split even_odd, layers selected on its train part."""
    return scores[(scores["split"] == DEFAULT_SPLIT) & (scores["selected_on"] == DEFAULT_WAY)]
