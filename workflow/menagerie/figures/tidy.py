"""From the workflow's tables to what figures and the report draw: checked, joined, labelled."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from menagerie.errors import MenagerieError, unknown
from menagerie.linking.measures import table
from menagerie.linking.schemas import SCHEMAS

METRICS, AXES = table.TABLE, table.AXES

# Optional columns of the models table, and what stands for them where they are missing.
METADATA = {"display_name": "", "architecture_class": "", "training": "", "task": "", "data": ""}
NUMBERS = ("parameters", "top1")
UNTRAINED = {"random", "untrained"}
LONGEST_NAME = 34
FIRST_ROUND = ("part", "fold", "split", "n_folds", "selected_on")  # columns that older tables lack


def model_metadata(models: pd.DataFrame) -> pd.DataFrame:
    """Models table with every column that figures use, one row a model.

    Parameters
    ----------
    models
        Column ``id`` is required, as in config/models.tsv; ``display_name``, ``architecture_class``, ``training``,
        ``task``, ``data``, ``parameters`` and ``top1`` are used where present.

    Returns
    -------
    DataFrame
        Those columns, with the id as ``model``. ``training`` is "random" where it or ``task`` says random or
        untrained, else "trained"; an empty ``display_name`` becomes the model id, and names that two models
        share are told apart: by "(random)" where one of them is untrained, else by their ids.

    Raises
    ------
    MenagerieError
        When ``id`` is missing or a model is listed twice.
    """
    _require(models, ["id"], "models table")
    twice = models.loc[models["id"].duplicated(), "id"]
    if len(twice):
        raise MenagerieError(f"Models table: model '{twice.iloc[0]}' is listed twice. Remove one of the rows.")
    tidy = pd.DataFrame({"model": models["id"].astype(str).to_numpy()})
    for column, missing in METADATA.items():
        given = models[column] if column in models else pd.Series(missing, index=models.index)
        tidy[column] = given.astype(object).where(given.notna(), missing).astype(str).str.strip().to_numpy()
    for column in NUMBERS:
        given = models[column] if column in models else pd.Series(float("nan"), index=models.index)
        tidy[column] = pd.to_numeric(given, errors="coerce").to_numpy(dtype=float)
    said = tidy["training"].str.lower().isin(UNTRAINED) | tidy["task"].str.lower().isin(UNTRAINED)
    tidy["training"] = said.map({True: "random", False: "trained"})
    name = tidy["display_name"].where(tidy["display_name"] != "", tidy["model"])
    unsaid = said & ~name.str.contains("random|untrained", case=False)
    name = name.where(~unsaid, name + " (random)")
    shared = name.duplicated(keep=False)
    tidy["display_name"] = name.where(~shared, name + " [" + tidy["model"] + "]")
    return tidy


def scored(table: pd.DataFrame, models: pd.DataFrame, dataset: str | None, *, schema: str) -> pd.DataFrame:
    """Rows with a score, of one dataset (or of all), joined to the models' metadata.

    Parameters
    ----------
    table
        A table with the schema ``schema`` of :mod:`menagerie.files.tables`.
    models
        As in :func:`model_metadata`.
    dataset
        Name of the dataset, or None for all.
    schema
        "model_scores" or "layer_scores".

    Raises
    ------
    MenagerieError
        When a column is missing, the dataset or a model or metric is unknown, no row has a score, or a
        row that says "ok" has none.
    """
    _require(table, SCHEMAS[schema].names, f"table {schema}")
    if dataset is not None:
        if dataset not in set(table["dataset"]):
            raise unknown(f"dataset in table {schema}", dataset, set(table["dataset"]))
        table = table[table["dataset"] == dataset]
    good = table[table["status"] == "ok"]
    where = f"Table {schema}" + (f", dataset {dataset}" if dataset else "")
    if good.empty:
        raise MenagerieError(f"{where}: no row has a score (status 'ok'). See the column 'status' for the reasons.")
    if good["score"].isna().any():
        row = good[good["score"].isna()].iloc[0]
        raise MenagerieError(
            f"{where}: model {row['model']}, layer {row['layer']}: status is 'ok' but the score is empty. "
            "Delete the model's scores and rerun."
        )
    for metric in set(good["metric"]) - set(METRICS):
        raise unknown(f"metric in table {schema}", metric, METRICS)
    metadata = model_metadata(models)
    for model in sorted(set(good["model"]) - set(metadata["model"])):
        raise unknown(f"model in table {schema}; it is missing from the models table", model, metadata["model"])
    return good.merge(metadata, on="model", how="left", validate="many_to_one")


def in_order(values: Iterable[str]) -> list[str]:
    """Distinct values in the order of their first appearance."""
    return list(dict.fromkeys(values))


def metrics_in(values: Iterable[str]) -> list[str]:
    """Metrics present, in the project's order."""
    present = set(values)
    return [metric for metric in METRICS if metric in present]


def first_region(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the region that comes first; the region that figures show where there is room for one."""
    return rows[rows["region"] == rows["region"].iloc[0]] if len(rows) else rows


def on_rsms(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose score is a similarity of RSMs.

    Raises
    ------
    MenagerieError
        When a metric is unknown to the figures.
    """
    for metric in set(rows["metric"]) - set(METRICS):
        raise unknown("metric in the data of a figure", metric, METRICS)
    return rows[rows["metric"].isin([name for name, metric in METRICS.items() if metric.axis == "RSA"])]


def is_filled(metric: str, beside: Iterable[str]) -> bool:
    """Whether a metric's marks are filled, among the metrics of its panel: one that is alone needs no sign."""
    return METRICS[metric].filled or set(beside) == {metric}


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """Name that fits an axis: the middle of a longer one gives way to an ellipsis."""
    if len(name) <= longest:
        return name
    tail = (longest - 1) // 2
    return f"{name[: longest - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{name[-tail:]}"


def _require(table: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    missing = [column for column in columns if column not in table]
    if missing and missing[0] in FIRST_ROUND:
        raise MenagerieError(
            f"{what[0].upper() + what[1:]}: found no column '{missing[0]}', expected a table of this version; in older "
            "ones column 'split' said train or test. Delete the table and run snakemake again (docs/splits.md)."
        )
    if missing:
        found = ", ".join(map(str, table.columns))
        raise MenagerieError(f"{what[0].upper() + what[1:]}: column '{missing[0]}' is missing; found {found}.")
