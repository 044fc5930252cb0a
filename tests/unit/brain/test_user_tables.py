"""Tables as programs write them: the index comes back, ids are never units, and doubt is refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from menagerie.brain.formats.table_files import is_id_name, names_images, read_table
from menagerie.brain.user_files.response_files import read_responses
from menagerie.brain.user_files.unit_tables import read_units
from menagerie.errors import MenagerieError

N, V = 16, 3
IDS = [f"pic{number:02d}" for number in range(N)]
UNITS = ["a", "b", "c"]
VALUES = np.random.default_rng(0).standard_normal((N, V))
FRAME = pd.DataFrame(VALUES, columns=UNITS)


def write(path, frame, **kwargs):
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, **kwargs)
    return path


def check(found, images, values=VALUES):
    assert found.units == UNITS and found.images == images
    np.testing.assert_allclose(found.responses[:, :, 0], values)


@pytest.mark.parametrize("name", ["image", "Image", "image_id", "stimulus", "Stimulus Name", "file", "filename", "id"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_that_name_images(tmp_path, name, kind):
    frame = FRAME.assign(**{name: [f"{i}.png" for i in IDS]}).sample(frac=1, random_state=1)
    found = read_responses(write(tmp_path / f"r.{kind}", frame, index=False), IDS)
    check(found, frame[name].tolist(), frame[UNITS].to_numpy())


@pytest.mark.parametrize("name", [None, "image", "anything"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_index_of_names_comes_back(tmp_path, name, kind):
    frame = FRAME.set_axis(pd.Index(IDS, name=name)).sample(frac=1, random_state=2)
    if name == "anything" and kind == "csv":  # csv does not say that it was an index
        with pytest.raises(MenagerieError, match="column 'anything', row 1: expected a number"):
            read_responses(write(tmp_path / "r.csv", frame), IDS)
        return
    found = read_responses(write(tmp_path / f"r.{kind}", frame), IDS)
    check(found, frame.index.tolist(), frame.to_numpy())


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_rows_without_a_name_are_left_out(tmp_path, first):
    frame = FRAME.set_axis(range(first, first + N))
    found = read_responses(write(tmp_path / "r.csv", frame), IDS)
    check(found, None)
    assert any("only numbers the rows" in remark.text for remark in found.remarks)
    shuffled = FRAME.assign(image=IDS).sample(frac=1, random_state=3)
    check(read_responses(write(tmp_path / "s.csv", shuffled), IDS), shuffled.image.tolist(), shuffled[UNITS].to_numpy())
    check(
        read_responses(write(tmp_path / "s.parquet", shuffled), IDS),
        shuffled.image.tolist(),
        shuffled[UNITS].to_numpy(),
    )


def test_row_names_of_r(tmp_path):
    """write.csv leaves the name of the first column empty, write.table leaves it out."""
    body = "".join(f'"{i}",{",".join(map(repr, map(float, row)))}\n' for i, row in zip(IDS, VALUES, strict=True))
    (tmp_path / "csv.csv").write_text('"","a","b","c"\n' + body)
    (tmp_path / "table.csv").write_text('"a","b","c"\n' + body)
    for name in ("csv.csv", "table.csv"):
        check(read_responses(tmp_path / name, IDS), IDS)
    numbered = body
    for number, i in enumerate(IDS, start=1):
        numbered = numbered.replace(f'"{i}"', f'"{number}"')
    (tmp_path / "n.csv").write_text('"a","b","c"\n' + numbered)
    check(read_responses(tmp_path / "n.csv", IDS), None)


@pytest.mark.parametrize("frame", [FRAME.sample(frac=1, random_state=1), FRAME[::-1], FRAME.iloc[4:]])
def test_rows_that_were_sorted_and_have_no_names_are_refused(tmp_path, frame):
    for path in (tmp_path / "r.csv", tmp_path / "r.parquet"):
        write(path, frame)
        if path.suffix == ".parquet" and frame.index[0] == 4:
            continue  # as many rows as images are missing, which the match with the images tells
        with pytest.raises(MenagerieError, match=r"expected (names of images|all rows in the order)"):
            read_responses(path, IDS)


@pytest.mark.parametrize("name", ["trial", "Trial", "session", "index", "Subject", "trial_no", "repeat", "row", "time"])
@pytest.mark.parametrize("named", [True, False])
def test_other_ids_are_no_units(tmp_path, name, named):
    rng = np.random.default_rng(0)
    frame = FRAME.assign(**{name: rng.permutation(N) if name != "session" else 1})
    frame = frame.assign(image=IDS) if named else frame
    with pytest.raises(MenagerieError, match=f"column '{name}' is no unit by its name.*Delete it"):
        read_responses(write(tmp_path / "r.csv", frame, index=False), IDS)


def test_a_permutation_of_numbers_names_images_only_where_the_column_says_so(tmp_path):
    ids = [str(number) for number in range(1, N + 1)]
    shown = np.random.default_rng(1).permutation(N) + 1
    path = write(tmp_path / "r.csv", FRAME.assign(trial=shown), index=False)
    with pytest.raises(MenagerieError, match="'trial' is no unit"):
        read_responses(path, ids)
    path = write(tmp_path / "r.csv", FRAME.assign(stimulus=shown), index=False)
    assert read_responses(path, ids).images == [str(number) for number in shown]


@pytest.mark.parametrize("column", [range(N), range(1, N + 1), range(100, 100 + N), range(N, 0, -1)])
def test_a_named_column_that_numbers_the_rows_is_refused(tmp_path, column):
    with pytest.raises(MenagerieError, match=r"column 'u7' numbers the rows"):
        read_responses(write(tmp_path / "r.csv", FRAME.assign(u7=column), index=False), IDS)
    np.save(tmp_path / "r.npy", np.column_stack([column, VALUES]))
    with pytest.raises(MenagerieError, match=r"unit 0 \(counted from 0\) numbers the rows"):
        read_responses(tmp_path / "r.npy", IDS)


def test_whole_numbers_that_only_rise_are_told(tmp_path):
    found = read_responses(write(tmp_path / "r.csv", FRAME.assign(d=np.arange(N) ** 2), index=False), IDS)
    assert any("'d' holds whole numbers that only rise" in remark.text for remark in found.remarks)


def test_two_columns_that_name_different_images_are_refused(tmp_path):
    frame = FRAME.assign(stimulus=IDS, file=[f"{i}.png" for i in IDS[::-1]])
    with pytest.raises(MenagerieError, match="'stimulus' and 'file' name different images"):
        read_responses(write(tmp_path / "r.csv", frame, index=False), IDS)
    same = FRAME.assign(stimulus=IDS, file=[f"{i}.png" for i in IDS])
    check(read_responses(write(tmp_path / "r.csv", same, index=False), IDS), IDS)


@pytest.mark.parametrize(
    ("name", "ids", "images"),
    [
        ("image", True, True), ("IMAGE_ID", True, True), ("imageID", True, True), ("Unnamed: 0", True, False),
        ("trial number", True, False), ("#", True, False), ("session.no", True, False), ("level_0", True, False),
        ("u1", False, False), ("V1", False, False), ("image_0001", False, False), ("β", False, False),
        ("neuron 3", False, False), ("imaginary", False, False), ("rowing", False, False), ("ch12", False, False),
    ],
)  # fmt: skip
def test_what_names_say(name, ids, images):
    assert (is_id_name(name), names_images(name)) == (ids, images)


# ---- how csv is written


def text(rows=VALUES, names=UNITS, separator=",", point=".", first=IDS):
    lines = [separator.join(["image", *names])]
    lines += [
        separator.join([i, *(repr(float(x)).replace(".", point) for x in row)])
        for i, row in zip(first, rows, strict=True)
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        text().encode(),
        text().encode("utf-8-sig"),
        text().replace("\n", "\r\n").encode(),
        text().replace("\n", "\n\n").encode(),
        (text() + "\n\n").encode(),
        text(separator=";").encode(),
        text(separator="\t").encode(),
        text(separator=";", point=",").encode("utf-8-sig"),
        text(separator="\t", point=",").encode(),
        text().replace("\n", ",\n").encode(),  # separators at the end of lines
        "\n".join([text().splitlines()[0], *(f"{line}," for line in text().splitlines()[1:])]).encode(),
        text().replace("pic00", '"pic00"').encode(),
    ],
)
def test_ways_of_writing_the_same_csv(tmp_path, content):
    (tmp_path / "r.csv").write_bytes(content)
    check(read_responses(tmp_path / "r.csv", IDS), IDS)


GERMAN = text(separator=";", point=",")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (text(point=","), r"row 1: found 7 cells, expected 4.*decimal points"),
        (text(rows=np.full((N, V), 1234.0)).replace("1234.0", '"1,234"'), "decimal commas or separators of thousands"),
        (text(separator=";", rows=np.full((N, V), 9.5)).replace("9.5", "1.234,5"), "decimal commas or separators"),
        (text(separator=";").replace("image;a", "image,x;a"), None),
        (text().replace("image,a,b,c", "image,a,a,c"), "column 'a' is there twice"),
        (text().replace("image,a,b,c", "image,a,,c"), "column 3 has no name"),
        (text().replace("image,a,b,c", "0.1,0.2,-0.3,0.4"), "numbers in the header line"),
        ("\n".join(text().splitlines()[1:]), "expected|header"),
        (text().replace("pic03,", "pic03,1_000,"), "found 5 cells"),
        (text().replace("pic00,", "pic00,", 1).replace(repr(float(VALUES[0, 0])), "1_000"), "found '1_000'"),
        (text().replace(repr(float(VALUES[2, 1])), "True"), "column 'b', row 3: expected a number, found 'True'"),
        (text().replace(repr(float(VALUES[2, 1])), "2024-01-01"), "found '2024-01-01'"),
        (text().replace(repr(float(VALUES[2, 1])), "1+2j"), r"found '1\+2j'"),
        (text().replace("pic05", ""), "row 6 is empty, expected the name of an image"),
        (text().replace('pic05,', '"pic05,'), "cannot be read as a table"),
        ("image\ta;b\n" + "x\t1;2\n" * N, "tabs|semicolons"),
        ("", "no rows"),
        ("image,a\n", "no rows"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused(tmp_path, content, message):
    (tmp_path / "r.csv").write_text(content)
    if message is None:
        assert "image,x" in read_table(tmp_path / "r.csv").names[0]
        return
    with pytest.raises(MenagerieError, match=f"(?s){message}"):
        read_responses(tmp_path / "r.csv", IDS)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_named(tmp_path, encoding):
    (tmp_path / "r.csv").write_bytes(text(names=["ä", "b", "c"]).encode(encoding))
    with pytest.raises(MenagerieError, match="UTF-8"):
        read_responses(tmp_path / "r.csv", IDS)


@pytest.mark.parametrize("cell", ["", "NA", "NaN", "nan", "N/A", "null", "None", " "])
def test_missing_cells_are_nan(tmp_path, cell):
    (tmp_path / "r.csv").write_text(text().replace(repr(float(VALUES[2, 1])), cell))
    found = read_responses(tmp_path / "r.csv", IDS).responses[:, :, 0]
    assert np.isnan(found[2, 1]) and np.isnan(found).sum() == 1


def test_a_table_with_many_columns_is_read_in_seconds(tmp_path):
    names = ",".join(f"u{number}" for number in range(50_000))
    row = ",".join(f"{number}.5" for number in np.random.default_rng(0).integers(0, 9, 50_000))
    (tmp_path / "r.csv").write_text(f"{names}\n" + f"{row}\n" * 8)
    assert read_responses(tmp_path / "r.csv").responses.shape == (8, 50_000, 1)


# ---- parquet


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([True, False] * (N // 2)), "expected a number, found 'True'"),
        (pa.array(pd.date_range("2024", periods=N)), "expected a number, found '2024"),
        (pa.array([[1.0]] * N), "expected a number"),
        (pa.array(["x"] * N), "column 'd', row 1: expected a number, found 'x'"),
        (pa.array([2**60 + k % 3 for k in range(N)]), r"at most 2\*\*53"),
    ],
)
def test_columns_of_parquet_that_are_no_numbers(tmp_path, column, message):
    table = pa.table({**{u: VALUES[:, k] for k, u in enumerate(UNITS)}, "d": column})
    pq.write_table(table, tmp_path / "r.parquet")
    with pytest.raises(MenagerieError, match=message):
        read_responses(tmp_path / "r.parquet", IDS)


@pytest.mark.parametrize("kind", ["int16", "uint8", "float16", "float32", "string", "decimal128(24, 2)", "dictionary"])
def test_kinds_of_numbers_in_parquet(tmp_path, kind):
    whole = np.random.default_rng(0).integers(0, 99, N)
    if kind == "dictionary":
        column = pa.array(whole.astype(float)).dictionary_encode()
    elif kind == "float16":
        column = pa.array(whole.astype(np.float16))
    else:
        column = pa.array(whole).cast(pa.decimal128(24, 2) if kind.startswith("decimal") else kind)
    pq.write_table(pa.table({"image": pa.array(IDS).dictionary_encode(), "a": column}), tmp_path / "r.parquet")
    found = read_responses(tmp_path / "r.parquet", IDS)
    assert found.images == IDS
    np.testing.assert_array_equal(found.responses[:, 0, 0], whole)


# ---- unit tables


def units(tmp_path, content, names=UNITS):
    (tmp_path / "units.csv").write_text(content)
    return read_units(tmp_path / "units.csv", V, names)


def test_a_region_called_na_survives(tmp_path):
    found = units(tmp_path, "unit,regions,depth\na,NA,1.5\nb,NA;nan,NA\nc,,2\n")
    assert {name: mask.tolist() for name, mask in found.regions.items()} == {
        "NA": [True, True, False],
        "nan": [False, True, False],
    }
    assert np.isnan(found.columns["depth"][1]) and found.columns["unit"].tolist() == UNITS
    assert any("called 'nan'" in remark.text for remark in found.remarks)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", [None, "unit", "voxel"])
def test_names_of_units_in_the_index_are_used(tmp_path, kind, name):
    frame = pd.DataFrame({"regions": ["A", "B", "B"]}, index=pd.Index(["c", "a", "b"], name=name))
    path = write(tmp_path / f"units.{kind}", frame)
    found = read_units(path, V, UNITS)
    assert {region: mask.tolist() for region, mask in found.regions.items()} == {
        "B": [True, True, False],
        "A": [False, False, True],
    }


def test_an_index_of_other_names_is_refused(tmp_path):
    frame = pd.DataFrame({"regions": ["A", "B", "B"]}, index=["x", "y", "z"])
    with pytest.raises(MenagerieError, match=r"its index \(x, y, z, ...\) does not name the columns"):
        read_units(write(tmp_path / "units.csv", frame), V, UNITS)


def test_a_match_by_order_is_shown(tmp_path):
    found = units(tmp_path, "regions\nA\nA\nB\n")
    assert any("matched by order alone: row 1 a, row 2 b, row 3 c" in remark.text for remark in found.remarks)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("unit,Region,regions\na,A,A\nb,A,A\nc,A,A\n", "found columns 'Region' and 'regions'"),
        ("unit,regions\na,A\na,A\nc,A\n", "column 'unit' does not name"),
    ],
)
def test_doubtful_unit_tables(tmp_path, content, message):
    with pytest.raises(MenagerieError, match=message):
        units(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        ("unit,ROI\na,A\nb,A\nc,A\n", "has no column 'regions'"),
        ("unit,regoins\na,A\nb,A\nc,A\n", "has no column 'regions'"),
        ("unit,regions\na,V1\nb,v1\nc,V1\n", "V1 and v1 differ in case only"),
        ('unit,regions\na,"V1, V2"\nb,V1\nc,V1\n', "holds a comma"),
    ],
)
def test_remarks_on_regions(tmp_path, content, remark):
    assert any(remark in found.text for found in units(tmp_path, content).remarks)


def test_a_capital_regions_column_counts(tmp_path):
    assert list(units(tmp_path, "Unit,Regions\na,A\nb,A\nc,\n").regions) == ["A"]
    assert units(tmp_path, "regions\nA\n\nA\n").regions["A"].tolist() == [True, False, True], "an empty line is a cell"
