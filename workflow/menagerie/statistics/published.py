"""The published tables of Conwell et al. (2024), read into the shape of this workflow's own tables.

Data: repository ColinConwell/DeepNSD, folder ``publication`` (GPL-3.0). They are read where they lie and never copied.
What is wrong in them is fixed here, in one place: Figures 4A and 4B hold subject-centred scores, the duplicate network
NPID is dropped, the IPCL networks get their missing suffix, and ``random_weights_taskonomy`` counts as untrained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from menagerie.errors import MenagerieError
from menagerie.files.views import DEFAULT_SPLIT, DEFAULT_WAY
from menagerie.linking.schemas import SCHEMAS
from menagerie.models.columns import models_table
from menagerie.statistics.benchmark import CEILINGS, DATASET, MEAN, N_IMAGES, REGION
from menagerie.statistics.explained import add_explained
from menagerie.statistics.representations import map_of_models, pairs_of_models

METRICS = {"crsa": "crsa", "wrsa": "versa", "srpr": "encoding_r"}
DUPLICATE = "ResNet50-NPID-4KNegative_selfsupervised"
UNTRAINED_TASKONOMY = "random_weights_taskonomy"
# What the published tables add to what the registry knows of a model.
FACTS = {
    "ed_raw": "effective dimensionality of the best layer, as published",
    "ed_srp": "effective dimensionality of the best layer after random projection, as published",
    "published_top1": "ImageNet top-1 accuracy, as published",
    "published_count": "number of parameters, as published",
}


@dataclass(frozen=True)
class Published:
    """The published results.

    Attributes
    ----------
    scores
        Columns of ``model_scores`` that are known: 118 models by subject, the others as means over subjects
        (subject "mean").
    models
        One row per model: the registry's columns (labels as corrected there), and ``ed_raw``, ``ed_srp``
        (effective dimensionality), ``published_top1``, ``published_count`` (parameters) as published.
    ceilings
        ``(20,)`` rows: subject, simulation, ceiling; empty where the copy has no file of ceilings.
    """

    scores: pd.DataFrame
    models: pd.DataFrame
    ceilings: pd.DataFrame


def read_published(folder: str | Path, registry: str | Path) -> Published:
    """Read the published tables.

    Parameters
    ----------
    folder
        Holds ``figure_data`` and ``source_data``.
    registry
        Table of models whose column ``published_id`` names the published models.

    Raises
    ------
    MenagerieError
        When a file is missing, or a published model has no row in the registry.
    """
    folder = Path(folder)
    summary = _read(folder, "source_data/results_summary.csv")
    summary = summary[summary["model_string"] != DUPLICATE]
    names = _names(registry, summary["model_string"])
    scores = pd.concat([_by_subject(folder, summary), _means(summary)], ignore_index=True)
    # A model that several figures show, and means of models whose subjects are known, count once.
    scores["subjects"] = scores.groupby("model_string")["subject"].transform("nunique")
    scores = scores[(scores["subject"] != MEAN) | (scores["subjects"] == 1) | (scores["metric"] == "encoding_r")]
    scores = scores.drop_duplicates(["model_string", "subject", "metric"]).drop(columns="subjects")
    scores["model"] = scores["model_string"].map(names)
    scores = scores.assign(dataset=DATASET, region=REGION, n_images=N_IMAGES, status="ok")
    return Published(
        scores=scores.drop(columns="model_string").reset_index(drop=True),
        models=_models(folder, registry, summary, names),
        ceilings=_ceilings(folder),
    )


def model_rsm(folder: str | Path, registry: str | Path, metric: str) -> pd.DataFrame:
    """Published similarities of the models' best layers, ``(224, 224)`` with ids on both axes.

    Parameters
    ----------
    folder, registry
        As in :func:`read_published`.
    metric
        "crsa" (raw layers) or "versa" (after reweighting).

    Raises
    ------
    MenagerieError
        When the published table is missing or has a model that the registry lacks.
    """
    source = {ours: theirs for theirs, ours in METRICS.items()}[metric]
    try:
        table = pd.read_parquet(Path(folder) / "source_data/model_uber_rsm.parquet")
    except OSError as error:
        raise MenagerieError(f"The published tables are incomplete ({error}).") from error
    columns = [name for name in table if name.startswith(f"{source}_") and DUPLICATE not in name]
    square = table[columns].loc[columns] if set(columns) <= set(table.index) else _square(table, columns)
    ids = ids_of(registry, [name.removeprefix(f"{source}_") for name in columns])
    return square.set_axis(ids, axis=0).set_axis(ids, axis=1)


def ids_of(registry: str | Path, strings: Iterable[str]) -> list[str]:
    """Ids in the registry of published model names (``model_string``), the IPCL networks with or without suffix.

    Raises
    ------
    MenagerieError
        When the registry lacks a model.
    """
    fixed = [_with_suffix(string) for string in strings]
    names = _names(registry, pd.Series(fixed))
    return [names[string] for string in fixed]


def score_table(published: Published) -> pa.Table:
    """Table ``model_scores`` of the published scores. What was not published is empty: layers, depths, intervals.

    Models whose scores by subject were published have four rows a metric; the others one, whose subject is "mean".
    """
    scores = published.scores
    ceilings = published.ceilings.groupby("subject")["ceiling"].mean()
    ceilings = ceilings.to_dict() | {MEAN: ceilings.mean()}
    on_rsms = scores["metric"] != "encoding_r"
    scores = scores.assign(noise_ceiling=scores["subject"].map(ceilings).where(on_rsms))
    scores = scores.assign(split=DEFAULT_SPLIT, n_folds=1, selected_on=DEFAULT_WAY)
    scores = scores.reindex(columns=SCHEMAS["model_scores"].names)
    scores = scores.astype(object).where(scores.notna(), None)
    table = pa.Table.from_pandas(scores, schema=SCHEMAS["model_scores"], preserve_index=False)
    return add_explained(table)


def model_table(published: Published, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """Table ``models`` from rows of the table of models, with the published effective dimensionality, accuracy and
    parameters; these are empty for models that were not published."""
    rows = list(rows)
    table = models_table(rows)
    facts = published.models.set_index("id").reindex([row["id"] for row in rows])
    for name, meaning in FACTS.items():
        field = pa.field(name, pa.float64(), metadata={"meaning": meaning, "unit": ""})
        table = table.append_column(field, pa.array(facts[name].to_numpy(float), pa.float64(), from_pandas=True))
    return table


def renamed(table: pa.Table, dataset: str) -> pa.Table:
    """The same table under another name of the dataset."""
    index = table.schema.get_field_index("dataset")
    return table.set_column(index, table.schema.field(index), pa.array([dataset] * len(table), pa.string()))


def similarity_tables(folder: str | Path, registry: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Published similarities of the models' best layers, and a map of them, as
    :func:`~menagerie.statistics.representations.compare_models` gives them; subject "mean"."""
    pairs, places = [], []
    for metric in ("crsa", "versa"):
        where = {"dataset": DATASET, "subject": MEAN, "region": REGION, "metric": metric}
        square = model_rsm(folder, registry, metric)
        pairs.append(pairs_of_models(list(square), square.to_numpy(), where))
        places.append(map_of_models(list(square), square.to_numpy(), where))
    return pd.concat(pairs, ignore_index=True), pd.concat(places, ignore_index=True)


