"""What the figure of overall variation shows, as tables: a point per network, lines of regression, breakpoints."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from menagerie.figures.tidy import first_region, metrics_in, on_rsms
from menagerie.statistics.intervals import LEVEL
from menagerie.statistics.variation import FACTORS, model_means

N_DIETS = 6  # sets of training images with a colour of their own
OTHER, UNTRAINED = "other images", "untrained"
# Training data as papers write them; others as in config/models.tsv.
DIETS = {
    "imagenet": "ImageNet-1K",
    "imagenet21k": "ImageNet-21K",
    "imagenet21k+imagenet": "ImageNet-21K, then 1K",
    "taskonomy": "Taskonomy",
    "yfcc15m": "YFCC-15M",
    "coco": "COCO",
    "openai400m": "OpenAI 400M",
}
LEAST = 4  # networks that a regression needs


def points(data: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """One row per metric and network of the dataset's first region, scores of RSMs only.

    Parameters
    ----------
    data
        Table ``experiments/overall/data``.
    dataset
        Name of the dataset.

    Returns
    -------
    DataFrame
        ``region``, ``metric``, ``model``, ``training``, ``diet`` (the most common training data by name, others and
        untrained networks together), ``score`` (mean over subjects), ``rank`` (by veRSA, cRSA where there is none; the
        same for both metrics), and the factors of :data:`menagerie.statistics.variation.FACTORS` that the table has.
        Empty where the dataset has none.
    """
    rows = on_rsms(data[data["dataset"] == dataset])
    if rows.empty:
        return rows.assign(diet="", rank=0)
    rows = first_region(rows)
    metrics = metrics_in(rows["metric"])
    table = pd.concat([model_means(rows[rows["metric"] == metric]) for metric in metrics], ignore_index=True)
    leading = table[table["metric"] == metrics[-1]]
    order = leading.sort_values(["score", "model"], ascending=[False, True])["model"]
    rank = {model: number for number, model in enumerate(order, start=1)}
    table = table[table["model"].isin(rank)]
    found = {name: pd.to_numeric(table[name]).to_numpy(dtype=float) for name in FACTORS if name in table}
    kept = table[["region", "metric", "model", "training", "score"]]
    return kept.assign(diet=_diets(table), rank=table["model"].map(rank), **found).reset_index(drop=True)


def diet_order(table: pd.DataFrame) -> list[str]:
    """Training data, the most common first, then all others and untrained networks."""
    counts = table.drop_duplicates("model")["diet"].value_counts()
    named = list(counts.sort_index().sort_values(ascending=False, kind="stable").index)
    last = [name for name in (OTHER, UNTRAINED) if name in named]
    return [name for name in named if name not in last] + last


def regression(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Least-squares line and its 95 % confidence band (of the mean) at the places ``at``.

    Returns
    -------
    tuple of ``(k,)`` arrays, or None
        Line, lower and upper end; None for fewer than four points or a constant ``x``.
    """
    n = len(x)
    if n < LEAST or np.ptp(x) == 0:
        return None
    fit = stats.linregress(x, y)
    line = fit.intercept + fit.slope * at
    spread = ((x - x.mean()) ** 2).sum()
    error = np.sqrt(((y - fit.intercept - fit.slope * x) ** 2).sum() / (n - 2))
    half = stats.t(n - 2).ppf((1 + LEVEL) / 2) * error * np.sqrt(1 / n + (at - x.mean()) ** 2 / spread)
    return line, line - half, line + half


def correlation(effects: pd.DataFrame, table: pd.DataFrame, metric: str, factor: str) -> str:
    """Spearman correlation over trained networks in words, from the table of effects; empty where it has none."""
    term = f"Spearman, {FACTORS[factor]}, trained"
    row = _effect(effects, table, metric, term)
    if row is None:
        return ""
    numbers = [f"{row[name] + 0.0:.2f}".replace("-0.00", "0.00") for name in ("estimate", "ci_low", "ci_high")]
    text = f"\N{GREEK SMALL LETTER RHO} = {numbers[0]} [{numbers[1]}, {numbers[2]}], n = {row['n']:.0f}"
    return text.replace("-", "\N{MINUS SIGN}")


def breakpoints(effects: pd.DataFrame, table: pd.DataFrame) -> list[tuple[float, float, float]]:
    """Rank breakpoints of the leading metric with their bootstrap intervals over models; none where not estimated."""
    metric = metrics_in(table["metric"])[-1]
    found = [
        _effect(effects, table, metric, f"rank breakpoint {number}", note="bootstrap over models") for number in (1, 2)
    ]
    return [(row["estimate"], row["ci_low"], row["ci_high"]) for row in found if row is not None]


def _effect(effects: pd.DataFrame, table: pd.DataFrame, metric: str, term: str, note: str = "") -> pd.Series | None:
    where = (effects["region"] == table["region"].iloc[0]) & (effects["metric"] == metric) & (effects["term"] == term)
    rows = effects[where & effects["estimate"].notna() & effects["note"].fillna("").str.startswith(note)]
    return rows.iloc[0] if len(rows) else None


def _diets(table: pd.DataFrame) -> pd.Series:
    given = table["data"] if "data" in table else pd.Series(None, index=table.index, dtype=object)
    names = given.map(lambda name: DIETS.get(name, name))
    trained = table["training"] == "trained"
    counts = names[trained & names.notna() & ~table["model"].duplicated()].value_counts()
    common = set(counts.sort_index().sort_values(ascending=False, kind="stable").index[:N_DIETS])
    return names.where(names.isin(common), OTHER).where(trained, UNTRAINED)


def ceiling_rows(data: pd.DataFrame, table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Rows of the data that the ceiling of the points is read from."""
    rows = on_rsms(data[data["dataset"] == dataset])
    return rows[rows["region"] == table["region"].iloc[0]]
