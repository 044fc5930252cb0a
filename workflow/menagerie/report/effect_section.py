"""Effects of one experiment: published and sound analyses side by side, and what they say in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

import numpy as np
import pandas as pd

from menagerie.figures.tidy import METRICS, in_order, metrics_in
from menagerie.report.findings import number, plural

PLACE = ["dataset", "region", "metric"]
ANALYSIS = ["analysis", "formula"]
LEVEL = re.compile(r"(?:^|:)([^:\[]+)\[T\.([^\]]*)\]")
MOST_SENTENCES = 3  # contrasts of one place that are told one by one; more are counted
CLEAR, UNCLEAR = "excludes zero", "includes zero"


def p_value(p: float) -> str:
    """As reports print it: two digits that count, and no value below .0001."""
    if p is None or not np.isfinite(p):
        return number(np.nan)
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def metric_label(metric: str) -> str:
    """cRSA, veRSA, encoding r; "all scores" where the metric is the factor."""
    return METRICS[metric].label if metric in METRICS else "all scores"


def in_places(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by dataset and region as they come, and by score in the project's order."""
    orders = [in_order(table["dataset"]), in_order(table["region"]), [*metrics_in(table["metric"]), "all"]]
    keys = [table[name].map(order.index) for name, order in zip(PLACE, orders, strict=True)]
    return table.iloc[np.lexsort(keys[::-1])]


def contrast(term: str, factor: str) -> str | None:
    """Level that a term compares with the reference (``a : b`` for an interaction); None for other terms."""
    found = LEVEL.findall(term)
    if not any(name == factor for name, _ in found):
        return None
    return " : ".join(level for _, level in found)


def effect_table(effects: pd.DataFrame, factor: str, name: Callable[[str], str] = str) -> dict[str, list]:
    """Rows and columns for the page.

    Parameters
    ----------
    effects
        Table ``effects`` of the experiment.
    factor
        Its factor: terms of other columns (intercept, subjects) stay in the file.
    name
        What the page calls a level.

    Returns
    -------
    dict
        ``analyses``: headings, one per statistical model; ``rows``: place, contrast, a cell per analysis and how the
        first published compares with the last sound one; ``others``: number of rows of other terms.
    """
    effects = in_places(effects)
    shown = effects.assign(contrast=[contrast(term, factor) for term in effects["term"]])
    shown = shown[shown["contrast"].notna()]
    analyses = list(effects[ANALYSIS].drop_duplicates().sort_values("analysis", kind="stable").itertuples(index=False))
    rows = []
    for key, part in shown.groupby([*PLACE, "contrast"], sort=False):
        by_analysis = {tuple(row[name] for name in ANALYSIS): row for row in part.to_dict("records")}
        place = dict(zip([*PLACE, "contrast"], key, strict=True))
        rows.append(
            place
            | {
                "metric": metric_label(place["metric"]),
                "contrast": " : ".join(map(name, place["contrast"].split(" : "))),
                "cells": [_cell(by_analysis.get(tuple(one))) for one in analyses],
                "verdict": verdict(*pair(part)),
            }
        )
    failed = effects["estimate"].isna() & ~effects["term"].str.contains("[T.", regex=False)
    return {
        "analyses": [{"analysis": one.analysis, "formula": one.formula} for one in analyses],
        "rows": rows,
        "others": int(len(effects) - len(shown) - failed.sum()),
    }


def pair(part: pd.DataFrame) -> tuple[Mapping | None, Mapping | None]:
    """First published and last sound estimate of one contrast."""
    known = part[part["estimate"].notna()]
    published, sound = (known[known["analysis"] == one].to_dict("records") for one in ("published", "sound"))
    return (published[0] if published else None), (sound[-1] if sound else None)


def verdict(published: Mapping | None, sound: Mapping | None) -> str:
    """How two analyses of one contrast compare, by their intervals."""
    if published is None or sound is None:
        return "only one analysis" if published is not sound else "not estimated"
    first, second = _clear(published), _clear(sound)
    if first and second:
        return "agree" if published["estimate"] * sound["estimate"] > 0 else "opposite signs"
    if first == second:
        return "agree: neither is clear"
    return "only as published" if first else "only sound"


