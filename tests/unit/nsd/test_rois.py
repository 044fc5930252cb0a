"""Regions from small volumes, and the edges: label 0, one voxel, four dimensions, tolerances of grids."""

import nibabel as nib
import numpy as np
import pytest

from menagerie.brain.nsd.layout import Layout
from menagerie.brain.nsd.rois import DEFAULT_REGIONS, volumes_of
from menagerie.brain.nsd.volumes import Volumes, read_label_table
from menagerie.brain.voxels.expression import Labels, evaluate, names_in
from menagerie.brain.voxels.grids import Grid, grid_of
from menagerie.brain.voxels.ranges import ranges
from menagerie.brain.voxels.regions import build_regions, mask_path, mask_paths, region_texts
from menagerie.brain.voxels.zscores import zscore
from menagerie.errors import MenagerieError

SHAPE = (3, 2, 2)
AFFINE = np.array([[1.8, 0, 0, -10], [0, 1.8, 0, 20], [0, 0, 1.8, 5], [0, 0, 0, 1.0]])
STREAMS = [0, 0, 1, 1, 5, 5, 5, -1, 7, 0, 0, 1]
TABLE = "# made by nobody\n\n0 Unknown 0 0 0 0\n-1 outside\n1 early 1 2 3 0\n5 ventral\n7 lateral-2\n"


def save(path, values, affine=AFFINE, shape=SHAPE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.asarray(values, np.float32).reshape(shape), affine), path)


@pytest.fixture
def volumes(tmp_path):
    at = Layout(tmp_path)
    save(at.volume("subj01", "ncsnr"), np.arange(12) / 10)
    save(at.volume("subj01", "streams"), STREAMS)
    save(at.volume("subj01", "nsdgeneral"), [*[-1] * 4, *[0] * 4, *[1] * 4])
    at.label_table("subj01", "streams").parent.mkdir(parents=True)
    at.label_table("subj01", "streams").write_text(TABLE)
    return Volumes(at, "subj01")


def test_label_0_is_no_label(volumes):
    """Neither by its name, nor as part of the volume's inside; nor are numbers below it."""
    assert read_label_table(volumes.layout.label_table("subj01", "streams")) == {
        "early": 1, "ventral": 5, "lateral_2": 7,
    }  # fmt: skip
    masks, lost = build_regions(volumes, [{"inside": "streams"}, {"general": "nsdgeneral"}, {"rest": "not streams"}])
    np.testing.assert_array_equal(masks["inside"], np.array(STREAMS) > 0)
    np.testing.assert_array_equal(masks["rest"], np.array(STREAMS) <= 0)
    np.testing.assert_array_equal(masks["general"], np.arange(12) >= 8)
    assert lost == {}
    with pytest.raises(MenagerieError, match="Unknown"):
        build_regions(volumes, [{"zero": "streams in {Unknown}"}])
    with pytest.raises(MenagerieError, match="outside"):
        build_regions(volumes, ["outside"])


def test_a_region_of_one_voxel_is_refused_and_of_two_is_not(volumes):
    assert build_regions(volumes, [{"two": "ncsnr > 0.95"}])[0]["two"].sum() == 2
    with pytest.raises(MenagerieError, match="region 'one' of subj01: 1 voxels; an RSM needs at least 2"):
        build_regions(volumes, [{"one": "ncsnr > 1.05"}])
    with pytest.raises(MenagerieError, match="region 'lateral-2' of subj01: 1 voxels"):
        build_regions(volumes, ["ventral", "lateral-2"])


