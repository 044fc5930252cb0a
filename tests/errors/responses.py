"""Responses and unit tables."""

from pathlib import Path

import numpy as np
import pandas as pd

from menagerie.brain.target import Target, write_target
from menagerie.files.tables import read_table
from menagerie.linking.comparison import Brain

from .case import Case, N, V, dataset, read

GOOD = np.random.default_rng(1).standard_normal((N, V))


def array(responses: np.ndarray):
    return lambda folder: read(dataset(folder, responses))


def put(value: float):
    spoilt = GOOD.copy()
    spoilt[3, 1] = value
    return array(spoilt)


def csv(text: str):
    def act(folder: Path):
        dataset(folder)
        (folder / "s1" / "responses.npy").unlink()
        (folder / "s1" / "responses.csv").write_text(text)
        read(folder)

    return act


def frame(table: pd.DataFrame):
    def act(folder: Path):
        dataset(folder)
        (folder / "s1" / "responses.npy").unlink()
        table.rename(columns=str).to_parquet(folder / "s1" / "responses.parquet")
        read(folder)

    return act


def rows(names: list[str], value: str = "") -> str:
    lines = [f"{name},{number}.5,{value or number * number}" for number, name in enumerate(names)]
    return "\n".join(["image,a,b", *lines, ""])


def units(text: str):
    def act(folder: Path):
        dataset(folder)
        (folder / "s1" / "units.csv").write_text(text)
        read(folder)

    return act


def nothing(folder: Path):
    dataset(folder)
    (folder / "s1" / "responses.npy").unlink()
    read(folder)


def two_kinds(folder: Path):
    dataset(folder)
    (folder / "s1" / "responses.csv").write_text("a\n1\n")
    read(folder)


def repeats_differ(folder: Path):
    dataset(folder)
    (folder / "s1" / "responses.npy").rename(folder / "s1" / "responses_1.npy")
    np.save(folder / "s1" / "responses_2.npy", GOOD[:-1])
    read(folder)


def lopsided(folder: Path):
    ids = np.array([f"i{k}" for k in range(8)], dtype=object)
    rsm = np.arange(64.0).reshape(8, 8)
    write_target(folder / "t.h5", Target("d", "s", "d", ids, rsms={"IT": rsm}))


def other_images(folder: Path):
    ids = np.array([f"i{k}" for k in range(8)], dtype=object)
    Brain(Target("d", "s", "set", ids, rsms={"IT": np.eye(8)}), ids[:6])


def table(folder: Path):
    (folder / "t.parquet").write_text("no table")
    read_table(folder / "t.parquet")


def pandas_index(folder: Path):
    dataset(folder)
    (folder / "s1" / "responses.npy").unlink()
    pd.DataFrame(GOOD, columns=["a", "b", "c"])[::-1].to_csv(folder / "s1" / "responses.csv")
    read(folder)


def utf16(folder: Path):
    dataset(folder)
    (folder / "s1" / "responses.npy").unlink()
    (folder / "s1" / "responses.csv").write_bytes(rows(PICTURES).encode("utf-16"))
    read(folder)


def cut_array(folder: Path):
    path = dataset(folder) / "s1" / "responses.npy"
    path.write_bytes(path.read_bytes()[:300])
    read(folder)


def named_units(folder: Path):
    dataset(folder)
    (folder / "s1" / "responses.npy").unlink()
    (folder / "s1" / "responses.csv").write_text(rows(PICTURES))
    (folder / "s1" / "units.csv").write_text(",regions\nx,IT\ny,IT\n")
    read(folder)


