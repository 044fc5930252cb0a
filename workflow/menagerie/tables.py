"""Every Parquet table of the workflow: columns, types, units and meaning, in one place.

Tables are written atomically, with their provenance in the footer and unit and meaning in the metadata of every
field. This module needs pyarrow only, so that the many short scoring jobs start fast.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from menagerie.errors import MenagerieError
from menagerie.lineage import NOW, Origin, unite
from menagerie.storage import atomic

PROVENANCE = b"menagerie"
MODELS_SCHEMA = Path(__file__).parents[1] / "schemas" / "models.schema.yaml"


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
    "similarity": pa.schema(
        [
            *_WHO[:2],
            _REGION,
            _METRIC,
            _column("model_a", _TEXT, "one model of the pair; each pair once"),
            _column("model_b", _TEXT, "the other model"),
            _column("r", _REAL, "correlation of the test-half RSMs of their selected layers", "Pearson r"),
        ]
    ),
    "map": pa.schema(
        [
            *_WHO[:2],
            _REGION,
            _METRIC,
            _WHO[2],
            _column("x", _REAL, "first coordinate (classical MDS of 1 - r); empty where there are no two dimensions"),
            _column("y", _REAL, "second coordinate"),
        ]
    ),
    "standing": pa.schema(
        [
            _WHO[0],
            _REGION,
            _METRIC,
            _column("model", _TEXT, "model id; empty where the whole dataset or region is another benchmark"),
            _column("score", _REAL, "mean over the four subjects", "Pearson r"),
            _column("ci_low", _REAL, "lower end of its 95 % interval over images", "Pearson r"),
            _column("ci_high", _REAL, "upper end of its 95 % interval over images", "Pearson r"),
            _column("published_score", _REAL, "score of the same model in the published tables; empty where it is new"),
            _column("rank", _WHOLE, "place among the published models, the model itself not counted; 1 is best"),
            _column("rank_best", _WHOLE, "place of the upper end of the interval; published scores taken as exact"),
            _column("rank_worst", _WHOLE, "place of the lower end of the interval"),
            _column("percentile", _REAL, "share of published models below", "percent"),
            _column("n_published", _WHOLE, "published models that it is ranked among", "models"),
            _column("note", _TEXT, "settings in which the run differs from the survey"),
            _column("status", _TEXT, "ok, or the reason why there is no standing"),
        ]
    ),
    "neighbours": pa.schema(
        [
            _WHO[0],
            _REGION,
            _METRIC,
            _WHO[2],
            _column("kind", _TEXT, "score, or geometry (correlation of the RSMs of the selected layers)"),
            _column("among", _TEXT, "published models, or models of this run"),
            _column("place", _WHOLE, "1 is nearest"),
            _column("neighbour", _TEXT, "model id of the neighbour"),
            _column("value", _REAL, "its published score; for geometry, the correlation", "Pearson r"),
            _column("neighbour_name", _TEXT, "its name"),
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

# Columns that analyses add to the scores, in tables whose other columns come from elsewhere.
_ADDED = [
    _column("ed_raw", _REAL, "effective dimensionality of the selected layer's features", "dimensions"),
    _column("ed_srp", _REAL, "the same after random projection", "dimensions"),
]

# Columns of the table of models that are not text.
_MODEL_TYPES = {
    **dict.fromkeys(("input_size", "paper_size", "seed"), pa.int64()),
    **dict.fromkeys(("mean", "std", "paper_mean", "paper_std"), pa.list_(_REAL)),
    "crop_pct": _REAL,
}


@cache
def model_columns() -> Mapping[str, pa.Field]:
    """Columns of the table of models by name, from the schema that checks ``config/models.tsv``."""
    import yaml  # here, because scoring jobs start without

    schema = yaml.safe_load(MODELS_SCHEMA.read_text(encoding="utf-8"))
    return {
        name: _column(name, _MODEL_TYPES.get(name, _TEXT), " ".join(sub["description"].split()), sub.get("unit", ""))
        for name, sub in schema["properties"].items()
    }


def models_table(rows: Sequence[Mapping]) -> pa.Table:
    """Table ``models`` from rows of :meth:`~menagerie.models.registry.ModelSpec.as_row`; always the same types."""
    return pa.Table.from_pylist(list(rows), schema=pa.schema([model_columns()[name] for name in rows[0]]))


def describe(schema: pa.Schema) -> pa.Schema:
    """Schema in which fields without metadata have the unit and meaning of the column of that name, where there is one.

    For tables that join scores with what is known of the models: their columns follow from the data.
    """
    if all(field.metadata for field in schema):
        return schema
    known = {**model_columns(), **{field.name: field for field in (*SCHEMAS["model_scores"], *_ADDED)}}
    fields = [f if f.metadata or f.name not in known else f.with_metadata(known[f.name].metadata) for f in schema]
    return pa.schema(fields, metadata=schema.metadata)


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
    """Write a table atomically, with its provenance as JSON in the Parquet footer; fields are described."""
    note = json.dumps(provenance, sort_keys=True, default=str).encode()
    table = table.cast(describe(table.schema))
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
    return _provenance(pq.read_schema(path))


def _provenance(schema: pa.Schema) -> dict:
    return json.loads((schema.metadata or {}).get(PROVENANCE, b"{}"))


def read_tables(paths: Iterable[str | Path], expected: Mapping | None = None) -> tuple[list[pa.Table], list[Origin]]:
    """Read tables that are to be used together, refuse those that do not belong together, and say what they rest on.

    Parameters
    ----------
    paths
        Tables, of one kind or several.
    expected
        Code and settings that they must not contradict, as in their provenance.

    Returns
    -------
    list of pa.Table, list of Origin
        The tables, and name and provenance of each, for :func:`menagerie.lineage.record`.

    Raises
    ------
    MenagerieError
        As :func:`read_table` and :func:`~menagerie.lineage.unite`.
    """
    named = {str(path): read_table(path) for path in paths}
    origins = [(NOW, expected or {})]
    origins += [(f"Table {path}", _provenance(table.schema)) for path, table in named.items()]
    unite(origins)
    return list(named.values()), origins
