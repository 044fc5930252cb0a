"""Layer-depth profiles: where in a network each brain region is predicted best."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from menagerie.errors import MenagerieError
from menagerie.figures import style
from menagerie.figures.leaderboard_table import leaderboard_table, model_order
from menagerie.figures.tidy import AXES, METRICS, in_order, metrics_in, scored, short

FEW = len(style.PALETTE)  # up to here every model has a colour and a dash pattern of its own
CROWD = 5  # models that a group needs before its median and quartiles say more than its lines
BINS = 20  # of relative depth, for the median over many models
PANEL_WIDTH, PANEL_HEIGHT = 1.75, 1.7  # inches


@style.styled
def depth_profiles(
    layer_scores: pd.DataFrame,
    model_scores: pd.DataFrame,
    models: pd.DataFrame,
    dataset: str,
    *,
    planted: Mapping[str, float] | None = None,
    width: float = style.PAGE_WIDTH,
) -> Figure:
    """Draw test scores against relative depth, one panel a region and metric.

    Parameters
    ----------
    layer_scores, model_scores
        Tables with the schemas of those names.
    models
        Models table, see :func:`menagerie.figures.tidy.model_metadata`.
    dataset
        Name of the dataset.
    planted
        Region -> relative depth of the layer that simulated responses were made from; marked by a line.
    width
        Inches; ``style.NARROW_WIDTH`` stacks the panels.

    Returns
    -------
    Figure
        Up to seven models: one line each (mean over subjects), a mark where training data selected the
        layer. More: a thin line each, the median and the middle half of trained and of random models over
        20 bins of depth (for groups of five or more), and a mark for each selected layer.

    Raises
    ------
    MenagerieError
        As :func:`menagerie.figures.tidy.scored`.
    """
    layers = scored(layer_scores, models, dataset, schema="layer_scores")
    layers = layers[layers["part"] == "test"]
    if layers.empty:
        raise MenagerieError(f"Table layer_scores, dataset {dataset}: no score of the test part (part 'test').")
    board = leaderboard_table(model_scores, models, dataset)
    by = ["region", "metric", "model", "training", "display_name", "layer_index", "depth"]
    profiles = layers.groupby(by, sort=False, as_index=False)["score"].mean()
    profiles = profiles.sort_values(["model", "layer_index"], kind="stable")
    regions, metrics = in_order(layers["region"]), metrics_in(layers["metric"])
    panels = [(region, metric) for metric in metrics for region in regions]
    n_columns = int(max(1, min(len(regions), width // PANEL_WIDTH)))
    n_rows = -(-len(panels) // n_columns)
    names = model_order(board)
    few = len(names) <= FEW
    legend_height = 0.3 + 0.16 * (len(names) if few else 3)
    panel_height = PANEL_HEIGHT if n_columns > 1 or width <= style.NARROW_WIDTH else 1.5 * PANEL_HEIGHT
    figure = style.new_figure(width, n_rows * panel_height + legend_height)
    axes = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True)
    for ax, (region, metric) in zip(axes.flat, panels, strict=False):
        here = profiles[(profiles["region"] == region) & (profiles["metric"] == metric)]
        chosen = board[(board["region"] == region) & (board["metric"] == metric)]
        if few:
            _draw_lines(ax, here, chosen, names)
        else:
            _draw_crowd(ax, here, chosen)
        if planted and region in planted:
            ax.axvline(planted[region], color=style.BLACK, linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=2)
        ax.set_title(f"{short(region, 20)}, {METRICS[metric].label}", pad=4)
        ax.set_xlim(-0.02, 1.02)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
        ax.tick_params(labelbottom=True)
        ax.grid()
        ax.axhline(0, color=style.GREY, linewidth=0.5)
    for index, ax in enumerate(axes.flat[: len(panels)]):
        if index % n_columns == 0:
            ax.set_ylabel(AXES[METRICS[panels[index][1]].axis].replace(" (", "\n(").replace("over units", "(units)"))
        if index + n_columns >= len(panels):
            ax.set_xlabel("relative depth of the layer")
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    marked = bool(planted) and any(region in planted for region in regions)
    _legend(figure, board, names if few else None, planted=marked)
    return figure


def _draw_lines(ax: Axes, profiles: pd.DataFrame, chosen: pd.DataFrame, names: list[str]) -> None:
    for i, name in enumerate(names):
        line = profiles[profiles["model"] == name]
        if line.empty:
            continue
        color, marker = style.PALETTE[i], style.TRAINING[line["training"].iloc[0]]["marker"]
        ax.plot(line["depth"], line["score"], color=color, linestyle=style.LINES[i], linewidth=1.1)
        best = chosen[chosen["model"] == name]
        size = 22 + 12 * (len(names) - 1 - i)  # smaller marks come later, so that equal choices stay visible
        ax.scatter(best["depth"], best["score"], s=size, marker=marker, color=color, edgecolor="white", zorder=5)


def _draw_crowd(ax: Axes, profiles: pd.DataFrame, chosen: pd.DataFrame) -> None:
    n_models = profiles["model"].nunique()
    for training in in_order(profiles["training"]):
        look = style.TRAINING[training]
        rows = profiles[profiles["training"] == training]
        dashes = "-" if training == "trained" else (0, (4, 1.5))
        crowd = rows["model"].nunique() >= CROWD
        single = (
            {"linewidth": 0.4, "alpha": max(0.12, 3 / n_models)} if crowd else {"linewidth": 1.0, "linestyle": dashes}
        )
        for _, line in rows.groupby("model"):
            ax.plot(line["depth"], line["score"], color=look["color"], **single)
        if crowd:
            centres, quartiles = _binned(rows)
            ax.fill_between(centres, quartiles[0], quartiles[2], color=look["color"], alpha=0.22, linewidth=0, zorder=3)
            ax.plot(centres, quartiles[1], color=look["color"], linewidth=1.6, linestyle=dashes, zorder=4)
        best = chosen[chosen["training"] == training]
        ax.scatter(
            best["depth"],
            best["score"],
            s=9,
            marker=look["marker"],
            facecolor="white",
            edgecolor=look["color"],
            linewidth=0.6,
            alpha=0.9,
            zorder=5,
        )


def _binned(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Bin centres and the quartiles over models ``(3, bins)`` of each model's profile, read at the centres."""
    centres = (np.arange(BINS) + 0.5) / BINS
    curves = []
    for _, line in rows.groupby("model"):
        inside = (centres >= line["depth"].min() - 0.5 / BINS) & (centres <= line["depth"].max() + 0.5 / BINS)
        curves.append(np.where(inside, np.interp(centres, line["depth"], line["score"]), np.nan))
    curves = np.array(curves)
    covered = np.isfinite(curves).any(axis=0)  # a bin that no model reaches has no median
    return centres[covered], np.nanpercentile(curves[:, covered], [25, 50, 75], axis=0)


