"""Parquet tables: how they are written and read.

Tables are written atomically, with their provenance in the footer and unit and meaning in the metadata of every
field. This module needs pyarrow only, so that the many short scoring jobs start fast.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic
from menagerie.provenance.lineage import Origin, require, unite
from menagerie.provenance.recipe import Recipe

PROVENANCE = b"menagerie"


def build_table(schema: pa.Schema, columns: Mapping[str, Sequence]) -> pa.Table:
    """Table with a schema, from one sequence per column.

    Raises
    ------
    KeyError
        When a column is missing.
    """
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
    return _provenance(pq.read_schema(path))


def _provenance(schema: pa.Schema) -> dict:
    return json.loads((schema.metadata or {}).get(PROVENANCE, b"{}"))


def read_tables(paths: Iterable[str | Path], recipe: Recipe) -> tuple[list[pa.Table], list[Origin]]:
    """Read tables that are to be used together, refuse those that do not belong together, and say what they rest on.

    Parameters
    ----------
    paths
        Tables, of one kind or several.
    recipe
        Of the job that reads them: it says what they must have been made from.

    Returns
    -------
    list of pa.Table, list of Origin
        The tables, and name and provenance of each, for :func:`menagerie.provenance.lineage.record`.

    Raises
    ------
    MenagerieError
        As :func:`read_table`, and as ``require`` and ``unite`` of :mod:`menagerie.provenance.lineage`.
    """
    named = {str(path): read_table(path) for path in paths}
    origins = [(f"Table {path}", _provenance(table.schema)) for path, table in named.items()]
    require(recipe, origins)
    unite(origins)
    return list(named.values()), origins
