"""Damaged trees of LAION-fMRI: each gives one clear error, or a counted exclusion; never a NaN."""

import csv
import gzip
import json
import shutil

import h5py
import nibabel as nib
import numpy as np
import pytest

from menagerie.brain.laion.layout import Layout, images_file, metadata_file
from menagerie.brain.readers import laion
from menagerie.brain.split_definitions import dataset_folds
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import check_target
from menagerie.errors import MenagerieError
from menagerie.twins.laion.twin_files import AFFINE

S1 = ("sub-01", "ses-01")


def change_trials(at, change, session="ses-01"):
    path = at.trials("sub-01", session)
    with path.open() as file:
        rows = change(list(csv.reader(file, delimiter="\t")))
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(rows)


def set_cell(column, row, value):
    def change(rows):
        rows[row][["session", "run", "beta_index", "label"].index(column)] = value
        return rows

    return change


def change_volume(at, path, change, affine=None):
    image = nib.load(path)
    nib.save(nib.Nifti1Image(change(np.asarray(image.dataobj)), image.affine if affine is None else affine), path)


def change_map(change, name="12rep", affine=None):
    return lambda at: change_volume(at, at.ceiling_map("sub-01", name), change, affine)


def change_roi(change, affine=None, name="V1v"):
    return lambda at: change_volume(at, at.rois("sub-01")[name][0], change, affine)


def change_betas(change):
    return lambda at: change_volume(at, at.betas(*S1), change)


def cut(path, part=0.5):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


