"""Overview of a run: how reliable the brain data are, which networks there are, and how both are linked."""

from __future__ import annotations

import textwrap

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from menagerie.figures import style
from menagerie.figures.overview_table import LinkedRsms, pair_ranks
from menagerie.figures.tidy import METRICS, in_order, metrics_in, short

HOW = {"crsa": "raw", "versa": "reweighted"}
BAR = 0.15  # inches a bar
HEIGHT = 1.9  # inches: smallest panel of the upper row


@style.styled
def overview_figure(
    reliable: pd.DataFrame,
    sources: pd.DataFrame,
    experiments: pd.DataFrame,
    linked: LinkedRsms | None,
    names: dict[str, str],
    dataset: str,
    *,
    width: float = style.PAGE_WIDTH,
) -> Figure:
    """Draw the overview of one dataset.

    Parameters
    ----------
    reliable, sources, experiments, linked
        From :mod:`menagerie.figures.overview_table`.
    names
        Model -> name for figures.
    dataset
        Name of the dataset.
    width
        Inches; ``style.NARROW_WIDTH`` stacks the panels.

    Returns
    -------
    Figure
        A: reliability of the units (or, without units, ceilings of the RSMs) per region and subject. B: networks by
        source and by experiment. C: the RSM of the first region in the first subject, beside the raw and the
        reweighted RSM of the network that predicts it best.
    """
    wide = width > style.NARROW_WIDTH
    bars = len(sources) + len(experiments) + 1.5
    above_height = max(HEIGHT, 0.65 + BAR * bars) if wide else HEIGHT + 0.65 + BAR * bars
    below_height = (width - 0.7) / 3 + 0.85 if wide else width + 1.2
    below_height = below_height if linked else 0.3
    figure = style.new_figure(width, above_height + below_height)
    above, below = figure.subfigures(2, 1, height_ratios=[above_height, below_height])
    if wide:
        left, right = above.subplots(1, 2, width_ratios=[1.15, 1])
    else:
        left, right = above.subplots(2, 1, height_ratios=[HEIGHT, 0.65 + BAR * bars])
    _draw_reliability(left, reliable, dataset)
    _draw_networks(right, sources, experiments)
    if linked is None:
        below.text(0.5, 0.5, "C  no network has a score in the first region", ha="center", va="center")
    else:
        _draw_linked(below, linked, names, width)
    return figure


def _draw_reliability(ax: Axes, table: pd.DataFrame, dataset: str) -> None:
    """Per region, one mark a subject: median with quartiles and 5 to 95 %, or the ceiling alone."""
    regions, subjects = in_order(table["region"]), in_order(table["subject"])
    by_units = table["median"].notna().any()
    offsets = np.linspace(-0.3, 0.3, len(subjects)) if len(subjects) > 1 else [0.0]
    for number, (subject, offset) in enumerate(zip(subjects, offsets, strict=True)):
        rows = table[table["subject"] == subject]
        x = rows["region"].map(regions.index) + offset
        color = style.PALETTE[number % len(style.PALETTE)]
        marker = style.MARKERS[number % len(style.MARKERS)]
        if by_units:
            ax.vlines(x, rows["low"], rows["high"], color=color, linewidth=0.7)
            ax.vlines(x, rows["quarter"], rows["three_quarters"], color=color, linewidth=2.6, alpha=0.55)
        centre = rows["median" if by_units else "ceiling"]
        mark = {"markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.5}
        ax.plot(x, centre, linestyle="", marker=marker, color=color, **mark)
    ax.set_title(f"A  reliability: {short(dataset, 24)}", loc="left")
    ax.set_xlim(-0.6, len(regions) - 0.4)
    labels = [short(region, 14) for region in regions]
    crowded = sum(map(len, labels)) > 34
    ax.set_xticks(range(len(regions)), labels, rotation=90 if crowded else 0)
    ax.margins(y=0.08)
    ax.set_ylim(bottom=0)
    ax.grid(axis="y")
    known = by_units or table["ceiling"].notna().any()
    ax.set_ylabel("noise-ceiling SNR of units" if by_units else "noise ceiling of the RSM (r)")
    if not known:
        ax.text(0.5, 0.5, "reliability is not known", transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
    count = len(style.PALETTE)
    handles = [
        style.mark(style.MARKERS[n % count], style.PALETTE[n % count], short(subject, 12))
        for n, subject in enumerate(subjects[:count])
    ]
    if known:
        key = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.28 if crowded else -0.12)}
        ax.legend(handles=handles, ncols=min(4, len(handles)), handletextpad=0.2, columnspacing=1, **key)


