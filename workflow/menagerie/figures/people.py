"""An experiment in single people: one row a subject, the difference from the reference with both its intervals."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from menagerie.figures import style
from menagerie.figures.levels import level_name
from menagerie.figures.tidy import METRICS, in_order, is_filled, metrics_in, short
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.persons import IMAGES, MODELS, PERSON, contrast

ROW = 0.17  # inches a subject and metric
MOST_ROWS = 40  # of a panel; contrasts beyond these, the smallest ones, are left to the table
PANELS = 3  # side by side
LINES = {
    MODELS: {"color": style.BLUE, "alpha": 0.3, "linewidth": 4.0, "zorder": 2},
    IMAGES: {"color": style.BLUE, "linewidth": 1.1, "zorder": 2.5},
}


@style.styled
def people_figure(
    experiment: Experiment, effects: pd.DataFrame, dataset: str, *, width: float = style.PAGE_WIDTH
) -> Figure:
    """Draw the differences of an experiment subject by subject, in one dataset.

    Parameters
    ----------
    experiment
        The experiment.
    effects
        Its table ``effects``.
    dataset
        Name of the dataset (view).
    width
        Inches; ``style.NARROW_WIDTH`` stacks the regions.

    Returns
    -------
    Figure
        A panel per region: rows are subjects, contrast by contrast; marks are metrics. The thick line is the interval
        over models, the thin one that over images. A sentence where no score of a single subject is known.
    """
    rows = effects[(effects["analysis"] == PERSON) & (effects["dataset"] == dataset)]
    if rows.empty:
        return style.sentence(f"{experiment.title}: no scores of single subjects to compare.", width)
    rows = rows.assign(level=[contrast(term) for term in rows["term"]])
    rows = rows[rows["level"].isin(_largest(rows))]
    places = _places(rows)
    regions, metrics = in_order(rows["region"]), _metrics(rows)
    n_columns = 1 if width <= style.NARROW_WIDTH else min(PANELS, len(regions))
    n_rows = -(-len(regions) // n_columns)
    height = n_rows * (len(places) * ROW * (1 if len(metrics) == 1 else 1.4) + 0.75) + 0.35
    figure = style.new_figure(width, height)
    axes = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True)
    for ax, region in zip(axes.flat, regions, strict=False):
        _draw(ax, rows[rows["region"] == region], places, metrics)
        ax.set_title(short(region, 28), pad=4)
        ax.set_yticks(list(places.values()), [_label(experiment, *place, rows) for place in places])
        ax.set_ylim(len(places) - 0.5, -0.5)
    for ax in axes.flat[len(regions) :]:
        ax.remove()
    _legend(figure, metrics, rows)
    return figure


def _largest(rows: pd.DataFrame) -> list[str]:
    """Levels whose differences are largest, as many as a panel has rows for."""
    sizes = rows.groupby("level", sort=False)["estimate"].mean().abs().sort_values(ascending=False, kind="stable")
    return list(sizes.index[: max(1, MOST_ROWS // rows["subject"].nunique())])


def _places(rows: pd.DataFrame) -> dict[tuple[str, str], int]:
    pairs = [(level, subject) for level in in_order(rows["level"]) for subject in in_order(rows["subject"])]
    return {pair: place for place, pair in enumerate(pairs)}


def _metrics(rows: pd.DataFrame) -> list[str]:
    return [*metrics_in(rows["metric"]), *(["all"] if (rows["metric"] == "all").any() else [])]


def _label(experiment: Experiment, level: str, subject: str, rows: pd.DataFrame) -> str:
    several = len(set(rows["level"])) > 1
    return f"{short(level_name(experiment, level))}, {short(subject, 12)}" if several else short(subject)


def _draw(ax: Axes, rows: pd.DataFrame, places: dict, metrics: list[str]) -> None:
    ax.axvline(0, color=style.GREY, linewidth=0.8, zorder=1)
    for place in range(0, len(places), 2):
        ax.axhspan(place - 0.5, place + 0.5, color=style.STRIPE, linewidth=0, zorder=0)
    for number, metric in enumerate(metrics):
        offset = (number - (len(metrics) - 1) / 2) * 0.3
        for sample, look in LINES.items():
            here = rows[(rows["metric"] == metric) & (rows["sample"] == sample)]
            y = [places[place] + offset for place in zip(here["level"], here["subject"], strict=True)]
            ax.hlines(y, here["ci_low"], here["ci_high"], **look)
            ax.scatter(here["estimate"], y, **_look(metric, metrics), zorder=3)
    ax.set_xlabel("difference from the reference (Pearson r)")
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.grid(axis="x")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _look(metric: str, metrics: list[str]) -> dict:
    if metric not in METRICS or METRICS[metric].axis == "RSA":
        filled = metric not in METRICS or is_filled(metric, metrics)
        return {"marker": "o", "s": 16, "facecolor": style.BLUE if filled else "white", "edgecolor": style.BLUE}
    return {"marker": "s", "s": 14, "facecolor": style.BLUE, "edgecolor": style.BLUE}


def _legend(figure: Figure, metrics: list[str], rows: pd.DataFrame) -> None:
    handles = []
    for metric in metrics if len(metrics) > 1 else []:
        look = _look(metric, metrics)
        label = METRICS[metric].label if metric in METRICS else "all scores"
        handles.append(style.mark(look["marker"], style.BLUE, label, face=look["facecolor"], size=4.0))
    for sample, look in LINES.items():
        if rows.loc[rows["sample"] == sample, "ci_low"].notna().any():
            handles.append(Line2D([], [], **look, label=f"95 % interval over {sample}"))
    columns = max(1, int(figure.bbox.width / figure.dpi // 1.6))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles) or 1))
