"""Volumes meet on one grid or not at all; scale factors count once; what is NaN is never taken for a value."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from menagerie.brain.nsd.betas import read_session
from menagerie.brain.nsd.layout import Layout
from menagerie.brain.readers import nsd
from menagerie.errors import MenagerieError

SHAPE = (9, 8, 7)


def read(root, stimuli, regions=("OTC",), **options):
    options = {"nsd_root": str(root), "regions": list(regions), **options}
    return nsd.read_target("nsd", "subj01", options=options, stimuli=stimuli)


@pytest.fixture
def affine(twin):
    return nib.load(Layout(twin).volume("subj01", "ncsnr")).affine


def save_mask(path, affine, values=None, dtype=np.uint8, oriented=True):
    if values is None:
        values = np.zeros(SHAPE)
        values[:5] = 1
    nib.save(nib.Nifti1Image(np.asarray(values, dtype=dtype), affine), path)
    if not oriented:
        content = bytearray(gzip.decompress(path.read_bytes()))
        content[252:256] = bytes(4)  # qform_code and sform_code
        path.write_bytes(gzip.compress(bytes(content)))
    return {"mine": {"mask": str(path)}}


MIRROR = np.diag([-1, 1, 1, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a @ MIRROR, "axes LAS"),
        (lambda a: np.diag([3, 3, 3, 1]) / 1.0, "voxels of 3 x 3 x 3 mm"),
        (lambda a: a[[1, 0, 2, 3]], "axes"),
        (lambda a: a + np.pad([[10.0]], ((0, 3), (3, 0))), r"first voxel at \(10, 0, 0\)"),
    ],
    ids=["mirrored", "3 mm", "axes swapped", "moved"],
)
def test_a_mask_on_another_grid_is_refused(twin, stimuli, tmp_path, affine, change, message):
    region = save_mask(tmp_path / "m.nii.gz", change(affine))
    with pytest.raises(MenagerieError, match=f"another affine .*{message}.*resample_to_img.*interpolation='nearest'"):
        read(twin, stimuli, [region])


def test_a_mask_of_another_shape_is_refused_with_the_remedy(twin, stimuli, tmp_path, affine):
    region = save_mask(tmp_path / "m.nii.gz", affine, np.ones((9, 8, 6)))
    with pytest.raises(MenagerieError, match=r"shape \(9, 8, 6\).*resample_to_img"):
        read(twin, stimuli, [region])


def test_a_mask_on_the_grid_is_read(twin, stimuli, tmp_path, affine, capsys):
    target = read(twin, stimuli, ["OTC", save_mask(tmp_path / "m.nii.gz", affine + 1e-5)])
    np.testing.assert_array_equal(target.regions["mine"], target.units["x"] < 5)
    assert "orientation" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "oriented"), [(None, False), (np.eye(4), False), (np.eye(4), True), (np.diag([3.0, 3, 3, 1]), False)]
)
def test_a_mask_that_says_nothing_about_its_orientation_is_refused(twin, stimuli, tmp_path, affine, given, oriented):
    region = save_mask(tmp_path / "m.nii.gz", affine if given is None else given, oriented=oriented)
    with pytest.raises(MenagerieError, match=r"axes unknown.*nobody can tell left from right.*Nifti1Image\(voxels, "):
        read(twin, stimuli, ["OTC", region])


def test_a_mask_with_the_header_of_a_reference_that_says_nothing_is_read(twin, stimuli, tmp_path, affine, capsys):
    path = Layout(twin).volume("subj01", "ncsnr")
    kept = path.read_bytes()
    content = bytearray(gzip.decompress(kept))
    content[252:256] = bytes(4)
    path.write_bytes(gzip.compress(bytes(content)))
    try:
        mine = save_mask(tmp_path / "m.nii.gz", affine, oriented=False)
        read(twin, stimuli, [mine])
        assert "says nothing about its orientation" in capsys.readouterr().out
        with pytest.raises(MenagerieError, match="another affine"):
            read(twin, stimuli, [save_mask(tmp_path / "other.nii.gz", affine @ MIRROR)])
    finally:
        path.write_bytes(kept)


@pytest.mark.parametrize("name", ["streams", "faces_t", "nsdgeneral"])
def test_volumes_of_the_release_are_compared_too(broken, stimuli, name, capsys):
    path = Layout(broken).volume("subj01", name)
    image = nib.load(path)
    values = np.asarray(image.dataobj)
    nib.save(nib.Nifti1Image(values, image.affine @ MIRROR), path)
    with pytest.raises(MenagerieError, match=r"another affine .*axes LAS.*fetch both again"):
        read(broken, stimuli)
    moved = image.affine.copy()
    moved[:3, 3] = 5
    nib.save(nib.Nifti1Image(values, moved), path)
    read(broken, stimuli)
    assert "its header puts the first voxel elsewhere" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        (np.where(np.arange(504).reshape(SHAPE) < 250, -1, 0), np.int8, "whole numbers below 0"),
        (np.where(np.arange(504).reshape(SHAPE) < 250, 200, 1).astype(np.int8), np.int8, r"below 0 \(down to -56\)"),
        (np.zeros(SHAPE), np.uint8, "0 voxels"),
        (np.full(SHAPE, np.nan), np.float32, "0 voxels"),
    ],
)
def test_masks_of_wrong_numbers(twin, stimuli, tmp_path, affine, values, dtype, message):
    with pytest.raises(MenagerieError, match=message):
        read(twin, stimuli, [save_mask(tmp_path / "m.nii.gz", affine, values, dtype)])


def test_masks_in_other_numbers(twin, stimuli, tmp_path, affine, capsys):
    inside = np.zeros(SHAPE)
    inside[:5] = 1
    for values, dtype in (
        (inside * 255, np.uint8),
        (np.where(inside, 1, -1), np.int16),
        (np.where(inside, 1, np.nan), "f4"),
    ):
        target = read(twin, stimuli, ["OTC", save_mask(tmp_path / "m.nii.gz", affine, values, dtype)])
        np.testing.assert_array_equal(target.regions["mine"], target.units["x"] < 5)
    assert "fractions" not in capsys.readouterr().out
    read(twin, stimuli, [save_mask(tmp_path / "m.nii.gz", affine, inside * 0.3, "f4")])
    assert "holds fractions; all" in capsys.readouterr().out


@pytest.mark.parametrize("mask", ["{subj}.nii.gz", "{subject.__class__}.nii.gz", "{0}.nii.gz", "{.nii.gz"])
def test_other_braces_in_the_name_of_a_mask(twin, stimuli, mask):
    with pytest.raises(MenagerieError, match="found braces in mask"):
        read(twin, stimuli, [{"mine": {"mask": mask}}])


# ---- scale factors


def scaled(path, slope, inter=0.0, raw=None):
    """Rewrite a NIfTI file so that its header asks for ``raw * slope + inter``."""
    image = nib.load(path)
    raw = np.asarray(image.dataobj) if raw is None else raw
    made = nib.Nifti1Image(raw, image.affine)
    made.header.set_slope_inter(slope, inter)
    nib.save(made, path)
    with_slope = nib.load(path)
    assert (with_slope.dataobj.slope, with_slope.dataobj.inter) == (np.float32(slope), inter)


@pytest.mark.parametrize("name", ["ncsnr", "faces_t", "streams"])
def test_scale_factors_of_volumes_count_once(broken, stimuli, name):
    before = read(broken, stimuli)
    path = Layout(broken).volume("subj01", name)
    values = np.asarray(nib.load(path).dataobj)
    raw = np.round(values / 0.5).astype(np.int16) if name == "streams" else np.round(values * 1000).astype(np.int16)
    scaled(path, 0.5 if name == "streams" else 0.001, raw=raw)
    after = read(broken, stimuli)
    assert after.n_units("OTC") == before.n_units("OTC")
    np.testing.assert_allclose(after.units["ncsnr"], before.units["ncsnr"], atol=1e-3)


@pytest.fixture
def nifti(broken):
    """The twin's first session as NIfTI."""
    import h5py

    at = Layout(broken)
    for session in (1, 2):
        with h5py.File(at.betas("subj01", session)) as file:
            values = file["betas"][:].T
        affine = nib.load(at.volume("subj01", "ncsnr")).affine
        nib.save(nib.Nifti1Image(values, affine), at.betas("subj01", session, "nii.gz"))
        at.betas("subj01", session).unlink()
    return broken