def flip(path):
    """One bit of the packed data is wrong: only the checksum at the end tells."""
    whole = bytearray(gzip.decompress(path.read_bytes()))
    packed = bytearray(gzip.compress(bytes(whole), compresslevel=0))
    packed[len(packed) // 2] ^= 1
    path.write_bytes(packed)


def no_sessions(at):
    for session in ("ses-01", "ses-02"):
        at.betas("sub-01", session).unlink()


def no_stream_mask(at):
    at.rois("sub-01")["laionventral"][0].unlink()


def both_spellings(at):
    path = at.rois("sub-01")["FFA1"][0]
    shutil.copy(path, path.with_name(path.name.replace("FFA-1", "FFA1")))


def change_images(at, change):
    with h5py.File(images_file(at.stimuli), "a") as file:
        change(file)


def fixed_size(file):
    del file["images"]
    file["images"] = np.zeros((100, 8), dtype=np.uint8)


def shorter(file):
    rows = list(file["images"])[:-1]
    del file["images"]
    data = file.create_dataset("images", (len(rows),), dtype=h5py.vlen_dtype(np.uint8))
    for i, row in enumerate(rows):
        data[i] = row


def put_image(content):
    def change(file):
        file["images"][0] = np.frombuffer(content, dtype=np.uint8)

    return lambda at: change_images(at, change)


def change_table(change):
    def act(at):
        path = metadata_file(at.stimuli)
        path.write_text(change(path.read_text()))

    return act


def change_split(change, name="tau"):
    def act(at):
        path = at.splits / "shared" / f"{name}.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return act


def listed_twice(content):
    ids = content["variants"][0]["train_ids"]
    ids[1] = ids[0]


def in_both(content):
    content["variants"][0]["train_ids"][0] = content["variants"][0]["test_ids"][0]


def not_in_the_set(content):
    content["variants"][0]["train_ids"][0] = "shared_12rep_LAION_cluster_99999_i1.jpg"


def of_one_person(content):
    content["variants"][0]["train_ids"][0] = "unique_LAION_new_cluster_0_i1_p01.jpg"


def swapped_parts(content):
    variant = content["variants"][0]
    variant["train_ids"][0], variant["test_ids"][0] = variant["test_ids"][0], variant["train_ids"][0]


mirrored = AFFINE * np.diag([-1, 1, 1, 1])
ERRORS = {
    # betas
    "no session": (no_sessions, "sub-01: found no betas in .*sub-01, expected files such as"),
    "session cut": (lambda at: cut(at.betas(*S1)), "statmap.nii.gz cannot be read: truncated or damaged"),
    "session cut at its very end": (lambda at: cut(at.betas(*S1), 0.9999), "cannot be read: truncated or damaged"),
    "session with a wrong bit": (lambda at: flip(at.betas(*S1)), "cannot be read: truncated or damaged .*CRC"),
    "session empty": (lambda at: at.betas(*S1).write_bytes(b""), "cannot be read"),
    "session is a page": (lambda at: at.betas(*S1).write_bytes(b"<html>log in</html>"), "cannot be read"),
    "betas without time": (change_betas(lambda b: b[..., 0]), r"found shape \(9, 8, 7\), expected \(9, 8, 7, 3"),
    "a volume less": (change_betas(lambda b: b[..., :-1]), "one volume for each row of the trial table"),
    "trials first": (change_betas(lambda b: np.moveaxis(b, -1, 0)), "axes as released"),
    "x and y swapped": (change_betas(lambda b: b.swapaxes(0, 1)), r"found shape \(8, 9, 7"),
    "betas of another subject": (
        lambda at: shutil.copy(at.betas("sub-03", "ses-01"), at.betas(*S1)),
        r"found shape \(8, 9, 7",
    ),
    "betas complex": (change_betas(lambda b: b.astype(np.complex64)), "found type complex64, expected numbers"),
    "betas mirrored": (
        lambda at: change_volume(at, at.betas(*S1), lambda b: b, mirrored),
        "found another affine .*axes LAS",
    ),
    "all betas NaN": (change_betas(lambda b: b * np.nan), r"0 voxels are left after \d+ with NaN"),
    # trial tables
    "table missing": (lambda at: at.trials(*S1).unlink(), r"trials.tsv is missing, expected one beside the betas"),
    "table empty": (lambda at: at.trials(*S1).write_text(""), "trials.tsv has no rows"),
    "table without rows": (lambda at: change_trials(at, lambda rows: rows[:1]), "trials.tsv has no rows"),
    "table without labels": (
        lambda at: change_trials(at, lambda rows: [row[:3] for row in rows]),
        "expected session, run",
    ),
    "column twice": (
        lambda at: change_trials(at, lambda rows: [[*row, row[3]] for row in rows]),
        "column 'label' is there twice",
    ),
    "a row less": (lambda at: change_trials(at, lambda rows: rows[:-1]), "one volume for each row of the trial table"),
    "a row twice": (lambda at: change_trials(at, lambda rows: [*rows, rows[-1]]), "expected each of 0 to .* once"),
    "volumes from 1": (
        lambda at: change_trials(at, lambda rows: [rows[0], *([a, b, str(int(i) + 1), c] for a, b, i, c in rows[1:])]),
        "found beta_index from 1 to",
    ),
    "run not a number": (lambda at: change_trials(at, set_cell("run", 3, "one")), "row 3: found run 'one', expected"),
    "run 13": (lambda at: change_trials(at, set_cell("run", 3, "13")), "found run 1 to 13, expected 1 to 12"),
    "volume not a number": (
        lambda at: change_trials(at, set_cell("beta_index", 3, "2.0")),
        "row 3: found beta_index '2.0'",
    ),
    "session as a number": (
        lambda at: change_trials(at, set_cell("session", 1, "1")),
        "found session '1', expected ses-01",
    ),
    "table of another session": (
        lambda at: shutil.copy(at.trials("sub-01", "ses-02"), at.trials(*S1)),
        "found session 'ses-02', expected ses-01",
    ),
    "unknown label": (
        lambda at: change_trials(at, set_cell("label", 2, "n01440764_tench.jpg")),
        "volume 1: found label 'n01440764_tench.jpg'",
    ),
    "empty label": (lambda at: change_trials(at, set_cell("label", 2, "")), "volume 1: found label ''"),
    "image of another subject": (
        lambda at: change_trials(at, set_cell("label", 2, "unique_LAION_new_cluster_0_i1_p04.jpg")),
        "an image that sub-03 alone saw, expected images of sub-01",
    ),
    "image too often": (
        lambda at: change_trials(at, lambda rows: [rows[0], *([*row[:3], rows[1][3]] for row in rows[1:])]),
        "times, expected at most",
    ),
    "blank table": (lambda at: at.trials(*S1).write_bytes(b"\xff\xfe" + b"a\0" * 40), "UTF-16"),
    # volumes
    "ceiling map missing": (lambda at: at.ceiling_map("sub-01", "12rep").unlink(), "Noiseceiling12rep.* is missing"),
    "ceilings as shares": (change_map(lambda v: v / 100), "expected percent of the variance"),
    "ncsnr in the place of ceilings": (
        lambda at: change_volume(at, at.ceiling_map("sub-01", "12rep"), lambda v: np.sqrt(v / (1200 - 12 * v + 1e-3))),
        "A map of shares or of ncsnr is none",
    ),
    "ceilings above 100": (change_map(lambda v: v * 2), "found values from 0 to 1"),
    "ceilings below 0": (change_map(lambda v: v - 5), "found values from -5"),
    "ceilings all NaN": (change_map(lambda v: v * np.nan), "region 'OTC' of sub-01: 0 voxels"),
    "ceilings on another grid": (change_map(lambda v: v[1:]), r"shape \(8, 8, 7\), but .*R2mean"),
    "ceilings mirrored": (change_map(lambda v: v, affine=mirrored), "found another affine"),
    "ceilings of 1 mm": (change_map(lambda v: v, affine=np.diag([1, 1, 1.1, 1])), "voxels of 1 x 1 x 1.1 mm"),
    "R2mean missing": (lambda at: at.r2mean("sub-01").unlink(), "R2mean_statmap.nii.gz is missing"),
    "R2mean cut": (lambda at: cut(at.r2mean("sub-01"), 0.3), "R2mean_statmap.nii.gz cannot be read"),
    "R2mean 4-D": (
        lambda at: change_volume(at, at.r2mean("sub-01"), lambda v: np.stack([v, v], axis=3)),
        "expected three dimensions",
    ),
    "mask missing": (no_stream_mask, "ROI laionventral of sub-01: found no mask label-laionventral"),
    "all masks missing": (lambda at: shutil.rmtree(at.roi_folder("sub-01")), "found no mask"),
    "mask in both spellings": (both_spellings, "ROI FFA1 of sub-01: found 2 masks"),
    "mask on another grid": (change_roi(lambda v: v[:, :-1]), r"shape \(9, 7, 7\), but"),
    "mask of labels below 0": (change_roi(lambda v: v.astype(np.int16) - 1), "found values down to -1"),
    "mask empty": (
        lambda at: [change_roi(np.zeros_like, name=f"V1{half}")(at) for half in "vd"],
        "region 'V1' .*0 voxels",
    ),
    "z map missing": (
        lambda at: at.z_map("sub-01", "faces_z").unlink(),
        "faceVsOthers_stat-z_statmap.nii.gz is missing",
    ),
    # images
    "no agreement": (
        lambda at: shutil.rmtree(at.stimuli),
        "given by the dataset's authors under an agreement .*stimuli_folder",
    ),
    "images missing": (lambda at: images_file(at.stimuli).unlink(), "task-images_stimuli.h5 are missing.*agreement"),
    "images cut": (lambda at: cut(images_file(at.stimuli)), "task-images_stimuli.h5 cannot be read: truncated"),
    "images under another key": (
        lambda at: change_images(at, lambda file: file.move("images", "imgBrick")),
        "found .'imgBrick'., expected a dataset 'images'",
    ),
    "images as pixels": (lambda at: change_images(at, fixed_size), "expected encoded bytes of variable length"),
    "images of another release": (lambda at: change_images(at, shorter), "but its table has"),
    "an image empty": (put_image(b""), "image shared_12rep.* is empty"),
    "an image cut": (put_image(b"\xff\xd8\xff\xe0" + b"\0" * 30), "image shared_12rep.* is damaged or no image"),
    "table of images without names": (
        change_table(lambda text: text.replace("image_name", "name")),
        "expected image_name",
    ),
    "table of images with another name": (
        change_table(lambda text: text.replace("shared_4rep_OOD", "ood")),
        "found image 'ood",
    ),
    "an image listed twice": (
        change_table(lambda text: text.rstrip() + "\n" + text.splitlines()[1] + "\n"),
        "image 'shared_12rep.*' is there twice",
    ),
    # splits
    "split file missing": (lambda at: (at.splits / "shared" / "tau.json").unlink(), "tau.json: found no such file"),
    "split file is no JSON": (lambda at: cut(at.splits / "shared" / "tau.json"), "tau.json: expected JSON"),
    "split file of something else": (change_split(lambda c: c.pop("variants")), "expected a split of LAION-fMRI"),
    "split with other counts": (change_split(lambda c: c.update(n_train=7)), "but n_train is 7"),
    "label of a split twice": (change_split(listed_twice), "is twice in train_ids"),
    "label in both parts": (change_split(in_both), "found 1 images in train and test"),
    "label that no image has": (change_split(not_in_the_set), "'shared_12rep_LAION_cluster_99999_i1.jpg'"),
    "pools mixed": (change_split(of_one_person), "an image of sub-01, expected images of pool shared alone"),
    "clusters of several versions": (change_split(swapped_parts, "cluster_k5_3"), "expected each of 40 once"),
    "random files of the older version": (
        change_split(lambda c: c["params"].update(method="uniform_random"), "random_2"),
        "random_2.json: found method uniform_random, expected shuffled_5fold_cv",
    ),
}
SPLITS = ("replication", "tau", "cluster_k5", "random_k5", "ood", "ood_gabor")


def use(root, tmp_path):
    options = {"laion_root": str(root), "images": "shared+ood", "regions": ["OTC", "OTC_z1", "EVC", "V1"]}
    path = tmp_path / "stimuli.h5"
    write_stimuli(path, *laion.read_stimuli(options))
    stimuli = Stimuli(path)
    dataset_folds("laion", {name: {} for name in SPLITS}, list(stimuli.image_ids), ["sub-01"], laion, options)
    return laion.read_target("laion", "sub-01", options=options, stimuli=stimuli)


def test_the_whole_tree_is_fine(twin, tmp_path):
    check_target(use(twin, tmp_path))


@pytest.mark.parametrize("damage", ERRORS)
def test_one_clear_error(broken, tmp_path, damage):
    act, message = ERRORS[damage]
    act(Layout(broken))
    with pytest.raises(MenagerieError, match=message) as found:
        use(broken, tmp_path)
    assert not list(tmp_path.rglob("*.part")) and len(str(found.value)) < 700


def one_voxel_of(at, roi, value):
    """A ceiling map in which the first voxel of a ROI has another value."""
    xyz = np.argwhere(np.asarray(nib.load(at.rois("sub-01")[roi][0]).dataobj))[0]

    def change(values):
        values = values.copy()
        values[tuple(xyz)] = value
        return values

    change_map(change)(at)


def nan_betas(at):
    xyz = np.argwhere(np.asarray(nib.load(at.rois("sub-01")["V2d"][0]).dataobj))[0]

    def change(betas):
        betas = betas.copy()
        betas[(*xyz, 5)] = np.nan
        return betas

    change_betas(change)(at)


def constant_betas(at):
    xyz = np.argwhere(np.asarray(nib.load(at.rois("sub-01")["V2d"][0]).dataobj))[0]

    def change(betas):
        betas = betas.copy()
        betas[tuple(xyz)] = 1
        return betas

    change_betas(change)(at)


COUNTED = {
    "NaN in the ceiling map": (
        lambda at: one_voxel_of(at, "laionlateral", np.nan),
        {"voxels_of_unknown_value": "OTC: 1, OTC_z1: 1"},
        -1,
    ),
    "a ceiling of 100 percent": (
        lambda at: one_voxel_of(at, "laionlateral", 100),
        {"voxels_of_unknown_value": "OTC: 1, OTC_z1: 1"},
        -1,
    ),
    "a NaN in one volume": (nan_betas, {"voxels_with_nan": "1"}, -1),
    "a voxel without variance": (constant_betas, {"voxels_constant": "1"}, -1),
    "a ROI that not every subject has": (
        lambda at: at.rois("sub-01")["mfswords"][0].unlink(),
        {"rois_missing": "mfswords"},
        None,
    ),
    "a session less": (lambda at: at.betas("sub-01", "ses-02").unlink(), {"sessions_missing": "2-30"}, 0),
}


@pytest.mark.parametrize("damage", COUNTED)
def test_counted_exclusion(twin, broken, tmp_path, damage):
    act, counted, voxels = COUNTED[damage]
    whole = use(twin, tmp_path)
    (tmp_path / "stimuli.h5").unlink()
    act(Layout(broken))
    target = use(broken, tmp_path)
    check_target(target)
    assert {name: target.provenance[name] for name in counted} == counted
    if voxels is not None:
        assert target.responses.shape[1] == whole.responses.shape[1] + voxels