PICTURES = [f"pic{number:02d}" for number in range(N)]
CASES = [
    Case(
        "no responses", nothing, "mine/s1", "found nothing", "responses.npy, .csv or .parquet", "docs/add-a-dataset.md"
    ),
    Case(
        "columns with spaces between them",
        csv("image a b\n" + "".join(f"p{n} {n}.5 {n * n}\n" for n in range(N))),
        "responses.csv",
        "found 3 columns with spaces between them",
        "expected commas, semicolons or tabs",
        "Save it again so (in R: write.csv",
    ),
    Case(
        "rows cut off by pandas",
        frame(pd.DataFrame(GOOD, columns=list("abc"), index=range(5, N + 5))),
        "responses.parquet",
        "pandas numbered its rows 5, 6, ...",
        "expected all rows in the order of the images",
        "Add a column 'image'",
    ),
    Case(
        "a column of row numbers in another order",
        csv("X,a\n" + "".join(f"{(5 * n) % N},{n}.5\n" for n in range(N))),
        "responses.csv",
        "column 'X' numbers the rows",
        "expected responses",
        "Delete it",
    ),
    Case(
        "a unit table that was sorted",
        units("voxel,region\n2,A\n0,B\n1,A\n"),
        "units.csv",
        "column 'voxel' numbers the units 2, 0, 1",
        "expected rows in the order of the units",
        "Sort the table by it",
    ),
    Case(
        "responses in two files", two_kinds, "mine/s1", "responses.csv, responses.npy", "either one file", "keep either"
    ),
    Case(
        "responses transposed",
        array(GOOD.T),
        "responses.npy",
        "3 rows",
        "12 images",
        "csv or parquet file with a column 'image'",
    ),
    Case("responses with one dimension", array(np.zeros(N)), "responses.npy", "shape (12,)", "images x units", "Save"),
    Case(
        "responses as objects",
        array(np.array([[{}] * V] * N, dtype=object)),
        "responses.npy",
        "Object arrays",
        "cannot be read as an array",
        "Save plain numbers",
    ),
    Case("responses as text", array(np.full((N, V), "x")), "responses.npy", "found <U1", "expected numbers", "Save"),
    Case(
        "an infinite response",
        put(np.inf),
        "responses.npy",
        "infinite response of unit 1 to image 3",
        "finite",
        "Correct or drop it",
    ),
    Case(
        "a response that is missing",
        put(np.nan),
        "responses.npy",
        "unit 1",
        "A repeat must be there for all units or for none",
        "Drop these units",
    ),
    Case(
        "a unit that never varies",
        array(GOOD * [1, 0, 1]),
        "responses.npy",
        "1 of 3 units respond alike",
        "correlate with nothing",
        "Drop them",
    ),
    Case(
        "a cell with text",
        csv(rows(PICTURES, "high")),
        "responses.csv, column 'b', row 1",
        "'high'",
        "expected a number",
        "unit table",
    ),
    Case(
        "an image that nobody has",
        csv(rows([*PICTURES[:-1], "pic99"])),
        "responses.csv, column 'image'",
        "'pic99'",
        "Known:",
        "Did you mean",
    ),
    Case(
        "an image twice",
        csv(rows([*PICTURES[:-1], "pic00"])),
        "responses.csv",
        "'pic00' has several rows",
        "repeats",
        "Give repeats as several files",
    ),
    Case("responses to a few images only", csv(rows(PICTURES[:5])), "responses.csv", "5 images", "at least 8", "Add"),
    Case(
        "a column of trials",
        csv(rows(PICTURES).replace("image,a,b", "image,trial,b").replace(".5", "")),
        "responses.csv: column 'trial'",
        "found 0, 1, 2",
        "expected names of images",
        "Delete it",
    ),
    Case(
        "a column of row numbers",
        csv(rows(PICTURES).replace(".5", "")),
        "responses.csv: column 'a'",
        "numbers the rows",
        "expected responses",
        "Delete it",
    ),
    Case(
        "rows that were sorted, without names of images",
        pandas_index,
        "responses.csv: the index names no images",
        "found 11, 10, 9",
        "expected names of images",
        "call it 'image'",
    ),
    Case(
        "no header line",
        csv("\n".join("0.25,-1.5,0.125" for _ in range(N))),
        "responses.csv",
        "numbers in the header line",
        "expected names of columns",
        "Write a header line",
    ),
    Case(
        "a column twice",
        csv(rows(PICTURES).replace("image,a,b", "image,a,a")),
        "responses.csv",
        "'a' is there twice",
        "expected names that differ",
        "Rename one",
    ),
    Case(
        "decimal commas between commas",
        csv(rows(PICTURES).replace(".5", ",5")),
        "responses.csv, row 1",
        "found 4 cells",
        "expected 3",
        "decimal points",
    ),
    Case(
        "commas that may stand for thousands",
        csv(rows(PICTURES, '"1,234"')),
        "responses.csv",
        "'1,234'",
        "expected decimal points",
        "Save it again",
    ),
    Case("a table in UTF-16", utf16, "responses.csv", "found UTF-16", "expected UTF-8", "Save it again"),
    Case(
        "one row a measurement",
        csv("image,unit,response\n" + "\n".join(f"{name},u{k},{k}.5" for name in PICTURES for k in range(2))),
        "responses.csv",
        "one row a measurement",
        "expected one row an image",
        "Pivot it",
    ),
    Case(
        "a table with images as columns",
        csv(
            ",".join(["unit", *PICTURES])
            + "\n"
            + "\n".join(f"u{k}," + ",".join(f"{k}.{i}" for i in range(N)) for k in "23")
        ),
        "responses.csv",
        "its columns are named after images",
        "expected one row an image",
        "Save its transpose",
    ),
    Case(
        "an RDM as responses",
        array(np.abs(np.subtract.outer(np.arange(12.0) ** 2, np.arange(12.0) ** 2))),
        "responses.npy",
        "a symmetric matrix of 12 x 12",
        "expected responses",
        "reader: rsm",
    ),
    Case(
        "fifteen RDMs as repeats",
        array(np.repeat(np.abs(np.subtract.outer(GOOD[:, 0], GOOD[:, 0]))[:, :, None], 15, axis=2)),
        "responses.npy",
        "15 symmetric matrices",
        "expected responses",
        "Reader rsm takes such files",
    ),
    Case(
        "an array that was cut",
        cut_array,
        "responses.npy",
        "found 300 bytes",
        "expected 416",
        "save or copy it again",
    ),
    Case("complex responses", array(GOOD + 1j), "responses.npy", "found complex128", "expected numbers", "Save plain"),
    Case(
        "whole numbers beyond float",
        array((GOOD * 2**60).astype(np.int64)),
        "responses.npy",
        "found whole numbers up to",
        "expected at most 2**53",
        "Rescale",
    ),
    Case(
        "responses far from zero",
        array(GOOD + 1e8),
        "responses.npy",
        "vary by less than float32 resolves",
        "expected an SD above",
        "Subtract each unit's mean",
    ),
    Case(
        "an image with one response everywhere",
        array(np.where(np.arange(N)[:, None] == 5, 2.5, GOOD)),
        "responses.npy",
        "image pic05, 2.5 everywhere",
        "no RSM is defined",
        "leave these images out",
    ),
    Case(
        "a unit table that names other units",
        named_units,
        "units.csv",
        "x, y, ...",
        "expected the same names",
        "Name units in a column 'unit'",
    ),
    Case("an empty table", csv("image,a,b\n"), "responses.csv", "no rows", "at least one row", "header line"),
    Case(
        "repeats of different size",
        repeats_differ,
        "responses_2.npy",
        "11 images x 3 units",
        "12 x 3",
        "Give a missing repeat as a row of NaN",
    ),
    Case("a unit table of another length", units("regions\nIT\n"), "units.csv", "1 rows", "one row a unit", "3 units"),
    Case(
        "a unit table without any region",
        units('regions\n""\n""\n""\n'),
        "units.csv",
        "is empty",
        "Name a region",
        "or drop the column",
    ),
    Case("a region with a slash", units("regions\nV1/V2\nIT\nIT\n"), "units.csv", "'V1/V2'", "a slash", "Rename it"),
    Case("a region of one unit", units("regions\nV1\nIT\nIT\n"), "region V1", "1 units", "at least 2", "leave it out"),
    Case(
        "an RSM that is not symmetric",
        lopsided,
        "Target d/s, region IT",
        "not symmetric",
        "a symmetric 8 x 8 RSM",
        "Fix",
    ),
    Case(
        "features of fewer images than the target's",
        other_images,
        "d/s",
        "2 of 8 images",
        "not in the layer's geometry",
        "rebuild the target",
    ),
    Case("a table that was cut", table, "t.parquet", "cannot be read", "Table", "Delete it and rerun"),
]
