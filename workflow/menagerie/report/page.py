"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from menagerie.figures.leaderboard_table import leaderboard_table
from menagerie.figures.tidy import METRICS, in_order, metrics_in, on_rsms
from menagerie.files.layer_counts import LayerCount
from menagerie.files.views import DEFAULT_SPLIT
from menagerie.linking.schemas import SCHEMAS
from menagerie.report.captions import read_caption
from menagerie.report.ceilings_section import ceiling_facts
from menagerie.report.edges_section import edge_facts
from menagerie.report.experiment_section import ReportExperiment, experiment_facts
from menagerie.report.figures import ReportFigure, data_uri, narrow_fits
from menagerie.report.findings import Planted, findings
from menagerie.report.sections import (
    counts,
    dataset_facts,
    is_simulated,
    layer_facts,
    models_left_out,
    models_without_layers,
    not_scored,
    shown_columns,
    table_data,
    with_pooled,
)
from menagerie.report.sets_section import sets_facts
from menagerie.report.standing_section import standing_facts
from menagerie.report.templates import templates
from menagerie.report.variation_section import overall_facts, similarity_facts
from menagerie.statistics.contrasts import MEAN
from menagerie.statistics.views import by_view

OPEN_REGIONS = 3  # with more regions, findings about single regions start folded


@dataclass(frozen=True)
class ReportView:
    """What a view shows: its dataset and split, and its name in words."""

    dataset: str
    split: str = DEFAULT_SPLIT
    title: str = ""


def render_report(
    *,
    run: str,
    model_scores: pd.DataFrame,
    models: pd.DataFrame,
    figures: Sequence[ReportFigure],
    datasets: Mapping[str, Mapping[str, str]],
    views: Mapping[str, ReportView] | None = None,
    provenance: Mapping[str, object],
    planted: Mapping[str, Mapping[str, float]] | None = None,
    layer_scores: pd.DataFrame | None = None,
    experiments: Sequence[ReportExperiment] = (),
    overall: pd.DataFrame | None = None,
    overall_figures: Sequence[ReportFigure] = (),
    similarity: pd.DataFrame | None = None,
    similarity_figures: Sequence[ReportFigure] = (),
    standing: pd.DataFrame | None = None,
    neighbours: pd.DataFrame | None = None,
    reproduction: pd.DataFrame | None = None,
    left_out: Mapping[str, str] | None = None,
    layers: Sequence[LayerCount] = (),
) -> str:
    """The page as text, the same text for the same input.

    Parameters
    ----------
    run
        Name of the run.
    model_scores, layer_scores
        Tables with the schemas of those names; without layer_scores nothing is said of single layers.
    models
        Models table, see :func:`menagerie.figures.tidy.model_metadata`.
    figures
        Figures in the order of the page.
    datasets
        Dataset -> provenance of its targets; ``simulated`` = "yes" marks simulated responses.
    views
        View (:mod:`menagerie.files.views`) -> what it shows; by default one for each dataset.
    provenance
        What else a reader needs to repeat the run: versions, commit, config (nested mappings are fine).
    planted
        Dataset -> region -> relative depth of the planted layer, for simulated datasets.
    experiments
        Experiments of the config.
    overall, overall_figures
        Effects of the analysis over all models, and its figures.
    similarity, similarity_figures
        Tables of how alike models are, of all subjects, and their figures.
    standing, neighbours
        Where the models stand among the published ones, from :mod:`menagerie.statistics.standing`.
    reproduction
        Printed numbers of the 2024 survey beside their values, from :func:`menagerie.statistics.reproduce.reproduce`.
        Sections that are not given are absent.
    left_out
        Models that the run went on without -> why.
    layers
        Counts of every model's layers.

    Raises
    ------
    MenagerieError
        When no model has a score, a table lacks a column, or a figure or caption file is missing.
    """
    by_name = by_view(model_scores)
    board = with_pooled(leaderboard_table(by_name, models), by_name)
    views = views or {name: ReportView(name) for name in in_order(board["dataset"])}
    about = {name: datasets.get(view.dataset, {}) for name, view in views.items()}
    scores = model_scores if layer_scores is None else layer_scores
    layer_scores = pd.DataFrame(columns=SCHEMAS["layer_scores"].names) if layer_scores is None else layer_scores
    columns = shown_columns(board)
    environment = templates()
    good = by_name[(by_name["status"] == "ok") & (by_name["subject"] != MEAN)]
    shown = _datasets(scores[scores["status"] == "ok"], on_rsms(good), board, views, about, planted or {})

    of_experiments = [figure for one in experiments for figure in one.figures]
    narrow = narrow_fits([*figures, *of_experiments, *overall_figures, *similarity_figures])

    def embedded(figures: Sequence[ReportFigure], before: Sequence[ReportFigure] = ()) -> list[dict]:
        return [_embed(one, views, about, [*before, *figures[:i]], narrow=narrow) for i, one in enumerate(figures)]

    def told_once(one: ReportExperiment) -> list[dict]:
        """Figures of an experiment; how to read them starts open in the first experiment only."""
        others = experiments[: experiments.index(one)]
        return embedded(one.figures, [figure for other in others for figure in other.figures])

    return environment.get_template("report.html.j2").render(
        run=run,
        counts=counts(scores, models),
        datasets=shown,
        data={views[name].dataset: facts["simulated"] for name, facts in shown.items() if name in views},
        open_regions=OPEN_REGIONS,
        columns=columns,
        table=table_data(board, columns),
        choices={
            "dataset": {name: view_label(name, views, about) for name in shown},
            "region": {name: name for name in in_order(board["region"])},
            "metric": {name: METRICS[name].label for name in metrics_in(board["metric"])},
        },
        figures=embedded(figures),
        missing=[
            *models_left_out(left_out or {}),
            *models_without_layers(layers),
            *not_scored(layer_scores, model_scores, models, {count.model for count in layers if not count.selected}),
        ],
        layers=layer_facts(layers),
        partial=_partial(board),
        edges=edge_facts(model_scores),
        uncertain_ceilings=ceiling_facts(model_scores),
        folds=bool((model_scores["n_folds"] > 1).any()),
        several_views=len(views) > len({view.dataset for view in views.values()}),
        provenance=_flat(provenance),
        pooled=int(board.loc[board["pooled"] & (board["metric"] != "encoding_r"), "model"].nunique()),
        experiments=[experiment_facts(one) | {"figures": told_once(one)} for one in experiments],
        overall=overall_facts(overall) if overall is not None else None,
        overall_figures=embedded(overall_figures),
        similarity=similarity_facts(similarity, models) if similarity is not None else None,
        similarity_figures=embedded(similarity_figures),
        standing=standing_facts(standing, neighbours, models) if standing is not None else None,
        sets=sets_facts(models),
        reproduction=reproduction.to_dict("records") if reproduction is not None else [],
    )


