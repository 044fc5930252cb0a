"""Damaged NSD trees: each gives one clear error, or a counted exclusion; never a NaN."""

import gzip
import shutil

import h5py
import nibabel as nib
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from menagerie.brain.nsd.layout import Layout
from menagerie.brain.readers import nsd
from menagerie.brain.target import check_target
from menagerie.errors import MenagerieError


def change_design(layout, **changes):
    arrays = {k: v for k, v in loadmat(layout.design).items() if not k.startswith("__")}
    for name, change in changes.items():
        arrays[name] = change(arrays[name])
    savemat(layout.design, {name: values for name, values in arrays.items() if values is not None})


def change_betas(layout, change, dtype="i2"):
    path = layout.betas("subj01", 1)
    with h5py.File(path) as file:
        values = change(file["betas"][:])
    with h5py.File(path, "w") as file:
        file["betas"] = values.astype(dtype)


def change_volume(layout, name, change):
    path = layout.volume("subj01", name)
    image = nib.load(path)
    nib.save(nib.Nifti1Image(change(np.asarray(image.dataobj)), image.affine), path)


def put(array, index, value):
    array = array.copy()
    array.flat[index] = value
    return array


def cut(path, part=0.5):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


def rename_betas(layout):
    with h5py.File(layout.betas("subj01", 1), "a") as file:
        file.move("betas", "data")


def nifti_cut_short(layout):
    layout.betas("subj01", 1).unlink()
    path = layout.betas("subj01", 1, "nii.gz")
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((9, 8, 7, 750))
    header["vox_offset"], header["magic"] = 352, b"n+1"
    path.write_bytes(gzip.compress(header.binaryblock + b"\0" * (4 + 2 * 9 * 8 * 7 * 10)))


def no_sessions(layout):
    for session in (1, 2):
        layout.betas("subj01", session).unlink()


