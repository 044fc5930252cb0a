"""The twin: layout, counts, noise; and that ceilings and ncsnr say what they say in the reader of NSD."""

import json

import nibabel as nib
import numpy as np
import pytest

from menagerie.brain.laion.betas import read_session
from menagerie.brain.laion.ceiling_maps import ncsnr_of
from menagerie.brain.laion.layout import CEILING_MAPS, Layout, ood_type, owner, planned_repeats
from menagerie.brain.laion.trials import read_sessions
from menagerie.brain.readers import laion
from menagerie.brain.repeats import estimate_ncsnr
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.errors import MenagerieError
from menagerie.twins.laion.twin import TwinSpec, write_twin
from menagerie.twins.laion.twin_command import main, read_spec
from menagerie.twins.laion.twin_files import write_session
from menagerie.twins.laion.twin_geometry import synthetic_voxels

KEYS = (
    "derivatives/glmsingle-tedana/sub-01/ses-01/func/"
    "sub-01_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz",
    "derivatives/glmsingle-tedana/sub-01/ses-01/func/sub-01_ses-01_task-images_desc-SingletrialBetas_trials.tsv",
    "derivatives/glmsingle-tedana/sub-01/sub-01_task-images_space-T1w_desc-Noiseceiling12rep_statmap.nii.gz",
    "derivatives/glmsingle-tedana/sub-01/sub-01_task-images_space-T1w_desc-NoiseceilingAllrep_statmap.nii.gz",
    "derivatives/glmsingle-tedana/sub-01/sub-01_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.nii.gz",
    "derivatives/rois/sub-01/laion/sub-01_space-T1w_res-1pt8_label-laion-ventral_mask.nii.gz",
    "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-FFA-1_mask.nii.gz",
    "derivatives/localizers/sub-01/ses-4BarScreenfLoc/func/"
    "sub-01_ses-4BarScreenfLoc_task-floc_space-T1w_res-1pt8_contrast-faceVsOthers_stat-z_statmap.nii.gz",
    "stimuli/task-images_stimuli.h5",
    "stimuli/task-images_metadata.csv",
    "laion_fmri/splits/data/shared/cluster_k5_4.json",
    "laion_fmri/splits/data/sub-03/tau.json",
    "dataset_description.json",
    "participants.tsv",
)


def test_files_lie_where_the_dataset_has_them(twin):
    assert [key for key in KEYS if not (twin / key).is_file()] == []
    image = nib.load(twin / KEYS[0])
    assert image.get_data_dtype() == np.float32 and image.shape[:3] == (9, 8, 7)
    first = (twin / KEYS[1]).read_text().splitlines()
    assert first[0] == "session\trun\tbeta_index\tlabel" and first[1].startswith("ses-01\t1\t0\t")
    assert json.loads((twin / "menagerie_twin.json").read_text())["images"] == {"common": 40, "ood": 36, "unique": 12}


def test_images_are_shown_as_often_as_the_design_says(twin, small_spec):
    spec = small_spec()
    for subject in spec.voxels:
        counts = read_sessions(Layout(twin), subject).counts()
        assert {owner(label) for label in counts} == {None, subject}
        fewer = [planned_repeats(label) - count for label, count in counts.items()]
        assert sorted(fewer)[-spec.n_incomplete :] == [1] * spec.n_incomplete and sum(fewer) == spec.n_incomplete
        assert len(counts) == len(spec.shared) + spec.n_unique


@pytest.mark.parametrize("name", CEILING_MAPS)
def test_percent_and_ncsnr_are_inverse(name):
    ncsnr = np.array([0, 0.05, 0.2, 0.3, 1, 5])
    percent = 100 * ncsnr**2 / (ncsnr**2 + CEILING_MAPS[name])
    np.testing.assert_allclose(ncsnr_of(percent, name), ncsnr, rtol=1e-5)
    expected = {"12rep": (32.43, 51.92), "4rep": (13.79, 26.47), "allrep": (15.0, 28.5)}[name]
    np.testing.assert_allclose(percent[2:4], expected, atol=0.05)
    assert np.isnan(ncsnr_of(np.array([100, np.nan]), name)).all()


def test_betas_are_as_reliable_as_ncsnr_says(tmp_path):
    """What the map says is what the repeats show: the same number, and the same meaning of 0.2, as in NSD's reader."""
    voxels = {"sub-01": synthetic_voxels("sub-01", (12, 12, 8), 120, 20, seed=1)}
    spec = TwinSpec(voxels, n_laion=150, n_things=0, n_nsd=0, n_ood=0, n_unique=0, n_incomplete=0, image_size=32)
    write_twin(tmp_path / "t", spec)
    options = {"laion_root": str(tmp_path / "t"), "keep_repeats": True, "regions": ["OTC"]}
    write_stimuli(tmp_path / "s.h5", *laion.read_stimuli(options))
    target = laion.read_target("l", "sub-01", options=options, stimuli=Stimuli(tmp_path / "s.h5"))
    measured = estimate_ncsnr(target.repeats)
    assert abs(np.mean(measured / target.units["ncsnr"]) - 1) < 0.03
    assert np.corrcoef(measured, target.units["ncsnr"])[0, 1] > 0.95


