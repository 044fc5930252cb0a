"""The twin: what is planted is what a plain analysis finds; the published voxel tables are met exactly."""

import json

import h5py
import numpy as np
import pytest

from menagerie.brain.nsd.layout import Layout
from menagerie.brain.nsd.volumes import Volumes
from menagerie.brain.readers import nsd
from menagerie.brain.voxels.regions import build_regions
from menagerie.errors import MenagerieError
from menagerie.twins.nsd.twin import TwinSpec, make_design, photograph_ids, write_twin
from menagerie.twins.nsd.twin_command import main, read_spec
from menagerie.twins.nsd.twin_files import write_volumes
from menagerie.twins.nsd.twin_geometry import published_voxels, synthetic_voxels
from menagerie.twins.signals import compact_features

OTC = {"subj01": 8088, "subj02": 7528, "subj05": 8015, "subj07": 5849}
EVC = {"subj01": 4657, "subj02": 3757, "subj05": 3661, "subj07": 3251}


@pytest.mark.parametrize("subject", OTC)
def test_published_voxels_are_selected_exactly(shared, tmp_path, subject):
    voxels = published_voxels(shared / "published/source_data", subject, decoys=20)
    write_volumes(Layout(tmp_path), subject, voxels)
    masks, lost = build_regions(Volumes(Layout(tmp_path), subject), ["OTC", "EVC"])
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"OTC": OTC[subject], "EVC": EVC[subject]}
    assert not lost
    selected = np.argwhere(masks["OTC"].reshape(voxels.shape))
    np.testing.assert_array_equal(selected, voxels.xyz[voxels.plant == "OTC"])


@pytest.mark.parametrize(
    ("condition", "wrong"),
    [
        ("ncsnr > 0.2 and", ""),
        ("nsdgeneral and ", ""),
        ("streams in {midventral, ventral, midlateral, lateral}", "streams"),
        ("faces_t > 1 and ", ""),
        ("words_t > 1", "faces_t > 1"),
        ("{OFA, FFA_1, FFA_2}", "{OFA, FFA_1, FFA_2, aTL_faces}"),
        ("floc_places in {OPA, PPA}", "floc_places"),
        ("words_t > 1 and floc_words in {OWFA, VWFA_1, VWFA_2}", "words_t > 1 and floc_words"),
    ],
)
def test_a_forgotten_condition_selects_too_many(twin, condition, wrong):
    from menagerie.brain.nsd.rois import DEFAULT_REGIONS

    text = DEFAULT_REGIONS["OTC"]
    assert condition in text
    masks, _ = build_regions(Volumes(Layout(twin), "subj01"), {"OTC": text.replace(condition, wrong)})
    assert masks["OTC"].sum() > 30


def test_reliability_of_voxels_is_their_ncsnr(tmp_path, small_spec):
    voxels = {"subj01": synthetic_voxels((20, 12, 9), 300, 100, seed=3)}
    write_twin(tmp_path, small_spec(voxels=voxels, n_shared=240, sessions=1), photographs=stripes)
    ids = np.array([f"nsd-{i:05d}" for i in make_design(small_spec(n_shared=240, sessions=1)).shared])

    class Stimuli:
        image_ids = ids
        path = tmp_path / "shared.h5"

    target = nsd.read_target("nsd", "subj01", options={"nsd_root": str(tmp_path)}, stimuli=Stimuli())
    first, second = target.repeats[:2]
    found = [np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, second.T, strict=True)]
    expected = target.units["ncsnr"] ** 2 / (1 + target.units["ncsnr"] ** 2)
    assert np.corrcoef(found, expected)[0, 1] > 0.85
    assert abs(np.mean(found) - expected.mean()) < 0.03


def stripes(nsd_id):
    """A cheap photograph: random colours in 25 columns."""
    columns = np.random.default_rng(nsd_id).integers(1, 256, size=(1, 25, 3), dtype=np.uint8)
    return np.broadcast_to(np.repeat(columns, 17, axis=1), (425, 425, 3)).copy()


def test_planted_features_are_linearly_readable(tmp_path, small_spec):
    spec = small_spec(voxels={"subj01": synthetic_voxels((20, 12, 9), 200, 50, ncsnr=3.0)}, n_shared=120, sessions=1)
    ids = photograph_ids(spec, make_design(spec))
    rng = np.random.default_rng(0)
    planted = {"OTC": rng.standard_normal((len(ids), 6)), "EVC": rng.standard_normal((len(ids), 6))}
    write_twin(tmp_path, spec, planted, stripes)

    class Stimuli:
        image_ids = np.array([f"nsd-{i:05d}" for i in ids])
        path = tmp_path / "shared.h5"

    target = nsd.read_target("nsd", "subj01", options={"nsd_root": str(tmp_path)}, stimuli=Stimuli())
    for region, other in (("OTC", "EVC"), ("EVC", "OTC")):
        responses = target.responses[:, target.regions[region]]
        assert explained(planted[region], responses) > 0.8
        assert explained(planted[other], responses) < 0.2


