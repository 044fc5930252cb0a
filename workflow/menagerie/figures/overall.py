"""Variation over all networks: their order, and what their scores go along with."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from menagerie.figures import style
from menagerie.figures.ceiling import Ceiling, ceiling_handle, draw_ceiling, score_limits, share_axis
from menagerie.figures.experiment_table import known_ceiling
from menagerie.figures.overall_table import (
    LEAST,
    UNTRAINED,
    breakpoints,
    ceiling_rows,
    correlation,
    diet_order,
    points,
    regression,
)
from menagerie.figures.tidy import AXES, METRICS, in_order, metrics_in, short

# Factor -> (axis label, whether the axis is logarithmic).
FACTORS = {
    "ed_raw": ("effective dimensionality", False),
    "top1": ("ImageNet top-1 accuracy (%)", False),
    "parameters": ("parameters", True),
}
ORDER_HEIGHT, PANEL_HEIGHT = 2.5, 1.55  # inches


@style.styled
def overall_figure(
    data: pd.DataFrame, effects: pd.DataFrame, dataset: str, *, width: float = style.PAGE_WIDTH
) -> Figure:
    """Draw the variation over all networks in the first region of a dataset.

    Parameters
    ----------
    data, effects
        Tables ``experiments/overall/data`` and ``effects``.
    dataset
        Name of the dataset.
    width
        Inches.

    Returns
    -------
    Figure
        A: every network in the order of veRSA (cRSA where there is no veRSA), coloured by training data, with rank
        breakpoints. B, C, D: score against effective dimensionality, top-1 accuracy and number of parameters, with the
        line of regression over trained networks and its 95 % band. A sentence where no network has a score.
    """
    table = points(data, dataset)
    if table.empty:
        return style.sentence(f"Overall variation: no network has a score of RSMs in {dataset}.", width)
    effects = effects[effects["dataset"] == dataset]
    metrics, diets = metrics_in(table["metric"])[::-1], diet_order(table)
    ceiling = known_ceiling(ceiling_rows(data, table, dataset))
    wide = width > style.NARROW_WIDTH
    shape = (len(metrics), len(FACTORS)) if wide else (len(FACTORS), len(metrics))
    columns = max(1, int(width // 1.8))
    legend_height = 0.3 + 0.15 * -(-(len(diets) + 6) // columns)
    heights = [ORDER_HEIGHT + legend_height, shape[0] * PANEL_HEIGHT]
    figure = style.new_figure(width, sum(heights))
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    _draw_order(above, table, diets, ceiling, breakpoints(effects, table), columns)
    grid = below.subplots(*shape, squeeze=False, sharex="col" if wide else "row", sharey="row" if wide else "col")
    for i, metric in enumerate(metrics):
        for j, factor in enumerate(FACTORS):
            ax = grid[i, j] if wide else grid[j, i]
            rows = table[table["metric"] == metric]
            text = correlation(effects, table, metric, factor)
            text = text if wide else text.replace(", n", "\nn")
            _draw_factor(ax, rows, factor, diets, ceiling, text)
            if i == 0:
                ax.set_title("BCD"[j], loc="left")
            if not wide or i == len(metrics) - 1:
                ax.set_xlabel(FACTORS[factor][0])
            ax.tick_params(which="both", labelbottom=True)
            if not wide or j == 0:
                ax.set_ylabel(f"{METRICS[metric].label} (Pearson r)")
    return figure


def _draw_order(
    figure: SubFigure,
    table: pd.DataFrame,
    diets: list[str],
    ceiling: Ceiling | None,
    breaks: list[tuple[float, float, float]],
    columns: int,
) -> None:
    ax = figure.subplots()
    for metric, rows in table.groupby("metric", sort=False):
        _scatter(ax, rows, "rank", diets, filled=METRICS[metric].filled)
    draw_ceiling(ax, ceiling, "y")
    ax.set_ylim(score_limits(table["score"].min(), table["score"].max(), ceiling))
    n = table["model"].nunique()
    ax.set_xlim(1 - 0.02 * n, n + 0.02 * n)
    for number, (place, low, high) in enumerate(breaks):
        height = 0.03 + 0.03 * number  # intervals may overlap
        ax.axvline(place, color=style.BLACK, linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=1.5)
        ax.plot([low, high], [height, height], color=style.BLACK, linewidth=1.4, transform=ax.get_xaxis_transform())
    share_axis(ax, ceiling, "y")
    leading = METRICS[metrics_in(table["metric"])[-1]].label
    region = short(table["region"].iloc[0], 20)
    ax.set_title(f"A  {n} networks in order of {leading}: {region}", loc="left")
    ax.set_xlabel("rank")
    ax.set_ylabel(AXES["RSA"].replace(" (", "\n("))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.grid(axis="y")
    handles = []
    for diet in diets:
        color, marker = _look(diet, diets)
        handles.append(style.mark(marker, color, diet))
    for metric in metrics_in(table["metric"]):
        face = style.GREY if METRICS[metric].filled else "white"
        handles.append(style.mark("o", style.GREY, METRICS[metric].label, face=face))
    if table.loc[table["training"] == "trained", "model"].nunique() >= LEAST:
        handles.append(Line2D([], [], color=style.BLACK, linewidth=1.2, label="regression, trained"))
    if breaks:
        dots = {"color": style.BLACK, "linewidth": 0.8, "linestyle": (0, (1, 1.5))}
        handles.append(Line2D([], [], label="rank breakpoint", **dots))
        handles.append(Line2D([], [], color=style.BLACK, linewidth=1.4, label="its 95 % interval"))
    if ceiling is not None:
        handles.append(ceiling_handle())
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))


def _draw_factor(
    ax: Axes, rows: pd.DataFrame, factor: str, diets: list[str], ceiling: Ceiling | None, text: str
) -> None:
    logarithmic = FACTORS[factor][1]
    known = rows[rows[factor].notna()] if factor in rows else rows.iloc[:0]
    draw_ceiling(ax, ceiling, "y")
    ax.set_ylim(score_limits(rows["score"].min(), rows["score"].max(), ceiling))
    ax.grid(axis="y")
    if known.empty:
        ax.text(0.5, 0.5, "no network has\na known value", transform=ax.transAxes, ha="center", va="center")
        ax.set_xticks([])
        return
    _scatter(ax, known, factor, diets, filled=METRICS[rows["metric"].iloc[0]].filled)
    trained = known[known["training"] == "trained"]
    x, y = trained[factor].to_numpy(dtype=float), trained["score"].to_numpy(dtype=float)
    x = np.log10(x) if logarithmic else x
    if len(x):
        at = np.linspace(x.min(), x.max(), 60)
        band = regression(x, y, at)
        if band is not None:
            places = 10**at if logarithmic else at
            ax.fill_between(places, band[1], band[2], color=style.GREY, alpha=0.3, linewidth=0, zorder=4)
            ax.plot(places, band[0], color=style.BLACK, linewidth=1.2, zorder=5)
    if logarithmic:
        style.log_scale(ax, "x")
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.set_title(text, loc="right", fontsize=6, fontweight="normal")


def _scatter(ax: Axes, rows: pd.DataFrame, x: str, diets: list[str], *, filled: bool) -> None:
    size = float(np.clip(900 / max(len(rows), 1), 6, 16))
    for diet in diets:
        color, marker = _look(diet, diets)
        these = rows[rows["diet"] == diet]
        face = color if filled else "white"
        ax.scatter(
            these[x], these["score"], s=size, marker=marker, facecolor=face, edgecolor=color, linewidth=0.5, zorder=3
        )


def _look(diet: str, diets: list[str]) -> tuple[str, str]:
    """Colour and marker."""
    if diet == UNTRAINED:
        return style.TRAINING["random"]["color"], style.TRAINING["random"]["marker"]
    place = in_order(diets).index(diet)
    return style.DIETS[place % len(style.DIETS)], style.MARKERS[place % len(style.MARKERS)]
