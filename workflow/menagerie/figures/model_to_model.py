"""How alike networks are to each other, before and after their features are reweighted to predict a brain."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from menagerie.figures import style
from menagerie.figures.levels import Look
from menagerie.figures.model_to_model_table import ModelMap, ModelSets
from menagerie.figures.tidy import METRICS, metrics_in, short
from menagerie.statistics.similarity import concave_hull

BIN, WIDE_BIN, MANY = 0.02, 0.05, 500  # of r; wide for fewer than so many pairs
SIDE = 1.4  # inches: a map, without its title and key
TITLE = {"fontsize": 6.2, "fontweight": "normal", "loc": "left"}
HEADINGS = {"crsa": "raw layers (cRSA)", "versa": "layers reweighted to predict the region (veRSA)"}


@style.styled
def model_to_model_figure(
    maps: Mapping[str, ModelMap], sets: Sequence[ModelSets], where: str, *, width: float = style.PAGE_WIDTH
) -> Figure:
    """Draw histograms of all pairs and maps of all networks.

    Parameters
    ----------
    maps, sets
        From :func:`~menagerie.figures.model_to_model_table.model_maps` and ``model_sets``.
    where
        Dataset and region, for the heading.
    width
        Inches.

    Returns
    -------
    Figure
        For each metric, a histogram of the correlations of all pairs of networks and a map per experiment: the same
        points in the same scale everywhere, the sets of the experiment in colour with their hulls. A sentence where
        fewer than two networks have selected layers.
    """
    metrics = metrics_in(maps)
    if not metrics:
        return style.sentence(f"Model to model, {where}: fewer than two networks with selected layers.", width)
    shown = [s for s in (_within(one, maps[metrics[0]].models) for one in sets) if s.sets]
    shown = shown or [ModelSets("All networks", {"": ()})]
    columns = min(len(shown) + 1, 4 if width > style.NARROW_WIDTH else 2)
    rows = -(-(len(shown) + 1) // columns)
    key = 0.1 * max(len(one.sets) for one in shown)
    row_height = min(SIDE, width / columns - 0.15) + 0.45 + key
    figure = style.new_figure(width, len(metrics) * (rows * row_height + 0.3) + 0.1)
    parts = figure.subfigures(len(metrics), 1, squeeze=False)[:, 0]
    window = _window(maps.values())
    for part, metric in zip(parts, metrics, strict=True):
        axes = part.subplots(rows, columns, squeeze=False).flat
        names = len(maps[metric].models)
        heading = textwrap.fill(f"{names} networks, {HEADINGS[metric]}: {where}", int(width * 15))
        part.suptitle(heading, x=0.01, ha="left", fontsize=8, fontweight="bold")
        _draw_histogram(next(axes), maps[metric].values, filled=METRICS[metric].filled)
        for one in shown:
            ax = next(axes)
            _draw_map(ax, maps[metric], one, window, filled=METRICS[metric].filled)
            ax.set_title(textwrap.fill(one.title, int(15 * width / columns)), **TITLE)
        for ax in axes:
            ax.remove()
    return figure


def _within(one: ModelSets, models: Sequence[str]) -> ModelSets:
    """Sets without the networks that the map lacks; none where that leaves nothing to compare."""
    known = set(models)
    sets = {name: tuple(m for m in members if m in known) for name, members in one.sets.items()}
    sets = {name: members for name, members in sets.items() if members}
    whole = len(one.sets) == 1 and sum(map(len, sets.values())) > 1
    return replace(one, sets=sets if len(sets) > 1 or whole else {})


def _window(maps: Iterable[ModelMap]) -> tuple[np.ndarray, float]:
    """Centre and half the side of the square that holds all maps."""
    points = np.vstack([np.zeros((1, 2)), *(one.points for one in maps if one.points is not None)])
    low, high = points.min(axis=0), points.max(axis=0)
    return (low + high) / 2, 0.54 * float((high - low).max()) or 1.0


def _draw_histogram(ax: Axes, values: np.ndarray, *, filled: bool) -> None:
    step = BIN if len(values) >= MANY else WIDE_BIN
    first = np.floor(min(0.0, values.min()) / step)
    bins = step * np.arange(first, round(1 / step) + 1)
    low = bins[0]
    look = {"color": style.GREY} if filled else {"facecolor": "white", "edgecolor": style.GREY, "linewidth": 0.6}
    ax.hist(np.minimum(values, 1.0), bins=bins, **look)  # rounding may leave twins just above 1
    ax.axvline(values.mean(), color=style.BLACK, linewidth=0.9, linestyle=(0, (1, 1.5)))
    ax.set_xlim(min(-0.2, low), 1.02)
    ax.set_xlabel("similarity of two networks (r)")
    ax.set_ylabel("pairs")
    spread = f", SD {values.std(ddof=1):.3f}" if len(values) > 1 else ""
    text = f"{len(values):,} pairs:\nmean {values.mean():.3f}{spread}".replace("-", "\N{MINUS SIGN}")
    ax.set_title(text, **TITLE)


def _draw_map(ax: Axes, one: ModelMap, sets: ModelSets, window: tuple[np.ndarray, float], *, filled: bool) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    centre, half = window
    ax.set_xlim(centre[0] - half, centre[0] + half)
    ax.set_ylim(centre[1] - half, centre[1] + half)
    ax.set_aspect("equal")
    for side in ax.spines.values():
        side.set_visible(True)
    if one.points is None:
        text = "no map: these networks\nspan fewer than\ntwo dimensions"
        ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center")
        return
    place = {name: number for number, name in enumerate(one.models)}
    ax.scatter(*one.points.T, s=3, color=style.PALE, linewidth=0, zorder=1)
    handles = []
    for name, members in sets.sets.items():
        look = sets.looks.get(name, Look(style.BLUE))
        color = look.color
        own = one.points[[place[m] for m in members if m in place]]
        if not len(own):
            continue
        hull = concave_hull(own)
        if len(hull) > 2:
            ax.add_patch(Polygon(hull, facecolor=color, edgecolor="none", alpha=0.18, zorder=2))
        ax.plot(*hull[[*range(len(hull)), 0]].T, color=color, linewidth=0.7, linestyle=look.line, zorder=2.5)
        mark = {"marker": look.marker, "markerfacecolor": color if filled else "white", "markeredgecolor": color}
        ax.plot(*own.T, linestyle="", markersize=2.2, markeredgewidth=0.5, zorder=3, **mark)
        label = f"{short(name, 18)} ({len(own)})" if not name.endswith("networks") else name
        line = {"color": color, "linewidth": 0.7, "linestyle": look.line}
        handles.append(Line2D([], [], markersize=3, label=label, **line, **mark))
    if handles:
        ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=1 if any(len(h.get_label()) > 14 for h in handles) else 2,
            fontsize=5.8,
            borderpad=0.2,
            handlelength=1.8,
            columnspacing=0.8,
            labelspacing=0.25,
        )
