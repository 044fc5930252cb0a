"""The figure of an opportunistic experiment: a box per network, a ribbon per level, the noise ceiling."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from menagerie.figures import style
from menagerie.figures.ceiling import Ceiling, ceiling_handle, draw_ceiling, score_limits, share_axis
from menagerie.figures.experiment_table import boxes, known_ceiling, leading_metric, level_order, ribbons
from menagerie.figures.levels import Look, level_look, level_name
from menagerie.figures.tidy import AXES, METRICS, in_order, metrics_in, on_rsms, short
from menagerie.statistics.experiments import Experiment

GAP = 1.0  # columns between the groups of two levels
MARGIN = 1.0  # inches for the axes of scores, left and right of the columns
NAMES = 1.45  # inches for names beside rows
SMALLEST, LARGEST = 4.6, 6.5  # points: type of the networks' names
ROW = 0.112  # inches a network, where networks are rows
PANEL = 1.9  # inches: height of a panel whose networks are columns
LEAST_PANEL = 1.25  # the same, for more than three regions
LONGEST = 30  # characters of a name


@dataclass(frozen=True)
class Layout:
    """Where networks stand, and which way the axes run.

    Attributes
    ----------
    upright
        Networks are columns and scores rise; else networks are rows, the first one on top.
    places
        Network -> position along its axis.
    pitch
        Inches from one network to the next.
    size
        Points of the networks' names; 0 where there is no room for names.
    headed
        Whether the first network needs room above it, for the name of its level.
    """

    upright: bool
    places: dict[str, float]
    pitch: float
    size: float
    headed: bool = False

    @property
    def score_axis(self) -> str:
        """Axis that scores run along: ``"x"`` or ``"y"``."""
        return "y" if self.upright else "x"

    @property
    def ends(self) -> tuple[float, float]:
        """Limits of the networks' axis."""
        return -1.7 if self.headed else -0.75, max(self.places.values()) + 0.75

    def xy(self, place: float, score: float) -> tuple[float, float]:
        """Coordinates of a score of the network at ``place``."""
        return (place, score) if self.upright else (score, place)


@style.styled
def experiment_figure(
    experiment: Experiment,
    data: pd.DataFrame,
    dataset: str,
    *,
    reason: str = "",
    width: float = style.PAGE_WIDTH,
) -> Figure:
    """Draw one experiment in one dataset.

    Parameters
    ----------
    experiment
        The experiment; its ``figure`` says how: levels, models or pairs.
    data
        Its table ``data``.
    dataset
        Name of the dataset.
    reason
        Why the run has no data for it, from the footer of the table.
    width
        Inches; ``style.NARROW_WIDTH`` turns columns of networks into rows.

    Returns
    -------
    Figure
        A panel per region: a box per network (line: mean over subjects; height: interval of
        :func:`~menagerie.figures.experiment_table.boxes`), a ribbon per level (mean and interval over networks), the
        noise ceiling and the axis of explainable variance. A sentence where no network takes part.
    """
    table = boxes(experiment, data, dataset)
    if table.empty:
        text = reason or _why_empty(experiment, data, dataset)
        return style.sentence(f"{experiment.title}: nothing to draw, {text.removeprefix('experiment ')}.", width)
    bands, levels = ribbons(experiment, table), level_order(experiment, data)
    levels = [level for level in levels if level in set(table["level"])]
    layout = _layout(experiment, table, width)
    regions = in_order(table["region"])
    n_entries = 4 + (2 if experiment.figure == "models" else len(levels)) + 2 * (experiment.factor == "metric")
    figure = style.new_figure(width, _height(layout, table, len(regions), width, n_entries))
    axes = figure.subplots(len(regions), 1, squeeze=False, sharex=layout.upright)[:, 0]
    here = on_rsms(data[data["dataset"] == dataset])
    ceilings = {region: known_ceiling(here[here["region"] == region]) for region in regions}
    for ax, region in zip(axes, regions, strict=True):
        one, ribbon = table[table["region"] == region], bands[bands["region"] == region]
        span = _finish(ax, layout, one, ribbon, ceilings[region])
        _draw_ribbons(ax, experiment, layout, one, ribbon, levels)
        _draw_boxes(ax, experiment, layout, one, levels, 72 * _panel(layout, len(regions), width) / span)
        if len(regions) > 1:
            ax.set_title(short(region, 28), loc="left", pad=3)
        _name_networks(ax, layout, table, last=ax is axes[-1])
        if experiment.figure == "levels":
            _name_levels(ax, experiment, layout, table, levels, first=ax is axes[0])
    title = experiment.title if len(regions) > 1 else f"{experiment.title}: {short(regions[0], 28)}"
    figure.suptitle(textwrap.fill(title, int(width * 15)), x=0.01, ha="left", fontsize=8, fontweight="bold")
    known = any(ceilings.values())
    _legend(figure, experiment, table, bands, levels, ceiling=known)
    return figure


