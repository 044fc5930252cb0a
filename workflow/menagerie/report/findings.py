"""What was found, in plain sentences made from the numbers and their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from menagerie.figures.tidy import METRICS, in_order, metrics_in

SHOWN = 3  # names of models that may be as good as the best
CORRELATIONS = ("RSA", "encoding")  # axes whose scores are plain correlations
ENOUGH = 3  # models a group needs before an interval over models is worth printing


@dataclass(frozen=True)
class Planted:
    """The layer that a region's simulated responses were made from."""

    model: str
    layer: str
    depth: float | None = None


@dataclass(frozen=True)
class RegionFindings:
    """Sentences about one region of one dataset."""

    region: str
    sentences: list[str]


@dataclass(frozen=True)
class DatasetFindings:
    """One dataset in short, and region by region."""

    summary: list[str]
    regions: list[RegionFindings]


def findings(board: pd.DataFrame, planted: Mapping[str, Planted] | None = None) -> DatasetFindings:
    """Sentences about one dataset.

    Parameters
    ----------
    board
        Rows of one dataset of :func:`menagerie.figures.leaderboard_table.leaderboard_table`.
    planted
        Region -> planted layer, for simulated datasets.
    """
    regions = []
    for region in in_order(board["region"]):
        here = board[board["region"] == region]
        by_metric = {metric: here[here["metric"] == metric] for metric in metrics_in(here["metric"])}
        sentences = [_best(rows, metric) for metric, rows in by_metric.items()]
        sentences += [_training(by_metric), _reweighting(here), _depth(here)]
        if planted and region in planted:
            sentences.append(_planted(by_metric, planted[region]))
        regions.append(RegionFindings(region, [sentence for sentence in sentences if sentence]))
    return DatasetFindings([sentence for sentence in (_highest(board), _in_how_many(board)) if sentence], regions)


def number(value: float, digits: int = 2) -> str:
    """Number with a true minus sign; a dash where there is none."""
    if value is None or not np.isfinite(value):
        return "\N{EN DASH}"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "\N{MINUS SIGN}")


