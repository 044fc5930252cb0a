"""How figures look, in one place: sizes, fonts, colours, marks, and how they are written to disk."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter

from menagerie.files.storage import atomic

P = ParamSpec("P")
R = TypeVar("R")

PAGE_WIDTH = 7.2  # inches: two journal columns (183 mm)
NARROW_WIDTH = 3.9  # inches: one column, and a phone screen (374 px at 96 px per inch)
MAX_PAGE_HEIGHT = 9.5  # inches: a printed page without its margins
DPI = 200

# Okabe and Ito's palette (jfly.uni-koeln.de/color) without its yellow, which is too pale on white.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#1A1A1A"
# Blue and vermilion mean trained and untrained networks, wherever they stand; levels of an experiment, subjects and
# single networks take the others, the reference of an experiment the first.
PALETTE = (GREEN, PURPLE, ORANGE, SKY, BLACK)
REFERENCE = GREEN
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 3)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "v", "P", "X", "<")  # the diamond is that of untrained networks
GREY, PALE, STRIPE = "#5F6368", "#B8BCC2", "#F3F4F6"
DIETS = (BLUE, *PALETTE, GREY)  # trained networks, by what they were trained on

# Colour is never the only sign: trained and random models also differ in marker shape, metrics in fill.
TRAINING = {
    "trained": {"color": BLUE, "marker": "o", "label": "trained"},
    "random": {"color": VERMILION, "marker": "D", "label": "random weights (untrained)"},
}

RC: dict[str, Any] = {
    # DejaVu comes with matplotlib, so that a figure is the same on every machine.
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": BLACK,
    "ytick.labelcolor": BLACK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "grid.color": "#DDDFE3",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # A dollar in a label is a dollar: labels come from configs, and unclosed formulas would end in an exception.
    "text.parse_math": False,
    # Outlines, not text: no reader needs our font, and no label can grow into its neighbour.
    "svg.fonttype": "path",
    "svg.hashsalt": "menagerie",
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that draws, so that it runs with the project's settings and leaves no trace."""

    @wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context(RC):
            return draw(*args, **kwargs)

    return wrapped


def new_figure(width: float, height: float) -> Figure:
    """Empty figure, sizes in inches; free of pyplot, so that nothing is kept in global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.02)
    return figure


def log_scale(ax: Axes, *names: str) -> None:
    """Logarithmic axes (``x``, ``y``) with plain numbers, where matplotlib would write formulas."""
    for name in names:
        getattr(ax, f"set_{name}scale")("log")
        axis = getattr(ax, f"{name}axis")
        axis.set_major_formatter(LogFormatter())
        axis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))


def mark(marker: str, edge: str, label: str, *, face: str | None = None, size: float = 4.0) -> Line2D:
    """Entry of a legend for a mark without line; ``face`` is the colour of its edge unless given."""
    look = {"markerfacecolor": face or edge, "markeredgecolor": edge, "markeredgewidth": 0.8}
    return Line2D([], [], linestyle="", marker=marker, markersize=size, label=label, **look)


@styled
def sentence(text: str, width: float) -> Figure:
    """Small figure that says why there is nothing to draw."""
    lines = textwrap.wrap(text, int(width * 15))
    figure = new_figure(width, 0.3 + 0.14 * len(lines))
    figure.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", color=BLACK, linespacing=1.4)
    return figure


@styled
def save(figure: Figure, stem: str | Path, note: str = "") -> tuple[Path, Path]:
    """Write ``<stem>.svg`` and ``<stem>.png``, the same bytes for the same figure.

    Parameters
    ----------
    figure
        A figure made by this package.
    stem
        Path without extension.
    note
        A line below the figure, for example which split it shows.

    Returns
    -------
    tuple of Path
        The SVG and the PNG file.
    """
    if note:
        figure.supxlabel(note, x=0.01, ha="left", fontsize=6.5)
    stem = Path(stem)
    svg, png = stem.with_name(stem.name + ".svg"), stem.with_name(stem.name + ".png")
    # Dates and version strings would change the bytes from run to run and machine to machine.
    with atomic(svg) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    with atomic(png) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
    return svg, png
