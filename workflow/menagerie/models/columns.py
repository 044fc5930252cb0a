"""The table of models as Parquet: columns, types, units and meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import yaml

from menagerie.files.columns import REAL, TEXT, column
from menagerie.files.paths import without_folders

MODELS_SCHEMA = Path(__file__).parents[2] / "schemas" / "models.schema.yaml"

# Columns of the table of models that are not text.
_MODEL_TYPES = {
    **dict.fromkeys(("input_size", "paper_size", "seed"), pa.int64()),
    **dict.fromkeys(("mean", "std", "paper_mean", "paper_std"), pa.list_(REAL)),
    "crop_pct": REAL,
}


@cache
def model_columns() -> Mapping[str, pa.Field]:
    """Columns of the table of models by name, from the schema that checks ``config/models.tsv``."""
    schema = yaml.safe_load(MODELS_SCHEMA.read_text(encoding="utf-8"))
    return {
        name: column(
            name, _MODEL_TYPES.get(name, TEXT), meaning=" ".join(sub["description"].split()), unit=sub.get("unit", "")
        )
        for name, sub in schema["properties"].items()
    }


def models_table(rows: Sequence[Mapping]) -> pa.Table:
    """Table ``models`` from rows of :meth:`~menagerie.models.registry.ModelSpec.as_row`; always the same types.

    Files of weights and networks keep their names, without the folders they were in: the table is passed on.
    """
    rows = [without_folders(row) for row in rows]
    return pa.Table.from_pylist(rows, schema=pa.schema([model_columns()[name] for name in rows[0]]))