@pytest.mark.parametrize(
    ("shape", "dimensions", "is_read"),
    [
        ((3, 2, 2), 3, True),
        ((3, 2, 2, 1), 3, True),  # as some programs save a volume
        ((3, 2, 1, 2), 3, False),
        ((3, 2, 2, 1, 1), 3, False),
        ((6, 2), 3, False),
        ((3, 2, 1, 2), 4, True),
        ((3, 2, 1, 2, 1), 4, True),
        ((3, 2, 2), 4, False),
    ],
)
def test_volumes_of_other_dimensions_are_refused(volumes, tmp_path, shape, dimensions, is_read):
    save(tmp_path / "v.nii.gz", np.arange(12), shape=shape)
    if is_read:
        assert volumes.open(tmp_path / "v.nii.gz", dimensions).shape == shape
    else:
        words = {3: "three", 4: "four"}[dimensions]
        with pytest.raises(MenagerieError, match=f"expected {words} dimensions, found shape"):
            volumes.open(tmp_path / "v.nii.gz", dimensions)


def test_a_volume_with_a_fourth_dimension_of_one_is_read_as_it_lies(volumes):
    save(volumes.layout.volume("subj01", "faces_t"), np.arange(12.0), shape=(*SHAPE, 1))
    np.testing.assert_array_equal(volumes["faces_t"], np.arange(12))
    save(volumes.layout.volume("subj01", "words_t"), np.arange(24.0), shape=(*SHAPE, 2))
    with pytest.raises(MenagerieError, match=r"floc_wordtval.nii.gz: expected three dimensions"):
        volumes["words_t"]


def test_voxels_are_in_c_order_and_read_once(volumes):
    np.testing.assert_allclose(volumes["ncsnr"], np.arange(12) / 10, rtol=1e-6)
    assert volumes["ncsnr"] is volumes["ncsnr"] and volumes.shape == SHAPE
    streams = volumes["streams"]
    assert streams.codes.tolist() == STREAMS and streams.numbers["ventral"] == 5
    assert volumes.has("streams") and volumes.has("nsdgeneral") and not volumes.has("floc_faces")
    assert volumes.names("nsdgeneral") == {} and volumes.owners("ventral") == ["streams"] and not volumes.owners("OFA")
    save(volumes.layout.volume("subj01", "floc_faces"), np.zeros(12))
    assert not volumes.has("floc_faces"), "its table of names is missing"


@pytest.mark.parametrize(
    ("change", "is_release", "is_read", "remarks"),
    [
        (AFFINE + 5e-4, True, True, 0),
        (np.where(np.eye(4) == 1, AFFINE + 0.01 * np.array([[1, 1, 1, 0]]), AFFINE), True, False, 0),
        (AFFINE + 8e-3 * np.outer([1, 1, 1, 0], [0, 0, 0, 1]), False, True, 0),  # a hundredth of a mm is no move
        (AFFINE + 1.2e-2 * np.outer([1, 1, 1, 0], [0, 0, 0, 1]), False, False, 0),
        (AFFINE + 5e-2 * np.outer([1, 1, 1, 0], [0, 0, 0, 1]), True, True, 1),
        (np.eye(4), True, True, 1),  # says nothing: the release's own volumes have one grid
        (np.eye(4), False, False, 0),
    ],
)
def test_how_far_grids_may_be_apart(volumes, tmp_path, change, is_release, is_read, remarks):
    path = tmp_path / "other.nii.gz"
    save(path, np.zeros(12), change)
    if is_read:
        volumes.check_grid(path, volumes.open(path), is_release=is_release)
        assert len(volumes.remarks) == remarks
    else:
        with pytest.raises(MenagerieError, match="found another affine"):
            volumes.check_grid(path, volumes.open(path), is_release=is_release)


def test_a_volume_without_orientation_has_at_least_the_size_of_its_voxels(volumes, tmp_path):
    """Codes 0: voxels of 3 mm are no voxels of 1.8 mm, wherever they lie."""
    for size, is_read in ((3.0, False), (1.8, True)):
        image = nib.Nifti1Image(np.zeros(SHAPE, np.float32), np.diag([size, size, size, 1]))
        image.set_sform(None, 0)
        image.set_qform(None, 0)
        nib.save(image, tmp_path / "o.nii.gz")
        again = volumes.open(tmp_path / "o.nii.gz")
        assert not grid_of(again).is_oriented
        if is_read:
            volumes.check_grid(tmp_path / "o.nii.gz", again)
            assert "says nothing about its orientation" in volumes.remarks[-1].text
        else:
            with pytest.raises(MenagerieError, match="found another affine"):
                volumes.check_grid(tmp_path / "o.nii.gz", again)


