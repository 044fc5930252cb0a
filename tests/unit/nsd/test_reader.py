"""The reader on a small twin, against values computed from the files in the plainest way."""

import csv
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
from scipy.io import loadmat
from scipy.stats import zscore

from menagerie.brain.nsd.layout import Layout
from menagerie.brain.readers import nsd
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import check_target, read_target, write_target
from menagerie.errors import MenagerieError
from menagerie.twins.nsd.twin import write_twin


def plain_repeats(root, subject, image_ids, xyz):
    """Repeats (3, n, v) by loops over the files."""
    layout = Layout(root)
    design = loadmat(layout.design)
    shown = design["subjectim"][int(subject[-1]) - 1, design["masterordering"].ravel().astype(int) - 1] - 1
    sessions = []
    for path in sorted(layout.betas_folder(subject).glob("*.hdf5")):
        with h5py.File(path) as file:
            whole = file["betas"][:] / 300.0
        sessions.append(zscore(np.stack([whole[:, z, y, x] for x, y, z in xyz], axis=1), axis=0))
    betas = np.concatenate(sessions)
    return np.stack([betas[shown == int(name[4:])] for name in image_ids], axis=1)


@pytest.mark.parametrize("subject", ["subj01", "subj02"])
def test_repeats_and_means_are_those_of_the_files(twin, stimuli, subject):
    target = nsd.read_target("nsd", subject, options={"nsd_root": str(twin)}, stimuli=stimuli)
    check_target(target)
    xyz = np.stack([target.units[axis] for axis in "xyz"], axis=1)
    expected = plain_repeats(twin, subject, target.image_ids, xyz)
    np.testing.assert_allclose(target.repeats, expected, atol=2e-5)
    np.testing.assert_allclose(target.responses, expected.mean(axis=0), atol=2e-5)


def test_regions_hold_the_planted_voxels_and_no_decoy(twin, stimuli, small_spec):
    target = nsd.read_target("nsd", "subj01", options={"nsd_root": str(twin)}, stimuli=stimuli)
    assert {name: target.n_units(name) for name in target.region_names} == {"OTC": 30, "EVC": 20}
    voxels = small_spec().voxels["subj01"]
    for region in ("OTC", "EVC"):
        found = {tuple(int(target.units[axis][i]) for axis in "xyz") for i in np.flatnonzero(target.regions[region])}
        assert found == {tuple(map(int, xyz)) for xyz in voxels.xyz[voxels.plant == region]}
    assert set(target.units["streams"][target.regions["EVC"]]) == {"early"}


def test_images_are_in_order_of_the_73k_id(twin, stimuli):
    with Layout(twin).stimulus_table.open() as file:
        shared = [int(row["nsdId"]) for row in csv.DictReader(file) if row["shared1000"] == "True"]
    assert stimuli.image_ids.tolist() == [f"nsd-{i:05d}" for i in sorted(shared)]
    with h5py.File(Layout(twin).stimuli) as file:
        assert file["imgBrick"].shape == (73_000, 425, 425, 3)
        np.testing.assert_array_equal(stimuli[3], file["imgBrick"][sorted(shared)[3]])


def test_target_survives_the_file(twin, stimuli, tmp_path):
    target = nsd.read_target("nsd", "subj01", options={"nsd_root": str(twin)}, stimuli=stimuli)
    write_target(tmp_path / "t.h5", target)
    again = read_target(tmp_path / "t.h5", with_repeats=True)
    np.testing.assert_array_equal(again.repeats, target.repeats)
    assert again.provenance["simulated"] == "yes"
    assert again.provenance["images_kept"] == "40"
    assert again.stimuli == "nsd_shared"


def test_nifti_and_hdf5_give_the_same(tmp_path, twin, stimuli, small_spec):
    write_twin(tmp_path / "nifti", small_spec(ending="nii.gz", voxels={"subj01": small_spec().voxels["subj01"]}))
    one = nsd.read_target("nsd", "subj01", options={"nsd_root": str(twin)}, stimuli=stimuli)
    two = nsd.read_target("nsd", "subj01", options={"nsd_root": str(tmp_path / "nifti")}, stimuli=stimuli)
    np.testing.assert_array_equal(one.repeats, two.repeats)
    path = Layout(tmp_path / "nifti").betas("subj01", 1, "nii.gz")
    whole = np.asarray(nib.load(path).dataobj)  # the file is plain NIfTI for others too
    with h5py.File(Layout(twin).betas("subj01", 1)) as file:
        np.testing.assert_array_equal(whole, file["betas"][:].T)


@pytest.mark.parametrize("chunks", [None, (750, 2, 2, 2), (10, 7, 8, 9)])
def test_other_chunks_read_the_same(broken, stimuli, chunks):
    before = nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken)}, stimuli=stimuli)
    path = Layout(broken).betas("subj01", 1)
    with h5py.File(path) as file:
        values = file["betas"][:]
    with h5py.File(path, "w") as file:
        file.create_dataset("betas", data=values, chunks=chunks, compression="gzip" if chunks else None)
    after = nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken)}, stimuli=stimuli)
    np.testing.assert_array_equal(before.repeats, after.repeats)


