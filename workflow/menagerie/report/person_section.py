"""In how many people a finding holds, in plain sentences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from menagerie.figures.tidy import in_order
from menagerie.report.effect_section import PLACE, in_places, metric_label
from menagerie.report.findings import number, plural
from menagerie.statistics.persons import SAMPLES, contrast

ALPHA = 0.05
MOST = 6  # contrasts of one place that are told one by one


def person_sentences(effects: pd.DataFrame, reference: str, name: Callable[[str], str] = str) -> dict[str, list[str]]:
    """A sentence a dataset, region, metric and contrast; of places with many contrasts the largest ones only.

    Parameters
    ----------
    effects
        Rows of table ``effects`` about single subjects.
    reference, name
        As in :func:`menagerie.report.effect_section.sentences`.
    """
    found: dict[str, list[str]] = {}
    if effects.empty:
        return found
    rows = in_places(effects.assign(level=[contrast(term) for term in effects["term"]]))
    for (dataset, region, metric), here in rows.groupby(PLACE, sort=False):
        where = region if metric == "all" else f"{metric_label(metric)}, {region}"
        sizes = here.groupby("level", sort=False)["estimate"].mean().abs().sort_values(ascending=False, kind="stable")
        for level in [one for one in in_order(here["level"]) if one in sizes.index[:MOST]]:
            told = _sentence(where, name(level), name(reference), here[here["level"] == level])
            found.setdefault(dataset, []).append(told)
    return found


def _sentence(where: str, level: str, reference: str, rows: pd.DataFrame) -> str:
    each = rows.drop_duplicates("subject")["estimate"]
    higher = int((each > 0).sum())
    side, count = ("above", higher) if 2 * higher >= len(each) else ("below", len(each) - higher)
    people = plural(len(each), "subject")
    spread = number(each.min(), 3) if len(each) == 1 else f"{number(each.min(), 3)} to {number(each.max(), 3)}"
    above = side == "above"
    tests = "; ".join(filter(None, (_clear(rows[rows["sample"] == sample], sample, above) for sample in SAMPLES)))
    size = f"difference {spread}{f'; {tests}' if tests else ''}"
    return f"{where}: {level} is {side} {reference} in {count} of {people} ({size})."


def _clear(rows: pd.DataFrame, sample: str, above: bool) -> str:
    tested = rows[np.isfinite(rows["p_holm"].astype(float))]
    if tested.empty:
        return ""
    side = tested["estimate"] > 0 if above else tested["estimate"] < 0
    return f"p < .05 over {sample} in {int((side & (tested['p_holm'] < ALPHA)).sum())} of {len(tested)}"
