"""Tables say what their columns mean, give the same bytes twice, and can be put together whatever their metadata."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from menagerie.brain.ceilings import CEILINGS
from menagerie.files.tables import build_table, read_table, write_table
from menagerie.linking.schemas import SCHEMAS as SCORES
from menagerie.models.columns import model_columns, models_table
from menagerie.models.registry import COLUMNS, read_registry
from menagerie.statistics.schemas import SCHEMAS as ANALYSES
from menagerie.statistics.schemas import described

SCHEMAS = {**SCORES, **ANALYSES, "ceilings": CEILINGS}


def rows(name: str) -> pa.Table:
    values = {"string": "a", "double": 0.5, "int32": 3, "bool": True, "list<element: float>": [0.5]}
    return build_table(SCHEMAS[name], {field.name: [values[str(field.type)]] * 2 for field in SCHEMAS[name]})


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_is_described_in_the_file(tmp_path, name):
    write_table(tmp_path / "t.parquet", rows(name), {"config": "x"})
    for field in pq.read_schema(tmp_path / "t.parquet"):
        assert field.metadata[b"meaning"] and b"unit" in field.metadata, field.name


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_same_table_gives_the_same_bytes(tmp_path, name):
    for path in ("a.parquet", "b.parquet"):
        write_table(tmp_path / path, rows(name), {"b": 1, "a": 2})
    write_table(tmp_path / "c.parquet", read_table(tmp_path / "a.parquet"), {"a": 2, "b": 1})
    found = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(found) == 1, "written, written again, and read and written"


def test_tables_without_a_schema_of_their_own_are_described_too(tmp_path):
    table = pa.table({"model": ["m"], "score": [0.1], "top1": ["71.2"], "ed_raw": [3.0], "mine": [1]})
    write_table(tmp_path / "t.parquet", described(table), {})
    found = {field.name: field.metadata or {} for field in pq.read_schema(tmp_path / "t.parquet")}
    assert found["score"][b"meaning"] == b"score of the selected layer on the test part"
    assert found["top1"][b"unit"] == b"%" and found["ed_raw"][b"unit"] == b"dimensions"
    assert b"meaning" not in found["mine"], "nobody says what it means"


def test_metadata_is_no_part_of_a_schema_s_equality(tmp_path):
    """Tables of before and after a change of wording can be put together, and pandas does not mind."""
    bare = rows("layer_scores").cast(pa.schema([pa.field(f.name, f.type) for f in SCHEMAS["layer_scores"]]))
    assert bare.schema.equals(SCHEMAS["layer_scores"])
    assert len(pa.concat_tables([bare, rows("layer_scores")])) == 4
    pd.testing.assert_frame_equal(bare.to_pandas(), rows("layer_scores").to_pandas())


def test_every_column_of_the_model_table_is_described():
    assert set(model_columns()) == set(COLUMNS)
    assert described(pa.table({"licence": ["MIT"]})).schema.field("licence").metadata[b"meaning"]


def test_types_of_the_model_table_do_not_hang_on_its_rows(root):
    specs = read_registry(root / "config" / "models.tsv")
    whole = models_table([spec.as_row() for spec in specs.values()])
    assert models_table([specs["efficientnet_lite0"].as_row()]).schema == whole.schema
    assert "null" not in map(str, whole.schema.types) and whole["input_size"][0].as_py() == 224
    assert whole.to_pylist()[0] == {**specs["efficientnet_lite0"].as_row()}
