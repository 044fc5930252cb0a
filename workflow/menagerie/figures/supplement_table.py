"""What the supplementary figure shows, as tables: subjects, layers, regions and dimensionality, one point a network."""

from __future__ import annotations

import pandas as pd

from menagerie.figures.tidy import first_region, in_order
from menagerie.statistics.contrasts import MEAN


def subject_points(rows: pd.DataFrame) -> pd.DataFrame:
    """``metric``, ``model``, ``subject``, ``score``, ``others``: each subject beside the mean of all other subjects.

    Networks without scores in every subject are left out, as are means over subjects.
    """
    rows = first_region(rows[rows["subject"] != MEAN])
    n = rows["subject"].nunique()
    if n < 2:
        return pd.DataFrame(columns=["metric", "model", "subject", "score", "others"])
    groups = rows.groupby(["metric", "model"])["score"]
    total, complete = groups.transform("sum"), groups.transform("size") == n
    rows = rows.assign(others=(total - rows["score"]) / (n - 1))[complete]
    return rows[["metric", "model", "subject", "score", "others"]].reset_index(drop=True)


def depth_points(rows: pd.DataFrame) -> pd.DataFrame:
    """``metric``, ``model``, ``kind``, ``depth``: relative depth of the selected layers, mean over subjects.

    ``kind`` is the class of architecture, or that nothing is known of it; untrained networks are a kind of their own.
    Networks whose depth is not known are left out.
    """
    rows = first_region(rows)
    if "depth" not in rows or rows["depth"].isna().all():
        return pd.DataFrame(columns=["metric", "model", "kind", "depth"])
    given = rows["architecture_class"] if "architecture_class" in rows else pd.Series(None, rows.index, dtype=object)
    kind = given.where(given.notna(), "other").where(rows["training"] == "trained", "untrained")
    points = rows.assign(kind=kind).groupby(["metric", "model", "kind"], sort=False, as_index=False)["depth"].mean()
    return points.dropna().reset_index(drop=True)


def kind_order(points: pd.DataFrame) -> list[str]:
    """Kinds by their number of networks, untrained ones last."""
    counts = points.drop_duplicates("model")["kind"].value_counts().sort_index()
    order = list(counts.sort_values(ascending=False, kind="stable").index)
    return [kind for kind in order if kind != "untrained"] + [kind for kind in order if kind == "untrained"]


def region_points(rows: pd.DataFrame) -> pd.DataFrame:
    """``metric``, ``model``, ``region``, ``score``, ``first``: each other region beside the first.

    Scores are means over subjects; networks without a score in both regions are left out.
    """
    means = rows.pivot_table(index=["metric", "model"], columns="region", values="score", sort=False)
    regions = in_order(rows["region"])
    found = [
        pd.DataFrame({"score": means[region], "first": means[regions[0]]}).assign(region=region).reset_index()
        for region in regions[1:]
    ]
    columns = ["metric", "model", "region", "score", "first"]
    return pd.concat(found)[columns].dropna().reset_index(drop=True) if found else pd.DataFrame(columns=columns)


def dimension_points(rows: pd.DataFrame) -> pd.DataFrame:
    """``metric``, ``model``, ``training``, ``ed_raw``, ``ed_srp``: dimensionality before and after projection.

    Means over subjects; networks for which one of the two is not known are left out.
    """
    columns = ["ed_raw", "ed_srp"]
    if not set(columns) <= set(rows):
        return pd.DataFrame(columns=["metric", "model", "training", *columns])
    rows = first_region(rows)
    numbers = rows.assign(**{name: pd.to_numeric(rows[name]).astype(float) for name in columns})
    points = numbers.groupby(["metric", "model", "training"], sort=False, as_index=False)[columns].mean()
    return points.dropna().reset_index(drop=True)