def notes(effects: pd.DataFrame) -> list[dict[str, str]]:
    """Every note once, with the analysis and the scores that it belongs to."""
    noted = effects[effects["note"].fillna("") != ""]
    found = []
    for (analysis, formula, note), rows in noted.groupby([*ANALYSIS, "note"], sort=False):
        metrics = ", ".join(metric_label(metric) for metric in in_order(rows["metric"]))
        found.append({"analysis": analysis, "formula": formula, "metrics": metrics, "note": note})
    return found


def sentences(
    effects: pd.DataFrame, factor: str, reference: str, name: Callable[[str], str] = str
) -> dict[str, list[str]]:
    """What was found, dataset by dataset; ``name`` is what the page calls a level.

    Up to three contrasts of a region and score are told one by one, with both analyses; more are counted.
    """
    effects = in_places(effects)
    main = effects.assign(level=[contrast(term, factor) for term in effects["term"]])
    main = main[main["level"].notna() & main["estimate"].notna() & ~main["term"].str.contains(":", regex=False)]
    analyses = set(effects["analysis"])
    found: dict[str, list[str]] = {}
    for (dataset, region, metric), rows in main.groupby(PLACE, sort=False):
        where = region if metric == "all" else f"{metric_label(metric)}, {region}"
        levels = in_order(rows["level"])
        pairs = {name(level): pair(rows[rows["level"] == level]) for level in levels}
        told = (
            [_one(where, level, name(reference), *both, analyses) for level, both in pairs.items()]
            if len(levels) <= MOST_SENTENCES
            else [_many(where, name(reference), pairs)]
        )
        found.setdefault(dataset, []).extend(told)
    return found


def _one(
    where: str,
    level: str,
    reference: str,
    published: Mapping | None,
    sound: Mapping | None,
    analyses: Collection[str] = ("published", "sound"),
) -> str:
    """One contrast; ``analyses`` are those that the experiment has, so that a missing one was tried."""
    told = [
        f"{_size(one)} {label}"
        for one, label in ((published, "as published"), (sound, "by the sound analysis"))
        if one is not None
    ]
    text = f"{where}: {level} minus {reference} is {' and '.join(told)}"
    if published is None or sound is None:
        missing = "published" if published is None else "sound"
        return f"{text}; the {missing} analysis could not be made." if missing in analyses else f"{text}."
    return f"{text}. {_meaning(published, sound)}"


def _meaning(published: Mapping, sound: Mapping) -> str:
    return {
        "agree": "Both intervals exclude zero.",
        "opposite signs": "Both intervals exclude zero, on opposite sides.",
        "agree: neither is clear": "Both intervals include zero.",
        "only as published": "Only the published interval excludes zero: the difference is not firm.",
        "only sound": "Only the sound interval excludes zero: the published analysis misses the difference.",
    }[verdict(published, sound)]


def _many(where: str, reference: str, pairs: Mapping[str, tuple]) -> str:
    counts = []
    for position, label in enumerate(("as published", "by the sound analysis")):
        known = [both[position] for both in pairs.values() if both[position] is not None]
        if known:
            counts.append(f"{sum(map(_clear, known))} of {plural(len(known), 'level')} {label}")
    best = {level: both[1] or both[0] for level, both in pairs.items()}
    largest = max(best, key=lambda level: abs(best[level]["estimate"]))
    return (
        f"{where}: against {reference}, the interval excludes zero for {' and for '.join(counts)}. The largest "
        f"difference is that of {largest}: {_size(best[largest])}."
    )


def _size(row: Mapping) -> str:
    p = p_value(row["p"])
    return (
        f"{number(row['estimate'], 3)} (95 % interval {number(row['ci_low'], 3)} to {number(row['ci_high'], 3)}, "
        f"p {p if p.startswith('<') else f'= {p}'}, n = {row['n']:.0f})"
    )


def _clear(row: Mapping) -> bool:
    return bool(row["ci_low"] > 0 or row["ci_high"] < 0)


def _cell(row: Mapping | None) -> dict[str, str] | None:
    if row is None or not np.isfinite(row["estimate"]):
        return None
    return {
        "estimate": number(row["estimate"], 3),
        "interval": f"{number(row['ci_low'], 3)} to {number(row['ci_high'], 3)}",
        "p": p_value(row["p"]),
        "n": number(row["n"], 0),
        "clear": CLEAR if _clear(row) else UNCLEAR,
    }
