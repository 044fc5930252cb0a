"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from menagerie.errors import MenagerieError
from menagerie.figures.leaderboard_table import leaderboard_table
from menagerie.figures.tidy import METRICS, in_order, metrics_in
from menagerie.report.captions import read_caption
from menagerie.report.findings import Planted, findings, number, plural
from menagerie.report.sections import TABLE_COLUMNS, counts, dataset_facts, is_simulated, not_scored, table_data

TEMPLATES = Path(__file__).parents[2] / "report"
LARGEST_SVG = 1_500_000  # bytes; beyond this a PNG is smaller and quicker to show
OPEN_REGIONS = 3  # with more regions, findings about single regions start folded
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class ReportFigure:
    """One figure of the page.

    Attributes
    ----------
    title
        Heading, and (with the dataset) what is said to those who cannot see the figure.
    svg
        Figure file; a PNG of the same name must lie beside it.
    caption
        Caption file (reStructuredText: paragraphs, emphasis, code).
    dataset
        Dataset that it shows; empty where it shows several.
    narrow
        The same figure for phones, if there is one.
    """

    title: str
    svg: Path
    caption: Path
    dataset: str = ""
    narrow: Path | None = None


@dataclass(frozen=True)
class ReportExperiment:
    """One opportunistic experiment: its question, its estimates and its figures.

    ``effects`` has the columns term, estimate, ci_low, ci_high, p, df, n, formula, analysis, note.
    """

    title: str
    question: str
    effects: pd.DataFrame
    figures: Sequence[ReportFigure] = field(default_factory=tuple)


def render_report(
    *,
    run: str,
    layer_scores: pd.DataFrame,
    model_scores: pd.DataFrame,
    models: pd.DataFrame,
    figures: Sequence[ReportFigure],
    datasets: Mapping[str, Mapping[str, str]],
    provenance: Mapping[str, object],
    planted: Mapping[str, Mapping[str, float]] | None = None,
    experiments: Sequence[ReportExperiment] = (),
) -> str:
    """The page as text, the same text for the same input.

    Parameters
    ----------
    run
        Name of the run.
    layer_scores, model_scores
        Tables with the schemas of those names.
    models
        Models table, see :func:`menagerie.figures.tidy.model_metadata`.
    figures
        Figures in the order of the page.
    datasets
        Dataset -> provenance of its targets; ``simulated`` = "yes" marks simulated responses.
    provenance
        What else a reader needs to repeat the run: versions, commit, config (nested mappings are fine).
    planted
        Dataset -> region -> relative depth of the planted layer, for simulated datasets.
    experiments
        Experiments that ran; the section is absent without any.

    Raises
    ------
    MenagerieError
        When no model has a score, a table lacks a column, or a figure or caption file is missing.
    """
    board = leaderboard_table(model_scores, models)
    good = layer_scores[layer_scores["status"] == "ok"]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, plural=plural, unbroken=unbroken)
    shown = _datasets(good, board, datasets, planted or {})
    return environment.get_template("report.html.j2").render(
        run=run,
        counts=counts(layer_scores, models),
        datasets=shown,
        open_regions=OPEN_REGIONS,
        columns=TABLE_COLUMNS,
        table=table_data(board),
        choices={
            "dataset": {name: _dataset_label(name, datasets) for name in shown},
            "region": {name: name for name in in_order(board["region"])},
            "metric": {name: METRICS[name].label for name in metrics_in(board["metric"])},
        },
        figures=[_embed(figure, datasets, figures[:i]) for i, figure in enumerate(figures)],
        missing=not_scored(layer_scores, model_scores, models),
        partial=_partial(board),
        provenance=_flat(provenance),
        experiments=[_experiment(experiment, datasets) for experiment in experiments],
    )


def _datasets(good: pd.DataFrame, board: pd.DataFrame, about: Mapping, planted: Mapping) -> dict[str, dict]:
    shown = {}
    for name in in_order(board["dataset"]):
        rows = board[board["dataset"] == name]
        facts = dataset_facts(good[good["dataset"] == name], rows, about.get(name, {}))
        shown[name] = {**facts, "findings": findings(rows, _planted(about.get(name, {}), planted.get(name, {})))}
    return shown


def _planted(about: Mapping[str, str], depths: Mapping[str, float]) -> dict[str, Planted]:
    """Region -> planted layer, from provenance entries such as ``planted_early: "efficientnet_lite0: blocks.2.1"``."""
    entries = {key.removeprefix("planted_"): entry for key, entry in about.items() if key.startswith("planted_")}
    return {
        region: Planted(*(part.strip() for part in entry.split(":", 1)), depths.get(region))
        for region, entry in entries.items()
        if ":" in entry
    }


def unbroken(text: str) -> str:
    """Sentence whose numbers keep their units and signs on the same line."""
    return text.replace("r = ", f"r{NO_BREAK}={NO_BREAK}").replace(" %", f"{NO_BREAK}%")


def _dataset_label(name: str, about: Mapping[str, Mapping[str, str]]) -> str:
    unsaid = is_simulated(about.get(name, {})) and "simul" not in name.lower()
    return f"{name} (simulated)" if unsaid else name


def _partial(board: pd.DataFrame) -> list[str]:
    """Models whose mean rests on fewer subjects than others' in the same dataset, region and metric."""
    most = board.groupby(["dataset", "region", "metric"])["n_subjects"].transform("max")
    return in_order(board.loc[board["n_subjects"] < most, "display_name"])


def _embed(figure: ReportFigure, about: Mapping, before: Sequence[ReportFigure] = ()) -> dict[str, object]:
    label = _dataset_label(figure.dataset, about) if figure.dataset else ""
    return {
        "title": f"{figure.title}: {label}" if label else figure.title,
        "simulated": is_simulated(about.get(figure.dataset, {})),
        "caption": read_caption(figure.caption),
        "explained": all(figure.caption != other.caption for other in before),  # later ones start folded
        "source": _data_uri(figure.svg),
        "narrow": _data_uri(figure.narrow) if figure.narrow else "",
    }


def _data_uri(svg: Path) -> str:
    svg = Path(svg)
    try:
        small = svg.stat().st_size <= LARGEST_SVG
        path, kind = (svg, "image/svg+xml") if small else (svg.with_suffix(".png"), "image/png")
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    except OSError as error:
        raise MenagerieError(f"Figure {svg} cannot be read ({error}). Run the workflow again to draw it.") from error


def _experiment(experiment: ReportExperiment, about: Mapping) -> dict[str, object]:
    return {
        "title": experiment.title,
        "question": experiment.question,
        "effects": experiment.effects.to_dict("records"),
        "figures": [_embed(figure, about) for figure in experiment.figures],
    }


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested mappings as one, keys joined by a dot."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: str(value)}
    return flat
