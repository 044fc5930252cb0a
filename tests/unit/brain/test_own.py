"""A user's own folder: every way of writing it down gives the same target, and every slip has its message."""

import unicodedata

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from menagerie.brain.readers import own
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import check_target
from menagerie.errors import MenagerieError

N, V, T = 24, 5, 3
NAMES = [f"pic{number:02d}" for number in range(N)]
UNITS = [f"u{number}" for number in range(V)]


@pytest.fixture
def responses():
    """``(n, v, t)``."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((N, V, 1)) + 0.5 * rng.standard_normal((N, V, T))


@pytest.fixture
def folder(tmp_path):
    """A dataset with images and an empty subject."""
    place = tmp_path / "mine"
    (place / "images").mkdir(parents=True)
    (place / "s1").mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (6 + number % 3, 5), (number, 0, 0)).save(place / "images" / f"{name}.png")
    return place


def read(folder, subject="s1"):
    options = {"folder": str(folder)}
    images, ids, provenance = own.read_stimuli(options, {})
    path = folder.parent / "mine.h5"
    write_stimuli(path, images, ids, provenance)
    target = own.read_target("mine", subject, options=options, inputs={}, stimuli=Stimuli(path))
    check_target(target)
    return target


def as_table(values, images=NAMES):
    return pd.DataFrame(values, columns=UNITS).assign(image=images)


def test_repeats_on_the_third_axis(folder, responses):
    np.save(folder / "s1" / "responses.npy", responses)
    target = read(folder)
    np.testing.assert_allclose(target.responses, responses.mean(axis=2), rtol=1e-5)
    assert target.repeats.shape == (T, N, V) and target.region_names == ["all"]
    assert list(target.image_ids) == NAMES and target.stimuli == "mine"
    assert target.units["ncsnr"].shape == (V,)
    assert "all" in target.ceilings["even_odd/0"] or target.provenance["ceiling_all"].startswith("absent: ")


@pytest.mark.parametrize("kind", ["npy", "csv", "parquet"])
def test_one_file_per_repeat(folder, responses, kind):
    for repeat in range(T):
        path = folder / "s1" / f"responses_{repeat + 1}.{kind}"
        shuffled = as_table(responses[:, :, repeat]).sample(frac=1, random_state=repeat)
        if kind == "npy":
            np.save(path, responses[:, :, repeat])
        elif kind == "csv":
            shuffled.to_csv(path, index=False)
        else:
            shuffled.to_parquet(path)
    target = read(folder)
    np.testing.assert_allclose(target.repeats, responses.transpose(2, 0, 1), rtol=1e-5)


def test_rows_are_matched_by_image_name_and_may_be_fewer(folder, responses):
    values, some = responses.mean(axis=2), np.arange(N)[::-1][:18]
    as_table(values[some], [f"{NAMES[k]}.png" for k in some]).to_csv(folder / "s1" / "responses.csv", index=False)
    target = read(folder)
    assert list(target.image_ids) == NAMES[6:]
    np.testing.assert_allclose(target.responses, values[6:], rtol=1e-5)
    assert target.repeats is None and target.provenance["ceiling"] == "absent: no repeats"


def test_order_file_sets_order_and_ids(folder, responses):
    order = pd.DataFrame({"file": [f"{name}.png" for name in NAMES[::-1]], "id": [f"{k:03d}" for k in range(N)]})
    order.to_csv(folder / "images.csv", index=False)
    np.save(folder / "s1" / "responses.npy", responses)
    target = read(folder)
    assert list(target.image_ids[:2]) == ["000", "001"]
    assert [image[0, 0, 0] for image in Stimuli(folder.parent / "mine.h5")][:3] == [N - 1, N - 2, N - 3]


def test_unit_table_gives_regions_by_unit_name(folder, responses):
    as_table(responses[:, :, 0]).to_csv(folder / "s1" / "responses.csv", index=False)
    table = pd.DataFrame({"unit": UNITS, "regions": ["V1", "V1;early", "IT", "IT", ""], "depth": [1.5, 2, 3, 4, 5]})
    table.iloc[::-1].to_csv(folder / "s1" / "units.csv", index=False)
    target_error = pytest.raises(MenagerieError, match="region early: 1 units")
    with target_error:
        read(folder)
    table.loc[0, "regions"] = "V1;early"
    table.iloc[::-1].to_csv(folder / "s1" / "units.csv", index=False)
    target = read(folder)
    masks = {name: mask.tolist() for name, mask in target.regions.items()}
    assert masks == {
        "V1": [True, True, False, False, False],
        "early": [True, True, False, False, False],
        "IT": [False, False, True, True, False],
    }
    assert target.units["depth"].tolist() == [1.5, 2, 3, 4, 5]


def test_missing_repeats_are_nan(folder, responses):
    responses[3, :, 1:] = np.nan
    np.save(folder / "s1" / "responses.npy", responses)
    target = read(folder)
    np.testing.assert_allclose(target.responses[3], responses[3, :, 0], rtol=1e-5)


def test_subjects_and_inputs(folder, responses):
    np.save(folder / "s1" / "responses.npy", responses)
    options = {"folder": str(folder)}
    assert own.default_subjects(options) == ("s1",)
    assert own.inputs(options)["images"] == sorted((folder / "images").iterdir())
    assert own.inputs(options, subject="s1") == {"responses_1": folder / "s1" / "responses.npy"}


def spoil_nan(values):
    values[3, 1, :] = np.nan


def spoil_all(values):
    values[3] = np.nan


def spoil_infinite(values):
    values[3, 1, 0] = np.inf


def spoil_constant(values):
    values[:, 2] = 4.0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_nan, r"responses\.npy: NaN in 1 of 5 units at image 3"),
        (spoil_all, "1 of 24 images have no responses.*image 3"),
        (spoil_infinite, "infinite response of unit 1 to image 3"),
        (spoil_constant, "1 of 5 units respond alike.*first unit: 2"),
    ],
)
def test_bad_values_are_located(folder, responses, spoil, message):
    spoil(responses)
    np.save(folder / "s1" / "responses.npy", responses)
    with pytest.raises(MenagerieError, match=message):
        read(folder)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((N + 3, V)), "27 rows of responses, the stimulus set has 24 images"),
        (np.zeros((V, N)), "look transposed"),
        (np.zeros(N), r"shape \(24,\)"),
        (np.array([["a"] * V] * N), "expected numbers"),
        (np.array([["a"] * N] * N), "expected numbers"),
        (np.zeros((N, 0)), r"shape \(24, 0\)"),
    ],
)
def test_wrong_shapes_are_named(folder, array, message):
    np.save(folder / "s1" / "responses.npy", array)
    with pytest.raises(MenagerieError, match=message):
        read(folder)


def test_pickled_objects_are_refused(folder):
    np.save(folder / "s1" / "responses.npy", np.array([{}] * N, dtype=object), allow_pickle=True)
    with pytest.raises(MenagerieError, match="cannot be read as an array"):
        read(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(u1=["much"] + [0.5] * (N - 1)), r"column 'u1', row 1: expected a number, found 'much'"),
        (lambda t: t.assign(image=["pic00", "pic00", *NAMES[2:]]), "'pic00' has several rows"),
        (lambda t: t.assign(image=["pix00", *NAMES[1:]]), r"Unknown image.*'pix00'.*Did you mean 'pic00'"),
        (lambda t: t[["image"]], "no columns of responses"),
        (lambda t: t.iloc[:4], "4 images; at least 8"),
        (lambda t: t.iloc[::2], "0 images of the test part"),
        (lambda t: t.iloc[:0], "no rows"),
    ],
)
def test_slips_in_tables_are_named(folder, responses, change, message):
    change(as_table(responses[:, :, 0])).to_csv(folder / "s1" / "responses.csv", index=False)
    with pytest.raises(MenagerieError, match=message):
        read(folder)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"regions": ["V1"] * 4}), "4 rows for 5 units"),
        (pd.DataFrame({"unit": ["v0", *UNITS[1:]], "regions": ["V1"] * V}), "column 'unit'.*u0"),
        (pd.DataFrame({"regions": [""] * V, "x": range(V)}), "column of regions is empty"),
        (pd.DataFrame({"regions": ["a/b"] * V}), "slash"),
    ],
)
def test_slips_in_unit_tables_are_named(folder, responses, table, message):
    as_table(responses[:, :, 0]).to_csv(folder / "s1" / "responses.csv", index=False)
    table.to_csv(folder / "s1" / "units.csv", index=False)
    with pytest.raises(MenagerieError, match=message):
        read(folder)


def test_repeat_files_must_fit_one_another(folder, responses):
    np.save(folder / "s1" / "responses_1.npy", responses[:, :, 0])
    np.save(folder / "s1" / "responses_2.npy", responses[:-1, :, 1])
    with pytest.raises(MenagerieError, match=r"responses_2\.npy has 23 images x 5 units, responses_1\.npy has 24 x 5"):
        read(folder)
    np.save(folder / "s1" / "responses.npy", responses)
    with pytest.raises(MenagerieError, match="either one file 'responses', or"):
        read(folder)


def test_order_is_natural_and_ambiguous_only_where_names_are(folder, responses, capsys):
    np.save(folder / "s1" / "responses.npy", responses)
    for number in range(10):
        (folder / "images" / f"pic0{number}.png").rename(
            folder / "images" / f"{'PIC' if number % 2 else 'pic'}{number}.png"
        )
    target = read(folder)
    assert [name.casefold() for name in target.image_ids] == [f"pic{number}" for number in range(N)]
    np.testing.assert_allclose(target.responses, responses.mean(axis=2), rtol=1e-5)
    said = capsys.readouterr().out
    assert "matched by order alone: row 1 pic0, row 2 PIC1, row 3 pic2, ..., row 22 pic21, row 23 pic22" in said
    assert "Warning: " in said and "'PIC3' would stand where 'PIC1' does" not in said
    assert "by the codes of letters 'PIC1' would stand where 'pic0' does" in said
    (folder / "images" / "pic11.png").rename(folder / "images" / "pic02.png")
    with pytest.raises(
        MenagerieError, match=r"order of 'pic2\.png' and 'pic02\.png' is ambiguous|'pic02\.png' and 'pic2"
    ):
        read(folder)


def test_names_match_in_any_unicode_form(folder, responses):
    values = responses.mean(axis=2)
    (folder / "images" / "pic00.png").rename(folder / "images" / (unicodedata.normalize("NFD", "ähre") + ".png"))
    names = [*NAMES[1:], unicodedata.normalize("NFC", "ähre")]
    as_table(values, names).to_csv(folder / "s1" / "responses.csv", index=False)
    target = read(folder)
    assert sorted(target.image_ids) == sorted(names)
    row = {name: number for number, name in enumerate(names)}
    np.testing.assert_allclose(target.responses, values[[row[name] for name in target.image_ids]], rtol=1e-5)


def test_files_of_the_system_are_no_images_and_no_subjects(folder, responses):
    np.save(folder / "s1" / "responses.npy", responses)
    for place in (folder / "images", folder / "s1", folder):
        for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._pic00.png", "~$units.csv"):
            (place / name).write_bytes(b"not a picture")
        (place / ".ipynb_checkpoints").mkdir()
    np.save(folder / ".ipynb_checkpoints" / "responses-checkpoint.npy", responses)
    np.save(folder / ".ipynb_checkpoints" / "responses.npy", responses)
    (folder / "__MACOSX" / "images").mkdir(parents=True)
    assert own.default_subjects({"folder": str(folder)}) == ("s1",)
    assert len(read(folder).image_ids) == N


def test_only_numbers_tell_repeats_apart(folder, responses):
    for number in (1, 2):
        np.save(folder / "s1" / f"responses_{number}.npy", responses[:, :, number])
    np.save(folder / "s1" / "responses_old.npy", responses[:, :, 0])
    with pytest.raises(MenagerieError, match=r"responses_1.npy, responses_2.npy, responses_old.npy: keep either"):
        read(folder)
    (folder / "s1" / "responses_old.npy").rename(folder / "s1" / "responses_02.npy")
    with pytest.raises(MenagerieError, match="keep either"):
        read(folder)


def test_endings_in_capitals_and_a_near_name(folder, responses):
    np.save(folder / "s1" / "responses.npy", responses)
    (folder / "s1" / "responses.npy").rename(folder / "s1" / "responses.NPY")
    assert own.default_subjects({"folder": str(folder)}) == ("s1",)
    assert read(folder).responses.shape == (N, V)
    (folder / "s1" / "responses.NPY").rename(folder / "s1" / "respones.npy")
    with pytest.raises(MenagerieError, match=r"found respones.npy.*Did you mean 'responses.npy'"):
        read(folder)


@pytest.mark.parametrize("dtype", [">f8", "<i2", ">u4", "f2", "g"])
@pytest.mark.parametrize("order", "CF")
def test_any_kind_of_number_is_read(folder, responses, dtype, order):
    whole = np.round(responses * 50 + (200 if "u" in dtype else 0))
    np.save(folder / "s1" / "responses.npy", np.asarray(whole, dtype=dtype, order=order))
    np.testing.assert_allclose(read(folder).responses, whole.mean(axis=2), rtol=1e-5)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((N, V), dtype=complex), "expected numbers, found complex128"),
        (np.zeros((N, V), dtype=bool), "expected numbers, found bool"),
        (np.zeros((N, V), dtype="M8[s]"), "expected numbers, found datetime64"),
        (np.zeros(N, dtype=[("a", float)]), "expected numbers"),
        (np.full((N, V), 2**60 + np.arange(V)), r"at most 2\*\*53"),
        (np.random.default_rng(0).standard_normal((N, V)) * 1e39, "response beyond 3e38"),
        (np.random.default_rng(0).standard_normal((N, V)) + 1e7, "vary by less than float32 resolves"),
        (np.random.default_rng(0).standard_normal((N, V)) * 1e-42, "vary by less than float32 resolves"),
    ],
)
def test_numbers_that_would_be_spoilt_are_refused(folder, array, message):
    np.save(folder / "s1" / "responses.npy", array)
    with pytest.raises(MenagerieError, match=message):
        read(folder)


def test_an_image_with_one_response_everywhere_is_refused(folder, responses):
    responses[4] = 2.5
    np.save(folder / "s1" / "responses.npy", responses)
    with pytest.raises(
        MenagerieError, match=r"1 of 24 images have the same response in all units of region all.*pic04, 2.5"
    ):
        read(folder)


def rdm(n=N, seed=0):
    values = np.abs(np.random.default_rng(seed).standard_normal((n, n)))
    values = values + values.T
    np.fill_diagonal(values, 0)
    return values


@pytest.mark.parametrize(
    "array",
    [
        rdm(),
        1 - rdm() / 9,
        rdm().round(4).astype("f4"),
        np.stack([rdm(seed=k) for k in range(15)], axis=2),
        np.stack([rdm(seed=k) for k in range(15)]),
        np.triu(rdm()),
        np.cov(np.random.default_rng(0).standard_normal((N, 99))),
        rdm()[np.triu_indices(N, k=1)][None] * np.ones((15, 1)),
        rdm()[np.triu_indices(N, k=1)],
        np.where(np.eye(N), np.nan, rdm()),
    ],
    ids=[
        "RDM",
        "RSM",
        "rounded",
        "15 people last",
        "15 people first",
        "triangle",
        "covariance",
        "pairs",
        "pairs of one person",
        "no diagonal",
    ],
)
def test_matrices_of_images_are_no_responses(folder, array):
    np.save(folder / "s1" / "responses.npy", array)
    with pytest.raises(MenagerieError, match=r"similarities or dissimilarities of images.*Reader rsm takes such files"):
        read(folder)


def test_matrices_of_images_in_tables_and_repeats_are_no_responses(folder, responses):
    table = pd.DataFrame(rdm(), columns=NAMES).assign(image=NAMES)
    table.to_csv(folder / "s1" / "responses.csv", index=False)
    with pytest.raises(MenagerieError, match=r"a table whose columns are images.*Reader rsm"):
        read(folder)
    table.rename(columns={name: f"u{k}" for k, name in enumerate(NAMES)}).to_csv(folder / "s1" / "responses.csv")
    with pytest.raises(MenagerieError, match="Reader rsm"):
        read(folder)
    (folder / "s1" / "responses.csv").unlink()
    for number in range(1, 4):
        np.save(folder / "s1" / f"responses_{number}.npy", rdm(seed=number))
    with pytest.raises(MenagerieError, match="Reader rsm"):
        read(folder)


def test_transposed_data_are_told(folder, responses, capsys):
    values = responses.mean(axis=2)
    pd.DataFrame(values.T, index=UNITS, columns=NAMES).to_csv(folder / "s1" / "responses.csv")
    with pytest.raises(MenagerieError, match=r"named after images.*transposed"):
        read(folder)
    (folder / "s1" / "responses.csv").unlink()
    np.save(folder / "s1" / "responses.npy", np.moveaxis(responses, 0, 1))
    with pytest.raises(MenagerieError, match=r"look transposed.*moveaxis\(responses, 1, 0\)"):
        read(folder)
    np.save(folder / "s1" / "responses.npy", np.random.default_rng(0).standard_normal((N, N)))
    read(folder)
    assert f"as many units as images ({N})" in capsys.readouterr().out
    np.save(folder / "s1" / "responses.npy", np.random.default_rng(0).standard_normal((N, 3, 9)))
    read(folder)
    assert "found 9 repeats of 3 units" in capsys.readouterr().out


def test_codes_for_missing_values_are_told(folder, responses, capsys):
    responses[3, 1, 0] = -999
    np.save(folder / "s1" / "responses.npy", responses)
    read(folder)
    assert "1 responses are -999 (first unit: 1)" in capsys.readouterr().out


def test_a_table_with_a_row_for_every_measurement_is_refused(folder, responses):
    table = as_table(responses.mean(axis=2)).melt("image", var_name="unit", value_name="response")
    table.to_csv(folder / "s1" / "responses.csv", index=False)
    with pytest.raises(MenagerieError, match=r"one row a measurement.*pivot"):
        read(folder)


def test_an_order_file_of_another_program(folder, responses, capsys):
    np.save(folder / "s1" / "responses.npy", responses[:-1])
    lines = [f"images/{name}.png;NA{k:02d}" for k, name in enumerate(NAMES[:-1])]
    (folder / "images.csv").write_bytes("\r\n".join(["File;ID", *lines, ""]).encode("utf-8-sig"))
    assert read(folder).image_ids[:2].tolist() == ["NA00", "NA01"]
    assert "leaves out 1 files of the folder 'images' (first: pic23.png)" in capsys.readouterr().out
    (folder / "images.csv").write_text("file\n" + "\n".join(f"{name}.png" for name in [*NAMES[:-1], "pix23"]))
    with pytest.raises(MenagerieError, match=r"first: pix23.png.*Did you mean 'pic23.png'"):
        read(folder)


def test_folders_inside_images_are_told(folder, responses, capsys):
    np.save(folder / "s1" / "responses.npy", responses)
    (folder / "images" / "faces").mkdir()
    read(folder)
    assert "has subfolders (faces), which are not read" in capsys.readouterr().out
    for path in (folder / "images").glob("*.png"):
        path.rename(folder / "images" / "faces" / path.name)
    with pytest.raises(MenagerieError, match=r"holds 0 images.*subfolders \(faces\)"):
        read(folder)


def test_slips_in_the_folder_are_named(folder, tmp_path):
    with pytest.raises(MenagerieError, match="no subject"):
        own.default_subjects({"folder": str(folder)})
    with pytest.raises(MenagerieError, match="found no folder"):
        own.default_subjects({"folder": str(tmp_path / "none")})
    with pytest.raises(MenagerieError, match="option 'folder'"):
        own.default_subjects({})
    with pytest.raises(MenagerieError, match="no responses"):
        read(folder)
    (folder / "images" / "pic03.jpg").write_bytes((folder / "images" / "pic03.png").read_bytes())
    with pytest.raises(MenagerieError, match="'pic03' occurs several times"):
        own.read_stimuli({"folder": str(folder)}, {})
    for path in list((folder / "images").iterdir())[5:]:
        path.unlink()
    with pytest.raises(MenagerieError, match="5 images; at least 8"):
        own.read_stimuli({"folder": str(folder)}, {})