ERRORS = {
    "design missing": (lambda at: at.design.unlink(), "design .* is missing"),
    "design cut": (lambda at: cut(at.design), "design .* cannot be read"),
    "design without a variable": (lambda at: change_design(at, subjectim=lambda _: None), "subjectim.* is missing"),
    "ids repeat for a subject": (
        lambda at: change_design(at, subjectim=lambda a: put(a, 1, a.flat[0])),
        "repeats an id",
    ),
    "shared ids repeat": (lambda at: change_design(at, sharedix=lambda a: put(a, 1, a.flat[0])), "sharedix repeats"),
    "shared image of nobody": (
        lambda at: change_design(at, sharedix=lambda a: put(a, 0, np.setdiff1d(np.arange(1, 9999), a)[0])),
        "not among those of",
    ),
    "id out of range": (lambda at: change_design(at, subjectim=lambda a: put(a, 0, 73_001)), "expected 1 to 73000"),
    "ids from 0": (lambda at: change_design(at, masterordering=lambda a: a - 1), "masterordering runs from 0"),
    "ids not whole": (lambda at: change_design(at, masterordering=lambda a: a + 0.5), "whole numbers"),
    "trials missing": (lambda at: change_design(at, masterordering=lambda a: a[:, :-3]), "multiple of 750"),
    "an image four times": (
        lambda at: change_design(at, masterordering=lambda a: put(a, np.flatnonzero(a != a.flat[0])[0], a.flat[0])),
        "more than 3 times",
    ),
    "subjects missing": (lambda at: change_design(at, subjectim=lambda a: a[:4]), "expected 8 rows"),
    "table of another release": (
        lambda at: at.stimulus_table.write_text("nsdId,shared1000\n0,True\n1,False\n"),
        "it marks 1 shared images, the design 40",
    ),
    "table without a column": (lambda at: at.stimulus_table.write_text("nsdId\n0\n"), "shared1000"),
    "no session": (no_sessions, "none of 40 images .* session files found: none"),
    "session cut": (lambda at: cut(at.betas("subj01", 1)), "betas_session01.hdf5 cannot be read: truncated"),
    "session empty": (lambda at: at.betas("subj01", 1).write_bytes(b""), "betas_session01.hdf5 cannot be read"),
    "nifti session cut": (nifti_cut_short, "betas_session01.nii.gz cannot be read: .*trial 11"),
    "betas under another name": (rename_betas, "no dataset '/betas', found .'data'"),
    "betas of other trials": (
        lambda at: change_betas(at, lambda b: b[:700]),
        r"shape \(700, 7, 8, 9\), expected \(750",
    ),
    "betas with axes swapped": (lambda at: change_betas(at, lambda b: b.T), "expected"),
    "betas of another subject": (
        lambda at: shutil.copy(at.betas("subj02", 1), at.betas("subj01", 1)),
        r"shape \(750, 7, 9, 8\), expected \(750, 7, 8, 9\)",
    ),
    "betas as floats": (lambda at: change_betas(at, lambda b: b / 300, "f4"), "type float32, expected int16"),
    "betas unsigned": (lambda at: change_betas(at, np.abs, "u2"), "type uint16, expected int16"),
    "ncsnr missing": (lambda at: at.volume("subj01", "ncsnr").unlink(), "ncsnr.nii.gz is missing"),
    "ncsnr cut": (lambda at: cut(at.volume("subj01", "ncsnr")), "ncsnr.nii.gz cannot be read"),
    "ncsnr all NaN": (lambda at: change_volume(at, "ncsnr", lambda v: v * np.nan), "region 'OTC' of subj01: 0 voxels"),
    "ROI volume missing": (lambda at: at.volume("subj01", "streams").unlink(), "streams.nii.gz is missing"),
    "ROI volume of another shape": (
        lambda at: change_volume(at, "streams", lambda v: v[:-1]),
        r"shape \(8, 8, 7\), but ncsnr.nii.gz of subj01 has \(9, 8, 7\)",
    ),
    "ROI labels not whole": (lambda at: change_volume(at, "streams", lambda v: v / np.float32(2)), "whole numbers"),
    "t map missing": (lambda at: at.volume("subj01", "words_t").unlink(), "floc_wordtval.nii.gz is missing"),
    "label table missing": (lambda at: at.label_table("subj01", "streams").unlink(), "streams.mgz.ctab is missing"),
    "label table of another volume": (
        lambda at: shutil.copy(at.label_table("subj01", "floc_places"), at.label_table("subj01", "streams")),
        "holds label 5, which its table .* does not name",
    ),
    "label table is no table": (
        lambda at: at.label_table("subj01", "streams").write_text("<html>not found</html>\n"),
        "line 1: expected 'number name'",
    ),
    "label twice": (
        lambda at: at.label_table("subj01", "streams").write_text("0 Unknown\n1 early\n1 ventral\n"),
        "is there twice",
    ),
    "label renamed": (
        lambda at: at.label_table("subj01", "streams").write_text(
            at.label_table("subj01", "streams").read_text().replace(" lateral", " laterall")
        ),
        "'lateral'.*Did you mean 'laterall'",
    ),
    "empty region": (
        lambda at: change_volume(at, "prf_visualrois", np.zeros_like),
        "region 'EVC' of subj01: 0 voxels; an RSM needs at least 2",
    ),
    "all betas zero": (lambda at: change_betas(at, np.zeros_like), "0 voxels are left after 50 without variance"),
}


@pytest.mark.parametrize("damage", ERRORS)
def test_one_clear_error(broken, stimuli, damage):
    spoil, message = ERRORS[damage]
    spoil(Layout(broken))
    with pytest.raises(MenagerieError, match=f"(?s){message}"):
        nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken)}, stimuli=stimuli)


def test_constant_voxels_are_left_out_and_counted(broken, stimuli):
    before = nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken)}, stimuli=stimuli)
    x, y, z = (int(before.units[axis][7]) for axis in "xyz")

    def constant(betas):
        betas[:, z, y, x] = 123
        return betas

    change_betas(Layout(broken), constant)
    after = nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken)}, stimuli=stimuli)
    check_target(after)
    assert after.provenance["voxels_constant"] == "1"
    np.testing.assert_array_equal(after.responses, np.delete(before.responses, 7, axis=1))
    np.testing.assert_array_equal(after.units["x"], np.delete(before.units["x"], 7))


def test_voxels_of_unknown_reliability_are_left_out_and_counted(broken, stimuli):
    before = nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken)}, stimuli=stimuli)
    first = np.flatnonzero(before.regions["OTC"])[:3]
    where = tuple(np.stack([before.units[axis][first] for axis in "xyz"]))

    def unknown(values):
        values = values.copy()
        values[where] = np.nan
        return values

    change_volume(Layout(broken), "ncsnr", unknown)
    after = nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken)}, stimuli=stimuli)
    assert after.n_units("OTC") == before.n_units("OTC") - 3
    assert after.provenance["voxels_of_unknown_value"] == "OTC: 3"


