"""The reader on a small twin, against values computed from the files in the plainest way."""

import csv
import io

import h5py
import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from scipy.stats import zscore

from menagerie.brain.laion.betas import read_session
from menagerie.brain.laion.laion_options import parse_options
from menagerie.brain.laion.layout import SESSIONS, Layout, ood_type, owner, planned_repeats
from menagerie.brain.laion.responses import normalised
from menagerie.brain.laion.trials import read_sessions
from menagerie.brain.readers import laion
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import check_target, read_target, write_target
from menagerie.errors import MenagerieError
from menagerie.twins.laion.twin_geometry import LACKING


def options(root, **more):
    return {"laion_root": str(root), "images": "shared+ood", **more}


def plain_trials(root, subject, how="session"):
    """(label, betas of all voxels) of every trial, by loops over whole files."""
    layout, found = Layout(root), []
    for session in SESSIONS[:2]:
        with layout.trials(subject, session).open() as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        volumes = np.asarray(nib.load(layout.betas(subject, session)).dataobj, dtype=np.float64)
        values = np.stack([volumes[..., int(row["beta_index"])].ravel() for row in rows])
        groups = np.array([row["run"] if how == "run" else session for row in rows])
        with np.errstate(invalid="ignore", divide="ignore"):
            for group in np.unique(groups) if how != "none" else ():
                values[groups == group] = zscore(values[groups == group], axis=0)
        found += [(row["label"], value) for row, value in zip(rows, values, strict=True)]
    return found


def places(target, shape):
    return np.ravel_multi_index(tuple(target.units[axis] for axis in "xyz"), shape)


@pytest.mark.parametrize(
    ("subject", "how"), [("sub-01", "session"), ("sub-03", "session"), ("sub-01", "run"), ("sub-01", "none")]
)
def test_repeats_and_means_are_those_of_the_files(twin, stimuli, small_spec, subject, how):
    target = laion.read_target("laion", subject, options=options(twin, zscore=how, keep_repeats=True), stimuli=stimuli)
    check_target(target)
    at = places(target, small_spec().voxels[subject].shape)
    trials = plain_trials(twin, subject, how)
    for row, label in enumerate(target.image_ids):
        shown = np.array([values[at] for name, values in trials if name == label])
        assert len(shown) == planned_repeats(label) == target.n_repeats[row]
        np.testing.assert_allclose(target.repeats[: len(shown), row], shown, atol=2e-5)
        assert np.isnan(target.repeats[len(shown) :, row]).all()
        np.testing.assert_allclose(target.responses[row], shown.mean(axis=0), atol=2e-5)


def test_without_repeats_the_means_are_the_same(twin, stimuli):
    bare = laion.read_target("laion", "sub-01", options=options(twin), stimuli=stimuli)
    kept = laion.read_target("laion", "sub-01", options=options(twin, keep_repeats=True), stimuli=stimuli)
    assert bare.repeats is None
    np.testing.assert_array_equal(bare.responses, kept.responses)
    assert bare.provenance == kept.provenance


@pytest.mark.parametrize("subject", ["sub-01", "sub-03"])
def test_regions_hold_the_planted_voxels_and_no_decoy(twin, stimuli, small_spec, subject):
    regions = ["OTC", "OTC_z1", "EVC"]
    target = laion.read_target("laion", subject, options=options(twin, regions=regions), stimuli=stimuli)
    voxels = small_spec().voxels[subject]
    for region, plant in (("OTC", "OTC"), ("OTC_z1", "OTC"), ("EVC", "EVC")):
        found = {tuple(int(target.units[axis][i]) for axis in "xyz") for i in np.flatnonzero(target.regions[region])}
        assert found == {tuple(map(int, xyz)) for xyz in voxels.xyz[voxels.plant == plant]}