def _draw_networks(ax: Axes, sources: pd.DataFrame, experiments: pd.DataFrame) -> None:
    """Bars of trained and untrained networks: by source above, by experiment below."""
    labels = [short(name, 26) for name in sources["source"]]
    labels += [short(name.replace("_", " "), 26) for name in experiments["experiment"]]
    gap = 1.5 if len(experiments) else 0.0
    places = [*range(len(sources)), *(len(sources) + gap + np.arange(len(experiments)))]
    counts = pd.concat([sources[["trained", "random"]], experiments[["trained", "random"]]], ignore_index=True)
    random = style.TRAINING["random"]["color"]
    ax.barh(places, counts["trained"], height=0.7, color=style.TRAINING["trained"]["color"], linewidth=0)
    ax.barh(
        places,
        counts["random"],
        left=counts["trained"],
        height=0.7,
        facecolor="white",
        edgecolor=random,
        hatch="////",
        linewidth=0.6,
    )
    total = counts.sum(axis=1)
    for place, number in zip(places, total, strict=True):
        ax.text(number + 0.015 * total.max(), place, f"{number:.0f}", va="center", fontsize=6)
    ax.set_yticks(places, labels)
    ax.set_ylim(max(places) + 0.8, -1.1 if gap else -0.7)
    ax.set_xlim(0, 1.14 * max(total.max(), 1))
    if gap:
        transform = ax.get_yaxis_transform()
        ax.text(0.01, -0.75, "by source", transform=transform, fontstyle="italic", fontsize=6.5)
        ax.text(0.01, len(sources) + gap - 0.75, "by experiment", transform=transform, fontstyle="italic", fontsize=6.5)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.set_xlabel("networks")
    ax.set_title(f"B  {sources[['trained', 'random']].to_numpy().sum()} networks", loc="left")
    handles = [
        Patch(facecolor=style.TRAINING["trained"]["color"], label="trained"),
        Patch(facecolor="white", edgecolor=random, hatch="////", linewidth=0.6, label="untrained"),
    ]
    # Above the panel: bars may be anywhere inside.
    ax.legend(handles=handles, loc="lower right", bbox_to_anchor=(1.02, 0.97), ncols=2, borderpad=0)


def _draw_linked(figure: SubFigure, linked: LinkedRsms, names: dict[str, str], width: float) -> None:
    wide = width > style.NARROW_WIDTH
    axes = figure.subplots(1, 3) if wide else figure.subplots(2, 2).ravel()
    room = int(width * 15 / (3 if wide else 2)) - 2
    panels = [(f"brain: {short(linked.region, room - 7)}\nof {short(linked.subject, room - 3)}\n", linked.brain)]
    for metric in metrics_in(linked.linked):
        layer, score, rsm = linked.linked[metric]
        name = short(names.get(linked.model, linked.model), room)
        value = f"{METRICS[metric].label} = {score:.2f}".replace("-", "\N{MINUS SIGN}")
        panels.append((f"{name}\n{HOW[metric]}, {short(layer, room - 12)}\n{value}", rsm))
    for ax, (title, rsm) in zip(axes, panels, strict=False):
        ranks = pair_ranks(rsm[np.ix_(linked.order, linked.order)])
        colors = matplotlib.colormaps["viridis"].with_extremes(bad="white")
        image = ax.imshow(ranks, cmap=colors, vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(title.strip(), fontsize=6.3, fontweight="normal", loc="left")
        ax.set_xticks([])
        ax.set_yticks([])
    for ax in axes[len(panels) :]:
        ax.axis("off")
    if "versa" not in linked.linked:
        axes[len(panels)].text(0.5, 0.5, "no veRSA:\nit needs responses\nof units", ha="center", va="center")
    n = len(linked.brain)
    label = f"{n} test images by the region's first component"
    axes[0].set_xlabel(textwrap.fill(label, room + 4), fontsize=6)
    place = {"shrink": 0.6, "aspect": 16, "pad": 0.01} if wide else {"location": "bottom", "shrink": 0.6, "aspect": 24}
    bar = figure.colorbar(image, ax=list(axes), **place)
    bar.set_label("similarity, rank of the pair", fontsize=6)
    bar.set_ticks([0, 0.5, 1], labels=["lowest", "", "highest"])
    bar.ax.tick_params(labelsize=5.5)
    bar.outline.set_linewidth(0.4)
    heading = "C  linking the best network, raw (cRSA) and reweighted (veRSA)"
    figure.suptitle(textwrap.fill(heading, int(width * 14)), x=0.01, ha="left", fontsize=8, fontweight="bold")
