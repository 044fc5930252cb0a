"""From score tables to the data and the effects of one experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from menagerie.errors import MenagerieError
from menagerie.statistics.benchmark import MEAN
from menagerie.statistics.effects import COLUMNS, RANDOM_PART, fit_effects, paired_effects
from menagerie.statistics.experiments import NOT, Analysis, Experiment

PLACE = ["dataset", "region", "metric"]


def join_metadata(scores: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """One row per model x subject x metric x region with all that is known of the model.

    Parameters
    ----------
    scores
        Table ``model_scores``; rows without a score are left out.
    models
        Table ``models``; empty text becomes a missing value, a list becomes text with commas.

    Raises
    ------
    MenagerieError
        When a scored model has no row of metadata, or two.
    """
    models = models.rename(columns={"id": "model"}).apply(_plain)
    if repeated := sorted(models.loc[models["model"].duplicated(), "model"]):
        raise MenagerieError(f"The table of models has several rows for {', '.join(repeated[:5])}. Keep one each.")
    scores = scores[scores["score"].notna() & (scores["status"] == "ok")].drop(columns="status")
    if absent := sorted(set(scores["model"]) - set(models["model"])):
        raise MenagerieError(f"The table of models lacks {len(absent)} scored models: {', '.join(absent[:5])}.")
    return scores.merge(models, on="model", how="left", validate="many_to_one").reset_index(drop=True)


def _plain(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    texts = [",".join(map(str, cell)) if isinstance(cell, list | tuple | np.ndarray) else cell for cell in column]
    return pd.Series([None if text == "" else text for text in texts], index=column.index, dtype=object)


def experiment_data(experiment: Experiment, joined: pd.DataFrame) -> pd.DataFrame:
    """Rows of the models (and levels) that take part, the factor as a category with the reference first.

    Empty when no model of the run takes part, or fewer than two levels are there; see :func:`left_out`.

    Parameters
    ----------
    experiment
        The experiment.
    joined
        From :func:`join_metadata`.

    Raises
    ------
    MenagerieError
        When levels differ in a column that the experiment holds constant, and it does not say ``confounds: flag``.
    """
    rows = filtered(joined, experiment.filter)
    rows = rows[rows[experiment.factor].notna()]
    present = set(rows[experiment.factor])
    wanted = experiment.levels or tuple(sorted(present))
    ordered = [experiment.reference, *(level for level in wanted if level != experiment.reference)]
    rows = rows[rows[experiment.factor].isin(ordered)].copy()
    rows[experiment.factor] = pd.Categorical(rows[experiment.factor], [x for x in ordered if x in present])
    if _lacking(experiment, rows):
        return rows.iloc[:0].reset_index(drop=True)
    if experiment.confounds == "refuse" and (found := confounds(experiment, rows)):
        raise MenagerieError(
            f"Experiment {experiment.name} is confounded: {'; '.join(found)}. Narrow the filter, take the column out "
            "of 'constant' if it is the factor by another name, or accept it with 'confounds: flag'."
        )
    return rows.reset_index(drop=True)


def filtered(rows: pd.DataFrame, wanted: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Rows that a filter admits; a column ``not_<name>`` leaves values of ``<name>`` out."""
    for column, values in wanted.items():
        inside = rows[column.removeprefix(NOT)].astype(object).isin(list(values))
        rows = rows[~inside if column.startswith(NOT) else inside]
    return rows


def left_out(experiment: Experiment, joined: pd.DataFrame) -> str:
    """Why a run cannot make an experiment, naming it; empty when it can. Takes the table that the data come from."""
    rows = filtered(joined, experiment.filter)
    wanted = experiment.levels or tuple(rows[experiment.factor].dropna().unique())
    return _lacking(experiment, rows[rows[experiment.factor].isin([experiment.reference, *wanted])])


def _lacking(experiment: Experiment, rows: pd.DataFrame) -> str:
    levels = set(rows[experiment.factor].dropna())
    if experiment.reference not in levels or len(levels) < 2:
        found = ", ".join(sorted(map(str, levels))) or "none"
        return (
            f"experiment {experiment.name} is left out: of {experiment.factor} it needs {experiment.reference} and at "
            f"least one other level, and the run's models have: {found}"
        )
    return ""