def test_session_files_hold_what_was_written(tmp_path):
    voxels = synthetic_voxels("sub-01", (6, 5, 7), 30, 10, seed=3)
    betas = np.random.default_rng(0).standard_normal((11, len(voxels)), dtype=np.float32)
    write_session(tmp_path / "s.nii.gz", voxels, betas)
    at = np.ravel_multi_index(tuple(voxels.xyz.T), voxels.shape)
    np.testing.assert_array_equal(read_session(tmp_path / "s.nii.gz", at, voxels.shape, 11), betas)
    whole = np.asarray(nib.load(tmp_path / "s.nii.gz").dataobj)
    assert np.count_nonzero(whole) == betas.size


def test_planted_features_must_fit(tmp_path, small_spec):
    spec = small_spec()
    wrong = {"OTC": np.zeros((3, 4)), "EVC": np.zeros((3, 4))}
    with pytest.raises(MenagerieError, match=r"expected finite values of shape \(40, features\)"):
        write_twin(tmp_path / "t", spec, wrong)
    with pytest.raises(MenagerieError, match="no features are planted for EVC"):
        write_twin(tmp_path / "t", spec, {"OTC": np.zeros((40, 4))})


def test_out_of_distribution_images_have_features_of_their_own(tmp_path):
    """Responses to them follow what is planted for them, the others what is planted for the others."""
    voxels = {"sub-01": synthetic_voxels("sub-01", (9, 9, 7), 80, 20, seed=1, ncsnr=3.0)}
    spec = TwinSpec(voxels, image_size=32)
    rng = np.random.default_rng(0)
    common, ood = (
        {name: rng.standard_normal((n, 6)) for name in ("OTC", "EVC")} for n in (len(spec.common), len(spec.ood))
    )
    write_twin(tmp_path / "t", spec, common, ood)
    options = {"laion_root": str(tmp_path / "t"), "images": "shared+ood", "regions": ["OTC"], "missing": "average"}
    write_stimuli(tmp_path / "s.h5", *laion.read_stimuli(options))
    target = laion.read_target("l", "sub-01", options=options, stimuli=Stimuli(tmp_path / "s.h5"))
    is_ood = np.array([ood_type(label) is not None for label in target.image_ids])
    for part, planted in ((~is_ood, common), (is_ood, ood)):
        rsms = [np.corrcoef(values - values.mean(axis=0)) for values in (target.responses[part], planted["OTC"])]
        pairs = np.triu_indices(int(part.sum()), 1)
        assert np.corrcoef(rsms[0][pairs], rsms[1][pairs])[0, 1] > 0.8


def test_a_tree_that_is_no_twin_stays(twin, broken, small_spec):
    (broken / "menagerie_twin.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in broken.rglob("*")}
    with pytest.raises(MenagerieError, match="not a twin and is not overwritten"):
        write_twin(broken, small_spec())
    assert {path: path.stat().st_mtime_ns for path in broken.rglob("*")} == before


def test_the_same_seed_writes_the_same_twin(tmp_path, small_spec, twin):
    write_twin(tmp_path / "t", small_spec())
    for key in (KEYS[1], KEYS[8], KEYS[10]):
        assert (tmp_path / "t" / key).read_bytes() == (twin / key).read_bytes()
    write_twin(tmp_path / "t", small_spec(sessions=1, seed=1))  # an earlier twin leaves nothing
    assert not Layout(tmp_path / "t").betas("sub-01", "ses-02").exists()


def test_command(tmp_path, capsys):
    spec = tmp_path / "spec.yaml"
    geometry = "voxels: {shape: [10, 10, 9], n_otc: 40, n_evc: 20}"
    spec.write_text(f"subjects: [sub-06]\nn_laion: 20\nn_ood: 9\nimage_size: 32\n{geometry}\n")
    assert main(["--spec", str(spec), "--to", str(tmp_path / "t")]) == 0
    assert "sub-06: 120 voxels" in capsys.readouterr().out
    spec.write_text("planted: {OTC: {model: m, layer: l}}\n")
    assert main(["--spec", str(spec), "--to", str(tmp_path / "u")]) == 2
    assert "the rule write_laion_twin" in capsys.readouterr().err


def test_the_shipped_spec(root):
    spec, keys = read_spec(root / "config" / "laion_twin.yaml")
    assert list(spec.voxels) == ["sub-01", "sub-03"] and len(spec.images) == 60 + 24 + 24 + 45 + 2 * 20
    assert keys["pictures"] == "tiles" and not keys["planted"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subjects: [sub-02]\n", "expected one of sub-01, sub-03"),
        ("sessions: 31\n", "expected a whole number from 1 to 30"),
        ("n_shared: 9\n", "Unknown key"),
        ("n_laion: 3\nn_things: 0\nn_nsd: 0\n", "found 3 shared images .* at least 30"),
        ("voxels: {shape: [3, 3, 3]}\n", "in a volume of 27"),
    ],
)
def test_wrong_specs(tmp_path, text, message):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(MenagerieError, match=message):
        read_spec(tmp_path / "s.yaml")


def test_empty_folders_are_nobodys(tmp_path, small_spec):
    """Snakemake makes the folders of a rule's output before the rule runs."""
    (tmp_path / "t" / "derivatives" / "rois").mkdir(parents=True)
    write_twin(tmp_path / "t", small_spec(sessions=1))
    assert Layout(tmp_path / "t").twin_note.is_file()
