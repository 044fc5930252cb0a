"""Digests of source files: what a file holds counts, and it is read once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from menagerie.errors import MenagerieError
from menagerie.provenance import sources
from menagerie.provenance.sources import ABSENT, Digests


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "responses.npy"
    path.parent.mkdir()
    path.write_bytes(b"one")
    return path


@pytest.fixture
def digest(tmp_path: Path):
    """Digest of a file as a new start sees it."""

    def look(path: Path) -> str:
        digests = Digests(tmp_path / "digests")
        found = digests.file(path)
        digests.save()
        return found

    return look


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """Paths of the files that were read."""
    found: list[str] = []
    real = sources.file_sha256
    monkeypatch.setattr(sources, "file_sha256", lambda path: found.append(str(path)) or real(path))
    return found


def rewrite(path: Path, content: bytes) -> None:
    """Another content of the same size, in place, with the old time of modification."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {
    "another content under the old time": lambda path: rewrite(path, b"two"),
    "another file moved to its place": lambda path: replace(path, b"two"),
    "an older file": lambda path: (path.write_bytes(b"two"), os.utime(path, ns=(1, 1))),
    "one byte more": lambda path: path.write_bytes(b"one!"),
}
HARMLESS = {
    "touched": os.utime,
    "written again": lambda path: path.write_bytes(b"one"),
    "copied to its place": lambda path: replace(path, b"one"),
    "nothing": lambda path: None,
}


def replace(path: Path, content: bytes) -> None:
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(content)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("change", [*CHANGES, *HARMLESS])
def test_contents_count(file: Path, tmp_path: Path, digest, monkeypatch, change: str, size: str) -> None:
    if size == "large":
        monkeypatch.setattr(sources, "LARGE", 2)
    before = digest(file)
    Digests(tmp_path / "digests").read([file])  # as the job does that reads it
    {**CHANGES, **HARMLESS}[change](file)
    assert (digest(file) == before) == (change in HARMLESS)
    assert digest(file) == digest(file)


def test_a_file_is_read_once(file: Path, digest, reads: list[str]) -> None:
    assert digest(file) == digest(file) and len(reads) == 1
    os.utime(file)
    digest(file)
    assert len(reads) == 2


def test_large_files_are_not_read_while_planning(file: Path, tmp_path: Path, digest, monkeypatch, reads) -> None:
    monkeypatch.setattr(sources, "LARGE", 2)
    first = digest(file)
    assert not reads
    Digests(tmp_path / "digests").read([file])
    assert digest(file) == first and len(reads) == 1
    shutil.copy2(file, file.with_name("copy.npy"))
    assert digest(file.with_name("copy.npy")) == first, "the same content elsewhere"


def test_folders_are_lists_of_files(file: Path, tmp_path: Path) -> None:
    other = file.with_name("b.npy")
    other.write_bytes(b"two")

    def listing(*files: Path) -> str:
        return Digests(tmp_path / "digests").listing(files)

    assert listing(file, other) != listing(other, file) != listing(file)
    moved = Path(shutil.copytree(file.parent, tmp_path / "moved"))
    assert listing(file, other) == listing(moved / file.name, moved / other.name)
    renamed = other.rename(other.with_name("c.npy"))
    assert listing(file, renamed) != listing(moved / file.name, moved / "b.npy")


def test_what_cannot_be_read(file: Path, tmp_path: Path) -> None:
    digests = Digests(tmp_path / "digests")
    assert digests.file(file.with_name("absent")) == ABSENT
    os.mkfifo(file.with_name("pipe"))
    for path in (file.parent, file.with_name("pipe")):
        with pytest.raises(MenagerieError, match=r"found a folder or a special file, expected a file that can be read"):
            digests.file(path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"/x": 3}', "\x00"])
def test_damaged_memory_is_forgotten(file: Path, tmp_path: Path, digest, content: str) -> None:
    before = digest(file)
    (tmp_path / "digests" / "small.json").write_text(content)
    assert digest(file) == before
    for large in (tmp_path / "digests").glob("large-*"):
        large.write_text(content)


def test_a_folder_that_cannot_be_written(file: Path, tmp_path: Path) -> None:
    (tmp_path / "digests").write_text("a file where the folder should be")
    digests = Digests(tmp_path / "digests")
    assert digests.file(file)
    digests.save()