@pytest.mark.parametrize("n_features", [3, 500])
def test_compact_features_keep_the_inner_products(n_features):
    features = 5 + np.random.default_rng(0).standard_normal((20, n_features))
    compact = compact_features(features)
    centred = features - features.mean(axis=0)
    assert compact.shape == (20, min(20, n_features))
    np.testing.assert_allclose(compact @ compact.T, centred @ centred.T, atol=1e-3)


def explained(features, responses):
    """Mean share of variance that a linear fit explains."""
    features = np.column_stack([features, np.ones(len(features))])
    rest = responses - features @ np.linalg.lstsq(features, responses, rcond=None)[0]
    return 1 - (rest.var(axis=0) / responses.var(axis=0)).mean()


def test_same_seed_same_tree(tmp_path, small_spec, twin):
    write_twin(tmp_path / "again", small_spec())
    for path in sorted(p for p in twin.rglob("*") if p.is_file()):
        again = tmp_path / "again" / path.relative_to(twin)
        if path.suffix == ".hdf5":
            with h5py.File(path) as one, h5py.File(again) as two:
                name = next(iter(one))
                rows = make_design(small_spec()).shared if name == "imgBrick" else slice(None)
                np.testing.assert_array_equal(one[name][rows], two[name][rows])
        elif path.suffix != ".mat":  # holds the time of writing
            assert path.read_bytes() == again.read_bytes()


def test_photographs_that_are_not_used_take_no_space(twin):
    assert Layout(twin).stimuli.stat().st_size < 40 * 425 * 425 * 3 + 1e6


def test_real_data_are_never_overwritten(broken, small_spec):
    Layout(broken).twin_note.unlink()
    before = Layout(broken).design.read_bytes()
    with pytest.raises(MenagerieError, match="not a twin and is not overwritten"):
        write_twin(broken, small_spec(seed=5))
    assert Layout(broken).design.read_bytes() == before


def test_nothing_of_an_earlier_twin_stays(broken, small_spec):
    write_twin(broken, small_spec(sessions=1, n_shared=4), photographs=stripes)
    assert not Layout(broken).betas("subj01", 2).exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sessions": 41}, "expected 1 to 40"),
        ({"n_shared": 600}, "2 sessions allow 4 to 500"),
        ({"ending": "mgh"}, "format of betas"),
        ({"photographs": "some"}, "Known: all, shared"),
    ],
)
def test_wrong_specs(small_spec, changes, message):
    with pytest.raises(MenagerieError, match=message):
        small_spec(**changes)


def test_planted_features_must_fit(tmp_path, small_spec):
    with pytest.raises(MenagerieError, match="no features are planted for EVC"):
        write_twin(tmp_path / "a", small_spec(n_shared=4), {"OTC": np.zeros((4, 2))}, stripes)
    with pytest.raises(MenagerieError, match=r"expected finite values of shape \(4, features\)"):
        write_twin(tmp_path / "b", small_spec(n_shared=4), {"OTC": np.zeros((3, 2)), "EVC": np.zeros((4, 2))}, stripes)


def test_command(tmp_path, capsys):
    spec = tmp_path / "twin.yaml"
    spec.write_text(
        "subjects: [subj07]\nsessions: 1\nn_shared: 12\nphotographs: tiles\n"
        "voxels: {shape: [8, 8, 8], n_otc: 20, n_evc: 10, decoys: 1}\n"
    )
    assert main(["--spec", str(spec), "--to", str(tmp_path / "tree")]) == 0
    assert json.loads((tmp_path / "tree/menagerie_twin.json").read_text())["voxels"] == {"subj07": 42}
    assert len(nsd.read_stimuli({"nsd_root": str(tmp_path / "tree")})[1]) == 12
    spec.write_text("sesions: 3\n")
    assert main(["--spec", str(spec), "--to", str(tmp_path / "tree")]) == 2
    assert "Did you mean 'sessions'" in capsys.readouterr().err


def test_the_spec_that_comes_with_the_repository(root):
    spec, _ = read_spec(root / "config/nsd_twin.yaml")
    assert isinstance(spec, TwinSpec)


def test_ceiling_images_are_others_than_those_scored(twin, stimuli):
    options = {"nsd_root": str(twin)}
    target = nsd.read_ceiling_target("nsd", "subj01", options=options, n_images=50)
    assert len(target.image_ids) == 50
    assert not set(target.image_ids) & set(stimuli.image_ids)
    assert np.isfinite(target.repeats).all()
    assert target.repeats.shape == (3, 50, 50)


def test_empty_folders_are_nobodys(tmp_path, small_spec):
    """Snakemake makes the folders of a rule's output before the rule runs."""
    Layout(tmp_path).design.parent.mkdir(parents=True)
    write_twin(tmp_path, small_spec(sessions=1))
    assert Layout(tmp_path).twin_note.is_file()