def test_scale_factors_of_betas_count_once(nifti, stimuli):
    at = Layout(nifti)
    before = read(nifti, stimuli, zscore=False)
    path = at.betas("subj01", 1, "nii.gz")
    voxels = np.argwhere(np.ones(SHAPE))[:9]
    plain = read_session(path, voxels, SHAPE)
    values = np.asarray(nib.load(path).dataobj)
    scaled(path, 2.0, raw=values)
    np.testing.assert_array_equal(read_session(path, voxels, SHAPE), 2 * plain)
    scaled(path, 0.5, raw=(2 * values).astype(np.int16))
    np.testing.assert_array_equal(read_session(path, voxels, SHAPE), plain)
    np.testing.assert_array_equal(read(nifti, stimuli, zscore=False).responses, before.responses)
    scaled(path, 1.0, inter=-7, raw=(values + 7).astype(np.int16))
    np.testing.assert_array_equal(read_session(path, voxels, SHAPE), plain)


def test_betas_in_other_units_are_refused(nifti, stimuli):
    path = Layout(nifti).betas("subj01", 1, "nii.gz")
    for slope, inter in ((1 / 300, 0.0), (1.0, 0.25), (1000.0, 0.0)):
        scaled(path, slope, inter, raw=np.full((*SHAPE, 750), 301, dtype=np.int16))
        with pytest.raises(MenagerieError, match=r"its scale factor .* gives other numbers than int16"):
            read(nifti, stimuli)