def confounds(experiment: Experiment, data: pd.DataFrame) -> list[str]:
    """Columns of ``constant`` in which levels differ, each with the values of every level.

    Levels differ in a column when one has a value that another lacks.
    """
    found = []
    models = data.drop_duplicates(["model", experiment.factor])
    for column in experiment.constant:
        values = models[column].astype(object).where(models[column].notna(), "unknown")
        counts = values.groupby(models[experiment.factor], observed=True).value_counts()
        sets = {level: dict(counts[level]) for level in models[experiment.factor].cat.categories if level in counts}
        if len({frozenset(one) for one in sets.values()}) > 1:
            shown = (f"{level} has {_shown(one)}" for level, one in sets.items())
            found.append(f"levels differ in {column}: {', '.join(shown)}")
    return found


def _shown(counts: dict[str, int]) -> str:
    parts = [f"{value} ({number})" for value, number in list(counts.items())[:4]]
    return " and ".join(parts) + (" and more" if len(counts) > 4 else "")


def experiment_effects(experiment: Experiment, data: pd.DataFrame) -> pd.DataFrame:
    """Effects of every analysis in every dataset, region and metric.

    Parameters
    ----------
    experiment
        The experiment.
    data
        From :func:`experiment_data`.

    Returns
    -------
    DataFrame
        ``dataset``, ``region``, ``metric`` and the columns of :func:`~menagerie.statistics.effects.fit_effects`. An
        analysis that the data do not allow is a row without estimate whose note says why.
    """
    place = [name for name in PLACE if name != experiment.factor]
    flags = confounds(experiment, data) if len(data) else []
    flags += _absent(experiment, data) if len(data) else []
    parts = []
    for key, rows in data.groupby(place, observed=True, sort=True):
        for analysis in experiment.analyses:
            effects = _analyse(experiment, analysis, rows)
            where = dict(zip(place, key, strict=True)) | ({"metric": "all"} if "metric" not in place else {})
            notes = [*([analysis.note] if analysis.note else []), *flags]
            effects["note"] = ["; ".join([*([own] if own else []), *notes]) for own in effects["note"]]
            parts.append(effects.assign(analysis=analysis.analysis, **where))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*PLACE, *COLUMNS])
    return table[[*PLACE, *COLUMNS]]


def _absent(experiment: Experiment, data: pd.DataFrame) -> list[str]:
    absent = [level for level in experiment.levels if level not in set(data[experiment.factor])]
    return [f"levels without models in this run: {', '.join(absent)}"] if absent else []


def _analyse(experiment: Experiment, analysis: Analysis, rows: pd.DataFrame) -> pd.DataFrame:
    try:
        rows = unit_rows(experiment, analysis, filtered(rows, analysis.filter))
        if analysis.pair:
            effects = paired_effects(
                rows, experiment.factor, analysis.pair, experiment.reference, distribution=analysis.distribution
            )
        else:
            kind = "lmm" if RANDOM_PART.search(analysis.formula) else "lm"
            effects = fit_effects(rows, analysis.formula, kind=kind)
    except MenagerieError as error:
        formula = analysis.formula or f"score ~ {experiment.factor}, paired by {analysis.pair}"
        empty = {"term": experiment.factor, "n": len(rows), "formula": formula, "note": f"not estimated: {error}"}
        return pd.DataFrame([empty]).reindex(columns=list(COLUMNS))
    return effects


def unit_rows(experiment: Experiment, analysis: Analysis, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows at the unit of analysis: as they are, or one per model, its score averaged over subjects.

    Raises
    ------
    MenagerieError
        When scores of single subjects are asked for and the table has means only.
    """
    if analysis.unit == "score" or analysis.pair == "subject":
        means = rows.loc[rows["subject"] == MEAN, "model"].nunique()
        if means:
            raise MenagerieError(f"{means} of {rows['model'].nunique()} models have no scores of single subjects.")
        return rows
    keys = ["model", *([experiment.factor] if experiment.factor != "model" else [])]
    return rows.assign(score=rows.groupby(keys, observed=True)["score"].transform("mean")).drop_duplicates(keys)


def level_means(experiment: Experiment, data: pd.DataFrame, seed: int = 0) -> Iterator[dict[str, object]]:
    """Mean of every level with a percentile bootstrap interval over models, per dataset, region and metric."""
    from menagerie.statistics.intervals import bootstrap_mean

    place = [name for name in PLACE if name != experiment.factor]
    for key, rows in data.groupby([*place, experiment.factor], observed=True, sort=True):
        means = rows.groupby("model")["score"].mean().to_numpy()
        low, high = bootstrap_mean(means, seed=seed)
        yield dict(zip([*place, "level"], key, strict=True)) | {
            "mean": float(np.mean(means)),
            "ci_low": low,
            "ci_high": high,
            "n": len(means),
        }