def test_a_grid_says_where_it_lies():
    grid = Grid(SHAPE, AFFINE, True)
    assert str(grid) == "voxels of 1.8 x 1.8 x 1.8 mm, axes RAS, first voxel at (-10, 20, 5) mm"
    assert "axes unknown" in str(Grid(SHAPE, AFFINE, False))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("1 a\n2 a\n", "line 2: label 2 'a' is there twice"),
        ("1 a\n1 b\n", "line 2: label 1 'b' is there twice"),
        ("1 a\n2\n", "line 2: expected 'number name'"),
        ("x a\n", "line 1: expected 'number name'"),
        ("1234567890 a\n", "line 1: expected 'number name'"),
        ("1.0 a\n", "line 1: expected 'number name'"),
    ],
)
def test_tables_of_labels_that_are_none(tmp_path, table, message):
    (tmp_path / "t").write_text(table)
    with pytest.raises(MenagerieError, match=message):
        read_label_table(tmp_path / "t")


def test_large_labels_and_repeated_zeros_are_fine(tmp_path):
    (tmp_path / "t").write_text("0 a\n0 b\n999999999 c-d\n")
    assert read_label_table(tmp_path / "t") == {"c_d": 999999999}
    with pytest.raises(MenagerieError, match="is missing"):
        read_label_table(tmp_path / "u")


def test_a_label_that_the_table_does_not_name(volumes):
    save(volumes.layout.volume("subj01", "streams"), [*STREAMS[:-1], 3])
    with pytest.raises(MenagerieError, match=r"holds label 3, .*\(it names \[1, 5, 7\]\)"):
        volumes["streams"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([-1] * 6 + [0] * 6, "whole numbers below 0"),
        ([-2] * 6 + [1] * 6, r"below 0 \(down to -2\)"),
        ([0] * 11 + [1], "1 voxels"),
    ],
)
def test_masks_that_are_none(volumes, tmp_path, values, message):
    save(tmp_path / "m.nii.gz", values)
    with pytest.raises(MenagerieError, match=message):
        build_regions(volumes, [{"mine": {"mask": str(tmp_path / "m.nii.gz")}}])


@pytest.mark.parametrize("values", [[-1] * 6 + [1] * 6, [0] * 6 + [2] * 6, [np.nan] * 6 + [0.3] * 6, [0.5] * 12])
def test_masks_that_are_some(volumes, tmp_path, values):
    save(tmp_path / "m.nii.gz", values)
    masks, _ = build_regions(volumes, {"mine": {"mask": str(tmp_path / "m.nii.gz")}, "both": "mine and ncsnr > 0"})
    np.testing.assert_array_equal(masks["mine"], np.nan_to_num(np.array(values)) > 0)
    np.testing.assert_array_equal(masks["both"], masks["mine"] & (np.arange(12) > 0))
    assert ("fractions" in "".join(remark.text for remark in volumes.remarks)) == (values[-1] < 1)


def test_voxels_left_out_for_nan_are_counted(volumes):
    save(volumes.layout.volume("subj01", "faces_t"), [np.nan] * 3 + [2.0] * 9)
    masks, lost = build_regions(volumes, [{"faces": "faces_t > 1"}, {"known": "ncsnr >= 0"}])
    assert masks["faces"].sum() == 9 and masks["known"].all() and lost == {"faces": 3}


@pytest.mark.parametrize("regions", ["OTC", 3, [], {}, [["a"]], [3], [""], ["a/b"], ["a", "a"], [{"": "ncsnr > 1"}]])
def test_regions_that_are_none(regions):
    with pytest.raises(MenagerieError, match="Option regions"):
        region_texts(regions, DEFAULT_REGIONS)


