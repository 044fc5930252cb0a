"""Files say what they were made from; those that do not belong together are refused by name."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import Target, read_target, write_target
from menagerie.errors import MenagerieError
from menagerie.files.geometry import geometry_origin, write_geometry
from menagerie.files.tables import read_provenance, read_tables, write_table
from menagerie.provenance.lineage import differences, record, unite
from menagerie.provenance.recipe import Recipe

SCORE = {
    "made_from": "5c0e",
    "code": {"score": "c0de"},
    "config": {"score": "c0f1"},
    "device": {"score": ["cpu"]},
    "versions": {"score": {"numpy": ["2.1"]}},
    "seed": {"projection": 0},
    "weights": {"vit": "aa"},
    "data": {"nsd": {"one": "d1"}},
    "images": {"nsd": "i1"},
    "regions": {"nsd": "V1"},
    "job": "score layers=0001 model=vit",
}


def job_of(rule: str, code: str = "c0de", **wildcards: str) -> tuple[SimpleNamespace, Recipe]:
    """What a script knows of its job: rule, wildcards, and the recipe that it was planned with."""
    recipe = Recipe(rule, wildcards, code, {"numpy": "2.1"}, {"n": 1}, upstream={"scores": "5c0e"})
    return SimpleNamespace(rule=rule, wildcards=wildcards), recipe


READER = job_of("collect_model")[1]


# An entry of a table's footer, and what another table of the same run says there.
MUST_AGREE = {
    "code": ({"code": {"score": "01d"}}, r"code \(score\) is c0de in the first and 01d in the second"),
    "config": ({"config": {"score": "01d"}}, r"config \(score\)"),
    "seed": ({"seed": {"projection": 1}}, r"seed \(projection\) is 0 in the first and 1"),
    "weights": ({"weights": {"vit": "bb"}}, r"weights \(vit\) is aa in the first and bb"),
    "data": ({"data": {"nsd": {"one": "d2"}}}, r"data \(nsd/one\) is d1 in the first and d2"),
    "images": ({"images": {"nsd": "i2"}}, r"images \(nsd\) is i1"),
    "regions": ({"regions": {"nsd": "V1, V2"}}, r"regions \(nsd\) is V1 in the first and V1, V2"),
}


@pytest.fixture
def write(tmp_path: Path):
    """Writes a table with this provenance; its path."""

    def written(name: str, **changes: object) -> Path:
        write_table(tmp_path / name, pa.table({"score": [0.5]}), SCORE | changes)
        return tmp_path / name

    return written


@pytest.mark.parametrize("entry", MUST_AGREE)
def test_tables_that_disagree_are_refused_by_name(write, entry: str) -> None:
    change, said = MUST_AGREE[entry]
    with pytest.raises(MenagerieError, match=rf"Table .*a\.parquet and Table .*b\.parquet .*{said}.*Delete the one"):
        read_tables([write("a.parquet"), write("b.parquet", **change)], READER)


def test_a_table_from_another_recipe_is_refused_by_name(write) -> None:
    assert len(read_tables([write("a.parquet")], READER)[0]) == 1
    with pytest.raises(MenagerieError, match=r"Table .*b\.parquet was made from recipe 01d, expected 5c0e.*Delete it"):
        read_tables([write("a.parquet"), write("b.parquet", made_from="01d")], READER)


@pytest.mark.parametrize("footer", [{}, {"code": {"score": "c0de"}}])
def test_a_table_of_unknown_origin_is_refused_by_name(write, tmp_path: Path, footer: dict) -> None:
    write_table(tmp_path / "b.parquet", pa.table({"score": [0.5]}), footer)
    with pytest.raises(MenagerieError, match=r"b\.parquet was made from an unknown recipe"):
        read_tables([write("a.parquet"), tmp_path / "b.parquet"], READER)


def test_what_may_differ_is_listed(write) -> None:
    """Device, versions and job; and what another model, subject or rule adds."""
    other = {
        "device": {"score": ["cuda (H100)"]},
        "versions": {"score": {"numpy": ["2.2"]}},
        "job": "score layers=0002 model=vit",
        "weights": {"resnet": "cc"},
        "data": {"nsd": {"two": "d9"}},
    }
    _, origins = read_tables([write("a.parquet"), write("b.parquet", **other)], READER)
    united = unite(origins)
    assert differences(united) == {
        "device": {"score": "cpu, cuda (H100)"},
        "several versions": {"numpy of score": "2.1, 2.2"},
    }
    assert united["weights"] == {"vit": "aa", "resnet": "cc"}
    assert united["data"] == {"nsd": {"one": "d1", "two": "d9"}}
    assert united["code"] == {"score": "c0de"}
    assert "job" not in united and "made_from" not in united


def test_a_job_writes_what_it_read_and_itself(tmp_path: Path) -> None:
    origins = [("Table a", SCORE)]
    job, recipe = job_of("select_layers", "5e1", model="vit")
    found = record(job, recipe, origins, seed={"bootstrap": 3})
    assert found["job"] == "select_layers model=vit" and found["made_from"] == recipe.fingerprint
    assert found["code"] == {"score": "c0de", "select_layers": "5e1"}
    assert set(found["config"]) == {"score", "select_layers"}
    assert found["seed"] == {"projection": 0, "bootstrap": 3}
    assert found["versions"]["select_layers"]["numpy"] == ["2.1"]
    write_table(tmp_path / "t.parquet", pa.table({"score": [0.5]}), found)
    assert read_provenance(tmp_path / "t.parquet") == found
    with pytest.raises(MenagerieError, match=r"Table a and This job of score .*code \(score\)"):
        record(*job_of("score", "0ther"), origins)
    with pytest.raises(MenagerieError, match=r"Table b was made from recipe 01d"):
        record(job, recipe, [("Table b", SCORE | {"made_from": "01d"})])


def target_of(value: float = 1.0, **changes: object) -> Target:
    responses = np.arange(12, dtype=np.float32).reshape(4, 3) * value
    given = {"regions": {"V1": np.ones(3, bool)}, "units": {"id": np.array(["a", "b", "c"])}, "responses": responses}
    return Target("nsd", "one", "nsd", np.array(list("wxyz")), **(given | changes))


def test_the_fingerprint_of_a_target_is_that_of_its_content(tmp_path: Path) -> None:
    changes = {
        "same": {},
        "responses": {"value": 2.0},
        "regions": {"regions": {"V2": np.ones(3, bool)}},
        "units": {"units": {"id": np.array(["a", "b", "d"])}},
        "ceilings": {"ceilings": {"any": {"V1": 0.5}}},
        "repeats": {"repeats": np.zeros((2, 4, 3))},
    }
    write_target(tmp_path / "first.h5", target_of(provenance={"reader": "own"}))
    first = read_target(tmp_path / "first.h5")
    assert first.origin[1] == {
        "data": {"nsd": {"one": first.fingerprint}},
        "source": {"nsd": {"one": {"reader": "own"}}},
        "made_from": "",
    }
    found = {}
    for name, change in changes.items():
        write_target(tmp_path / f"{name}.h5", target_of(**change))
        found[name] = read_target(tmp_path / f"{name}.h5").fingerprint
    assert found["same"] == first.fingerprint and len(first.fingerprint) == 16
    assert len(set(found.values())) == len(changes)


def test_the_fingerprint_of_images_is_that_of_pixels_shapes_and_ids(tmp_path: Path) -> None:
    pixels = np.arange(24, dtype=np.uint8)
    cases = {
        "first": (pixels.reshape(2, 4, 3), "a"),
        "same": (pixels.reshape(2, 4, 3), "a"),
        "pixels": (pixels[::-1].reshape(2, 4, 3), "a"),
        "shape": (pixels.reshape(4, 2, 3), "a"),
        "id": (pixels.reshape(2, 4, 3), "b"),
    }
    found = {}
    for name, (image, image_id) in cases.items():
        write_stimuli(tmp_path / f"{name}.h5", [image], [image_id], {})
        found[name] = Stimuli(tmp_path / f"{name}.h5").fingerprint
    assert found["first"] == found["same"]
    assert len(set(found.values())) == len(cases) - 1


def test_a_geometry_carries_what_it_was_made_from(tmp_path: Path) -> None:
    provenance = record(*job_of("extract_geometry", model="vit"), part="vit", weights={"vit": "aa"})
    write_geometry(
        tmp_path / "vit.h5", [], image_ids=np.array(["a"]), attributes={"n_layers": 1}, provenance=provenance
    )
    name, found = geometry_origin(tmp_path / "vit.h5")
    assert name.endswith("vit.h5") and found == provenance
    with pytest.raises(MenagerieError, match=r"Geometry file .*vit\.h5 and Table .*weights \(vit\) is aa in the first"):
        unite([(name, found), ("Table t", SCORE | {"weights": {"vit": "bb"}})])