# --- where things stand ---------------------------------------------------------------------------


def _why_empty(experiment: Experiment, data: pd.DataFrame, dataset: str) -> str:
    """Why an experiment has nothing to show of a dataset."""
    found = metrics_in(data.loc[data["dataset"] == dataset, "metric"])
    if found and experiment.factor == "metric":
        labels = ", ".join(METRICS[metric].label for metric in found)
        return f"it compares metrics, and {dataset} has scores of {labels} only"
    return f"no network with a score in {dataset} takes part"


def _layout(experiment: Experiment, table: pd.DataFrame, width: float) -> Layout:
    """Columns where they can be named or there are too many to name as rows too; rows elsewhere."""
    order = in_order(table["column"])
    places = {name: float(position) for position, name in enumerate(order)}
    if experiment.figure == "levels":
        level = table.drop_duplicates("column").set_index("column")["level"]
        groups = in_order(level)
        places = {name: place + GAP * groups.index(level[name]) for name, place in places.items()}
    span = max(places.values()) + 1.5
    pitch = (width - MARGIN) / span
    size = min(LARGEST, 0.88 * 72 * pitch)
    if size >= SMALLEST and (width > style.NARROW_WIDTH or pitch >= 0.2):
        return Layout(True, places, pitch, size)
    if width <= style.NARROW_WIDTH and span * ROW <= 1.2 * style.MAX_PAGE_HEIGHT:
        return Layout(False, places, ROW, 5.8, headed=experiment.figure == "levels")
    return Layout(True, places, pitch, 0)


