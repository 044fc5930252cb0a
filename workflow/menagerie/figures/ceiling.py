"""The noise ceiling in a figure: its band, and the second axis in explainable variance that it allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from menagerie.figures import style

SHARES = (0, 0.1, 0.25, 0.5, 1.0)  # ticks of the axis of explained variance
SHARE_LABEL = "explainable variance explained (%)"


@dataclass(frozen=True)
class Ceiling:
    """Noise ceiling over subjects, Pearson r."""

    low: float
    mean: float
    high: float


def draw_ceiling(ax: Axes, ceiling: Ceiling | None, which: str) -> None:
    """Band from the lowest to the highest subject and a line at the mean; ``which`` axis ("x", "y") holds scores."""
    if ceiling is None:
        return
    span, line = (ax.axvspan, ax.axvline) if which == "x" else (ax.axhspan, ax.axhline)
    span(ceiling.low, ceiling.high, color=style.PALE, alpha=0.45, linewidth=0, zorder=0.5)
    line(ceiling.mean, color=style.GREY, linewidth=0.9, zorder=1)


def ceiling_handle() -> Patch:
    """Entry of a legend."""
    return Patch(facecolor=style.PALE, edgecolor=style.GREY, linewidth=0.5, label="noise ceiling")


def score_limits(low: float, high: float, ceiling: Ceiling | None) -> tuple[float, float]:
    """Limits of an axis of scores: zero, the scores and the ceiling lie inside."""
    low, high = min(0.0, low), max(high, ceiling.high) if ceiling else high
    pad = 0.04 * (high - low)
    return low - pad, high + pad


def shares(ceiling: float) -> tuple[Callable, Callable]:
    """Score -> share of explainable variance and back; the sign is kept, so that both are monotone."""
    return (
        lambda score: np.sign(score) * (np.asarray(score) / ceiling) ** 2,
        lambda share: np.sign(share) * np.sqrt(np.abs(share)) * ceiling,
    )


def share_axis(ax: Axes, ceiling: Ceiling | None, which: str, *, label: str = SHARE_LABEL) -> None:
    """Second axis, opposite to the axis of scores (``which``), in per cent of the explainable variance."""
    if ceiling is None:
        return
    if which == "x":
        axis, limits = ax.secondary_xaxis("top", functions=shares(ceiling.mean)), ax.get_xlim()
    else:
        axis, limits = ax.secondary_yaxis("right", functions=shares(ceiling.mean)), ax.get_ylim()
    target = axis.xaxis if which == "x" else axis.yaxis
    ticks = [share for share in SHARES if limits[0] <= np.sqrt(share) * ceiling.mean <= limits[1]]
    target.set_major_locator(FixedLocator(ticks))
    target.set_minor_locator(NullLocator())
    target.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f}"))
    axis.tick_params(labelsize=6, pad=1)
    (axis.set_xlabel if which == "x" else axis.set_ylabel)(label, fontsize=6)