def test_percent_signal_change_without_zscore(twin, stimuli):
    target = nsd.read_target("nsd", "subj01", options={"nsd_root": str(twin), "zscore": False}, stimuli=stimuli)
    x, y, z = (int(target.units[axis][0]) for axis in "xyz")
    with h5py.File(Layout(twin).betas("subj01", 1)) as one, h5py.File(Layout(twin).betas("subj01", 2)) as two:
        measured = np.concatenate([file["betas"][:, z, y, x] for file in (one, two)]) / np.float32(300)
    assert np.isin(target.repeats[..., 0], measured.astype(np.float32)).all()


def test_missing_session_drops_or_averages(broken, stimuli):
    whole = nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken)}, stimuli=stimuli)
    Layout(broken).betas("subj01", 2).unlink()
    dropped = nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken)}, stimuli=stimuli)
    average = nsd.read_target("nsd", "subj01", options={"nsd_root": str(broken), "missing": "average"}, stimuli=stimuli)
    assert dropped.provenance["sessions_missing"] == average.provenance["sessions_missing"] == "2"
    assert 0 < len(dropped.image_ids) < len(average.image_ids) <= 40
    assert int(dropped.provenance["images_dropped"]) == 40 - len(dropped.image_ids)
    assert int(average.provenance["images_with_fewer_repeats"]) == len(average.image_ids) - len(dropped.image_ids)
    check_target(average)
    rows = np.isin(whole.image_ids, dropped.image_ids)
    np.testing.assert_array_equal(dropped.responses, whole.responses[rows])
    there = np.isfinite(average.repeats)
    rows = np.isin(whole.image_ids, average.image_ids)
    np.testing.assert_array_equal(average.repeats[there], whole.repeats[:, rows][there])
    np.testing.assert_allclose(average.responses, np.nanmean(average.repeats, axis=0), rtol=1e-5)


@pytest.mark.parametrize("images", ["special515", "own:subj02", "list"])
def test_other_choices_of_images(tmp_path, twin, stimuli, small_spec, images):
    if images == "list":
        images = tmp_path / "mine.txt"
        images.write_text("# my images\n" + "\n".join(reversed(stimuli.image_ids[4:9].tolist())) + "\n")
    root = tmp_path / "all"
    if str(images).startswith("own"):
        plain = small_spec(sessions=1, n_shared=245, photographs="all")
        write_twin(root, plain, photographs=lambda i: np.full((425, 425, 3), 1 + i % 255, dtype=np.uint8))
    options = {"nsd_root": str(root if root.exists() else twin), "images": str(images), "regions": ["OTC"]}
    pixels, ids, _ = nsd.read_stimuli(options)
    assert ids == sorted(set(ids))
    if "mine" in str(images):
        assert ids == stimuli.image_ids[4:9].tolist()
    elif images == "special515":  # every subject of this twin saw both sessions
        assert ids == stimuli.image_ids.tolist()
    else:
        assert len(ids) == 5
        assert not set(ids) & set(stimuli.image_ids)
    write_stimuli(tmp_path / "s.h5", pixels, ids, {})
    target = nsd.read_target("nsd", "subj02", options=options, stimuli=Stimuli(tmp_path / "s.h5"))
    assert target.image_ids.tolist() == ids


def test_own_regions(twin, stimuli, tmp_path):
    mask = np.zeros((9, 8, 7), dtype=np.int16)
    mask[:5] = 1
    nib.save(nib.Nifti1Image(mask, np.diag([1.8, 1.8, 1.8, 1])), tmp_path / "front-subj01.nii.gz")
    regions = [
        "OTC",
        "ventral",
        {"faces": "OTC and FFA_1"},
        {"reliable": "ncsnr > 0.5 and nsdgeneral"},
        {"front": {"mask": str(tmp_path / "front-{subject}.nii.gz")}},
    ]
    target = nsd.read_target("nsd", "subj01", options={"nsd_root": str(twin), "regions": regions}, stimuli=stimuli)
    assert target.region_names == ["OTC", "ventral", "faces", "reliable", "front"]
    np.testing.assert_array_equal(target.regions["ventral"], target.units["streams"] == "ventral")
    expected = target.regions["OTC"] & (target.units["floc_faces"] == "FFA_1")
    np.testing.assert_array_equal(target.regions["faces"], expected)
    np.testing.assert_array_equal(
        target.regions["reliable"], (target.units["ncsnr"] > 0.5) & target.units["nsdgeneral"]
    )
    np.testing.assert_array_equal(target.regions["front"], target.units["x"] < 5)


def test_fetched_note_gives_the_root(twin, stimuli):
    target = nsd.read_target("nsd", "subj01", options={}, inputs={"nsd": twin / "fetched.json"}, stimuli=stimuli)
    assert target.n_units("OTC") == 30
    with pytest.raises(MenagerieError, match="nsd_root"):
        nsd.read_target("nsd", "subj01", options={}, stimuli=stimuli)


def test_inputs():
    assert nsd.inputs({}, "there") == {"nsd": Path("there/nsd/fetched.json")}
    design = {"design": Layout(Path("/data")).design}
    assert nsd.inputs({"nsd_root": "/data"}) == nsd.inputs({"nsd_root": "/data"}, "there", "subj05") == design
