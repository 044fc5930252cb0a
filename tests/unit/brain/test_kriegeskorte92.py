"""The 92-object dataset: names, halves and ceilings on made-up files, figures on the published ones."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from menagerie.brain.readers import kriegeskorte92 as reader
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import check_target
from menagerie.errors import MenagerieError

ABOVE = np.triu_indices(92, k=1)


def make_rdm(rng, shared):
    rdm = np.zeros((92, 92), dtype=np.float32)
    rdm[ABOVE] = np.clip(shared + 0.1 * rng.standard_normal(4186), 0, 2)
    return rdm + rdm.T


@pytest.fixture
def inputs(tmp_path):
    """Files with the published structure and random dissimilarities."""
    rng = np.random.default_rng(0)
    shared = rng.uniform(0.5, 1.5, 4186)
    rdms = np.empty((1, 4, 2), dtype=[("RDM", object), ("name", object), ("color", object)])
    for i, subject in enumerate(reader.SUBJECTS["human"]):
        for j in range(2):
            rdms[0, i, j] = (make_rdm(rng, shared), f"hIT | {subject} | Session: {j + 1}", [0, 0, 0])
    stimuli = np.empty((1, 92), dtype=[("category", object), ("image", object)])
    for i in range(92):
        stimuli[0, i] = ("face", np.full((175, 175, 3), i, dtype=np.uint8))
    monkey = np.empty((1, 2), dtype=[("name", object), ("color", object), ("RDM", object)])
    monkey[0, 0] = ("mIT_674neurons", [0, 0, 0], make_rdm(rng, shared)[ABOVE][None].astype(float))
    monkey[0, 1] = ("hITvisStim_316vx", [0, 0, 0], shared[None])
    savemat(tmp_path / "rdms.mat", {"RDMs": rdms})
    savemat(tmp_path / "supplement.mat", {"stimuli_92objs": stimuli, "RDMs_mIT_hIT_fig1": monkey})
    return {"rdms": tmp_path / "rdms.mat", "supplement": tmp_path / "supplement.mat"}


def make_stimuli(path, ids):
    write_stimuli(path, [np.zeros((2, 2, 3), dtype=np.uint8)] * len(ids), ids, {})
    return Stimuli(path)


def test_subject_is_the_mean_of_its_sessions_and_ceiling_uses_the_test_half(inputs, tmp_path):
    stimuli = make_stimuli(tmp_path / "objects.h5", reader.image_ids())
    target = reader.read_target("it", "KO", options={}, inputs=inputs, stimuli=stimuli)
    check_target(target)
    sessions = reader.read_sessions(inputs["rdms"])
    assert target.stimuli == "objects" and target.region_names == ["IT"] and not target.has_units
    np.testing.assert_allclose(target.rsms["IT"], sessions["KO"].mean(axis=0))
    others = np.mean([sessions[s].mean(axis=0) for s in ("BE", "SN", "TI")], axis=0)
    odd = np.triu_indices(46, k=1)
    expected = np.corrcoef(target.rsms["IT"][1::2, 1::2][odd], others[1::2, 1::2][odd])[0, 1]
    assert target.ceilings["even_odd/0"]["IT"] == pytest.approx(expected)
    assert "lower bound" in target.provenance["ceiling"]


def test_halves_follow_a_shared_stimulus_set(inputs, tmp_path):
    alone = make_stimuli(tmp_path / "a.h5", reader.image_ids())
    shifted = make_stimuli(tmp_path / "b.h5", ["other", *reader.image_ids()])
    ceilings = [
        reader.read_target("it", "BE", options={}, inputs=inputs, stimuli=s).ceilings["even_odd/0"]["IT"]
        for s in (alone, shifted)
    ]
    assert ceilings[0] != ceilings[1]


def test_monkey_is_one_pooled_subject_without_ceiling(inputs, tmp_path):
    stimuli = make_stimuli(tmp_path / "objects.h5", reader.image_ids())
    options = {"species": "monkey"}
    assert reader.default_subjects(options) == ("pooled",)
    target = reader.read_target("it", "pooled", options=options, inputs=inputs, stimuli=stimuli)
    check_target(target)
    assert target.ceilings in ({}, {"even_odd/0": {}})


def test_stimuli_come_in_the_order_of_the_rsms(inputs):
    images, ids, _ = reader.read_stimuli({}, inputs)
    assert [image[0, 0, 0] for image in images] == list(range(92))
    assert ids == reader.image_ids() == sorted(set(ids))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["RDM"][0, 2].__setitem__((3, 4), np.nan), "finite"),
        (lambda t: t["RDM"][0, 2].__setitem__((3, 4), 0.1), "symmetric"),
        (lambda t: t["RDM"].__setitem__((0, 2), np.zeros((91, 91))), "91, 91"),
        (lambda t: t["name"].__setitem__((0, 2), "hIT | XX | Session: 1"), "XX"),
        (lambda t: t["name"].__setitem__((0, 2), t["name"][0, 0]), "two sessions"),
    ],
)
def test_damaged_rdms_are_refused(tmp_path, change, message):
    rng = np.random.default_rng(0)
    table = np.empty((1, 8), dtype=[("RDM", object), ("name", object)])
    for i in range(8):
        table[0, i] = (make_rdm(rng, 1.0), f"hIT | {reader.SUBJECTS['human'][i // 2]} | Session: {i % 2 + 1}")
    change(table)
    savemat(tmp_path / "r.mat", {"RDMs": table})
    with pytest.raises(MenagerieError, match=message):
        reader.read_sessions(tmp_path / "r.mat")


def test_wrong_names_and_files_are_told(inputs, tmp_path):
    stimuli = make_stimuli(tmp_path / "objects.h5", reader.image_ids())
    with pytest.raises(MenagerieError, match=r"Unknown subject.*'KQ'.*Did you mean 'KO'"):
        reader.read_target("it", "KQ", options={}, inputs=inputs, stimuli=stimuli)
    with pytest.raises(MenagerieError, match="Unknown species"):
        reader.default_subjects({"species": "mouse"})
    short = make_stimuli(tmp_path / "short.h5", reader.image_ids()[:90])
    with pytest.raises(MenagerieError, match="lacks 2 of the 92"):
        reader.read_target("it", "KO", options={}, inputs=inputs, stimuli=short)
    (tmp_path / "no.mat").write_bytes(b"not MATLAB")
    with pytest.raises(MenagerieError, match="cannot be read"):
        reader.read_sessions(tmp_path / "no.mat")


@pytest.fixture
def published():
    """The real files, where a run or the developer has fetched them."""
    roots = [os.environ.get("MENAGERIE_CACHE"), Path(__file__).parents[3] / "resources"]
    for root in filter(None, roots):
        files = {name: Path(root) / path for name, path in reader.INPUTS.items()}
        if all(path.is_file() for path in files.values()):
            return files
    pytest.skip("the published files are not in resources/ nor in the folder that MENAGERIE_CACHE names")


def test_published_files_give_the_known_figures(published, tmp_path):
    stimuli = make_stimuli(tmp_path / "objects.h5", reader.image_ids())
    human = {
        s: reader.read_target("it", s, options={}, inputs=published, stimuli=stimuli) for s in reader.SUBJECTS["human"]
    }
    mean = np.mean([target.rsms["IT"] for target in human.values()], axis=0)
    monkey = reader.read_target("it", "pooled", options={"species": "monkey"}, inputs=published, stimuli=stimuli)
    # Kriegeskorte et al. (2008) report r = .49 between man and monkey; a wrong triangle order gives .01.
    assert np.corrcoef(monkey.rsms["IT"][ABOVE], mean[ABOVE])[0, 1] == pytest.approx(0.49, abs=0.005)
    ceilings = {s: round(target.ceilings["even_odd/0"]["IT"], 3) for s, target in human.items()}
    assert ceilings == {"BE": 0.482, "KO": 0.348, "SN": 0.431, "TI": 0.385}
