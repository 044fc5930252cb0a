"""Files of responses and images that carry code or lead elsewhere."""

import io
import tarfile
import zipfile

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy.io import savemat

from menagerie.brain.fetch import extract_members
from menagerie.brain.formats import child
from menagerie.brain.formats.hdf5_files import read_hdf5
from menagerie.brain.formats.mat_files import read_mat
from menagerie.brain.formats.parquet_files import read_parquet
from menagerie.brain.nsd.betas import read_session
from menagerie.brain.nsd.design import read_design
from menagerie.brain.nsd.layout import Layout
from menagerie.brain.readers import kriegeskorte92, own, v4
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.errors import MenagerieError
from menagerie.files.tables import read_table


@pytest.fixture
def dataset(tmp_path):
    """A dataset of the reader own without responses."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    (folder / "s1").mkdir()
    for number in range(8):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / "images" / f"{number}.png")
    return folder


def read_own(folder):
    options = {"folder": str(folder)}
    stimuli = folder / "stimuli.h5"
    write_stimuli(stimuli, *own.read_stimuli(options, {}))
    return own.read_target("d", "s1", options=options, inputs={}, stimuli=Stimuli(stimuli))


def test_npy_of_objects(dataset, bomb):
    np.save(dataset / "s1" / "responses.npy", np.array([[bomb] * 2] * 8, dtype=object))
    with pytest.raises(MenagerieError, match=r"responses\.npy cannot be read.*Save plain numbers"):
        read_own(dataset)


def test_npy_of_objects_among_downloads(tmp_path, bomb):
    np.save(tmp_path / "counts.npy", np.array([bomb], dtype=object))
    with pytest.raises(MenagerieError, match=r"counts\.npy cannot be read"):
        v4.read_responses(tmp_path / "counts.npy")


def test_parquet_with_a_pickled_type(dataset, bomb_bytes):
    """Arrow once rebuilt extension types of Python by unpickling what the file's metadata hold."""
    metadata = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": bomb_bytes}
    field = pa.field("u0", pa.float64(), metadata=metadata)
    table = pa.table({"u0": np.arange(8.0)}, schema=pa.schema([field]))
    pq.write_table(table, dataset / "s1" / "responses.parquet")
    read_table(dataset / "s1" / "responses.parquet").to_pandas()
    assert read_own(dataset).responses.shape == (8, 1)


def test_parquet_of_pickles(dataset, bomb_bytes):
    pq.write_table(pa.table({"u0": [bomb_bytes] * 8}), dataset / "s1" / "responses.parquet")
    with pytest.raises(MenagerieError, match=r"responses\.parquet, column 'u0', row 1: expected a number"):
        read_own(dataset)


def test_hdf5_of_pickles(tmp_path, bomb_bytes):
    path = tmp_path / "betas_session01.hdf5"
    with h5py.File(path, "w") as file:
        file["betas"] = np.void(bomb_bytes)
    with pytest.raises(MenagerieError, match=r"betas_session01\.hdf5"):
        read_session(path, np.zeros((1, 3), dtype=int), (2, 2, 2))


def test_mat_of_pickles(tmp_path, bomb_bytes):
    at = Layout(tmp_path)
    at.design.parent.mkdir(parents=True)
    content = np.frombuffer(bomb_bytes, dtype=np.uint8)
    names = ("masterordering", "subjectim", "sharedix")
    savemat(at.design, {name: np.array([content], dtype=object) for name in names})
    with pytest.raises(MenagerieError, match=r"nsd_expdesign\.mat"):
        read_design(at)
    savemat(tmp_path / "rdms.mat", {"other": content})
    with pytest.raises(MenagerieError, match=r"rdms\.mat has no variable"):
        kriegeskorte92.read_sessions(tmp_path / "rdms.mat")


def test_a_tar_cannot_write_outside(tmp_path):
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        for name in ("top/data.txt", "../../escaped.txt", "/escaped.txt"):
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
        link = tarfile.TarInfo("top/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    folder = tmp_path / "inside" / "deep"
    folder.mkdir(parents=True)
    extract_members(archive, {"top/data.txt": folder / "data.txt"})
    with pytest.raises(MenagerieError, match="is not a regular file"):
        extract_members(archive, {"top/link.txt": folder / "link.txt"})
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["data.txt"]


def test_a_zip_of_images_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        picture = io.BytesIO()
        Image.new("RGB", (4, 4)).save(picture, "jpeg")
        archive.writestr("../../escaped.jpg", picture.getvalue())
    monkeypatch.setattr(v4, "image_ids", lambda: ["escaped"])
    images, _, _ = v4.read_stimuli({}, {"images": path})
    assert next(iter(images)).shape == (4, 4, 3)
    assert not list(tmp_path.rglob("*.jpg")) and not list(tmp_path.parent.glob("*.jpg"))


@pytest.mark.parametrize("read", [read_mat, read_hdf5])
def test_a_parser_that_crashes_or_hangs_costs_one_message(tmp_path, read, monkeypatch):
    path = tmp_path / "rdm.mat"
    savemat(path, {"rdm": np.eye(3)})
    shell = tmp_path / "python"
    shell.write_text("#!/bin/sh\nkill -SEGV $$\n")
    shell.chmod(0o700)
    monkeypatch.setattr(child.sys, "executable", str(shell))
    with pytest.raises(MenagerieError, match=r"rdm\.mat cannot be read \(its parser ended with -11\).*again"):
        read(path)
    shell.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(child, "_SECONDS", 0.5)
    with pytest.raises(MenagerieError, match=r"rdm\.mat cannot be read \(no end after 1 s\)|no end after 0 s"):
        read(path)


def test_links_to_other_hdf5_files_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.eye(9)
    for number, link in enumerate((h5py.ExternalLink("secret.h5", "x"), h5py.SoftLink("/nowhere"))):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file["link"] = link
    with pytest.raises(MenagerieError, match=r"0\.h5: found a link to another file \('link'\)"):
        read_hdf5(tmp_path / "0.h5")
    assert read_hdf5(tmp_path / "1.h5") == {}
    layout = h5py.VirtualLayout((9, 9), "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (9, 9))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file.create_dataset("x", (9,), "f8", external=[(str(tmp_path / "secret.h5"), 0, 72)])
    with h5py.File(tmp_path / "loop.h5", "w") as file:
        file["a/b"] = np.eye(2)
        file["a/up"] = file["a"]
    for name in ("virtual", "outside"):
        with pytest.raises(MenagerieError, match="lies in another file"):
            read_hdf5(tmp_path / f"{name}.h5")
    assert list(read_hdf5(tmp_path / "loop.h5")) == ["a/b"]


def test_text_of_a_table_that_is_not_utf8(tmp_path):
    """Arrow reads it without a word; the error would come from whoever takes a cell."""
    bad = pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 1, 3], "<i4")), pa.py_buffer(b"a\xff\xfe"))
    path = tmp_path / "units.parquet"
    pq.write_table(pa.table({"roi": bad}), path)
    with pytest.raises(MenagerieError, match=r"units\.parquet cannot be read as a table \(.*UTF8.*expected parquet"):
        read_parquet(path)
