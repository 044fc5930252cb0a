"""Supplementary panels: do subjects agree, which layers are selected, do regions differ, does projection matter."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from menagerie.figures import style
from menagerie.figures.supplement_table import (
    depth_points,
    dimension_points,
    kind_order,
    region_points,
    subject_points,
)
from menagerie.figures.tidy import METRICS, in_order, metrics_in, on_rsms, short

GOLDEN = (np.sqrt(5) - 1) / 2
PANEL = 2.6  # inches: height


@style.styled
def supplement_figure(data: pd.DataFrame, dataset: str, *, width: float = style.PAGE_WIDTH) -> Figure:
    """Draw the supplementary figure of one dataset.

    Parameters
    ----------
    data
        Table ``experiments/overall/data``.
    dataset
        Name of the dataset.
    width
        Inches; ``style.NARROW_WIDTH`` stacks the panels.

    Returns
    -------
    Figure
        A: every subject's scores against the mean of the others. B: relative depth of the selected layers by kind of
        network. C: scores in other regions against those in the first. D: effective dimensionality of the selected
        layers after projection against before. Panels whose values are not known are left out, by name. A sentence
        where nothing is known.
    """
    rows = on_rsms(data[data["dataset"] == dataset])
    if rows.empty:
        return style.sentence(f"Supplement: no network has a score of RSMs in {dataset}.", width)
    panels = [
        ("A", "subjects", subject_points(rows), _draw_subjects, "one subject only, or means over subjects only"),
        ("B", "selected layers", depth_points(rows), _draw_depths, "no known depth of layers"),
        ("C", "regions", region_points(rows), _draw_regions, "one region only"),
        ("D", "projection", dimension_points(rows), _draw_dimensions, "no known dimensionality"),
    ]
    left_out = "; ".join(f"{title} ({excuse})" for _, title, points, _, excuse in panels if points.empty)
    drawn = [panel for panel in panels if len(panel[2])]
    if not drawn:
        return style.sentence(f"Supplement, {dataset}: nothing to draw of {left_out}.", width)
    columns = 2 if width > style.NARROW_WIDTH else 1
    n_rows = -(-len(drawn) // columns)
    note = textwrap.fill(f"Not known: {left_out}.", int(width * 15)) if left_out else ""
    figure = style.new_figure(width, n_rows * PANEL + 0.45 + 0.13 * (note.count("\n") + bool(note)))
    axes = figure.subplots(n_rows, columns, squeeze=False).flat
    for ax, (letter, title, points, draw, _) in zip(axes, drawn, strict=False):
        ax.set_title(f"{letter}  {title}", loc="left")
        draw(ax, points, short(rows["region"].iloc[0], 16))
    for ax in axes[len(drawn) :]:
        ax.remove()
    if note:
        figure.suptitle(note, x=0.01, ha="left", fontsize=6.5)
    handles = []
    for metric in metrics_in(rows["metric"]):
        face = style.GREY if METRICS[metric].filled else "white"
        handles.append(style.mark("o", style.GREY, f"{METRICS[metric].label}, one network", face=face))
    handles.append(Line2D([], [], color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)), label="equal values"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(3, int(width // 1.2)))
    return figure


def _draw_subjects(ax: Axes, points: pd.DataFrame, region: str) -> None:
    _draw_groups(ax, points, "subject", "others", "score")
    _equal(ax)
    ax.set_xlabel(f"mean of the other subjects (r), {region}")
    ax.set_ylabel("one subject (r)")


def _draw_regions(ax: Axes, points: pd.DataFrame, region: str) -> None:
    _draw_groups(ax, points, "region", "first", "score")
    _equal(ax)
    ax.set_xlabel(f"score in {region} (r)")
    ax.set_ylabel("score in another region (r)")


def _draw_dimensions(ax: Axes, points: pd.DataFrame, region: str) -> None:
    _draw_groups(ax, points, "training", "ed_raw", "ed_srp")
    style.log_scale(ax, "x", "y")
    _equal(ax)
    ax.set_xlabel("effective dimensionality of raw features")
    ax.set_ylabel("after random projection")


def _draw_depths(ax: Axes, points: pd.DataFrame, region: str) -> None:
    kinds, metrics = kind_order(points), metrics_in(points["metric"])
    offsets = dict(zip(metrics, np.linspace(0.2, -0.2, len(metrics)) if len(metrics) > 1 else [0.0], strict=True))
    for number, kind in enumerate(kinds):
        color = style.VERMILION if kind == "untrained" else style.PALETTE[number % len(style.PALETTE)]
        for metric in metrics:
            depth = points[(points["kind"] == kind) & (points["metric"] == metric)]["depth"].sort_values().to_numpy()
            if not len(depth):
                continue
            middle = number + offsets[metric]
            spread = 0.28 * (GOLDEN * np.arange(len(depth)) % 1 - 0.5)  # neighbours in depth lie apart
            face = color if METRICS[metric].filled else "white"
            ax.scatter(depth, middle + spread, s=7, facecolor=face, edgecolor=color, linewidth=0.5, zorder=3)
            ends = [middle - 0.18, middle + 0.18]
            ax.plot([np.median(depth)] * 2, ends, color=style.BLACK, linewidth=1.4, zorder=4)
    counts = points.drop_duplicates("model")["kind"].value_counts()
    ax.set_yticks(range(len(kinds)), [f"{short(kind, 13)}\n({counts[kind]})" for kind in kinds])
    ax.set_ylim(len(kinds) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(-0.03, 1.03)
    ax.grid(axis="x")
    ax.set_xlabel(f"relative depth of the selected layer, {region}")


def _draw_groups(ax: Axes, points: pd.DataFrame, group: str, x: str, y: str) -> None:
    """Points with a colour and mark per group, and a key with each group's rank correlation."""
    handles = []
    metrics = metrics_in(points["metric"])
    for number, name in enumerate(in_order(points[group])):
        if name in style.TRAINING:
            color, marker = style.TRAINING[name]["color"], style.TRAINING[name]["marker"]
        else:
            color = style.PALETTE[number % len(style.PALETTE)]
            marker = style.MARKERS[(number + number // len(style.PALETTE)) % len(style.MARKERS)]
        own = points[points[group] == name]
        for metric in metrics:
            rows = own[own["metric"] == metric]
            face = color if METRICS[metric].filled else "white"
            ax.scatter(rows[x], rows[y], s=8, marker=marker, facecolor=face, edgecolor=color, linewidth=0.5, zorder=3)
        rows = own[own["metric"] == metrics[-1]]
        varies = len(rows) > 3 and np.ptp(rows[x]) > 0 and np.ptp(rows[y]) > 0
        rho = f", \N{GREEK SMALL LETTER RHO} {stats.spearmanr(rows[x], rows[y]).statistic:.2f}" if varies else ""
        label = short({"random": "untrained"}.get(name, name), 12) + rho.replace("-", "\N{MINUS SIGN}")
        handles.append(style.mark(marker, color, label, size=3.5))
    ax.grid()
    # Beside the panel: points may be anywhere inside.
    place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    ax.legend(handles=handles, handletextpad=0.1, fontsize=5.8, labelspacing=0.3, borderpad=0.1, **place)


def _equal(ax: Axes) -> None:
    """The line of equal values, over the range that both axes share."""
    low = max(ax.get_xlim()[0], ax.get_ylim()[0])
    high = min(ax.get_xlim()[1], ax.get_ylim()[1])
    if low < high:
        ax.plot([low, high], [low, high], color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
