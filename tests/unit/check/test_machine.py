"""Every line about the machine that can fail, and the ones that are in order."""

import os
import sys
from collections import namedtuple

import pytest

from menagerie.survey.check import machine
from menagerie.survey.check.line import FAILURE, OK, WARNING, Line, render

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder that is the whole PATH; call it to put a shell script there."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()

    def add(name: str, script: str) -> None:
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return add


def test_this_python_is_in_order():
    assert machine.python().status == OK


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    line = machine.python()
    assert (line.status, line.found) == (FAILURE, "3.10.4; 3.11 or newer is needed")


def test_a_python_without_packages(monkeypatch):
    monkeypatch.setattr(machine, "PACKAGES", ("h5py", "no_such_package"))
    line = machine.python()
    assert line.status == FAILURE and "without no_such_package" in line.found and "make setup" in line.advice


@pytest.mark.parametrize(("free", "status"), [(1e9, FAILURE), (2.5e9, WARNING), (9e9, OK)])
def test_disk(tmp_path, monkeypatch, free, status):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage(1e10, 0, free))
    line = machine.disk(tmp_path / "not" / "there", 2e9)
    assert line.status == status and f"{free / 1e9:.1f} GB free at {tmp_path}, about 2.0 GB needed" == line.found


def test_a_disk_that_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(machine.os, "access", lambda *_: False)
    line = machine.disk(tmp_path, 0)
    assert line.status == FAILURE and "config key results" in line.advice


@pytest.mark.parametrize(("total", "status"), [(4e9, FAILURE), (9e9, WARNING), (64e9, OK)])
def test_memory(monkeypatch, total, status):
    monkeypatch.setattr(machine, "memory_limit", lambda: total)
    assert machine.memory(6e9).status == status
    assert machine.memory(6e9, on_cluster=True).status == OK


def test_the_memory_of_this_machine():
    assert 1e8 < machine.memory_limit() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_gpu(programs, monkeypatch):
    assert machine.gpu("auto").status == OK
    assert machine.gpu("cuda").status == FAILURE and "none found" in machine.gpu("cuda").found
    programs("nvidia-smi", "echo 'driver mismatch' >&2; exit 9")
    assert machine.gpu("cuda").status == FAILURE and "driver mismatch" in machine.gpu("cuda").found
    programs("nvidia-smi", "echo 'NVIDIA H100, 81559 MiB'")
    monkeypatch.setattr(machine.metadata, "version", lambda _: "2.15.0")
    assert machine.gpu("cuda") == Line(OK, "GPU", "1: NVIDIA H100, 81559 MiB")
    monkeypatch.setattr(machine.metadata, "version", lambda _: "2.15.0+cpu")
    assert [machine.gpu(device).status for device in ("cuda", "auto", "cpu")] == [FAILURE, WARNING, OK]
    assert machine.gpu("auto", on_cluster=True).status == OK


def test_lock(tmp_path):
    assert machine.lock(tmp_path).status == OK
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "0.input.lock").touch()
    assert machine.lock(tmp_path).status == WARNING and "--unlock" in machine.lock(tmp_path).advice


def test_the_table():
    text = render([Line(OK, "disk", "enough"), Line(FAILURE, "memory", "none", "Buy some.")])
    assert text == "ok       disk    enough\nFAILURE  memory  none\n                 -> Buy some."