def test_sessions_on_another_grid_are_refused(nifti, stimuli):
    path = Layout(nifti).betas("subj01", 2, "nii.gz")
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine @ MIRROR), path)
    with pytest.raises(MenagerieError, match=r"betas_session02.nii.gz: found another affine"):
        read(nifti, stimuli)


# ---- NaN


def test_unknown_reliability_never_counts(broken, stimuli):
    at = Layout(broken)
    path = at.volume("subj01", "ncsnr")
    image = nib.load(path)
    values = np.asarray(image.dataobj).copy()
    target = read(broken, stimuli, ["OTC"])
    lost = tuple(target.units[axis][:7] for axis in "xyz")
    values[lost] = np.nan
    nib.save(nib.Nifti1Image(values, image.affine), path)
    known = "nsdgeneral and ncsnr >= 0"
    regions = [
        {"reliable": known},
        {"not_unreliable": "nsdgeneral and not ncsnr < 0"},
        {"different": "nsdgeneral and ncsnr != -1"},
        {"rest": "nsdgeneral and not (not reliable)"},
        {"chain": "nsdgeneral and not (ncsnr < 0 or ncsnr < -1)"},
        {"decided": "nsdgeneral or ncsnr != -1"},
    ]
    found = read(broken, stimuli, regions)
    for name in ("not_unreliable", "different", "rest", "chain"):
        np.testing.assert_array_equal(found.regions[name], found.regions["reliable"], err_msg=name)
    assert not np.isnan(found.units["ncsnr"][found.regions["reliable"]]).any()
    inside = np.asarray(nib.load(at.volume("subj01", "nsdgeneral")).dataobj)[lost] > 0
    assert f"different: {inside.sum()}" in found.provenance["voxels_of_unknown_value"]
    assert np.isnan(found.units["ncsnr"][found.regions["decided"]]).sum() == inside.sum(), "decided without the value"