SHIPPED = {
    "V1": {"V1v", "V1d"}, "V2": {"V2v", "V2d"}, "V3": {"V3v", "V3d"}, "V4": {"hV4"}, "faces": {"OFA", "FFA1", "FFA2"},
    "bodies": {"EBA", "FBA"}, "places": {"PPA", "OPA"}, "characters": {"VWFA1", "VWFA2", "mfswords", "pSTSwords"},
    "ventral": {"laionventral"}, "lateral": {"laionlateral"}, "general": {"laiongeneral"},
}  # fmt: skip


def test_other_shipped_regions(twin, stimuli, small_spec):
    target = laion.read_target("laion", "sub-01", options=options(twin, regions=list(SHIPPED)), stimuli=stimuli)
    voxels = small_spec().voxels["sub-01"]
    at = {tuple(map(int, xyz)): i for i, xyz in enumerate(voxels.xyz)}
    rows = [at[tuple(int(target.units[axis][i]) for axis in "xyz")] for i in range(target.responses.shape[1])]
    for region, names in SHIPPED.items():
        inside = np.logical_or.reduce([voxels.rois[name] for name in names])
        inside &= True if region.startswith("V") else voxels.ncsnr > 0.2
        np.testing.assert_array_equal(target.regions[region], inside[rows])
        assert int(target.regions[region].sum()) >= 2


def test_names_of_rois_in_every_spelling(twin, stimuli):
    spellings = {"a": "laion_general", "b": "laiongeneral", "c": "'laion-general'"}
    target = laion.read_target("laion", "sub-01", options=options(twin, regions=spellings), stimuli=stimuli)
    assert len({mask.tobytes() for mask in target.regions.values()}) == 1


def test_a_roi_that_a_subject_lacks_is_named(twin, stimuli, capsys):
    assert "sub-03" in LACKING["pSTSwords"]
    target = laion.read_target("laion", "sub-03", options=options(twin), stimuli=stimuli)
    assert target.provenance["rois_missing"] == "pSTSwords"
    assert "sub-03 has no ROI pSTSwords" in capsys.readouterr().out
    with pytest.raises(MenagerieError, match="region 'pSTS-words' of sub-03: 0 voxels"):
        laion.read_target("laion", "sub-03", options=options(twin, regions=["pSTS-words"]), stimuli=stimuli)


def test_ncsnr_is_the_planted_one_from_every_map(twin, stimuli, small_spec):
    voxels = small_spec().voxels["sub-01"]
    planted = {tuple(map(int, xyz)): float(value) for xyz, value in zip(voxels.xyz, voxels.ncsnr, strict=True)}
    for name in ("12rep", "4rep", "allrep"):
        target = laion.read_target("laion", "sub-01", options=options(twin, noise_ceiling_map=name), stimuli=stimuli)
        expected = [
            planted[tuple(int(target.units[axis][i]) for axis in "xyz")] for i in range(target.responses.shape[1])
        ]
        np.testing.assert_allclose(target.units["ncsnr"], expected, rtol=1e-4)


def test_images_are_sorted_and_of_the_chosen_pool(twin, small_spec):
    spec = small_spec()
    assert laion.read_stimuli(options(twin, images="shared"))[1] == spec.common
    assert laion.read_stimuli(options(twin, images="shared+ood"))[1] == sorted(spec.shared)
    own = laion.read_stimuli(options(twin, images="sub-03+ood"))[1]
    assert own == sorted(own) and len(own) == len(spec.shared) + spec.n_unique
    assert {owner(label) for label in own} == {None, "sub-03"}
    assert laion.default_subjects(options(twin, images="sub-03")) == ("sub-03",)


def test_own_images_of_a_subject(twin, tmp_path):
    chosen = options(twin, images="sub-03")
    write_stimuli(tmp_path / "own.h5", *laion.read_stimuli(chosen))
    target = laion.read_target("laion", "sub-03", options=chosen, stimuli=Stimuli(tmp_path / "own.h5"))
    assert any(owner(label) == "sub-03" for label in target.image_ids)
    assert not laion.needs_ceilings(chosen) and laion.needs_ceilings(options(twin))
    with pytest.raises(MenagerieError, match="which hold images that sub-03 alone saw"):
        laion.read_target("laion", "sub-01", options=chosen, stimuli=Stimuli(tmp_path / "own.h5"))


