"""Every Parquet table of the workflow: columns, types, units and meaning, in one place.

Tables are written atomically with their provenance in the footer. This module needs pyarrow only, so
that the many short scoring jobs start fast.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from menagerie.errors import MenagerieError
from menagerie.storage import atomic

PROVENANCE = b"menagerie"


def _column(name: str, kind: pa.DataType, meaning: str, unit: str = "") -> pa.Field:
    return pa.field(name, kind, metadata={"meaning": meaning, "unit": unit})


_TEXT, _REAL, _WHOLE = pa.string(), pa.float64(), pa.int32()

_WHO = [
    _column("dataset", _TEXT, "brain dataset, as named in the config"),
    _column("subject", _TEXT, "subject (a person, an animal or a simulation)"),
    _column("model", _TEXT, "model id, as in config/models.tsv"),
]
_LAYER = [
    _column("layer", _TEXT, "module path of the layer inside the network"),
    _column("layer_index", _WHOLE, "position of the layer in the model's inventory, from 0"),
    _column("depth", _REAL, "relative depth: 0 first layer, 1 last layer", "fraction"),
]
_SCALE = [
    _column("n_images", _WHOLE, "images that the score rests on", "images"),
    _column("n_units", _WHOLE, "units (voxels, neurons) of the region; 0 for datasets with RSMs only", "units"),
]
_REGION = _column("region", _TEXT, "brain region")
_METRIC = _column("metric", _TEXT, "crsa, versa or encoding_r")
_STATUS = _column("status", _TEXT, "ok, or the reason why there is no score")

SCHEMAS: Mapping[str, pa.Schema] = {
    "layer_scores": pa.schema(
        [
            *_WHO,
            *_LAYER,
            _REGION,
            _METRIC,
            _column("split", _TEXT, "train (used to select the layer) or test (the reported half)"),
            _column("score", _REAL, "brain predictivity; empty where status is not ok", "Pearson r"),
            *_SCALE,
            _STATUS,
        ]
    ),
    "model_scores": pa.schema(
        [
            *_WHO,
            _REGION,
            _METRIC,
            *_LAYER,
            _column("train_score", _REAL, "score of the selected layer on the training half", "Pearson r"),
            _column("score", _REAL, "score of the selected layer on the test half", "Pearson r"),
            _column("ci_low", _REAL, "lower end of the 95 % bootstrap interval over images", "Pearson r"),
            _column("ci_high", _REAL, "upper end of the 95 % bootstrap interval over images", "Pearson r"),
            _column("noise_ceiling", _REAL, "RSM noise ceiling; empty where unknown and for encoding_r", "Pearson r"),
            _column("explained", _REAL, "score^2 / (mean ceiling over subjects)^2; empty where unknown", "fraction"),
            *_SCALE,
            _STATUS,
        ]
    ),
    "unit_scores": pa.schema(
        [
            *_WHO,
            _REGION,
            *_LAYER,
            _column("unit", _WHOLE, "position of the unit in the target file, from 0"),
            _column("train_score", _REAL, "leave-one-out encoding accuracy on the training half", "Pearson r"),
            _column("score", _REAL, "encoding accuracy on the test half", "Pearson r"),
            _column("penalty", _REAL, "ridge penalty chosen for this unit"),
        ]
    ),
    "effects": pa.schema(
        [
            _WHO[0],
            _REGION,
            _column("metric", _TEXT, "crsa, versa or encoding_r; all where the metric itself is the factor"),
            _column("term", _TEXT, "effect; factor[T.level] is the level minus the reference level"),
            _column("estimate", _REAL, "size of the effect; empty where it cannot be estimated, see note"),
            _column("ci_low", _REAL, "lower end of the 95 % interval"),
            _column("ci_high", _REAL, "upper end of the 95 % interval"),
            _column("p", _REAL, "two-sided p, not corrected for several comparisons"),
            _column("df", _REAL, "degrees of freedom; infinite for the normal approximation"),
            _column("n", _REAL, "rows, pairs or models that the effect rests on"),
            _column("formula", _TEXT, "statistical model"),
            _column("analysis", _TEXT, "published (as in the 2024 survey) or sound"),
            _column("note", _TEXT, "what a reader must know: confounds, what was left out, why there is no estimate"),
        ]
    ),
    "ceilings": pa.schema(
        [
            *_WHO[:2],
            _REGION,
            _column("simulation", _WHOLE, "Monte Carlo run, from 0"),
            _column("ceiling", _REAL, "noise ceiling of the RSM in that run; the ceiling is their median", "Pearson r"),
        ]
    ),
}


def build_table(name: str, columns: Mapping[str, Sequence]) -> pa.Table:
    """Table with the schema of that name from one sequence per column.

    Raises
    ------
    KeyError
        When a column is missing or the schema is unknown.
    """
    schema = SCHEMAS[name]
    return pa.table({field.name: columns[field.name] for field in schema}, schema=schema)


def write_table(path: str | Path, table: pa.Table, provenance: Mapping[str, object]) -> None:
    """Write a table atomically, with its provenance as JSON in the Parquet footer."""
    note = json.dumps(provenance, sort_keys=True, default=str).encode()
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), PROVENANCE: note})
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(path: str | Path) -> pa.Table:
    """Read one table.

    Raises
    ------
    MenagerieError
        When the file is missing or not Parquet.
    """
    try:
        return pq.ParquetFile(path).read()
    except (OSError, pa.ArrowInvalid) as error:
        raise MenagerieError(f"Table {path} cannot be read ({error}). Delete it and rerun.") from error


def read_provenance(path: str | Path) -> dict:
    """Provenance from the footer of a table; empty where it has none."""
    return json.loads((pq.read_schema(path).metadata or {}).get(PROVENANCE, b"{}"))


def shared_provenance(paths: Sequence[str | Path], expected: Mapping[str, str]) -> dict:
    """Provenance that tables of one kind share; refuses tables that were made in different or outdated ways.

    Parameters
    ----------
    paths
        Tables that are to be put together.
    expected
        Values that each must carry in its footer, by key (``config``, ``code``).

    Returns
    -------
    dict
        Entries that are equal in all tables.

    Raises
    ------
    MenagerieError
        Naming the table and the entry that differs from ``expected``.
    """
    shared: dict = {}
    for number, path in enumerate(paths):
        found = read_provenance(path)
        for key, value in expected.items():
            if found.get(key) != value:
                raise MenagerieError(
                    f"Table {path} was made with {key} {found.get(key, 'unknown')}, but {value} is wanted: it is left "
                    "from other settings or other code. Delete it and run the workflow again."
                )
        shared = found if number == 0 else {key: value for key, value in shared.items() if found.get(key) == value}
    return shared
