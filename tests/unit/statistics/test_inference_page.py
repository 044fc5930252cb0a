"""The query of docs/inference.md: is A better than B in subject 2?"""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from menagerie.linking.schemas import SCHEMAS

PAGE = Path(__file__).parents[3] / "docs" / "inference.md"


def test_the_query_finds_the_pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "mine" / "tables"
    folder.mkdir(parents=True)
    pairs = [("sub02", "vit_base", "resnet50"), ("sub02", "vit_base", "alexnet"), ("sub01", "vit_base", "resnet50")]
    rows = [dict(zip(("subject", "model_a", "model_b"), pair, strict=True)) | {"p": 0.01} for pair in pairs]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMAS["pairwise"]), folder / "pairwise.parquet")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    *lines, last = code.strip().split("\n")
    known = {}
    exec("\n".join(lines), known)
    found = eval(last, known)
    assert found[["subject", "model_a", "model_b"]].to_numpy().tolist() == [list(pairs[0])]