def _height(layout: Layout, table: pd.DataFrame, n_regions: int, width: float, n_entries: int) -> float:
    legend = 0.16 * -(-n_entries // max(1, int(width // 1.9))) + 0.55
    if not layout.upright:
        low, high = layout.ends
        return n_regions * ((high - low) * ROW + 0.75) + legend
    longest = max(len(short(name, LONGEST)) for name in table["name"])
    names = 0.2 if _flat(layout, table) or not layout.size else longest * layout.size * 0.62 / 72
    return n_regions * _panel(layout, n_regions, width) + names + legend


def _panel(layout: Layout, n_regions: int, width: float) -> float:
    """Inches of an axis of scores."""
    if not layout.upright:
        return width - NAMES
    return PANEL if n_regions <= 3 else LEAST_PANEL


def _flat(layout: Layout, table: pd.DataFrame) -> bool:
    """Whether names fit below their columns without turning."""
    longest = max(len(short(name, LONGEST)) for name in table["name"])
    return 0.6 * layout.size / 72 * longest < 0.95 * layout.pitch


def _offsets(experiment: Experiment, levels: list[str]) -> dict[str, float]:
    """Members of a pair stand side by side, unless their metric already tells them apart."""
    if experiment.figure != "pairs" or experiment.factor == "metric":
        return dict.fromkeys(levels, 0.0)
    return dict(zip(levels, np.linspace(-0.2, 0.2, len(levels)), strict=True))


# --- marks ----------------------------------------------------------------------------------------


def _draw_boxes(
    ax: Axes, experiment: Experiment, layout: Layout, table: pd.DataFrame, levels: list[str], points: float
) -> None:
    """A box per network; ``points`` is the length on paper of a score of 1."""
    offsets = _offsets(experiment, levels)
    paired = any(offsets.values())
    half = min(0.34, 0.11 / layout.pitch) * (0.5 if paired else 1)
    line = float(np.clip(7 * layout.pitch, 0.3, 0.9))
    if paired:
        for _, pair in table.groupby(["metric", "column"], sort=False):
            ends = [layout.xy(layout.places[r.column] + offsets[r.level], r.score) for r in pair.itertuples()]
            ax.plot(*zip(*ends, strict=True), color=style.PALE, linewidth=0.8 * line, zorder=3)
    for row in table.itertuples():
        place, look = layout.places[row.column] + offsets[row.level], level_look(experiment, row.level, levels)
        color = _box_color(experiment, row.training, look)
        filled = METRICS[row.metric].filled
        face = color if filled else "white"
        # The mean reaches beyond its box, so that it shows in a box too flat for a line of its own.
        _mean_line(ax, layout, place, 1.35 * half, row.score, color, line, zorder=3.5)
        if np.isfinite(row.low):
            corner, size = layout.xy(place - half, row.low), layout.xy(2 * half, row.high - row.low)
            ax.add_patch(Rectangle(corner, *size, zorder=4, facecolor=face, edgecolor=color, linewidth=0.7 * line))
            if (row.high - row.low) * points > 5 * line:
                _mean_line(ax, layout, place, half, row.score, "white" if filled else color, line, zorder=5)
        if paired or not np.isfinite(row.low):
            mark = {"marker": look.marker, "markeredgecolor": color}
            ax.plot(
                *layout.xy(place, row.score),
                markersize=3.5 * line,
                markerfacecolor=face,
                markeredgewidth=0.7 * line,
                zorder=6,
                **mark,
            )


def _box_color(experiment: Experiment, training: str, look: Look) -> str:
    """Metrics have no colour of their own, so there networks have that of their training."""
    if experiment.factor == "metric" and training in style.TRAINING:
        return style.TRAINING[training]["color"]
    return look.color


def _mean_line(
    ax: Axes, layout: Layout, place: float, half: float, score: float, color: str, line: float, *, zorder: float
) -> None:
    ends = (layout.xy(place - half, score), layout.xy(place + half, score))
    ax.plot(*zip(*ends, strict=True), color=color, linewidth=line, zorder=zorder, solid_capstyle="butt")


def _draw_ribbons(
    ax: Axes, experiment: Experiment, layout: Layout, table: pd.DataFrame, bands: pd.DataFrame, levels: list[str]
) -> None:
    """Mean of each level as a line over its networks, its interval as a band."""
    for row in bands.itertuples():
        own = table if experiment.figure != "levels" else table[table["level"] == row.level]
        places = own["column"].map(layout.places)
        low, high = places.min() - 0.55, places.max() + 0.55
        look = level_look(experiment, row.level, levels)
        if np.isfinite(row.low):
            corner, size = layout.xy(low, row.low), layout.xy(high - low, row.high - row.low)
            ax.add_patch(Rectangle(corner, *size, zorder=2, **_band(experiment, row.level, look)))
        if row.n > 1:
            ends = (layout.xy(low, row.mean), layout.xy(high, row.mean))
            ax.plot(*zip(*ends, strict=True), color=look.color, linestyle=look.line, linewidth=0.8, zorder=2.5)


def _band(experiment: Experiment, level: str, look: Look) -> dict:
    """A ribbon is filled, but that of an open metric is open too: two in grey could not be told apart."""
    if experiment.factor == "metric" and not METRICS[level].filled:
        return {"facecolor": "none", "edgecolor": look.color, "linewidth": 0.7, "linestyle": (0, (1, 1.5))}
    return {"facecolor": look.color, "alpha": 0.22, "linewidth": 0}


# --- axes -----------------------------------------------------------------------------------------


def _finish(ax: Axes, layout: Layout, table: pd.DataFrame, bands: pd.DataFrame, ceiling: Ceiling | None) -> float:
    """Axis of scores, with the ceiling; returns its length in r."""
    which = layout.score_axis
    draw_ceiling(ax, ceiling, which)
    values = [
        *table[["score", "low", "high"]].to_numpy(dtype=float).ravel(),
        *bands[["low", "high"]].to_numpy().ravel(),
    ]
    limits = score_limits(float(np.nanmin(values)), float(np.nanmax(values)), ceiling)
    label = AXES["RSA"].replace(" (", "\n(") if layout.upright else AXES["RSA"]
    (ax.set_ylim if layout.upright else ax.set_xlim)(limits)
    (ax.set_ylabel if layout.upright else ax.set_xlabel)(label)
    scores = ax.yaxis if layout.upright else ax.xaxis
    scores.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.grid(axis=which)
    share_axis(ax, ceiling, which)
    return limits[1] - limits[0]


def _name_networks(ax: Axes, layout: Layout, table: pd.DataFrame, *, last: bool) -> None:
    names = table.drop_duplicates("column").set_index("column")["name"]
    labels = [short(names[column], LONGEST) for column in layout.places]
    places = list(layout.places.values())
    if not layout.upright:
        ax.set_ylim(*reversed(layout.ends))
        ax.set_yticks(places, labels, fontsize=layout.size)
        ax.tick_params(axis="y", length=0)
        return
    ax.set_xlim(*layout.ends)
    if not layout.size:
        ax.set_xticks([])
        if last:
            metric = METRICS[leading_metric(table)].label
            ax.set_xlabel(f"{len(places)} networks by {metric}, best first (names: data.parquet)")
        return
    turned = {} if _flat(layout, table) else {"rotation": 90, "va": "top", "ha": "center"}
    ax.set_xticks(places, labels, fontsize=layout.size, **turned)
    ax.tick_params(axis="x", length=0, labelbottom=last)


def _name_levels(
    ax: Axes, experiment: Experiment, layout: Layout, table: pd.DataFrame, levels: list[str], *, first: bool
) -> None:
    """Names of the levels over (rows: above) their networks, where all of them fit."""
    level = table.drop_duplicates("column").set_index("column")["level"]
    spans = {one: [layout.places[c] for c in layout.places if level[c] == one] for one in levels}
    names = {one: (level_name(experiment, one), level_look(experiment, one, levels).color) for one in levels}
    if not layout.upright:
        for one, (name, color) in names.items():
            transform = ax.get_yaxis_transform()
            place = min(spans[one]) - 1.05
            ax.text(0.01, place, short(name, 24), color=color, transform=transform, va="center", fontweight="bold")
        return
    room = {one: (max(places) - min(places) + 1 + GAP) * layout.pitch for one, places in spans.items()}
    if not first or any(len(names[one][0]) * 0.068 > room[one] for one in levels):
        return
    for one, (name, color) in names.items():
        middle = (min(spans[one]) + max(spans[one])) / 2
        transform = ax.get_xaxis_transform()
        ax.text(middle, 1.01, name, color=color, transform=transform, ha="center", va="bottom", fontweight="bold")
    ax.set_title(ax.get_title(loc="left"), loc="left", pad=12 if ax.get_title(loc="left") else 3)


def _legend(
    figure: Figure,
    experiment: Experiment,
    table: pd.DataFrame,
    bands: pd.DataFrame,
    levels: list[str],
    *,
    ceiling: bool,
) -> None:
    handles: list = []
    by_metric = experiment.factor == "metric"
    unit = "pairs" if experiment.figure == "pairs" and not by_metric else "networks"
    if experiment.figure == "models":
        label = f"reference: {short(level_name(experiment, experiment.reference), 24)}"
        color = level_look(experiment, experiment.reference, levels).color
        handles.append(Patch(facecolor=color, edgecolor=color, label=label))
        handles.append(Patch(facecolor=style.BLUE, edgecolor=style.BLUE, label="other levels"))
    else:
        marked = any(_offsets(experiment, levels).values())
        for level in levels:
            look = level_look(experiment, level, levels)
            n = int(bands.loc[bands["level"] == level, "n"].max())
            mark = {"marker": look.marker, "markersize": 3.5} if marked else {}
            label = f"{short(level_name(experiment, level), 24)} ({n} {unit})"
            handles.append(Line2D([], [], color=look.color, linestyle=look.line, label=label, **mark))
    for kind in style.TRAINING if by_metric else ():
        if kind in set(table["training"]):
            color = style.TRAINING[kind]["color"]
            handles.append(Patch(facecolor=color, edgecolor=color, label={"random": "untrained"}.get(kind, kind)))
    for metric in metrics_in(table["metric"]):
        face = style.GREY if METRICS[metric].filled else "white"
        label = f"{METRICS[metric].label}, one network"
        handles.append(Patch(facecolor=face, edgecolor=style.GREY, linewidth=0.9, label=label))
    if bands["low"].notna().any():
        over = "all" if experiment.figure == "models" else "level"
        handles.append(Patch(facecolor=style.GREY, alpha=0.3, linewidth=0, label=f"mean of {over}, 95 % interval"))
    if ceiling:
        handles.append(ceiling_handle())
    columns = max(1, int(figure.get_figwidth() // 1.9))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)), handlelength=2.2)