def _datasets(
    good: pd.DataFrame,
    selected: pd.DataFrame,
    board: pd.DataFrame,
    views: Mapping[str, ReportView],
    about: Mapping,
    planted: Mapping,
) -> dict[str, dict]:
    shown = {}
    for name in in_order(board["dataset"]):
        rows, view = board[board["dataset"] == name], views.get(name, ReportView(name))
        here = good[(good["dataset"] == view.dataset) & (good["split"] == view.split)]
        facts = dataset_facts(here, selected[selected["dataset"] == name], about.get(name, {}))
        told = findings(rows, _planted(about.get(name, {}), planted.get(view.dataset, {})))
        shown[name] = {**facts, "title": view_label(name, views, about), "findings": told}
    return shown


def _planted(about: Mapping[str, str], depths: Mapping[str, float]) -> dict[str, Planted]:
    """Region -> planted layer, from provenance entries such as ``planted_early: "efficientnet_lite0: blocks.2.1"``."""
    entries = {key.removeprefix("planted_"): entry for key, entry in about.items() if key.startswith("planted_")}
    return {
        region: Planted(*(part.strip() for part in entry.split(":", 1)), depths.get(region))
        for region, entry in entries.items()
        if ":" in entry
    }


def view_label(name: str, views: Mapping[str, ReportView], about: Mapping[str, Mapping[str, str]]) -> str:
    """Dataset, split and selection in words; simulated data are called so."""
    title = views[name].title if name in views and views[name].title else name
    unsaid = is_simulated(about.get(name, {})) and "simul" not in title.lower()
    return f"{title} (simulated)" if unsaid else title


def _partial(board: pd.DataFrame) -> list[str]:
    """Models whose mean rests on fewer subjects than others' in the same dataset, region and metric."""
    most = board.groupby(["dataset", "region", "metric"])["n_subjects"].transform("max")
    return in_order(board.loc[board["n_subjects"] < most, "display_name"])


def _embed(
    figure: ReportFigure,
    views: Mapping[str, ReportView],
    about: Mapping,
    before: Sequence[ReportFigure] = (),
    *,
    narrow: bool = True,
) -> dict[str, object]:
    label = view_label(figure.dataset, views, about) if figure.dataset else ""
    return {
        "title": f"{figure.title}: {label}" if label else figure.title,
        "dataset": label,
        "simulated": is_simulated(about.get(figure.dataset, {})),
        "caption": read_caption(figure.caption),
        "explained": all(figure.caption != other.caption for other in before),  # later ones start folded
        "source": data_uri(figure.svg),
        "narrow": data_uri(figure.narrow) if figure.narrow and narrow else "",
    }


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested mappings as one, keys joined by a dot."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: str(value)}
    return flat
