"""What a reader opens is what its ``inputs`` list: recipes hold the content of these files, and of no others."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import savemat

from menagerie.brain.nsd.layout import Layout
from menagerie.brain.readers import kriegeskorte92, laion, nsd, own, reader_module, rsm, simulated, v4
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.tiles import photograph_files
from menagerie.twins.laion import twin as laion_twin
from menagerie.twins.laion import twin_geometry as laion_geometry
from menagerie.twins.nsd.twin import TwinSpec, write_twin
from menagerie.twins.nsd.twin_geometry import synthetic_voxels

N = 12


class Watch:
    """Files below some folders that this process opens, by Python's own hook and by h5py, which opens on its own."""

    def __init__(self):
        self.folders = ()
        self.opened = set()
        sys.addaudithook(self._hook)  # cannot be taken away again, hence one for all tests
        self.plain = h5py.File.__init__

    def _hook(self, event, arguments):
        if self.folders and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            self.note(arguments[0])

    def note(self, path):
        path = Path(os.fsdecode(path)).resolve()
        if any(path.is_relative_to(folder) for folder in self.folders) and path.is_file():
            self.opened.add(path)


WATCH = Watch()


@pytest.fixture
def watch(monkeypatch):
    def opening(self, name, *arguments, **keywords):
        if WATCH.folders and isinstance(name, str | bytes | os.PathLike):
            WATCH.note(name)
        WATCH.plain(self, name, *arguments, **keywords)

    monkeypatch.setattr(h5py.File, "__init__", opening)
    WATCH.opened.clear()
    yield WATCH
    WATCH.folders = ()


def images(folder, n=N):
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(n):
        Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)).save(folder / "images" / f"{number}.png")
    names = [f"{number}.png" for number in range(n)]
    pd.DataFrame({"file": names}).to_csv(folder / "images.csv", index=False)


def own_folder(folder, resources):
    images(folder)
    rng = np.random.default_rng(0)
    for subject, kind in (("anna", "csv"), ("ben", "parquet"), ("cara", "npy")):
        (folder / subject).mkdir()
        for repeat in (1, 2):
            frame = pd.DataFrame(rng.standard_normal((N, 6)), columns=[f"u{k}" for k in range(6)])
            path = folder / subject / f"responses_{repeat}.{kind}"
            {"csv": frame.to_csv, "parquet": frame.to_parquet, "npy": lambda p, f=frame: np.save(p, f.to_numpy())}[
                kind
            ](path)
        units = pd.DataFrame({"unit": [f"u{k}" for k in range(6)], "regions": ["A"] * 6})
        units.to_parquet(folder / subject / "units.parquet") if kind == "csv" else units.to_csv(
            folder / subject / "units.csv", index=False
        )
    return {"folder": str(folder)}, ("anna", "ben", "cara")


def rsm_folder(folder, resources):
    images(folder)
    for number, (subject, kind) in enumerate(
        [("anna", "npy"), ("ben", "csv"), ("cara", "mat"), ("dora", "h5"), ("eve", "parquet")]
    ):
        (folder / subject).mkdir()
        values = np.random.default_rng(number).uniform(0.1, 1, (N, N))
        values = (values + values.T) * (1 - np.eye(N))
        path = folder / subject / f"IT.{kind}"
        if kind == "npy":
            np.save(path, values)
        elif kind == "mat":
            savemat(path, {"rdm": values})
        elif kind == "h5":
            with h5py.File(path, "w") as file:
                file["rdm"] = values
        else:
            frame = pd.DataFrame(values)
            frame.to_csv(path) if kind == "csv" else frame.set_axis([f"{k}.png" for k in range(N)], axis=1).to_parquet(
                path
            )
    return {"folder": str(folder)}, ("anna", "ben")


def nsd_tree(folder, resources):
    voxels = {"subj01": synthetic_voxels((9, 8, 7), 30, 20, seed=1)}
    write_twin(folder / "tree", TwinSpec(voxels=voxels, sessions=2, n_shared=40))
    at = Layout(folder / "tree")
    reference = nib.load(at.volume("subj01", "ncsnr"))
    mask = np.zeros(reference.shape, dtype=np.uint8)
    mask[:5] = 1
    nib.save(nib.Nifti1Image(mask, reference.affine), folder / "mask-subj01.nii.gz")
    shared = nsd.read_stimuli({"nsd_root": str(at.root)})[1]
    (folder / "images.txt").write_text("\n".join(shared[:20]))
    regions = ["OTC", "V1v", {"mine": {"mask": str(folder / "mask-{subject}.nii.gz")}}]
    options = {"nsd_root": str(at.root), "images": str(folder / "images.txt"), "regions": regions, "missing": "average"}
    return options, ("subj01",)