def test_texts_of_regions():
    texts = region_texts(["OTC", "FFA-1", {"mine": "ncsnr > 1", "EVC": None}], DEFAULT_REGIONS)
    assert list(texts) == ["OTC", "FFA-1", "mine", "EVC"]
    assert texts["FFA-1"] == "'FFA_1'" and texts["mine"] == "ncsnr > 1" and "V1v" in texts["EVC"]
    named = volumes_of([{"a": "ncsnr > 1 and streams"}, {"b": "streams and early"}])
    assert sorted(named) == ["ncsnr", "streams"]


def test_files_of_masks(tmp_path):
    assert mask_path({"mask": f"{tmp_path}/{{subject}}.nii"}, "subj05", "here") == tmp_path / "subj05.nii"
    regions = [{"a": {"mask": f"{tmp_path}/a.nii"}}, "OTC", {"b": {"mask": f"{tmp_path}/{{subject}}.nii"}}]
    assert mask_paths(regions, DEFAULT_REGIONS, "subj05") == [tmp_path / "a.nii", tmp_path / "subj05.nii"]
    for wrong in ({"mask": "a", "b": 1}, {"file": "a"}, {"mask": "}.nii"}, {"mask": "{.nii"}):
        with pytest.raises(MenagerieError, match="here: "):
            mask_path(wrong, "subj05", "here")


VALUES = {"ncsnr": np.array([0.1, 0.3]), "streams": Labels(np.array([1, 0]), {"early": 1, "late": 0})}


@pytest.mark.parametrize("length", [4000, 4001])
def test_expressions_may_be_4000_characters_long(length):
    text = "ncsnr > 0" + " " * (length - 9)
    if length == 4000:
        assert evaluate(text, VALUES, where="x").all()
    else:
        with pytest.raises(MenagerieError, match="of up to 4000 characters"):
            names_in(text, where="x")


@pytest.mark.parametrize("text", ["", "  \n", None, 3, "streams in {early, 3}", "streams in {1}", "early in {early}",
                                  "ncsnr in {early}", "streams > 1", "1 > 0", "ncsnr", "ncsnr > (1, 2)", "-streams > 1",
                                  "ncsnr is 1", "streams in early"])  # fmt: skip
def test_what_is_no_expression(text):
    with pytest.raises(MenagerieError, match=r"^x: |in x"):
        evaluate(text, VALUES, where="x")


def test_z_scores_have_the_populations_sd_and_constant_voxels_are_0():
    raw = np.random.default_rng(0).integers(-900, 900, (40, 5)).astype(np.int16)
    raw[:, 3] = 7
    z, varies = zscore(raw)
    assert varies.tolist() == [True, True, True, False, True] and not z[:, 3].any() and z.dtype == np.float32
    kept = raw[:, varies].astype(float)
    np.testing.assert_allclose(z[:, varies], (kept - kept.mean(axis=0)) / kept.std(axis=0), atol=1e-5)


def test_volumes_of_the_release_are_read_as_such(volumes):
    """Its own files may leave their orientation out; a mask of the user may not."""
    path = volumes.layout.volume("subj01", "faces_t")
    save(path, np.arange(12.0), np.eye(4))
    np.testing.assert_array_equal(volumes.read(path), np.arange(12))
    with pytest.raises(MenagerieError, match="another affine"):
        volumes.read(path, is_release=False)


def test_numbers_of_any_size_and_sign():
    assert evaluate("ncsnr < 1e400", VALUES, where="x").all()
    assert evaluate("-ncsnr > -0.2", VALUES, where="x").tolist() == [True, False]
    assert evaluate("ncsnr < 9" + "0" * 400, VALUES, where="x").all()


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([7], "7"), ([3, 1], "1, 3"), ([10, 2, 1, 3, 7, 9], "1-3, 7, 9-10")]
)
def test_sessions_are_told_as_people_write_them(numbers, text):
    assert ranges(numbers) == text