def test_unsorted_shared_ids_change_nothing(broken, stimuli):
    change_design(Layout(broken), sharedix=lambda a: a[:, ::-1])
    assert nsd.read_stimuli({"nsd_root": str(broken)})[1] == stimuli.image_ids.tolist()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda at: at.stimuli.unlink(), "photographs .* are missing"),
        (lambda at: cut(at.stimuli), "cannot be read: truncated"),
        (lambda at: h5py.File(at.stimuli, "w").close(), "no dataset 'imgBrick'"),
        (lambda at: brick(at, (73_000, 224, 224, 3), "u1"), "expected imgBrick of uint8"),
        (lambda at: brick(at, (73_000, 425, 425, 3), "f4"), "found float32"),
        (lambda at: brick(at, (73_000, 425, 425, 3), "u1"), "all black"),
    ],
)
def test_damaged_photographs(broken, spoil, message):
    spoil(Layout(broken))
    with pytest.raises(MenagerieError, match=f"(?s){message}"):
        list(nsd.read_stimuli({"nsd_root": str(broken)})[0])


def brick(layout, shape, dtype):
    with h5py.File(layout.stimuli, "w") as file:
        file.create_dataset("imgBrick", shape, dtype, chunks=(1, *shape[1:]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": "shared1000"}, "Did you mean 'images'"),
        ({"missing": "skip"}, "rule for missing repeats"),
        ({"betas": "mgh"}, "betas format"),
        ({"regions": []}, "it is empty"),
        ({"regions": "OTC"}, "expected a list or a mapping"),
        ({"regions": ["OTC", "OTC"]}, "given twice"),
        ({"regions": {"mine": {"file": "x"}}}, "expected {mask: file}"),
        ({"regions": {"mine": {"mask": "nowhere.nii.gz"}}}, "nowhere.nii.gz is missing"),
        ({"regions": ["FFA-3"]}, "'FFA_3'.*Did you mean 'FFA_"),
        ({"regions": {"mine": "ncsnr > 99"}}, "region 'mine' of subj01: 0 voxels"),
    ],
)
def test_wrong_options(twin, stimuli, options, message):
    with pytest.raises(MenagerieError, match=f"(?s){message}"):
        nsd.read_target("nsd", "subj01", options={"nsd_root": str(twin), **options}, stimuli=stimuli)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("shared999", "is neither shared1000"),
        ("own", "needs a subject"),
        ("own:subj09", "expected one of subj01"),
        ("12\n12\n", "1 ids repeat"),
        ("nsd-73000\n", "expected 'nsd-00000' to 'nsd-72999'"),
        ("coco-7\n", "expected 'nsd-00000' to 'nsd-72999'"),
        ("# nothing\n", "selects no image"),
    ],
)
def test_wrong_choice_of_images(twin, tmp_path, images, message):
    if "\n" in images:
        path = tmp_path / "list.txt"
        path.write_text(images)
        images = str(path)
    with pytest.raises(MenagerieError, match=message):
        nsd.read_stimuli({"nsd_root": str(twin), "images": images})


def test_images_that_the_subject_never_saw(twin, stimuli, tmp_path):
    (tmp_path / "list.txt").write_text("\n".join([*stimuli.image_ids[:3], "0", "1"]))
    options = {"nsd_root": str(twin), "images": str(tmp_path / "list.txt")}

    class Asked:
        image_ids = np.array(nsd.read_stimuli(options)[1])
        path = tmp_path / "list.h5"

    target = nsd.read_target("nsd", "subj01", options=options, stimuli=Asked())
    assert len(target.image_ids) == 3
    assert target.provenance["images_never_shown"] == "2"


def test_subject_and_root(twin, stimuli):
    with pytest.raises(MenagerieError, match="NSD subject 'sub01': expected one of subj01"):
        nsd.read_target("nsd", "sub01", options={"nsd_root": str(twin)}, stimuli=stimuli)
    with pytest.raises(MenagerieError, match="is missing"):
        nsd.read_target("nsd", "subj01", options={"nsd_root": str(twin / "nowhere")}, stimuli=stimuli)