def laion_tree(folder, resources):
    voxels = {"sub-03": laion_geometry.synthetic_voxels("sub-03", (9, 8, 7), 30, 20, seed=1)}
    laion_twin.write_twin(folder / "tree", laion_twin.TwinSpec(voxels, image_size=16))
    reference = nib.load(next((folder / "tree").rglob("*R2mean*")))
    mask = np.zeros(reference.shape, dtype=np.uint8)
    mask[:5] = 1
    nib.save(nib.Nifti1Image(mask, reference.affine), folder / "mask-sub-03.nii.gz")
    regions = ["OTC_z1", "laion-lateral", {"mine": {"mask": str(folder / "mask-{subject}.nii.gz")}}]
    options = {"laion_root": str(folder / "tree"), "images": "shared+ood", "regions": regions, "missing": "average"}
    return options, ("sub-03",)


def objects(folder, resources, reader):
    """Files of the structure of the 92 objects, where rule fetch_kriegeskorte92 puts them."""
    place = resources / "kriegeskorte92"
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    pictures = np.empty((1, 92), dtype=[("category", object), ("image", object)])
    for k in range(92):
        pictures[0, k] = ("face", rng.integers(0, 255, (9, 9, 3), dtype=np.uint8))
    structs = np.empty((1, 4, 2), dtype=[("RDM", object), ("name", object)])
    for i, subject in enumerate(kriegeskorte92.SUBJECTS["human"]):
        for j in range(2):
            values = rng.uniform(0.2, 0.9, (92, 92))
            structs[0, i, j] = ((values + values.T) * (1 - np.eye(92)), f"hIT | {subject} | Session: {j + 1}")
    savemat(resources / kriegeskorte92.INPUTS["rdms"], {"RDMs": structs})
    savemat(resources / kriegeskorte92.INPUTS["supplement"], {"stimuli_92objs": pictures})
    planted = {"planted": {"early": {"model": "m", "layer": "l"}}, "n_images": 100, "n_units": 8}
    return ({}, ("KO",)) if reader == "kriegeskorte92" else (planted, ("sim01",))


def v4_files(folder, resources):
    published = Path(__file__).parents[4] / "shared" / "data" / "v4_210325"
    if not published.is_dir():
        pytest.skip("reference data are absent")
    v4.fetch(resources, {"folder": published})
    return {}, ("PE",)


MAKE = {
    "own": own_folder,
    "rsm": rsm_folder,
    "nsd": nsd_tree,
    "laion": laion_tree,
    "kriegeskorte92": lambda folder, resources: objects(folder, resources, "kriegeskorte92"),
    "simulated": lambda folder, resources: objects(folder, resources, "simulated"),
    "v4": v4_files,
}


def flat(inputs):
    return {
        Path(path).resolve() for entry in inputs.values() for path in (entry if isinstance(entry, list) else [entry])
    }


def listed(reader, options, resources, subject=None):
    module = reader_module(reader)
    if hasattr(module, "inputs"):
        return module.inputs(options, str(resources), subject)
    return {name: resources / path for name, path in module.INPUTS.items()}


def read_images(reader, options, resources, stimuli):
    write_stimuli(stimuli, *reader_module(reader).read_stimuli(options, listed(reader, options, resources)))


def read_subject(reader, options, resources, subject, stimuli):
    module, inputs = reader_module(reader), listed(reader, options, resources, subject)
    more = {}
    if reader == "simulated":
        more = {"features": {"early": np.random.default_rng(0).standard_normal((100, 30))}}
    module.read_target("d", subject, options=options, inputs=inputs, stimuli=Stimuli(stimuli), **more)
    if hasattr(module, "read_ceiling_target"):
        module.read_ceiling_target("d", subject, options=options, inputs=inputs)


