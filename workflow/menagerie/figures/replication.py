"""Findings by datasets: every person's estimate with its interval, next to the original's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from menagerie.figures import style
from menagerie.figures.replication_table import Finding, datasets_of, findings_of
from menagerie.figures.tidy import short
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.replication import DIFFERENCE, ORDER, ORIGINAL
from menagerie.statistics.verdicts import OPPOSES, REPLICATES

ROW = 0.2  # inches a finding, or a heading
SPREAD = 0.62  # of a row, that its persons take
AXIS = {DIFFERENCE: "difference (Pearson r)", ORDER: "rank correlation with the original's order"}
LOOKS = {
    REPLICATES: {"marker": "o", "edgecolor": style.BLUE, "facecolor": style.BLUE},
    OPPOSES: {"marker": "X", "edgecolor": style.VERMILION, "facecolor": style.VERMILION},
    "": {"marker": "o", "edgecolor": style.GREY, "facecolor": "white"},
    ORIGINAL: {"marker": "D", "edgecolor": style.BLACK, "facecolor": style.BLACK},
}


@style.styled
def replication_figure(
    experiments: Mapping[str, Experiment], table: pd.DataFrame, *, width: float = style.PAGE_WIDTH
) -> Figure:
    """Draw every finding (row) in every dataset (column), person by person.

    Parameters
    ----------
    experiments
        Experiments of the run.
    table
        Table ``replication``.
    width
        Inches; with ``style.NARROW_WIDTH`` datasets stand one below the other.

    Returns
    -------
    Figure
        Differences of levels, of metrics, and orders, each with an axis of its own. Findings that no other dataset can
        be asked for are left out.
    """
    found = [one for one in findings_of(experiments, table) if one.rows["outcome"].notna().any()]
    blocks = [list(block) for _, block in groupby(sorted(found, key=_block), key=_block)]
    datasets = list(datasets_of(table))
    if not blocks:
        return style.sentence("No finding can be compared: the networks have no two levels of an experiment.", width)
    narrow = width <= style.NARROW_WIDTH
    panels = [(block, dataset) for block in blocks for dataset in datasets]
    heights = [(len(_lines(block)) + 1) * ROW + 0.3 for block in blocks]
    if narrow:
        heights = [height for height in heights for _ in datasets]
    figure = style.new_figure(width, sum(heights) + 0.5)
    shape = (len(panels), 1) if narrow else (len(blocks), len(datasets))
    axes = figure.subplots(*shape, squeeze=False, height_ratios=heights, sharex="row" if not narrow else False)
    for number, (ax, (block, dataset)) in enumerate(zip(axes.flat, panels, strict=True)):
        first = narrow or number % len(datasets) == 0
        _draw(ax, block, dataset, labels=first, narrow=narrow)
        if narrow or number < len(datasets):
            ax.set_title(short(dataset, 20), pad=4)
    for row, block in zip(axes if not narrow else axes.reshape(len(blocks), -1), blocks, strict=True):
        row[0 if narrow else len(row) // 2].set_xlabel(AXIS[block[0].kind])
        _limits(row, block)
    _legend(figure)
    return figure


def _block(finding: Finding) -> tuple[bool, bool]:
    """Findings that share an axis: orders last, before them differences between metrics, which are larger."""
    return finding.kind == ORDER, (finding.rows["metric"] == "all").any()


def _lines(block: Sequence[Finding]) -> list[Finding | str]:
    """Findings under a heading for each experiment."""
    lines: list[Finding | str] = []
    for number, one in enumerate(block):
        if number == 0 or block[number - 1].name != one.name:
            lines.append(one.title)
        lines.append(one)
    return lines


def _draw(ax: Axes, block: Sequence[Finding], dataset: str, *, labels: bool, narrow: bool) -> None:
    lines = _lines(block)
    ax.patch.set_visible(False)
    for place, one in enumerate(lines):
        if isinstance(one, Finding):
            ax.axhspan(place - 0.46, place + 0.46, color=style.STRIPE, linewidth=0, zorder=0)
            ax.vlines(0, place - 0.5, place + 0.5, color=style.GREY, linewidth=0.8, zorder=1)
            _persons(ax, one, dataset, place)
        elif labels:
            # Over the panels next to it, or where there are none, over the labels.
            x, side, longest = (1, "right", 54) if narrow else (0, "left", 90)
            heading = ax.text(x, place, short(one, longest), transform=ax.get_yaxis_transform(), va="center", ha=side)
            heading.set(fontweight="bold", fontsize=6.5, in_layout=False)
    named = [(place, one.label) for place, one in enumerate(lines) if isinstance(one, Finding)]
    ax.set_yticks([place for place, _ in named], [short(label, 32) for _, label in named] if labels else [])
    ax.set_ylim(len(lines) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(3))


def _persons(ax: Axes, finding: Finding, dataset: str, place: int) -> None:
    persons = finding.persons(dataset).sort_values("subject")
    offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(persons)) if len(persons) > 1 else np.zeros(len(persons))
    for offset, (_, row) in zip(offsets, persons.iterrows(), strict=True):
        name = ORIGINAL if row["role"] == ORIGINAL else row["outcome"] if row["outcome"] in LOOKS else ""
        look, y = LOOKS[name], place + offset
        ax.hlines(y, row["ci_low"], row["ci_high"], color=look["edgecolor"], linewidth=0.7, zorder=2)
        ax.scatter(row["estimate"], y, s=7, linewidth=0.6, zorder=3, **look)
    expected = finding.of(dataset, "expected")
    if expected is not None:
        ax.vlines(expected, place - 0.42, place + 0.42, color=style.BLACK, linewidth=1.2, zorder=2.5)


def _limits(axes: Sequence[Axes], block: Sequence[Finding]) -> None:
    """One range for all datasets that shows every estimate; an interval of few networks may go on beyond it."""
    if block[0].kind == ORDER:
        low, high = -1.05, 1.05
    else:
        persons = pd.concat([one.rows[one.rows["outcome"].notna()] for one in block])
        values = persons[["estimate", "expected"]].to_numpy(dtype=float)
        values = values[np.isfinite(values)]
        reach = 1.3 * max(np.abs(values).max(), 1e-3)
        low, high = -reach if values.min() < 0 else -0.2 * reach, reach if values.max() > 0 else 0.2 * reach
    for ax in axes:
        ax.set_xlim(low, high)


def _legend(figure: Figure) -> None:
    def entry(name: str, label: str) -> Line2D:
        look = LOOKS[name]
        return style.mark(look["marker"], look["edgecolor"], label, face=look["facecolor"], size=3.5)

    handles = [
        entry(ORIGINAL, "person of the original"),
        entry(REPLICATES, "replicates"),
        entry(OPPOSES, "opposes"),
        entry("", "neither"),
        Line2D([], [], color=style.BLACK, marker="|", linestyle="", markersize=7, label="the original, same networks"),
    ]
    columns = max(1, int(figure.bbox.width / figure.dpi // 1.35))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))