def plural(count: int, noun: str) -> str:
    """Count and noun: one model, two models."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _highest(board: pd.DataFrame) -> str:
    rows = board[board["metric"].map(lambda metric: METRICS[metric].axis == "RSA")]
    rows = board if rows.empty else rows
    top = rows.loc[rows["score"].idxmax()]
    text = (
        f"The highest score is r = {number(top['score'])} "
        f"({_basis(top)}): "
        f"{top['display_name']}, {METRICS[top['metric']].label} in {top['region']}"
    )
    if np.isfinite(top["explained"]):
        text += f"; it explains {100 * top['explained']:.0f} % of the explainable variance"
    return text + "."


def _basis(row: pd.Series) -> str:
    """Interval, subjects and test images of a score; score tables of others may not say how many images there were."""
    images = plural(int(row["n_images"]), "test image") if np.isfinite(row["n_images"]) else "images not counted"
    return f"{_interval(row['ci_low'], row['ci_high'])}{_subjects(row['n_subjects'])}{images}"


def _in_how_many(board: pd.DataFrame) -> str:
    means = board.groupby(["region", "metric", "training"])["score"].mean().unstack("training")  # noqa: PD010
    if not {"trained", "random"} <= set(means):
        return ""
    means = means.dropna()
    higher = int((means["trained"] > means["random"]).sum())
    if len(means) == 1:
        return f"On average, trained models score {'higher' if higher else 'no higher'} than random ones."
    return (
        f"On average, trained models score higher than random ones in {higher:,} of {len(means):,} combinations "
        "of region and score."
    )


def _best(rows: pd.DataFrame, metric: str) -> str:
    first, one = rows.iloc[0], METRICS[metric]
    score = f"{'r = ' if one.axis in CORRELATIONS else ''}{number(first['score'])}"
    text = f"By {one.label}, {first['display_name']} scores highest: {score} ({_basis(first)})"
    if np.isfinite(first["explained"]):
        text += f", which is {100 * first['explained']:.0f} % of the explainable variance"
    text += "."
    if len(rows) == 1:
        return text
    return f"{text} {_ties(rows)}"


def _ties(rows: pd.DataFrame) -> str:
    """How many models may be the best, all compared at once over the same images."""
    known = rows["ties_with_best"].notna()
    if not known.any():
        return f"{rows.iloc[1]['display_name']} is next with {number(rows.iloc[1]['score'])}."
    others = rows[known & rows["ties_with_best"].eq(True)].iloc[1:]
    sample = "all compared at once over the same images, 95 %"
    n_others = int(known.sum()) - 1
    if n_others == 1:
        return f"{rows[known].iloc[1]['display_name']} may {'not ' if others.empty else ''}be as good ({sample})."
    if others.empty:
        return f"None of the other {n_others:,} may be as good ({sample})."
    names = ", ".join(others["display_name"].iloc[:SHOWN]) + (" and others" if len(others) > SHOWN else "")
    return f"Of the other {n_others:,}, {len(others):,} may be as good ({names}; {sample})."


def _training(by_metric: Mapping[str, pd.DataFrame]) -> str:
    parts, sizes = [], (0, 0)
    for metric, rows in by_metric.items():
        trained, random = (rows.loc[rows["training"] == kind, "score"] for kind in ("trained", "random"))
        if trained.empty or random.empty:
            continue
        sizes = max(sizes, (len(trained), len(random)))
        text = f"{number(trained.mean())} against {number(random.mean())} by {METRICS[metric].label}"
        if min(len(trained), len(random)) >= ENOUGH:
            low, high = stats.ttest_ind(trained, random, equal_var=False).confidence_interval(0.95)
            text += f" (95 % interval of the difference {number(low)} to {number(high)})"
        parts.append(text)
    if not parts:
        return ""
    basis = "with the models as the sample" if min(sizes) >= ENOUGH else "too few models for an interval"
    sizes = f"{plural(sizes[0], 'trained model')}, {sizes[1]:,} random; {basis}"
    return f"Mean scores of trained against random models: {'; '.join(parts)} ({sizes})."


def _reweighting(here: pd.DataFrame) -> str:
    scores = here[here["training"] == "trained"].pivot_table(index="model", columns="metric", values="score")
    if not {"crsa", "versa"} <= set(scores) or len(scores[["crsa", "versa"]].dropna()) < ENOUGH:
        return ""
    gain = (scores["versa"] - scores["crsa"]).dropna()
    low, high = stats.ttest_1samp(gain, 0.0).confidence_interval(0.95)
    verb = "raises" if gain.mean() >= 0 else "lowers"
    return (
        f"Reweighting the features (veRSA against cRSA) {verb} the score of trained models by "
        f"{number(abs(gain.mean()))} on average (95 % interval of the change {number(low)} to {number(high)}, "
        f"paired over {plural(len(gain), 'model')})."
    )


def _depth(here: pd.DataFrame) -> str:
    trained = here[here["training"] == "trained"]
    parts = []
    for metric in metrics_in(trained["metric"]):
        depth = trained.loc[trained["metric"] == metric, "depth"].dropna()
        if depth.empty:
            continue
        low, middle, high = np.percentile(depth, [25, 50, 75])
        spread = f" (middle half of the models {number(low)} to {number(high)})" if len(depth) > ENOUGH else ""
        parts.append(f"{number(middle)} by {METRICS[metric].label}{spread}")
    if not parts:
        return ""
    return f"The layers selected in trained models lie at a median relative depth of {', '.join(parts)}."


def _planted(by_metric: Mapping[str, pd.DataFrame], planted: Planted) -> str:
    at = f" (relative depth {number(planted.depth)})" if planted.depth is not None else ""
    text = f"These responses were made from layer {planted.layer} of {planted.model}{at}."
    parts = []
    for metric, rows in by_metric.items():
        for row in rows[rows["model"] == planted.model].to_dict("records"):
            hit = "the planted layer" if row["layer"] == planted.layer else row["layer"]
            votes = f" in {row['layer_votes']} of {plural(row['n_subjects'], 'subject')}"
            parts.append(f"{METRICS[metric].label} selects {hit}{votes} (mean depth {number(row['depth'])})")
    return f"{text} In that network, {'; '.join(parts)}." if parts else text


def _subjects(count: int) -> str:
    # A single "subject" may be data pooled over several, so one is not counted aloud.
    return f"{plural(count, 'subject')}, " if count > 1 else ""


def _interval(low: float, high: float) -> str:
    return f"95 % interval {number(low)} to {number(high)}, " if np.isfinite(low) and np.isfinite(high) else ""