def test_transparent_images_are_on_grey(twin, stimuli):
    with h5py.File(Layout(twin).stimuli / "task-images_stimuli.h5") as file:
        contents = [bytes(row) for row in file["images"]]
    names = [row["image_name"] for row in csv.DictReader((Layout(twin).stimuli / "task-images_metadata.csv").open())]
    seen = 0
    for label, pixels in zip(stimuli.image_ids, stimuli, strict=True):
        image = Image.open(io.BytesIO(contents[names.index(label)]))
        expected = np.asarray(image.convert("RGB"))
        if label.endswith(".png"):
            assert image.mode == "RGBA" and ood_type(label) in ("cropped", "shape")
            alpha = np.asarray(image)[..., 3:] / 255
            assert (alpha == 0).any() and (pixels[alpha[..., 0] == 0] == 128).all()
            expected = np.round(np.asarray(image)[..., :3] * alpha + 128 * (1 - alpha))
            seen += 1
        np.testing.assert_allclose(pixels, expected, atol=1)
    assert seen > 4


def test_ceilings_rest_on_own_images_with_all_repeats(twin):
    target = laion.read_ceiling_target("laion", "sub-03", options=options(twin))
    assert {owner(label) for label in target.image_ids} == {"sub-03"} and len(target.image_ids) >= 10
    assert target.repeats.shape[0] == 4 and np.isfinite(target.repeats).all()


def test_missing_repeats(twin, stimuli, broken):
    whole = laion.read_target("laion", "sub-01", options=options(twin), stimuli=stimuli)
    all_shown = read_sessions(Layout(twin), "sub-01").counts()
    incomplete = [label for label in stimuli.image_ids if all_shown[label] < planned_repeats(label)]
    assert incomplete and whole.provenance["images_dropped"] == str(len(incomplete))
    assert whole.image_ids.tolist() == [label for label in stimuli.image_ids if label not in incomplete]
    Layout(broken).betas("sub-01", "ses-02").unlink()
    averaged = laion.read_target("laion", "sub-01", options=options(broken, missing="average"), stimuli=stimuli)
    assert averaged.provenance["sessions_missing"] == "2-30" and averaged.provenance["sessions_read"] == "1"
    shown = read_sessions(Layout(broken), "sub-01").counts()
    assert averaged.n_repeats.tolist() == [shown[label] for label in averaged.image_ids]
    fewer = sum(0 < shown[label] < planned_repeats(label) for label in stimuli.image_ids)
    assert averaged.provenance["images_with_fewer_repeats"] == str(fewer)
    never = sum(not shown[label] for label in stimuli.image_ids)
    assert averaged.provenance["images_never_shown"] == str(never)
    assert len(averaged.image_ids) == len(stimuli) - never
    dropped = laion.read_target("laion", "sub-01", options=options(broken), stimuli=stimuli)
    assert (dropped.n_repeats == [planned_repeats(label) for label in dropped.image_ids]).all()
    assert len(dropped.image_ids) == len(stimuli) - never - fewer


