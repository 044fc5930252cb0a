"""What a figure of an experiment shows, as tables: a box per network, a ribbon per level."""

from __future__ import annotations

import numpy as np
import pandas as pd

from menagerie.figures.ceiling import Ceiling
from menagerie.figures.levels import ALL, level_name
from menagerie.figures.tidy import in_order, metrics_in, on_rsms
from menagerie.statistics.contrasts import MEAN
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.intervals import bootstrap_mean, without_subject_means

BOX = ["region", "metric", "level", "column", "name", "score", "low", "high", "n_subjects", "training"]
RIBBON = ["region", "metric", "level", "mean", "low", "high", "n"]
UNTRAINED = " (random)"


def level_order(experiment: Experiment, data: pd.DataFrame) -> list[str]:
    """Levels that are there, in the order of the definition, or the reference first."""
    present = set(data[experiment.factor].dropna().astype(str))
    rest = experiment.levels or (experiment.reference, *sorted(present - {experiment.reference}))
    return [level for level in rest if level in present]


def boxes(experiment: Experiment, data: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Score of every network (of every pair and level) over subjects, with its interval.

    Parameters
    ----------
    experiment
        The experiment.
    data
        Its table ``data``: one row per model, subject, metric and region.
    dataset
        Name of the dataset. Scores on another scale than RSMs (``encoding_r``) are left out.

    Returns
    -------
    DataFrame
        Columns :data:`BOX`, in the order of drawing: level by level and best first, by the first region's veRSA (cRSA
        where there is no veRSA). ``column`` is the model; for pairs it is what their members share, pairs with one
        member are left out, and the better member counts for the order. ``low`` and ``high`` are the 95 % interval
        over subjects without the differences between subjects (their means are set equal first); empty with one
        subject, or for means over subjects. ``training`` is that of the network (of a pair: of its first member).
    """
    rows = on_rsms(data[data["dataset"] == dataset])
    rows = rows.assign(level=rows[experiment.factor].astype(str))
    rows["column"] = rows[pair_column(experiment)].astype(str) if experiment.figure == "pairs" else rows["model"]
    if experiment.figure == "pairs":
        rows = rows[rows.groupby("column")["level"].transform("nunique") > 1]
    if rows.empty:
        return pd.DataFrame(columns=BOX)
    found = [
        _with_intervals(part).assign(region=region, metric=metric)
        for (region, metric), part in rows.groupby(["region", "metric"], sort=False)
    ]
    table = pd.concat(found, ignore_index=True)
    table["name"] = table["column"].map(_names(experiment, rows))
    training = rows if "training" in rows else rows.assign(training="")
    table["training"] = table["column"].map(training.groupby("column")["training"].first())
    order = _column_order(experiment, rows, table)
    place = {column: position for position, column in enumerate(order)}
    regions, metrics = in_order(rows["region"]), metrics_in(rows["metric"])
    table["_key"] = [
        (regions.index(row.region), metrics.index(row.metric), place[row.column]) for row in table.itertuples()
    ]
    return table.sort_values("_key", kind="stable")[BOX].reset_index(drop=True)


def ribbons(experiment: Experiment, table: pd.DataFrame) -> pd.DataFrame:
    """Mean of every level over its networks, with a bootstrap interval over networks; columns :data:`RIBBON`.

    Where every level is a single network (``figure: models``), there is one ribbon over all. The interval of a single
    network is empty.
    """
    found = []
    groups = table.assign(level=ALL) if experiment.figure == "models" else table
    for (region, metric, level), rows in groups.groupby(["region", "metric", "level"], sort=False):
        scores = rows["score"].to_numpy(dtype=float)
        low, high = bootstrap_mean(scores) if len(scores) > 1 else (np.nan, np.nan)
        found.append((region, metric, level, float(scores.mean()), low, high, len(scores)))
    return pd.DataFrame(found, columns=RIBBON)


def known_ceiling(rows: pd.DataFrame) -> Ceiling | None:
    """Ceiling over the subjects of one region, from rows with ``subject`` and ``noise_ceiling``.

    None where the table has no ceilings, where a subject lacks one, or where metrics disagree about it. Rows that are
    means over subjects count where there are no others.
    """
    single = rows[rows["subject"] != MEAN]
    rows = single if len(single) else rows
    if "noise_ceiling" not in rows or rows.empty or rows["noise_ceiling"].isna().any():
        return None
    by_subject = rows.groupby("subject", sort=False)["noise_ceiling"]
    if (by_subject.max() - by_subject.min()).max() > 1e-6:
        return None
    means = by_subject.mean()
    return Ceiling(float(means.min()), float(means.mean()), float(means.max()))


def pair_column(experiment: Experiment) -> str:
    """Column that tells pairs apart: that of the first paired analysis over networks, else the architecture."""
    pairs = [one.pair for one in experiment.analyses if one.pair not in ("", "subject")]
    return pairs[0] if pairs else "architecture"


def leading_metric(table: pd.DataFrame) -> str:
    """Metric that figures sort by."""
    return "versa" if "versa" in set(table["metric"]) else metrics_in(table["metric"])[0]


def _with_intervals(part: pd.DataFrame) -> pd.DataFrame:
    """Boxes of one region and metric."""
    wide = part.pivot_table(index=["level", "column"], columns="subject", values="score", sort=False)
    singles = wide.drop(columns=MEAN, errors="ignore")
    complete = singles.dropna().to_numpy(dtype=float)
    low, high = np.full(len(wide), np.nan), np.full(len(wide), np.nan)
    if len(complete) > 1 and complete.shape[1] > 1:
        shift = (complete - without_subject_means(complete))[0]  # the same for every network
        for row, values in enumerate(singles.to_numpy(dtype=float) - shift):
            known = values[np.isfinite(values)]
            if len(known) > 1:
                low[row], high[row] = bootstrap_mean(known)
    frame = wide.index.to_frame(index=False)
    return frame.assign(
        score=wide.mean(axis=1).to_numpy(), low=low, high=high, n_subjects=singles.notna().sum(axis=1).to_numpy()
    )


def _column_order(experiment: Experiment, rows: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    first = table[table["region"] == rows["region"].iloc[0]]
    if experiment.factor != "metric":
        first = first[first["metric"] == leading_metric(first)]
    means = table.groupby("column")["score"].mean().to_frame("rest")
    means["score"] = first.groupby("column")["score"].max().reindex(means.index).fillna(-np.inf)
    means["level"] = 0
    if experiment.figure == "levels":
        levels = level_order(experiment, rows)
        means["level"] = rows.drop_duplicates("column").set_index("column")["level"].map(levels.index)
    means["id"] = means.index
    return list(means.sort_values(["level", "score", "rest", "id"], ascending=[True, False, False, True]).index)


def _names(experiment: Experiment, rows: pd.DataFrame) -> dict[str, str]:
    """What the axis calls each column: unique."""
    if experiment.figure == "models":
        names = rows.groupby("column")["level"].first().map(lambda level: level_name(experiment, level))
    else:
        # A pair is called by its member of the reference level, whose name need not say what sets it apart.
        own = rows[rows["level"] == experiment.reference] if experiment.figure == "pairs" else rows
        given = own["display_name"] if "display_name" in own else own["column"]
        given = given.where(given.notna(), own["column"]).astype(str)
        if experiment.figure == "pairs" and experiment.factor != "metric":
            given = given.str.removesuffix(UNTRAINED)
        names = given.groupby(own["column"]).first()
        names = names.reindex(pd.unique(rows["column"]))
        names = names.where(names.notna(), names.index.to_series())
    shared = names.duplicated(keep=False)
    return dict(names.where(~shared, names.index.to_series()))
