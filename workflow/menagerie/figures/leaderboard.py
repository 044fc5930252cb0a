"""The leaderboard figure: how well each model predicts each brain region.

Up to a page of models is drawn as named rows. A longer list is drawn as rank profiles of all models, with
named rows for the best of them; the report's table names every model.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from menagerie.figures import style
from menagerie.figures.ceiling import SHARE_LABEL, Ceiling, ceiling_handle, draw_ceiling, score_limits, share_axis
from menagerie.figures.leaderboard_table import leaderboard_table, model_order, ordering_label
from menagerie.figures.tidy import AXES, METRICS, in_order, is_filled, metrics_in, scored, short

ROW = 0.15  # inches a model and metric
CHARACTER = 0.066  # inches: mean width of a character of a model's name
PANEL = 1.55  # inches: narrowest panel that still shows its axis
SUBJECT_DROP = 0.2  # rows: subjects lie just below their mean, so that neither hides the other
TITLES = {"encoding": "encoding", "normalised": "r / \N{SQUARE ROOT}nc", "explained": "r\N{SUPERSCRIPT TWO} / nc"}
TIE_SIZE = 52  # points^2: a ring around the mark
BEST = 30  # models named beside the rank profiles


@style.styled
def leaderboard(
    model_scores: pd.DataFrame, models: pd.DataFrame, dataset: str, *, width: float = style.PAGE_WIDTH
) -> Figure:
    """Draw one dataset's leaderboard.

    Parameters
    ----------
    model_scores
        Table with the schema "model_scores".
    models
        Models table, see :func:`menagerie.figures.tidy.model_metadata`.
    dataset
        Name of the dataset.
    width
        Inches; ``style.NARROW_WIDTH`` stacks the regions for one column and for phones.

    Returns
    -------
    Figure
        A panel per region (and per kind of score): each model's mean over subjects (large mark), its
        subjects (small marks) and its interval over images (line), with the noise ceiling as a band.

    Raises
    ------
    MenagerieError
        As :func:`menagerie.figures.tidy.scored`.
    """
    table = leaderboard_table(model_scores, models, dataset)
    subjects = scored(model_scores, models, dataset, schema="model_scores")
    panels = _panels(table)
    names = model_order(table)
    n_metrics = max(len(metrics) for _, metrics in panels)
    n_columns = _columns(table["region"].nunique(), width - _margin(table))
    height = _rows_height(len(names), n_metrics) * -(-len(panels) // n_columns)
    if height <= style.MAX_PAGE_HEIGHT or (width <= style.NARROW_WIDTH and len(names) <= BEST):
        figure = style.new_figure(width, height)
        _draw_rows(figure, panels, names, table, subjects, n_columns)
        return figure
    return _overview(panels, names, table, subjects, width)


def _overview(panels: list, names: list[str], table: pd.DataFrame, subjects: pd.DataFrame, width: float) -> Figure:
    """Rank profiles of all models above, named rows of the best models in the leading panels below."""
    profile_columns = _columns(len(panels), width, widest=1.7)
    profile_height = 1.75 * -(-len(panels) // profile_columns) + 0.35
    best = names[:BEST]
    leading = panels[: _columns(len(panels), width - _margin(table))]
    rows_height = _rows_height(len(best), max(len(metrics) for _, metrics in leading))
    figure = style.new_figure(width, profile_height + rows_height)
    above, below = figure.subfigures(2, 1, height_ratios=[profile_height, rows_height])
    _draw_profiles(above, panels, table, profile_columns)
    above.suptitle(f"All {len(names)} models, every metric in its own order", x=0.01, ha="left", fontsize=8)
    if len(best) < len(names):
        title = f"The best {len(best)} by {ordering_label(table)}"
        below.suptitle(title, x=0.01, ha="left", fontsize=8)
    _draw_rows(below, leading, best, table, subjects, len(leading), legend=False)
    return figure


def _panels(table: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """(region, metrics that share its panel): similarities of RSMs first, then encoding."""
    panels = []
    for axis in AXES:
        for region in in_order(table["region"]):
            present = metrics_in(table.loc[table["region"] == region, "metric"])
            if here := [metric for metric in present if METRICS[metric].axis == axis]:
                panels.append((region, here))
    return panels


def _columns(n_panels: int, room: float, widest: float = PANEL) -> int:
    return int(max(1, min(n_panels, 4, room // widest)))


def _margin(table: pd.DataFrame) -> float:
    return CHARACTER * max(len(short(name)) for name in table["display_name"])


def _rows_height(n_models: int, n_metrics: int) -> float:
    return n_models * ROW * (1 if n_metrics == 1 else 1.45) + 1.35


# --- named rows -----------------------------------------------------------------------------------


def _draw_rows(
    figure: Figure | SubFigure,
    panels: list,
    names: list[str],
    table: pd.DataFrame,
    subjects: pd.DataFrame,
    n_columns: int,
    *,
    legend: bool = True,
) -> None:
    n_rows = -(-len(panels) // n_columns)
    axes = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True)
    labels = dict(zip(table["model"], table["display_name"], strict=True))
    position = {name: place for place, name in enumerate(names)}
    with_ceiling = [metrics for region, metrics in panels if _ceiling(table, region, metrics)]
    for ax, (region, metrics) in zip(axes.flat, panels, strict=False):
        for place in range(0, len(names), 2):
            ax.axhspan(place - 0.5, place + 0.5, color=style.STRIPE, linewidth=0, zorder=0)
        for metric in metrics:
            offset = (metrics.index(metric) - (len(metrics) - 1) / 2) * 0.42 - SUBJECT_DROP / 3
            for rows, mark in ((subjects, _subject_mark), (table, _mean_mark)):
                here = rows[(rows["region"] == region) & (rows["metric"] == metric) & rows["model"].isin(position)]
                mark(ax, here, here["model"].map(position) + offset, is_filled(metric, metrics))
        _finish_rows(ax, region, metrics, table, aligned=metrics in with_ceiling)
        ax.set_yticks(range(len(names)), [short(labels[name]) for name in names])
        ax.set_ylim(len(names) - 0.5, -0.5)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    if legend:
        _legend(figure, panels, table, with_subjects=table["n_subjects"].max() > 1)


def _subject_mark(ax: Axes, rows: pd.DataFrame, y: pd.Series, filled: bool) -> None:
    if rows.groupby(["model"]).size().max() == 1:
        return
    for training, look in style.TRAINING.items():
        these = rows["training"] == training
        ax.scatter(
            rows["score"][these],
            y[these] + SUBJECT_DROP,
            s=4,
            marker=look["marker"],
            facecolor=look["color"] if filled else "white",
            edgecolor=look["color"],
            linewidth=0.4,
            alpha=0.7,
            zorder=2,
        )


def _mean_mark(ax: Axes, rows: pd.DataFrame, y: pd.Series, filled: bool) -> None:
    for training, look in style.TRAINING.items():
        these = rows["training"] == training
        color = look["color"]
        ax.hlines(y[these], rows["ci_low"][these], rows["ci_high"][these], color=color, linewidth=1.1, zorder=3)
        ax.scatter(
            rows["score"][these],
            y[these],
            s=20 if look["marker"] == "o" else 16,
            marker=look["marker"],
            facecolor=color if filled else "white",
            edgecolor=color,
            linewidth=1.0,
            zorder=4,
        )
    ties = rows["ties_with_best"].eq(True)
    ax.scatter(
        rows["score"][ties], y[ties], s=TIE_SIZE, facecolor="none", edgecolor=style.GREY, linewidth=0.6, zorder=5
    )


def _finish_rows(ax: Axes, region: str, metrics: list[str], table: pd.DataFrame, *, aligned: bool) -> None:
    ax.set_xlabel(AXES[METRICS[metrics[0]].axis])
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.grid(axis="x")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ceiling = _ceiling(table, region, metrics)
    # A title stands above the upper axis; where a neighbour has one, it keeps that height.
    ax.set_title(_title(region, metrics), pad=24 if aligned and ceiling is None else 4)
    draw_ceiling(ax, ceiling, "x")
    ax.set_xlim(_score_limits(table, region, metrics, ceiling))
    share_axis(ax, ceiling, "x")


# --- rank profiles --------------------------------------------------------------------------------


def _draw_profiles(figure: Figure | SubFigure, panels: list, table: pd.DataFrame, n_columns: int) -> None:
    n_rows = -(-len(panels) // n_columns)
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for index, (ax, (region, metrics)) in enumerate(zip(axes.flat, panels, strict=False)):
        for metric in metrics:
            rows = table[(table["region"] == region) & (table["metric"] == metric)]
            for training, look in style.TRAINING.items():
                these = rows[rows["training"] == training]
                color = look["color"]
                ax.vlines(these["rank"], these["ci_low"], these["ci_high"], color=color, alpha=0.35, linewidth=0.5)
                ax.scatter(
                    these["rank"],
                    these["score"],
                    s=6,
                    marker=look["marker"],
                    facecolor=color if is_filled(metric, metrics) else "white",
                    edgecolor=color,
                    linewidth=0.5,
                    zorder=3,
                )
        ceiling = _ceiling(table, region, metrics)
        draw_ceiling(ax, ceiling, "y")
        ax.set_ylim(_score_limits(table, region, metrics, ceiling))
        rest = panels[index + 1 : index - index % n_columns + n_columns]  # of its row: the last axis is named for all
        last = not any(_ceiling(table, *panel) for panel in rest)
        share_axis(ax, ceiling, "y", label=SHARE_LABEL.replace(" explained", "\nexplained") if last else "")
        ax.set_title(_title(region, metrics), pad=4)
        ax.set_xlabel("rank")
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        if index % n_columns == 0 or METRICS[metrics[0]].axis != METRICS[panels[index - 1][1][0]].axis:
            ax.set_ylabel(AXES[METRICS[metrics[0]].axis].replace(" (", "\n("))
        ax.grid(axis="y")
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    _legend(figure, panels, table, with_subjects=False)


# --- shared parts ---------------------------------------------------------------------------------


def _title(region: str, metrics: list[str]) -> str:
    axis = METRICS[metrics[0]].axis
    return short(region, 28) if axis == "RSA" else f"{short(region, 22)}, {TITLES.get(axis, METRICS[metrics[0]].label)}"


def _ceiling(table: pd.DataFrame, region: str, metrics: list[str]) -> Ceiling | None:
    """Ceiling of a panel, None where a metric has none or the metrics' ceilings differ."""
    rows = table[(table["region"] == region) & table["metric"].isin(metrics)]
    means = rows["noise_ceiling"]
    if means.isna().all() or means.max() - means.min() > 1e-6:
        return None
    return Ceiling(rows["ceiling_min"].min(), float(means.mean()), rows["ceiling_max"].max())


