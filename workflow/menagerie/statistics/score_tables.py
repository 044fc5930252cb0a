"""Score tables of others as the scores of a run: any long table, its columns and levels named by the config.

docs/score-tables.md shows how; :func:`menagerie.survey.score_sources.splits_of_tables` reads the same entry while
planning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from menagerie.brain.formats.table_files import read_table
from menagerie.errors import MenagerieError, unknown
from menagerie.files.geometry import OK
from menagerie.files.paths import user_path
from menagerie.files.views import DEFAULT_SPLIT, DEFAULT_WAY
from menagerie.linking.fold_means import mean_over_folds
from menagerie.linking.measures.table import TABLE
from menagerie.linking.schemas import SCHEMAS
from menagerie.linking.select import select_layers
from menagerie.models.columns import model_columns
from menagerie.statistics.score_columns import CEILINGS, KEYS, NUMBERS

NO_SCORE = "no score in the table"
DEFAULTS = {"split": DEFAULT_SPLIT, "selected_on": DEFAULT_WAY, "n_folds": 1}
_WHOLE = ("layer_index", "n_images", "n_units", "n_folds", "fold")
_JOIN = ("subject", "region", "metric", "split")


def read_scores(
    dataset: str, entry: Mapping, models: Sequence[Mapping[str, object]]
) -> tuple[pa.Table, list[dict], list[str]]:
    """Scores of one dataset from its tables.

    Parameters
    ----------
    dataset
        Its name in the config, under ``scores``.
    entry
        What the config says of it.
    models
        Rows of the table of models.

    Returns
    -------
    scores, models, left_out
        Table ``model_scores`` without ``explained``; rows of the models that have scores; names in the tables that no
        model has, where the config leaves them out.

    Raises
    ------
    MenagerieError
        When a file, a column, a level or a model is not as the config says, or a score stands twice.
    """
    rows = pd.concat([_read(dataset, entry, one) for one in entry["tables"]], ignore_index=True)
    rows, known, left_out = _with_ids(dataset, entry, rows, models)
    _check_once(dataset, rows)
    rows = rows.assign(dataset=dataset, status=np.where(rows["score"].notna(), OK, NO_SCORE))
    table = _selected(rows) if "part" in rows else _as_table(rows, "model_scores")
    return _with_ceilings(table, dataset, entry), known, left_out


def _read(dataset: str, entry: Mapping, one: Mapping) -> pd.DataFrame:
    """Rows of one file, under our names; levels are renamed, and those that the config sets to null left out."""
    path, columns, values = user_path(str(one["file"])), entry["columns"], one.get("values", {})
    if not path.is_file():
        raise MenagerieError(
            f"Config key scores.{dataset}.tables: found no file {path} (from {Path.cwd()}), expected a csv or parquet "
            "table of scores. Correct the path."
        )
    table = read_table(path)
    rows = {**DEFAULTS, **values}
    for ours, theirs in columns.items():
        if ours in values:
            continue
        if theirs not in table.names:
            raise unknown(f"column of {path} (config key scores.{dataset}.columns.{ours})", theirs, table.names)
        position = table.names.index(theirs)
        rows[ours] = table.numbers([position])[:, 0] if ours in NUMBERS else table.texts(position)
    rows = pd.DataFrame(rows, index=range(table.n_rows))
    for name, levels in entry.get("levels", {}).items():
        rows[name] = rows[name].map(lambda cell, levels=levels: levels.get(cell, cell))
        rows = rows[rows[name].notna()]
    for name in KEYS:
        if (rows[name].astype(str).str.strip() == "").any():
            raise MenagerieError(
                f"{path}: found a row without {name} (column '{columns.get(name, name)}'), expected one in every row. "
                "Complete the table, or set it under values."
            )
    for metric in sorted(set(rows["metric"]) - set(TABLE)):
        error = unknown(f"metric in {path} (config key scores.{dataset}.levels.metric)", metric, TABLE)
        raise MenagerieError(f"{error} Name its level, or set it to null to leave its rows out.")
    if "p" in rows and not pd.to_numeric(rows["p"]).dropna().between(0, 1).all():
        raise MenagerieError(f"{path}: found a p outside 0 to 1 (column '{columns.get('p', 'p')}'). Correct it.")
    if np.isinf(rows["score"]).any():
        raise MenagerieError(f"{path}: found an infinite score, expected numbers, or empty cells. Correct it.")
    return rows


def _with_ids(
    dataset: str, entry: Mapping, rows: pd.DataFrame, models: Sequence[Mapping[str, object]]
) -> tuple[pd.DataFrame, list[dict], list[str]]:
    """Rows with the ids of the table of models, whose column ``models`` of the entry has the tables' names."""
    column = entry["models"]
    by_name = {plain_name(str(row[column])): dict(row) for row in models if row[column]}
    names = list(dict.fromkeys(rows["model"]))
    absent = [name for name in names if plain_name(name) not in by_name]
    if absent and entry["unknown_models"] == "stop":
        error = unknown(f"model in scores.{dataset} (column {column} of the model table)", absent[0], by_name)
        raise MenagerieError(
            f"{str(error).partition(' Known:')[0]} {len(absent)} of {len(names)} models of the tables have no row. Add "
            f"rows, or set config key scores.{dataset}.unknown_models to leave_out or keep."
        )
    if entry["unknown_models"] == "leave_out":
        rows = rows[~rows["model"].isin(absent)]
    else:
        by_name |= {plain_name(name): _row_of(name) for name in absent}
    ids = {name: by_name[plain_name(name)]["id"] for name in names if plain_name(name) in by_name}
    _check_ids(dataset, ids)
    known = {ids[name]: by_name[plain_name(name)] for name in names if name in ids}
    return rows.assign(model=rows["model"].map(ids)), list(known.values()), absent