def test_sessions_without_any_image_are_not_opened(twin, stimuli, broken, tmp_path):
    """Of a session that shows none of the images only the header is read."""
    layout = Layout(broken)
    own = next(label for label in read_sessions(layout, "sub-01").counts() if owner(label))
    path = layout.trials("sub-01", "ses-02")
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    path.write_text("\n".join("\t".join(row) for row in rows[:1]) + "\n")
    n = len(rows) - 1
    text = ["\t".join(["ses-02", "1", str(i), f"unique_LAION_new_cluster_{9000 + i}_i1_p01.jpg"]) for i in range(n)]
    path.write_text("\n".join(["\t".join(rows[0]), *text]) + "\n")
    image = nib.load(layout.betas("sub-01", "ses-02"))
    assert own and image.shape[3] == n
    target = laion.read_target("laion", "sub-01", options=options(broken, missing="average"), stimuli=stimuli)
    assert target.provenance["sessions_read"] == "1" and target.provenance["sessions_missing"] == "3-30"


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i2"])
def test_sessions_of_any_type_and_scale(tmp_path, dtype):
    """Type and scale factor of the release are not documented: any is read as nibabel reads it."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 200, (5, 4, 3, 6)).astype(dtype)
    image = nib.Nifti1Image(values, np.diag([1.778, 1.778, 1.778, 1]), dtype=np.dtype(dtype))
    image.header.set_data_dtype(np.dtype(dtype))
    if dtype == "<i2":
        image.header.set_slope_inter(0.25, 3)
    path = tmp_path / "s.nii.gz"
    nib.save(image, path)
    voxels = np.array([0, 7, 31, 59])
    expected = np.asarray(nib.load(path).dataobj, dtype=np.float64).reshape(60, 6)[voxels].T
    np.testing.assert_allclose(read_session(path, voxels, (5, 4, 3), 6), expected, rtol=1e-6)


def test_constant_and_nan_voxels_are_told_apart():
    raw = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
    raw[:, 1], raw[5, 2], raw[:12, 3] = 2, np.inf, 1
    runs = np.repeat([1, 2], 12)
    for how, varies in (("session", [1, 0, 0, 1]), ("run", [1, 0, 0, 0]), ("none", [1, 0, 0, 1])):
        values, finite, changing = normalised(raw, runs, how)
        assert finite.tolist() == [True, True, False, True] and (changing & finite).tolist() == list(map(bool, varies))
        assert np.isfinite(values).all()


def test_voxels_with_nan_are_counted(twin, stimuli, small_spec):
    """Those of the twin lie outside of all regions but 'general'."""
    regions = {"every": "r2mean > 0"}
    target = laion.read_target("laion", "sub-01", options=options(twin, regions=regions), stimuli=stimuli)
    voxels = small_spec().voxels["sub-01"]
    assert target.provenance["voxels_with_nan"] == "3" and target.n_units("every") == len(voxels) - 3


def test_target_survives_its_file(twin, stimuli, tmp_path):
    target = laion.read_target("laion", "sub-01", options=options(twin), stimuli=stimuli)
    write_target(tmp_path / "t.h5", target)
    found = read_target(tmp_path / "t.h5")
    np.testing.assert_array_equal(found.responses, target.responses)
    np.testing.assert_array_equal(found.units["FFA1"], target.units["FFA1"])
    ceilings = found.noise_ceilings_of_units(slice(None))
    assert np.isfinite(ceilings).all() and ceilings.max() < 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": "shared1000"}, "value of option images"),
        ({"zscore": "within session"}, "value of option zscore"),
        ({"zscore": True}, "value of option zscore"),
        ({"noise_ceiling_map": "ses-01"}, "value of option noise_ceiling_map"),
        ({"missing": "keep"}, "value of option missing"),
        ({"nsd_root": "/x"}, "option of reader laion"),
    ],
)
def test_wrong_options(changes, message):
    with pytest.raises(MenagerieError, match=message):
        parse_options(changes)


def test_the_tree_is_never_written_to(twin, stimuli, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in twin.rglob("*")}
    laion.read_target("laion", "sub-01", options=options(twin), stimuli=stimuli)
    laion.read_ceiling_target("laion", "sub-01", options=options(twin))
    assert [remark.status for remark in laion.examine(options(twin), str(tmp_path), ["sub-01", "sub-03"])]
    assert {path: path.stat().st_mtime_ns for path in twin.rglob("*")} == before
