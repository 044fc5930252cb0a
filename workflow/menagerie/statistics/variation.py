"""Variation over all models of a run: what scores go along with, where their ranks break, how stable they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from menagerie.errors import MenagerieError
from menagerie.statistics.breakpoints import (
    bootstrap_intervals,
    delta_interval,
    fit_breakpoints,
    profile_interval,
    score_interval,
)
from menagerie.statistics.contrasts import MEAN, PLACE
from menagerie.statistics.effects import COLUMNS
from menagerie.statistics.intervals import bootstrap_mean, spearman

FACTORS = {"top1": "ImageNet top-1", "parameters": "parameters", "ed_raw": "ED", "ed_srp": "ED of the SRP"}
MIN_MODELS = 12


def overall_effects(joined: pd.DataFrame, *, n_resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Rank correlations, breakpoints and subject stability, per dataset, region and metric.

    Parameters
    ----------
    joined
        From :func:`~menagerie.statistics.contrasts.join_metadata`, with columns ``ed_raw`` and ``ed_srp`` where known.
    n_resamples, seed
        Of the bootstraps over models (a fifth of them for breakpoints).

    Returns
    -------
    DataFrame
        Columns as :func:`~menagerie.statistics.contrasts.experiment_effects`. What the models do not allow is a row
        without estimate, whose note says why.
    """
    parts = []
    for key, rows in joined.groupby(PLACE, sort=True):
        found = [
            *correlation_rows(rows, n_resamples, seed),
            *_guarded("rank breakpoint", lambda rows=rows: breakpoint_rows(rows, n_resamples // 5, seed)),
            *_guarded("subject stability", lambda rows=rows: stability_rows(rows)),
        ]
        parts.append(pd.DataFrame(found).assign(**dict(zip(PLACE, key, strict=True))))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return table.reindex(columns=[*PLACE, *COLUMNS])


def correlation_rows(rows: pd.DataFrame, n_resamples: int = 1000, seed: int = 0) -> list[dict]:
    """Spearman correlation of the models' mean score with each known factor; trained and untrained apart too."""
    means = model_means(rows)
    found = []
    for column, label in FACTORS.items():
        if column not in means:
            continue
        means[column] = pd.to_numeric(means[column])
        known = means[means[column].notna()]
        groups = {"all": known, "trained": known[known["training"] == "trained"]}
        groups["random"] = known[known["training"] == "random"]
        for group, part in groups.items():
            if len(part):
                term = f"Spearman, {label}, {group}"
                found += _guarded(term, lambda p=part, c=column, t=term: [_correlation(p, c, t, n_resamples, seed)])
    return found


def breakpoint_rows(rows: pd.DataFrame, n_resamples: int = 200, seed: int = 0) -> list[dict]:
    """Both breakpoints of score against rank, with four intervals each: delta, score test, profile, bootstrap.

    Raises
    ------
    MenagerieError
        For fewer than twelve models.
    """
    scores = np.sort(model_means(rows)["score"].to_numpy(dtype=float))[::-1]
    if len(scores) < MIN_MODELS:
        raise MenagerieError(f"{len(scores)} models; two breakpoints need {MIN_MODELS} or more.")
    fit = fit_breakpoints(np.arange(1, len(scores) + 1), scores)
    resampled = bootstrap_intervals(scores, n_resamples=n_resamples, seed=seed)
    intervals: Mapping[str, Callable[[int], tuple[float, float]]] = {
        "delta method": lambda which: delta_interval(fit, which),
        "score test": lambda which: score_interval(fit, which),
        "profile likelihood": lambda which: profile_interval(fit, which),
        "bootstrap over models": lambda which: tuple(map(float, resampled[which])),
    }
    found = []
    for which in range(2):
        place = fit.breakpoints[which]
        for name, interval in intervals.items():
            low, high = interval(which)
            found.append(
                {
                    "term": f"rank breakpoint {which + 1}",
                    "estimate": place,
                    "ci_low": low,
                    "ci_high": high,
                    "n": len(scores),
                    "df": float(len(scores) - 6),
                    "formula": "score ~ segmented(rank, 2)",
                    "analysis": "published" if name == "delta method" else "sound",
                    "note": f"{name}; score there {float(fit.predict(np.array([place]))[0]):.3f}; starts ended in "
                    f"{fit.n_optima} optima",
                }
            )
    return found


def stability_rows(rows: pd.DataFrame) -> list[dict]:
    """How alike two subjects rank the models: Spearman for every pair of subjects, and their mean.

    Raises
    ------
    MenagerieError
        When fewer than two subjects, or fewer than four common models, have scores.
    """
    wide = rows[rows["subject"] != MEAN].pivot_table(index="model", columns="subject", values="score").dropna()
    if wide.shape[1] < 2 or len(wide) < 4:
        raise MenagerieError(f"{wide.shape[1]} subjects and {len(wide)} common models; two and four are needed.")
    pairs = {pair: float(stats.spearmanr(wide[pair[0]], wide[pair[1]]).statistic) for pair in combinations(wide, 2)}
    common = {"n": len(wide), "formula": "Spearman over models", "analysis": "sound"}
    found = [
        {"term": f"subject stability, {a} and {b}", "estimate": value, "note": "", **common}
        for (a, b), value in pairs.items()
    ]
    note = (
        f"mean over {len(pairs)} pairs of subjects, from {min(pairs.values()):.3f} to {max(pairs.values()):.3f}"
        if len(pairs) > 1
        else "one pair of subjects"
    )
    return [
        *found,
        {"term": "subject stability", "estimate": float(np.mean(list(pairs.values()))), "note": note, **common},
    ]


def model_means(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per model: its first row's metadata and its score averaged over subjects."""
    means = rows.groupby("model", sort=False)["score"].mean()
    # ED belongs to the layer, and subjects may select different layers.
    numbers = {c: rows.groupby("model", sort=False)[c].mean() for c in ("ed_raw", "ed_srp") if c in rows}
    return rows.drop_duplicates("model").set_index("model").assign(score=means, **numbers).reset_index()


def leaderboard(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Models in order of their mean score, with a bootstrap interval over subjects (exact up to five subjects)."""
    found = []
    for model, one in rows.groupby("model"):
        scores = one["score"].to_numpy(dtype=float)
        low, high = bootstrap_mean(scores, seed=seed) if len(scores) > 1 else (None, None)
        explained = one["explained"].mean() if "explained" in one else None
        found.append((model, scores.mean(), low, high, explained, len(scores)))
    columns = ["model", "score", "ci_low", "ci_high", "explained", "n_subjects"]
    table = pd.DataFrame(found, columns=columns).sort_values(["score", "model"], ascending=[False, True])
    return table.assign(rank=np.arange(1, len(table) + 1)).reset_index(drop=True)


def _correlation(part: pd.DataFrame, column: str, term: str, n_resamples: int, seed: int) -> dict:
    found = spearman(part[column].to_numpy(), part["score"].to_numpy(), n_resamples, seed)
    median = found.pop("median")
    note = f"interval: bootstrap over models, median {median:.3f}"
    return {"term": term, **found, "formula": f"spearman(score, {column})", "analysis": "sound", "note": note}


def _guarded(term: str, make: Callable[[], list[dict]]) -> list[dict]:
    try:
        return make()
    except MenagerieError as error:
        return [{"term": term, "analysis": "sound", "note": f"not estimated: {error}"}]
