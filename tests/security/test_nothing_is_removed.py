"""What this workflow did not write is never removed or changed: by no reader, from no source of weights."""

from __future__ import annotations

import ast
import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from scipy.io import savemat

from menagerie.brain.nsd.layout import NCSNR, Layout
from menagerie.brain.readers import kriegeskorte92, laion, nsd, own, rsm, simulated, v4
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.errors import MenagerieError
from menagerie.files.download import Patience
from menagerie.models import weights as weights_module
from menagerie.models.registry import WEIGHT_SOURCES, inline_spec
from menagerie.models.weights import fetch_weights
from menagerie.twins.laion import twin as laion_twin
from menagerie.twins.laion import twin_geometry as laion_geometry
from menagerie.twins.nsd.twin import TwinSpec, write_twin
from menagerie.twins.nsd.twin_geometry import synthetic_voxels

PAGES = {
    "a login page": b"<!DOCTYPE html><title>Please log in</title>",
    "another page": b"\n  <HTML><body>moved</body>",
    "an error of a bucket": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
}
BAD = PAGES | {"nothing": b"", "zeros": b"\0" * 200, "text": b"version https://git-lfs.github.com/spec/v1\n"}


def snapshot(folder: Path) -> dict[str, tuple]:
    """Everything that can be told of the files below a folder."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_ino,
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def state() -> dict[str, torch.Tensor]:
    return {"fc.weight": torch.zeros(2, 2)}


def good_file(path: Path) -> None:
    """A file of weights as its name says, of another network."""
    if path.name.endswith(".safetensors"):
        save_file(state(), path)
    elif path.name.endswith(".npz"):
        np.savez(path, **{key: value.numpy() for key, value in state().items()})
    elif path.name.endswith(".json"):
        path.write_text('{"weight_map": {"fc.weight": "shard.safetensors"}}')
        save_file(state(), path.with_name("shard.safetensors"))
    else:
        torch.save(state(), path)


def sources(mine: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path, str]]:
    """Every kind of source that is a file of the user: kind, the file, what the model's row says."""
    yield "file", mine / name, f"file:{mine / name}"
    yield "@", mine / name, inline_spec(f"timm/test_resnet@{mine / name}").weights
    yield "url", mine / "name.invalid" / "x" / name, f"url:https://name.invalid/x/{name}"
    yield "hub", mine / "owner" / "repository" / "main" / name, f"hub:owner/repository#{name}"
    place = mine / "package" / name
    found = type("File", (), {"locate": lambda self: place, "__str__": lambda self: name})()
    installed = type("Distribution", (), {"version": "1", "files": [found]})()
    monkeypatch.setattr(metadata, "distribution", lambda _: installed)
    yield "package", place, f"package:mine#{name}"
    provider = type("Provider", (), {"source": staticmethod(lambda spec: f"hub:owner/other#{name}")})
    monkeypatch.setattr(weights_module, "provider", lambda _: provider)
    yield "provider", mine / "owner" / "other" / name, "provider"


SUFFIXES = (".pth", ".pt", ".safetensors", ".npz", ".pkl", ".pth.tar", ".safetensors.index.json")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_of_weights_stay(tmp_path, suffix, monkeypatch):
    mine, covered = tmp_path / "mine", set()
    for kind, path, source in sources(mine, f"net{suffix}", monkeypatch):
        path.parent.mkdir(parents=True, exist_ok=True)
        covered.add(kind)
        for what, content in {**BAD, "another network": None}.items():
            good_file(path) if content is None else path.write_bytes(content)
            before = snapshot(mine)
            for changes in ({}, {"sha256": "0" * 8}, {"mapping": "yolov5"}, {"trust": "0" * 64}):
                spec = replace(inline_spec("timm/test_resnet"), id="net", weights=source, **changes)
                with pytest.raises(MenagerieError) as caught:
                    fetch_weights(spec, tmp_path / "out" / "net.safetensors", mirror=mine, patience=Patience(1, 0, 2))
                if what in PAGES:
                    assert f"{path} is a web page" in str(caught.value)
                assert snapshot(mine) == before, f"{kind}, {what}, {changes}"
        path.unlink()
    assert covered == {*WEIGHT_SOURCES, "@", "provider"}
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def own_tree(folder: Path) -> None:
    (folder / "images").mkdir(parents=True)
    (folder / "s1").mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)).save(folder / f"images/{number:02d}.png")
    (folder / "images.csv").write_text("file\n" + "".join(f"{number:02d}.png\n" for number in range(12)))
    np.save(folder / "s1" / "responses.npy", rng.standard_normal((12, 3)))
    (folder / "s1" / "units.csv").write_text("regions\nA\nA\nA\n")


