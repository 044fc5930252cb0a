"""A user's own folder: every way of writing it down gives the same target, and every slip has its message."""

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
    assert "all" in target.ceilings or target.provenance["ceiling_all"].startswith("absent: ")


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
        (lambda t: t.iloc[::2], "0 images of the test half"),
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


def test_ambiguous_order_of_images_is_refused(folder, responses):
    np.save(folder / "s1" / "responses.npy", responses)
    (folder / "images" / "pic02.png").rename(folder / "images" / "pic2.png")
    with pytest.raises(
        MenagerieError, match=r"order of the images is ambiguous.*'pic19\.png' comes before 'pic2\.png'"
    ):
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