def _legend(figure: Figure, board: pd.DataFrame, names: list[str] | None, *, planted: bool) -> None:
    handles: list = []
    first = board.drop_duplicates("model").set_index("model")
    if names is not None:
        for i, name in enumerate(names):
            marker = style.TRAINING[first.loc[name, "training"]]["marker"]
            line = {"color": style.PALETTE[i], "linestyle": style.LINES[i], "marker": marker, "markersize": 4.5}
            handles.append(Line2D([], [], label=short(first.loc[name, "display_name"]), **line))
    else:
        for training in in_order(first["training"]):
            look = style.TRAINING[training]
            dashes = "-" if training == "trained" else (0, (4, 1.5))
            crowd = (first["training"] == training).sum() >= CROWD
            what, weight = (f"median, {look['label']}", 1.6) if crowd else (f"one {training} model", 1.0)
            handles.append(Line2D([], [], color=look["color"], linestyle=dashes, label=what, linewidth=weight))
            if crowd:
                handles.append(Patch(facecolor=look["color"], alpha=0.22, label=f"middle half, {training}"))
            handles.append(
                Line2D(
                    [],
                    [],
                    linestyle="",
                    marker=look["marker"],
                    markersize=3.5,
                    markerfacecolor="white",
                    markeredgecolor=look["color"],
                    label=f"selected layer, one {training} model",
                )
            )
    if planted:
        line = {"color": style.BLACK, "linestyle": (0, (1, 1.5)), "linewidth": 1.0}
        handles.append(Line2D([], [], label="planted layer (simulated data)", **line))
    columns = max(1, int(figure.get_figwidth() // 2.3))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=3)
