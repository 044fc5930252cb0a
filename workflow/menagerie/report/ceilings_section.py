"""Noise ceilings that are uncertain, for the page's caveats."""

from __future__ import annotations

import numpy as np
import pandas as pd

from menagerie.brain.fold_ceilings import is_wide
from menagerie.figures.tidy import in_order
from menagerie.report.findings import number
from menagerie.statistics.contrasts import MEAN
from menagerie.statistics.views import by_view


def ceiling_facts(model_scores: pd.DataFrame) -> list[str]:
    """Sentences, one for each view and region with subjects whose ceiling has a wide interval."""
    rows = by_view(model_scores[model_scores["ceiling_low"].notna() & (model_scores["subject"] != MEAN)])
    sentences = []
    for view in in_order(rows["dataset"]):
        for region in in_order(rows["region"]):
            here = rows[(rows["dataset"] == view) & (rows["region"] == region)]
            found = here.groupby("subject", sort=False)[["noise_ceiling", "ceiling_low", "ceiling_high"]].first()
            told = [
                f"{subject} {number(value)} ({number(low)} to {number(high)})"
                for subject, value, low, high in found.itertuples()
                if np.isfinite(value) and is_wide(low, high)
            ]
            if told:
                sentences.append(f"{view}, {region}: {', '.join(told)}.")
    return sentences