def test_every_reader_is_watched():
    folder = Path(own.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(MAKE)
    assert all(hasattr(module, "examine") for module in (own, rsm, nsd, laion, kriegeskorte92, simulated, v4))


@pytest.mark.parametrize("reader", MAKE)
def test_what_is_opened_is_listed(reader, watch, tmp_path):
    data, resources, results = tmp_path / "data", tmp_path / "resources", tmp_path / "results"
    data.mkdir()
    options, subjects = MAKE[reader](data, resources)
    stimuli = results / "s.h5"
    photographs = {path.parent.resolve() for path in photograph_files()} if reader == "simulated" else set()
    watch.folders = (data.resolve(), resources.resolve(), *photographs)
    expected = flat(listed(reader, options, resources))
    watch.opened.clear()
    read_images(reader, options, resources, stimuli)
    assert watch.opened and watch.opened <= expected, f"not listed: {watch.opened - expected}"
    for subject in subjects:
        expected = flat(listed(reader, options, resources, subject))
        watch.opened.clear()
        read_subject(reader, options, resources, subject, stimuli)
        assert watch.opened <= expected, f"not listed: {sorted(watch.opened - expected)}"
        assert bool(watch.opened) != (reader == "simulated")
        if reader in ("own", "rsm"):
            assert watch.opened == expected, "listed, but not opened"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("reader", ["own", "rsm", "nsd", "laion"])
def test_the_operating_system_sees_no_other_file(reader, tmp_path):
    """As above, whatever library opens a file, and in child processes too."""
    data, resources, results = tmp_path / "data", tmp_path / "resources", tmp_path / "results"
    data.mkdir()
    results.mkdir()
    options, subjects = MAKE[reader](data, resources)
    code = (
        "import sys, json; sys.path[:0] = json.loads(sys.argv[1]); import importlib.util as u; "
        "spec = u.spec_from_file_location('t', sys.argv[2]); t = u.module_from_spec(spec); spec.loader.exec_module(t); "
        "reader, options, resources, subject, stimuli = json.loads(sys.argv[3]); from pathlib import Path; "
        "t.read_images(reader, options, Path(resources), stimuli); "
        "t.read_subject(reader, options, Path(resources), subject, stimuli)"
    )
    given = json.dumps([reader, options, str(resources), subjects[0], str(results / "s.h5")])
    command = [sys.executable, "-c", code, json.dumps(sys.path), __file__, given]
    trace = tmp_path / "trace.txt"
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=open,openat", "-o", trace, *command], capture_output=True, check=False
    )
    if not trace.is_file() or b"ptrace" in done.stderr or not trace.read_text():
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    opened = set()
    for line in trace.read_text(errors="replace").splitlines():
        if '"' in line and "O_DIRECTORY" not in line and "ENOENT" not in line:
            path = Path(line.split('"')[1])
            if path.is_absolute() and path.resolve().is_relative_to(data.resolve()) and path.is_file():
                opened.add(path.resolve())
    expected = flat(listed(reader, options, resources)) | flat(listed(reader, options, resources, subjects[0]))
    assert opened and opened <= expected, f"not listed: {opened - expected}"


def test_trees_of_laion_that_rules_make(tmp_path):
    note, twin = (tmp_path / path for path in (laion.INPUTS["laion"], laion.INPUTS["twin"]))
    assert laion.inputs({}, str(tmp_path)) == laion.inputs({}, str(tmp_path), "sub-01") == {"laion": note}
    here = {"laion_root": str(tmp_path / "laion_twin")}
    assert laion.inputs(here, str(tmp_path)) == laion.inputs(here, str(tmp_path), "sub-01") == {"twin": twin}
    (tmp_path / "mine").mkdir()
    for name in ("task-images_stimuli.h5", "task-images_metadata.csv"):
        (tmp_path / "mine" / name).touch()
    own_images = {"stimuli_folder": str(tmp_path / "mine")}
    assert set(laion.inputs(own_images, str(tmp_path))) == {"laion", "images", "metadata"}
    assert set(laion.inputs(own_images, str(tmp_path), "sub-01")) == {"laion"}


def test_trees_that_rules_make_are_known_by_what_is_written_last(tmp_path):
    note, design = (tmp_path / path for path in (nsd.INPUTS["nsd"], nsd.INPUTS["design"]))
    assert nsd.inputs({}, str(tmp_path)) == {"nsd": note}
    twin = {"nsd_root": str(tmp_path / "nsd_twin")}
    assert nsd.inputs(twin, str(tmp_path)) == nsd.inputs(twin, str(tmp_path), "subj01") == {"design": design}
    (tmp_path / "m-subj01.nii.gz").touch()
    masked = {"regions": {"mine": {"mask": str(tmp_path / "m-{subject}.nii.gz")}}}
    assert nsd.inputs(masked, str(tmp_path), "subj01")["masks"] == [tmp_path / "m-subj01.nii.gz"]