def _ceilings(folder: Path) -> pd.DataFrame:
    columns = ["subject", "simulation", "ceiling"]
    if not (folder / CEILINGS).exists():
        return pd.DataFrame({"subject": [], "simulation": [], "ceiling": []}).astype({"subject": str, "ceiling": float})
    return _read(folder, CEILINGS).set_axis(columns, axis=1)


def _square(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    rows = [position for position, name in enumerate(table.columns) if name in set(columns)]
    return table.iloc[rows][columns]


def _read(folder: Path, name: str) -> pd.DataFrame:
    try:
        return pd.read_csv(folder / name, dtype={"subj_id": str})
    except OSError as error:
        raise MenagerieError(
            f"The published tables are incomplete: {folder / name} cannot be read ({error.strerror}). Expected are the "
            "folders figure_data and source_data of DeepNSD's publication folder."
        ) from error


def _names(registry: str | Path, strings: pd.Series) -> dict[str, str]:
    table = _registry(registry)
    # Ids of the registry are file names: "+" and "/" of the published names are written "_" and "-".
    known = {_plain(string): name for string, name in zip(table["published_id"], table["id"], strict=True)}
    names = {string: known[_plain(string)] for string in strings if _plain(string) in known}
    if absent := sorted(set(strings) - set(names)):
        raise MenagerieError(
            f"{registry}: no row has published_id {', '.join(absent[:5])} ({len(absent)} of {len(set(strings))} "
            "published models are missing)."
        )
    return names


def _plain(string: str) -> str:
    return string.replace("+", "_").replace("/", "-")


def _registry(path: str | Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=3)
    except OSError as error:
        raise MenagerieError(f"The model table {path} cannot be read ({error.strerror}).") from error
    if "published_id" not in table:
        raise MenagerieError(f"The model table {path} has no column published_id.")
    return table[table["published_id"] != ""]


def _by_subject(folder: Path, summary: pd.DataFrame) -> pd.DataFrame:
    once = summary.drop_duplicates("model_string")
    architecture = once[once["compare_architecture"].notna()].set_index("model")["model_string"]
    figure2 = _read(folder, "figure_data/Figure2.csv")
    figure2["model_string"] = figure2["architecture"].map(architecture)
    figure3 = _read(folder, "figure_data/Figure3.csv")
    figure3["model_string"] = figure3["model"] + "_" + figure3["train_task"]
    figure4a, figure4b = (_uncentred(_read(folder, f"figure_data/Figure4{part}.csv")) for part in "AB")
    size = once[once["compare_diet_imagenetsize"].notna()]
    shown = size[size["compare_diet_imagenetsize"] == "imagenet"].set_index("display_name")["architecture"]
    twins = size.set_index(["architecture", "compare_diet_imagenetsize"])["model_string"]
    level = figure4a["contrast"].map({"ImageNet1K": "imagenet", "ImageNet21K": "imagenet21k"})
    figure4a["model_string"] = twins.reindex(list(zip(figure4a["display_name"].map(shown), level, strict=True))).array
    diets = once[once["compare_diet_ipcl"].notna()].set_index("compare_diet_ipcl")["model_string"]
    figure4b["model_string"] = figure4b["contrast"].map(diets)
    columns = {"model_string": "model_string", "subj_id": "subject", "metric": "metric", "score": "score"}
    table = pd.concat([figure2, figure3, figure4a, figure4b])[list(columns)].rename(columns=columns)
    if table["model_string"].isna().any():
        raise MenagerieError(f"{folder}/figure_data: some models of the figures are not in results_summary.csv.")
    table["metric"] = table["metric"].map(METRICS)
    _same_as_means(table, summary)
    return table


def _same_as_means(table: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Raise unless the scores by subject have the means of the summary."""
    means = table.groupby(["model_string", "metric"])["score"].mean()
    ours = summary.assign(metric=summary["metric"].map(METRICS)).set_index(["model_string", "metric"])["score"]
    gap = float((means - ours.reindex(means.index)).abs().max())
    if not gap < 1e-9:
        raise MenagerieError(f"Published scores by subject differ from their means by up to {gap:.3g}; expected none.")


def _uncentred(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(score=table["score"] + table["subj_mean"] - table["grand_mean"])


def _means(summary: pd.DataFrame) -> pd.DataFrame:
    table = summary[["model_string", "metric", "score"]].assign(subject=MEAN)
    return table.assign(metric=table["metric"].map(METRICS))


def _models(folder: Path, registry: str | Path, summary: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    strings = list(dict.fromkeys(summary["model_string"]))
    models = _registry(registry).set_index("id", drop=False).loc[[names[string] for string in strings]]
    models.index = pd.Index(strings)
    statistics = "source_data/model_statistics"
    dimensions = _mended(_read(folder, f"{statistics}/dimensionality.csv"))
    dimensions = dimensions.pivot_table(
        index="model_string", columns="random_projection", values="effective_dimensions"
    )
    models["ed_raw"], models["ed_srp"] = (dimensions[flag].reindex(models.index) for flag in (False, True))
    accuracy = _mended(_read(folder, f"{statistics}/imagenet1k.csv")).set_index("model_string")["imagnet1k_top1"]
    counts = _mended(_read(folder, f"{statistics}/parameter_count.csv")).set_index("model_string")["total_params"]
    models["published_top1"] = accuracy.reindex(models.index)
    models["published_count"] = counts.reindex(models.index)
    for name in ("top1", "parameters"):
        models[name] = pd.to_numeric(models[name].replace("", np.nan))
    return models.reset_index(drop=True)


def _mended(table: pd.DataFrame) -> pd.DataFrame:
    table = table[table["model_string"] != DUPLICATE]
    return table.assign(model_string=table["model_string"].map(_with_suffix))


def _with_suffix(string: str) -> str:
    return f"{string}_ipcl" if "_ipcl_" in string and not string.endswith("_ipcl") else string
