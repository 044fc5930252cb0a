"""Forms in which pandas and R save an index, row numbers and names: restored by name, or refused; never units."""

import numpy as np
import pandas as pd
import pytest

from menagerie.brain.remarks import PLAIN, WARNING
from menagerie.brain.user_files.response_files import read_responses
from menagerie.brain.user_files.unit_tables import read_units
from menagerie.errors import MenagerieError

NAMES = [f"img{number:02d}" for number in range(20)]
SHUFFLED = np.random.default_rng(7).permutation(20)
TABLE = pd.DataFrame(np.random.default_rng(8).standard_normal((20, 3)), columns=["a", "b", "c"])


def read_back(table, path, **options):
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, **options)
    return read_responses(path, NAMES)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", [None, "image", "Image", "image_id", "stimulus", "index", "trial", "session", "id"])
def test_an_index_of_names_is_restored_whatever_it_is_called(name, suffix, tmp_path):
    found = read_back(TABLE.set_index(pd.Index(NAMES, name=name)).iloc[SHUFFLED], tmp_path / f"t{suffix}")
    assert found.images == [NAMES[row] for row in SHUFFLED] and found.units == ["a", "b", "c"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "table",
    [
        TABLE.iloc[SHUFFLED],
        TABLE.set_index(pd.RangeIndex(5, 25)),
        TABLE.iloc[SHUFFLED].reset_index(),
        TABLE.assign(trial=SHUFFLED),
        TABLE.assign(session=[1, 2] * 10),
        TABLE.assign(X=SHUFFLED),
        TABLE.assign(number=SHUFFLED + 1),
        TABLE.set_index(pd.Index([f"other{row}" for row in range(20)])),
    ],
    ids=["sorted", "cut", "reset", "trial", "session", "X of R", "number", "other names"],
)
def test_other_indices_are_refused_and_never_units(table, suffix, tmp_path):
    with pytest.raises(MenagerieError, match=r"numbers the rows|numbered its rows|names no images|no unit by its name"):
        read_back(table, tmp_path / f"t{suffix}")


def test_numbers_of_rows_in_order_are_an_index_and_no_unit(tmp_path):
    for table in (TABLE, TABLE.set_index(pd.RangeIndex(1, 21))):
        found = read_back(table, tmp_path / "t.csv")
        assert found.units == ["a", "b", "c"] and found.images is None
        assert "the index is left out: it only numbers the rows" in found.remarks[0].text


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_row_names_of_r_are_restored(separator, tmp_path):
    lines = [separator.join(f'"{name}"' for name in TABLE.columns)]
    lines += [separator.join([f'"{NAMES[row]}"', *map(str, TABLE.iloc[row])]) for row in SHUFFLED]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert read_responses(tmp_path / "t.csv", NAMES).images == [NAMES[row] for row in SHUFFLED]
    (tmp_path / "t.csv").write_text("\n".join(lines).replace(separator, " "))
    with pytest.raises(MenagerieError, match=r"found 4 columns with spaces between them.*write.csv"):
        read_responses(tmp_path / "t.csv", NAMES)


UNITS = pd.DataFrame({"regions": ["A", "B"] * 10}, index=[f"v{number:02d}" for number in range(20)])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", [None, "unit", "voxel", "id", "index", "X", "Unnamed: 0"])
def test_rows_of_units_are_matched_by_name_whatever_the_column_is_called(name, suffix, tmp_path):
    table, path = UNITS.rename_axis(name).iloc[SHUFFLED], tmp_path / f"u{suffix}"
    table.to_parquet(path) if suffix == ".parquet" else table.to_csv(path)
    assert read_units(path, 20, list(UNITS.index)).regions["A"].tolist() == [True, False] * 10


@pytest.mark.parametrize("names", [None, list(UNITS.index)], ids=["without", "with"])
@pytest.mark.parametrize("name", [None, "voxel", "neuron", "id", "index", "X", "row"])
def test_numbered_units_in_another_order_are_refused(name, names, tmp_path):
    table = UNITS.reset_index(drop=True).rename_axis(name).iloc[SHUFFLED]
    for path, save in ((tmp_path / "u.csv", table.to_csv), (tmp_path / "u.parquet", table.to_parquet)):
        save(path)
        with pytest.raises(MenagerieError, match=r"rows in the order of the units|does not name the columns"):
            read_units(path, 20, names)


def test_units_matched_by_order_alone_are_shown(tmp_path):
    UNITS.rename_axis("unit").to_csv(tmp_path / "u.csv")
    (remark,) = read_units(tmp_path / "u.csv", 20, None).remarks
    assert "column 1 v00, column 2 v01, column 3 v02, ..., column 18 v17" in remark.text and remark.status == WARNING
    UNITS.to_csv(tmp_path / "u.csv", index=False)
    (remark,) = read_units(tmp_path / "u.csv", 20, None).remarks
    assert "column 1 A, column 2 B" in remark.text and remark.status == PLAIN