def rsm_tree(folder: Path) -> None:
    own_tree(folder)
    shutil.rmtree(folder / "s1")
    values = np.random.default_rng(1).uniform(0.1, 1, (12, 12))
    values = (values + values.T) * (1 - np.eye(12))
    for number, suffix in enumerate((".npy", ".csv", ".mat", ".h5", ".parquet")):
        (folder / f"s{number}").mkdir()
        path = folder / f"s{number}" / f"IT{suffix}"
        if suffix == ".npy":
            np.save(path, values)
        elif suffix == ".mat":
            savemat(path, {"rdm": values})
        elif suffix == ".h5":
            with h5py.File(path, "w") as file:
                file["rdm"] = values
        else:
            frame = pd.DataFrame(values, columns=[f"{number:02d}" for number in range(12)])
            frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)


def v4_tree(folder: Path) -> None:
    folder.mkdir(parents=True)
    np.save(folder / "responses_raw_210325.npy", np.ones((50, 640, 10)))
    with zipfile.ZipFile(folder / "images_210325.zip", "w") as archive:
        archive.writestr("image0001.jpg", b"")


def archive_tree(folder: Path) -> None:
    folder.mkdir(parents=True)
    with tarfile.open(folder / "rsatoolbox-0.0.4.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("rsatoolbox-0.0.4/demos/92imageData/92_brainRDMs.mat")
        archive.addfile(member, io.BytesIO())


def twin_tree(folder: Path) -> None:
    voxels = {"subj01": synthetic_voxels((6, 5, 4), 12, 8, seed=1)}
    write_twin(folder, TwinSpec(voxels=voxels, sessions=1, n_shared=20))
    (folder / "list.txt").write_text("1\n2\n")
    shutil.copy2(Layout(folder).volume("subj01", NCSNR), folder / "mask.nii.gz")


def laion_tree(folder: Path) -> None:
    voxels = {"sub-01": laion_geometry.synthetic_voxels("sub-01", (6, 5, 5), 24, 16, seed=1)}
    laion_twin.write_twin(folder, laion_twin.TwinSpec(voxels=voxels, sessions=1, n_ood=9, image_size=16))
    ncsnr = next(folder.rglob("*Noiseceiling12rep*"))
    shutil.copy2(ncsnr, folder / "mask.nii.gz")


READERS = {
    "own": (own, own_tree, lambda folder: {"folder": str(folder)}, "s1"),
    "rsm": (rsm, rsm_tree, lambda folder: {"folder": str(folder)}, "s0"),
    "v4": (v4, v4_tree, lambda folder: {"folder": str(folder)}, "PE"),
    "kriegeskorte92": (
        kriegeskorte92,
        archive_tree,
        lambda folder: {"archive": str(folder / "rsatoolbox-0.0.4.tar.gz")},
        "BE",
    ),
    "simulated": (
        simulated,
        archive_tree,
        lambda folder: {"archive": str(folder / "rsatoolbox-0.0.4.tar.gz")},
        "sim01",
    ),
    "nsd": (
        nsd,
        twin_tree,
        lambda folder: {
            "nsd_root": str(folder),
            "images": str(folder / "list.txt"),
            "regions": {"A": {"mask": str(folder / "mask.nii.gz")}},
        },
        "subj01",
    ),
    "laion": (
        laion,
        laion_tree,
        lambda folder: {
            "laion_root": str(folder),
            "images": "shared+ood",
            "regions": ["OTC", {"A": {"mask": str(folder / "mask.nii.gz")}}],
        },
        "sub-01",
    ),
}


def use(reader, options: dict, subject: str, resources: Path) -> None:
    """Everything that the workflow does with a reader; what it refuses does not matter here."""
    inputs: dict = {name: resources / place for name, place in reader.INPUTS.items()}
    for act in (
        lambda: reader.default_subjects(options),
        lambda: reader.known_subjects(options),
        lambda: reader.inputs(options, str(resources), subject),
        lambda: reader.fetch(resources, options),
        lambda: write_stimuli(resources / "stimuli.h5", *reader.read_stimuli(options, inputs)),
        lambda: reader.read_target(
            "d", subject, options=options, inputs=inputs, stimuli=Stimuli(resources / "stimuli.h5")
        ),
        lambda: reader.read_ceiling_target("d", subject, options=options, inputs=inputs),
        lambda: list(reader.examine(options, str(resources), [subject])),
    ):
        with suppress(Exception):
            act()


@pytest.mark.parametrize("name", READERS)
def test_files_of_a_dataset_stay(tmp_path, name):
    reader, make, options_of, subject = READERS[name]
    mine = tmp_path / "mine"
    make(mine)
    options, before = options_of(mine), snapshot(mine)
    use(reader, options, subject, tmp_path / "resources")
    assert snapshot(mine) == before
    # One file of each kind and folder: those of one kind are read by the same lines.
    kinds = {(path.parent.name, path.suffix): path for path in sorted(mine.rglob("*")) if path.is_file()}
    for path in kinds.values():
        whole = path.read_bytes()
        for content in (PAGES["a login page"], whole[: len(whole) // 2]):
            path.write_bytes(content)
            before = snapshot(mine)
            use(reader, options, subject, tmp_path / "resources")
            assert snapshot(mine) == before, path
        path.write_bytes(whole)


def test_every_reader_is_tried(root):
    files = (root / "workflow/menagerie/brain/readers").glob("*.py")
    assert set(READERS) == {path.stem for path in files} - {"__init__"}


# Where files are removed, or overwritten by renaming: module -> why they are the workflow's own.
REMOVERS = {
    "menagerie/files/storage.py": "temporary files and locks, by names with a dot before and the process behind",
    "menagerie/files/download.py": "parts that it has begun, with its own note; the target only where a caller owns it",
    "menagerie/models/weights.py": "downloads in its own folder, after they were converted",
    "menagerie/linking/blocks.py": "tables of single layers, in a folder of its own",
    "menagerie/twins/trees.py": "an earlier twin, known by its note",
    "scripts/fetch_weights.py": "a note of absence that this workflow wrote",
}


ALWAYS = {"unlink", "rmdir", "rmtree", "removedirs", "hardlink_to"}
OWNED = {"os": {"remove", "rename", "replace", "truncate"}, "shutil": {"move"}}


def removing(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that remove or rename files."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, owner = node.func.attr, getattr(node.func.value, "id", "")
        # Paths get one new name; texts an old and a new part, tables keywords.
        of_path = name in ("replace", "rename") and len(node.args) == 1 and not node.keywords
        if name in ALWAYS or of_path or name in OWNED.get(owner, ()):
            yield node


def test_files_are_removed_in_few_places_only(root):
    found = {}
    for path in (root / "workflow").rglob("*.py"):
        if calls := list(removing(ast.parse(path.read_text()))):
            found[str(path.relative_to(root / "workflow"))] = [call.lineno for call in calls]
    assert set(found) == set(REMOVERS), found


def test_the_search_finds_what_it_looks_for():
    bad = (
        "p.unlink(); p.replace(q); os.remove(p); shutil.rmtree(p); p.rename(q); shutil.move(p, q); t.replace('a', 'b')"
    )
    assert len(list(removing(ast.parse(bad)))) == 6