def _check_ids(dataset: str, ids: Mapping[str, str]) -> None:
    """Several spellings of a model (``/`` for ``-``) are one; two models of the tables must not share an id."""
    plain: dict[str, str] = {}
    for name, model in ids.items():
        if plain.setdefault(model, plain_name(name)) != plain_name(name):
            raise MenagerieError(
                f"Config key scores.{dataset}: found two models ('{name}' is one) that are both {model} in the model "
                "table, expected one name a model. Correct the table of models."
            )


def plain_name(name: str) -> str:
    """A model's name as ids write it: they are file names, so ``+`` and ``/`` of other tables are ``_`` and ``-``."""
    return name.replace("+", "_").replace("/", "-")


def _row_of(name: str) -> dict:
    """Row of a model that the table of models lacks: its name alone is known."""
    row = dict.fromkeys(model_columns())
    random = re.search("random|untrained", name, flags=re.IGNORECASE)
    known = {"id": re.sub(r"[^A-Za-z0-9_.+-]", "-", plain_name(name)), "display_name": name}
    return row | known | {"training": "random" if random else "trained"}


def _check_once(dataset: str, rows: pd.DataFrame) -> None:
    keys = [*KEYS, *(name for name in ("part", "fold", "layer_index", "layer") if name in rows and "part" in rows)]
    twice = rows[rows.duplicated(keys, keep=False)]
    if len(twice):
        where = ", ".join(f"{key} {twice.iloc[0][key]}" for key in keys)
        raise MenagerieError(
            f"Config key scores.{dataset}: found {len(twice)} rows that share a place with another (first: {where}), "
            "expected one score each. Take a table out, or give tables different splits under values."
        )


def _selected(rows: pd.DataFrame) -> pa.Table:
    """Tables that hold every layer on both parts: the layer is selected on the train part, as in a run of ours."""
    if "fold" not in rows:
        rows = rows.assign(fold=0)
    if "layer_index" not in rows:
        order = {layer: index for index, layer in enumerate(dict.fromkeys(rows["layer"]))}
        rows = rows.assign(layer_index=rows["layer"].map(order))
    return mean_over_folds(select_layers(_as_table(rows, "layer_scores")))


def _as_table(rows: pd.DataFrame, schema: str) -> pa.Table:
    for name in _WHOLE:
        if name in rows:
            rows = rows.assign(**{name: pd.array(rows[name], dtype="Int64")})
    found = rows.reindex(columns=SCHEMAS[schema].names).astype(object)
    return pa.Table.from_pandas(found.where(found.notna(), None), schema=SCHEMAS[schema], preserve_index=False)


def _with_ceilings(table: pa.Table, dataset: str, entry: Mapping) -> pa.Table:
    """Fill the noise ceilings of RSM metrics from a table of their own."""
    if "ceilings" not in entry:
        return table
    source = entry["ceilings"]
    path, columns, values = user_path(str(source["file"])), source["columns"], source.get("values", {})
    found = read_table(path) if path.is_file() else None
    if found is None or (absent := [theirs for theirs in columns.values() if theirs not in found.names]):
        what = f"no column {absent[0]} in {path}" if found is not None else f"no file {path}"
        raise MenagerieError(
            f"Config key scores.{dataset}.ceilings: found {what}, expected a table of noise ceilings. Correct the key."
        )
    cells = {ours: found.texts(found.names.index(theirs)) for ours, theirs in columns.items() if ours in _JOIN}
    levels = entry.get("levels", {})
    cells = {name: [levels.get(name, {}).get(cell, cell) for cell in column] for name, column in cells.items()}
    keys = [name for name in _JOIN if name in cells or name in values]
    cells |= {name: [values[name]] * found.n_rows for name in values}
    given = [name for name in CEILINGS if name in columns]
    numbers = found.numbers([found.names.index(columns[name]) for name in given])
    _check_order(path, given, numbers)
    ceilings = dict(zip(zip(*(cells[key] for key in keys), strict=True), numbers.tolist(), strict=True))
    rows = table.to_pylist()
    for row in rows:
        if TABLE[row["metric"]].ceiling:
            values = ceilings.get(tuple(row[key] for key in keys), [np.nan] * len(given))
            row |= {name: None if np.isnan(value) else value for name, value in zip(given, values, strict=True)}
    return pa.Table.from_pylist(rows, schema=table.schema)


def _check_order(path: Path, names: Sequence[str], numbers: np.ndarray) -> None:
    """Raise unless every interval of a ceiling holds the ceiling."""
    values = {name: numbers[:, position] for position, name in enumerate(names)}
    for low, high in (("ceiling_low", "noise_ceiling"), ("noise_ceiling", "ceiling_high")):
        if low in values and high in values and (values[low] > values[high]).any():
            row = int(np.flatnonzero(values[low] > values[high])[0])
            raise MenagerieError(
                f"{path}, row {row + 1}: found {low} {values[low][row]:.4g} above {high} {values[high][row]:.4g}, "
                "expected an interval around the ceiling. Correct the columns."
            )
