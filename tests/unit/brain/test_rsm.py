"""RSMs and RDMs of users: every format gives the same target, and what leaves doubt is refused."""

import h5py
import numpy as np
import pandas as pd
import pytest
import rsatoolbox
from PIL import Image
from scipy.io import savemat

from menagerie.brain.readers import rsm
from menagerie.brain.rsms.rsm_ceilings import session_ceiling
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import check_target
from menagerie.errors import MenagerieError

N = 20
IDS = [f"pic{number}" for number in range(N)]  # not padded: order is natural
ABOVE = np.triu_indices(N, k=1)
TEST = np.ix_(range(1, N, 2), range(1, N, 2))
HALF = np.triu_indices(N // 2, k=1)


def make(seed, noise=0.2):
    """An RDM of 1 - Pearson r, around one that all share."""
    shared = np.random.default_rng(0).uniform(0.4, 1.4, N * (N - 1) // 2)
    rdm = np.zeros((N, N))
    rdm[ABOVE] = np.clip(shared + noise * np.random.default_rng(seed).standard_normal(len(shared)), 0.01, 1.99)
    return rdm + rdm.T


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "mine"
    (place / "images").mkdir(parents=True)
    (place / "anna").mkdir()
    for number, name in enumerate(IDS):
        Image.new("RGB", (5, 4), (number, 3 * number, 0)).save(place / "images" / f"{name}.png")
    return place


def read(folder, subject="anna", **options):
    options = {"folder": str(folder), **options}
    assert subject in rsm.default_subjects(options)
    path = folder.parent / "mine.h5"
    write_stimuli(path, *rsm.read_stimuli(options, {}))
    target = rsm.read_target("mine", subject, options=options, inputs={}, stimuli=Stimuli(path))
    check_target(target)
    return target


def expect(target, rdm, rows=slice(None), region="IT"):
    assert target.image_ids.tolist() == np.array(IDS)[rows].tolist() and not target.has_units
    np.testing.assert_allclose(target.rsms[region], 1 - rdm, atol=1e-6)


def write_v7_3(path, **variables):
    """As MATLAB writes version 7.3: axes reversed, texts as numbers, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = file.create_group("#refs#")

        def char(place, name, value):
            item = place.create_dataset(name, data=np.array([[ord(letter)] for letter in value], dtype=np.uint16))
            item.attrs["MATLAB_class"] = np.bytes_("char")
            return item

        for name, value in variables.items():
            if isinstance(value, list):
                made = [char(cells, f"{name}{number}", text).ref for number, text in enumerate(value)]
                item = file.create_dataset(name, (len(made), 1), dtype=h5py.ref_dtype)
                item[:, 0] = made
                item.attrs["MATLAB_class"] = np.bytes_("cell")
            else:
                item = file.create_dataset(name, data=np.asarray(value).T)
                item.attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(128))


def as_npy(path, rdm):
    np.save(path.with_suffix(".npy"), rdm)


def as_similarity(path, rdm):
    np.save(path.with_suffix(".npy"), (1 - rdm).astype(">f4"))


def as_csv(path, rdm):
    pd.DataFrame(rdm, IDS, IDS).iloc[::-1].to_csv(path.with_suffix(".csv"))


def as_plain_csv(path, rdm):
    pd.DataFrame(rdm).to_csv(path.with_suffix(".csv"), index=False, header=False)


def as_numbered_csv(path, rdm):
    pd.DataFrame(rdm).to_csv(path.with_suffix(".csv"))


def as_r(path, rdm):
    lines = ["".join(f'"{i}" ' for i in IDS)] + [
        f'"{i}" ' + " ".join(map(str, row)) for i, row in zip(IDS, rdm, strict=True)
    ]
    path.with_suffix(".csv").write_text("\n".join(line.strip().replace(" ", ",") for line in lines) + "\n")


def as_r_table(path, rdm):
    lines = [" ".join(f'"{i}"' for i in IDS)] + [
        f'"{i}" ' + " ".join(map(str, row)) for i, row in zip(IDS, rdm, strict=True)
    ]
    path.with_suffix(".csv").write_text("\n".join(lines) + "\n")


def as_savetxt(path, rdm):
    np.savetxt(path.with_suffix(".csv"), rdm)


def as_parquet(path, rdm):
    order = np.random.default_rng(3).permutation(N)
    pd.DataFrame(rdm, IDS, IDS).iloc[order, order].to_parquet(path.with_suffix(".parquet"))


def as_parquet_column(path, rdm):
    pd.DataFrame(rdm, columns=IDS).assign(image=IDS).to_parquet(path.with_suffix(".parquet"))


def as_mat(path, rdm):
    savemat(path.with_suffix(".mat"), {"rdm": rdm, "note": "mine", "labels": np.array(IDS, dtype=object), "k": 3.0})


def as_mat_v7_3(path, rdm):
    order = np.random.default_rng(4).permutation(N)
    write_v7_3(path.with_suffix(".mat"), rdm=rdm[np.ix_(order, order)], labels=[IDS[k] for k in order], k=np.eye(1))


def as_mat_struct(path, rdm):
    struct = np.empty((1, 1), dtype=[("RDM", object), ("name", object)])
    struct[0, 0] = (rdm[ABOVE][None], "IT")
    savemat(path.with_suffix(".mat"), {"RDMs": struct})


def as_hdf5(path, rdm):
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["results/rdm"] = rdm
        file["results/p"] = 0.5
        file["images"] = IDS


def as_rsatoolbox(path, rdm):
    order = np.random.default_rng(5).permutation(N)
    rdms = rsatoolbox.rdm.RDMs(
        rdm[np.ix_(order, order)][ABOVE][None], dissimilarity_measure="correlation",
        pattern_descriptors={"stimulus": [f"{IDS[k]}.png" for k in order], "category": ["x"] * N},
    )  # fmt: skip
    rdms.save(str(path.with_suffix(".hdf5")), file_type="hdf5")


WAYS = [way for name, way in sorted(globals().items()) if name.startswith("as_")]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_format_gives_the_same(folder, way, capsys):
    rdm = make(1)
    way(folder / "anna" / "IT", rdm)
    target = read(folder)
    expect(target, rdm)
    assert target.provenance["simulated"] == "no" and target.ceilings in ({}, {"even_odd/0": {}})
    named = way in (
        as_csv,
        as_r,
        as_r_table,
        as_parquet,
        as_parquet_column,
        as_mat,
        as_mat_v7_3,
        as_hdf5,
        as_rsatoolbox,
    )
    assert ("matched by order alone: row 1 pic0, row 2 pic1" in capsys.readouterr().out) != named


@pytest.mark.parametrize("way", [as_csv, as_parquet], ids=lambda way: way.__name__)
def test_some_images_by_name(folder, way):
    rdm, rows = make(1), np.array([1, 2, 3, 5, 6, 7, 8, 10, 12, 13, 15])
    frame = pd.DataFrame(rdm, IDS, IDS).iloc[rows[::-1], rows[::-1]]
    frame.to_csv(folder / "anna" / "IT.csv") if way is as_csv else frame.to_parquet(folder / "anna" / "IT.parquet")
    expect(read(folder), rdm[np.ix_(rows, rows)], rows)


@pytest.mark.parametrize("condensed", [False, True])
def test_sessions_give_a_ceiling(folder, condensed):
    sessions = [make(seed, 0.4) for seed in range(4)]
    stack = np.stack([rdm[ABOVE] if condensed else rdm for rdm in sessions])
    np.save(folder / "anna" / "IT.npy", stack)
    target = read(folder, **({"kind": "dissimilarity"} if condensed else {}))
    expect(target, np.mean(sessions, axis=0))
    pairs = [np.corrcoef(a[TEST][HALF], b[TEST][HALF])[0, 1] for i, a in enumerate(sessions) for b in sessions[:i]]
    r = np.mean(pairs)
    assert target.ceilings["even_odd/0"]["IT"] == pytest.approx(np.sqrt(4 * r / (1 + 3 * r)))
    assert "4 sessions" in target.provenance["ceiling"]
    files = {f"IT_session{number}": rdm for number, rdm in enumerate(sessions, start=1)}
    (folder / "anna" / "IT.npy").unlink()
    for name, rdm in files.items():
        np.save(folder / "anna" / f"{name}.npy", rdm)
    again = read(folder)
    assert again.region_names == ["IT"]
    assert again.ceilings["even_odd/0"] == {"IT": pytest.approx(target.ceilings["even_odd/0"]["IT"])}


def test_the_ceiling_of_sessions_is_that_of_a_noiseless_rsm():
    """In simulation: the true RSM correlates with the mean of k noisy ones as the formula says."""
    rng = np.random.default_rng(0)
    n = 120
    above = np.triu_indices(n, k=1)
    truth = rng.standard_normal(len(above[0]))
    found, expected = [], []
    for _ in range(20):
        sessions = []
        for _ in range(3):
            rsm_ = np.zeros((n, n))
            rsm_[above] = truth + 1.5 * rng.standard_normal(len(truth))
            sessions.append(rsm_ + rsm_.T)
        found.append(session_ceiling(sessions, np.ones(n, dtype=bool)))
        expected.append(np.corrcoef(np.mean(sessions, axis=0)[above], truth)[0, 1])
    assert np.mean(found) == pytest.approx(np.mean(expected), abs=0.01)


def people_ceiling(rdms, person):
    others = np.mean([rdm for number, rdm in enumerate(rdms) if number != person], axis=0)
    return np.corrcoef(rdms[person][TEST][HALF], others[TEST][HALF])[0, 1]


@pytest.mark.parametrize("axis", [0, 2])
def test_people_in_one_file(folder, axis):
    """15 people's RDMs, as Python and as MATLAB stacks them."""
    (folder / "anna").rmdir()
    rdms = [make(seed) for seed in range(15)]
    if axis:
        savemat(folder / "IT.mat", {"rdms": np.stack(rdms, axis=2)})
    else:
        np.save(folder / "IT.npy", np.stack(rdms))
    assert rsm.default_subjects({"folder": str(folder)}) == tuple(f"s{number:02d}" for number in range(1, 16))
    target = read(folder, "s07")
    expect(target, rdms[6])
    assert target.ceilings["even_odd/0"]["IT"] == pytest.approx(people_ceiling(rdms, 6))


def test_people_in_folders_and_regions_in_files(folder):
    (folder / "ben").mkdir()
    for seed, (subject, region) in enumerate([("anna", "IT"), ("anna", "V1"), ("ben", "IT")]):
        np.save(folder / subject / f"{region}.npy", make(seed))
    anna = read(folder)
    assert sorted(anna.region_names) == ["IT", "V1"]
    assert anna.ceilings["even_odd/0"] == {"IT": pytest.approx(people_ceiling([make(0), make(2)], 0))}
    assert anna.provenance["ceiling_V1"].startswith("unknown") and "lower bound" in anna.provenance["ceiling_IT"]
    assert len(rsm.inputs({"folder": str(folder)}, subject="ben")["rsms"]) == 3


def test_the_rsa_toolbox_for_matlab_names_subjects_and_sessions(folder):
    """The structure of the published human RDMs of Kriegeskorte et al. (2008)."""
    (folder / "anna").rmdir()
    structs = np.empty((1, 4, 2), dtype=[("RDM", object), ("name", object), ("color", object)])
    rdms = {}
    for i, subject in enumerate(("BE", "KO", "SN", "TI")):
        for j in range(2):
            rdms[subject, j] = make(10 * i + j)
            structs[0, i, j] = (rdms[subject, j], f"hIT | {subject} | Session: {j + 1}", [0, 0, 0])
    savemat(folder / "92_brainRDMs.mat", {"RDMs": structs})
    assert rsm.default_subjects({"folder": str(folder)}) == ("BE", "KO", "SN", "TI")
    target = read(folder, "KO")
    means = [np.mean([rdms[subject, j] for j in range(2)], axis=0) for subject in ("BE", "KO", "SN", "TI")]
    expect(target, means[1], region="hIT")
    assert target.ceilings["even_odd/0"]["hIT"] == pytest.approx(people_ceiling(means, 1))
    assert target.provenance["sessions"] == "hIT: 2"


def test_of_several_structs_the_variable_is_read(folder):
    structs = {}
    for name, seed in (("early", 1), ("late", 2)):
        structs[name] = np.empty((1, 1), dtype=[("RDM", object), ("name", object)])
        structs[name][0, 0] = (make(seed), "IT")
    savemat(folder / "anna" / "IT.mat", structs)
    expect(read(folder, variable="late"), make(2))
    expect(read(folder), (make(1) + make(2)) / 2)  # two sessions


def test_descriptors_of_rsatoolbox(folder):
    (folder / "anna").rmdir()
    order = np.random.default_rng(6).permutation(N)
    rdms = [make(seed) for seed in range(6)]
    made = rsatoolbox.rdm.RDMs(
        np.stack([rdm[np.ix_(order, order)][ABOVE] for rdm in rdms]),
        rdm_descriptors={"subj": ["anna", "anna", "ben"] * 2, "session": [1, 2, 1] * 2, "roi": ["V1"] * 3 + ["IT"] * 3},
        pattern_descriptors={"image": [IDS[k] for k in order]},
    )
    made.save(str(folder / "all.h5"), file_type="hdf5")
    assert rsm.default_subjects({"folder": str(folder)}) == ("anna", "ben")
    target = read(folder)
    expect(target, np.mean(rdms[:2], axis=0), region="V1")
    expect(target, np.mean(rdms[3:5], axis=0), region="IT")
    with pytest.raises(MenagerieError, match=r"the file says that it holds dissimilarity values.*Leave the option out"):
        read(folder, kind="similarity")


def test_descriptors_of_all_rdms_of_a_file_are_those_of_each(folder):
    rdms = [make(seed) for seed in range(2)]
    made = rsatoolbox.rdm.RDMs(
        np.stack([rdm[ABOVE] for rdm in rdms]),
        descriptors={"subject": "anna", "roi": "V1"},
        rdm_descriptors={"session": [1, 2]},
        pattern_descriptors={"image": IDS},
    )
    made.save(str(folder / "anna" / "all.h5"), file_type="hdf5")
    expect(read(folder), np.mean(rdms, axis=0), region="V1")


def save(values, name="IT.npy"):
    return lambda folder: np.save(folder / "anna" / name, values)


def changed(change, rdm=None):
    values = make(1) if rdm is None else rdm
    change(values)
    return save(values)


def write(name, content):
    return lambda folder: (folder / "anna" / name).write_bytes(content)


def two_names(folder):
    frame = pd.DataFrame(make(1), IDS, [*IDS[:-1], "other"])
    frame.to_csv(folder / "anna" / "IT.csv")


def unknown_name(folder):
    names = [*IDS[:-1], "pic99"]
    pd.DataFrame(make(1), names, names).to_csv(folder / "anna" / "IT.csv")


def unknown_pattern(folder):
    names = [*IDS[:-1], "pik19"]
    made = rsatoolbox.rdm.RDMs(make(1)[ABOVE][None], pattern_descriptors={"image": names})
    made.save(str(folder / "anna" / "IT.h5"), file_type="hdf5")


def other_subjects(folder):
    made = rsatoolbox.rdm.RDMs(np.stack([make(k)[ABOVE] for k in range(2)]), rdm_descriptors={"subject": ["a", "b"]})
    made.save(str(folder / "anna" / "IT.h5"), file_type="hdf5")


def several_variables(folder):
    savemat(folder / "anna" / "IT.mat", {"early": make(1), "late": make(2)})


def both_ways(folder):
    save(make(1))(folder)
    np.save(folder / "V1.npy", make(1))


def external_link(folder):
    with h5py.File(folder / "anna" / "other.bin", "w") as file:
        file["rdm"] = make(1)
    with h5py.File(folder / "anna" / "IT.h5", "w") as file:
        file["rdm"] = h5py.ExternalLink("other.bin", "rdm")


def huge(folder):
    with h5py.File(folder / "anna" / "IT.h5", "w") as file:
        file.create_dataset("rdm", (100_000, 100_000), "f4", chunks=(100, 100))


@pytest.mark.parametrize(
    ("wrong", "options", "message"),
    [
        (changed(lambda a: np.fill_diagonal(a, np.nan)), {}, "without a diagonal.*option kind"),
        (save(make(1)[ABOVE]), {}, "without a diagonal.*option kind"),
        (changed(lambda a: np.fill_diagonal(a, 5.0)), {}, "found 5 on the diagonal.*Say which"),
        (save(make(1) - 0.3 * (1 - np.eye(N))), {}, "found 0 on the diagonal and -0.*Say which"),
        (save(7 * (1 - make(1))), {}, "found 7 on the diagonal.*Say which"),
        (save(1 - make(1)), {"kind": "dissimilarity"}, "expected the smallest dissimilarities on the diagonal"),
        (save(make(1) + 0.1 * (1 - np.eye(N))), {"kind": "similarity"}, "expected the largest similarities"),
        (save(make(1)), {"kind": "distance"}, "Unknown kind of matrices"),
        (changed(lambda a: a.__setitem__((3, 4), np.nan)), {}, "found nan for images 3 and 4.*1 pairs"),
        (changed(lambda a: a.__setitem__((3, 4), 1.9)), {}, "not symmetric"),
        (save(np.triu(make(1))), {}, "a triangular matrix"),
        (save(np.ones((N, N)) - np.eye(N)), {}, "all pairs of images have the same value"),
        (save(make(1)[:-1, :-1]), {}, "matrices of 19 images, expected 20 x 20 for the 20 images"),
        (save(np.zeros((3, 7))), {}, r"found shape \(3, 7\)"),
        (save(np.zeros(190 - 19)), {}, r"found shape \(171,\).*171 values are the pairs of 19 images"),
        (save(make(1) + 1j), {}, "expected numbers, found complex128"),
        (save(make(1) > 1), {}, "expected numbers, found bool"),
        (write("IT.npy", b"\x93NUMPY\x01\x00"), {}, "cannot be read as an array"),
        (write("IT.mat", b"MATLAB 5.0 MAT-file" + bytes(200)), {}, "IT.mat cannot be read"),
        (write("IT.mat", b"not MATLAB"), {}, "IT.mat cannot be read"),
        (write("IT.h5", b"\x89HDF\r\n\x1a\n" + bytes(90)), {}, "IT.h5 cannot be read"),
        (write("IT.pkl", b"cos\nsystem\n"), {}, "may hold code.*hdf5"),
        (write("IT.csv", b"1,2\n3\n"), {}, "rows of 1 to 2 cells"),
        (write("IT.csv", b"1,2,3\n4,5,6\n" * 4), {}, "8 rows and 3 columns, expected a square table"),
        (two_names, {}, "a row 'pic19' without a column of that name"),
        (unknown_name, {}, "'pic99'.*Did you mean 'pic9'.*1 of 20 names"),
        (unknown_pattern, {}, "'pik19'.*Did you mean 'pic19'.*1 of 20 names"),
        (other_subjects, {}, "found RSMs of a, b, expected those of anna only"),
        (several_variables, {}, r"found early \(20, 20\), late \(20, 20\).*option variable"),
        (several_variables, {"variable": "lat"}, "Did you mean 'late'"),
        (both_ways, {}, "either one file a region with all subjects, or folders"),
        (lambda folder: (folder / "anna").rmdir(), {}, "has no RSMs, found images"),
        (external_link, {}, "a link to another file"),
        (huge, {}, "asks for 40.0 GB"),
    ],
)  # fmt: skip
def test_what_leaves_doubt_is_refused(folder, wrong, options, message):
    wrong(folder)
    with pytest.raises(MenagerieError, match=f"(?s){message}"):
        read(folder, **options)


def test_a_stated_kind_is_believed(folder):
    blank = 1 - make(1)
    np.fill_diagonal(blank, np.nan)
    np.save(folder / "anna" / "IT.npy", 7 * blank)
    target = read(folder, kind="similarity")
    np.testing.assert_allclose(target.rsms["IT"][ABOVE], 7 * (1 - make(1))[ABOVE])
    several_variables(folder)
    (folder / "anna" / "IT.npy").unlink()
    expect(read(folder, variable="late"), make(2))


def test_the_look_before_a_run(folder):
    np.save(folder / "anna" / "IT.npy", make(1))
    (folder / "ben").mkdir()
    np.save(folder / "ben" / "it.npy", make(2))
    texts = [str(remark) for remark in rsm.examine({"folder": str(folder)}, "", ("anna", "ben"))]
    assert any("differ in case only: 'IT' (anna), 'it' (ben)" in text for text in texts)
    assert any("read as dissimilarities" in text for text in texts)
    assert any("matched by order alone: row 1 pic0" in text for text in texts)
