"""Opportunistic experiments on the page: question, models, findings, effects, figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from menagerie.figures.levels import level_name
from menagerie.figures.tidy import in_order, metrics_in
from menagerie.report.effect_section import effect_table, metric_label, notes, sentences
from menagerie.report.figures import ReportFigure
from menagerie.report.findings import plural
from menagerie.report.person_section import person_sentences
from menagerie.statistics.contrasts import MEAN
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.persons import PERSON

MANY_LEVELS = 6


@dataclass(frozen=True)
class ReportExperiment:
    """One experiment and its tables.

    Attributes
    ----------
    experiment
        The definition.
    data, effects
        Its two tables.
    left_out
        Why the run cannot make it; empty where it can.
    figures
        Its figures.
    """

    experiment: Experiment
    data: pd.DataFrame
    effects: pd.DataFrame
    left_out: str = ""
    figures: Sequence[ReportFigure] = field(default_factory=tuple)


def experiment_facts(one: ReportExperiment) -> dict[str, object]:
    """What the page says of an experiment, without its figures."""
    experiment = one.experiment
    factor, reference = experiment.factor, experiment.reference
    name = partial(level_name, experiment)
    is_joint = one.effects["analysis"] != PERSON
    joint = one.effects[is_joint]
    return {
        "name": experiment.name,
        "title": experiment.title,
        "question": question(experiment),
        "models": models_by_level(experiment, one.data),
        "means_only": means_only(one.data),
        "findings": sentences(joint, factor, reference, name),
        "persons": person_sentences(one.effects[~is_joint], reference, name),
        "table": effect_table(joint, factor, name),
        "notes": notes(joint),
        "left_out": _capital(one.left_out),
        "links": {name: f"experiments/{experiment.name}/{name}.parquet" for name in ("data", "effects")},
    }


def words(column: str) -> str:
    """Column of the table of models in words."""
    return column.removeprefix("compare_").replace("_", " ")


def question(experiment: Experiment) -> str:
    """What the experiment asks, from its definition."""
    kind = "of score" if experiment.factor == "metric" else f"of {words(experiment.factor)}"
    reference = level_name(experiment, experiment.reference)
    others = [level_name(experiment, level) for level in experiment.levels if level != experiment.reference]
    named = 0 < len(others) <= MANY_LEVELS
    between = f"{', '.join(others)} and {reference}" if named else f"levels {kind}"
    given = [
        f"{'not ' if column.startswith('not_') else ''}{words(column.removeprefix('not_'))}: {', '.join(values)}"
        for column, values in experiment.filter.items()
    ]
    among = f" among models with {'; '.join(given)}" if given else ""
    text = f"Do scores differ between {between}{among}? The reference is {reference}."
    if experiment.constant:
        flagged = " (where levels differ in one of them, the notes say so)" if experiment.confounds == "flag" else ""
        text += f" To be equal between levels: {', '.join(map(words, experiment.constant))}{flagged}."
    return text


def models_by_level(experiment: Experiment, data: pd.DataFrame) -> str:
    """How many models each level has."""
    if data.empty:
        return ""
    counts = data.groupby(experiment.factor, observed=True, sort=False)["model"].nunique()
    equal = counts.min() == counts.max()
    if experiment.factor == "metric":
        return _with_all_scores(data)
    if len(counts) > MANY_LEVELS and equal:
        return f"{len(counts)} levels, {plural(int(counts.iloc[0]), 'model')} each."
    listed = ", ".join(f"{level_name(experiment, str(level))}: {count}" for level, count in counts.items())
    return f"{listed} ({plural(int(counts.sum()), 'model')})."


def _with_all_scores(data: pd.DataFrame) -> str:
    """How many models have every score, and the datasets in which none has: those with RSMs only know cRSA."""
    scores = data.groupby(["dataset", "model"], sort=False)["metric"].nunique()
    complete = scores[scores == data["metric"].nunique()].reset_index()
    if complete.empty:
        return ""
    lacking = [name for name in in_order(data["dataset"]) if name not in set(complete["dataset"])]
    text = f"{plural(complete['model'].nunique(), 'model')}, each with both scores"
    return f"{text} (in {', '.join(lacking)} with one only, so nothing is compared there)." if lacking else f"{text}."


def means_only(data: pd.DataFrame) -> str:
    """For which scores and how many models only means over subjects are known."""
    means = data[data["subject"] == MEAN] if len(data) else data
    if means.empty:
        return ""
    counts = means.groupby("metric", observed=True)["model"].nunique()
    told = ", ".join(
        f"{metric_label(metric)} ({plural(int(counts[metric]), 'model')})" for metric in metrics_in(means["metric"])
    )
    return (
        f"Only means over subjects are known of {told}: analyses that need single subjects leave these out, and say so."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