def _score_limits(table: pd.DataFrame, region: str, metrics: list[str], ceiling: Ceiling | None) -> tuple[float, float]:
    rows = table[(table["region"] == region) & table["metric"].isin(metrics)]
    low = np.nanmin(rows[["score_min", "ci_low"]].to_numpy(dtype=float))
    high = np.nanmax(rows[["score_max", "ci_high"]].to_numpy(dtype=float))
    return score_limits(float(low), float(high), ceiling)


def _legend(figure: Figure | SubFigure, panels: list, table: pd.DataFrame, *, with_subjects: bool) -> None:
    handles = []
    for training in in_order(table["training"]):
        look = style.TRAINING[training]
        handles.append(style.mark(look["marker"], look["color"], look["label"], size=4.5))
    metrics = [metric for metric in METRICS if any(metric in here for _, here in panels)]
    if len(metrics) > 1 and any(len(here) > 1 for _, here in panels):
        for metric in metrics:
            if METRICS[metric].axis == "RSA":
                face = style.GREY if METRICS[metric].filled else "white"
                handles.append(style.mark("o", style.GREY, METRICS[metric].label, face=face, size=4.5))
    if with_subjects:
        handles.append(style.mark("o", style.GREY, "one subject", size=2.2))
    if table["ties_with_best"].eq(True).any():
        handles.append(style.mark("o", style.GREY, "may be the best (95 %)", face="none", size=TIE_SIZE**0.5))
    if table["ci_low"].notna().any():
        handles.append(Line2D([], [], color=style.GREY, linewidth=1.1, label="95 % interval over images"))
    if any(_ceiling(table, region, here) for region, here in panels):
        handles.append(ceiling_handle())
    columns = max(1, int(figure.bbox.width / figure.dpi // 1.6))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))
