"""The conda environments of the rules name the versions of the one lock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker

ENVIRONMENTS = ("brain.yaml", "networks.yaml")
PYTHON = {
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
}


@pytest.fixture(scope="module")
def locked(root: Path) -> dict[str, str]:
    """Package -> version of requirements.lock for Python 3.11 on Linux."""
    found = {}
    for line in (root / "requirements.lock").read_text().splitlines():
        match = re.match(r"^([a-z0-9._-]+)==([^ ;\\]+)(?: *; *([^\\]+))?", line)
        if match and (not match[3] or Marker(match[3].strip()).evaluate(PYTHON)):
            found[match[1]] = match[2]
    return found


def pins(path: Path) -> dict[str, str]:
    """Package -> version of a conda environment, its pip part included."""
    found = {}
    for entry in yaml.safe_load(path.read_text())["dependencies"]:
        for pin in entry["pip"] if isinstance(entry, dict) else [entry]:
            name, _, version = pin.replace("==", "=").partition("=")
            found[name] = version
    return found


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_versions_are_those_of_the_lock(root: Path, locked: dict[str, str], name: str) -> None:
    wanted = pins(root / "envs" / name)
    assert wanted.pop("python") == "3.11"
    wanted.pop("pip", None)
    assert wanted == {package: locked.get(package) for package in wanted}


def test_slurm_lock_names_the_executor(root: Path) -> None:
    text = (root / "requirements-slurm.lock").read_text()
    assert re.findall(r"^(\S+)==", text, flags=re.MULTILINE) == [
        "snakemake-executor-plugin-slurm",
        "snakemake-executor-plugin-slurm-jobstep",
    ]
    assert text.count("--hash=sha256:") >= 2


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_rule_names_an_environment_that_exists(root: Path, name: str) -> None:
    named = set()
    for rules in (root / "workflow" / "rules").glob("*.smk"):
        text = rules.read_text()
        assert text.count("    conda:\n") == len(re.findall(r"^(?:rule|checkpoint) ", text, flags=re.MULTILINE)), rules
        named |= set(re.findall(r'"\.\./\.\./envs/([^"]+)"', text))
    assert named == set(ENVIRONMENTS)


CONTAINERS = ("Dockerfile", "menagerie.def")


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_install_as_make_setup_does(root: Path, name: str) -> None:
    """One way to install; the Python is the one that the lock was resolved for and the conda environments name."""
    text = (root / "envs" / name).read_text()
    resolved_for = re.search(r"uv pip compile .*--python-version (\S+)", (root / "Makefile").read_text())[1]
    assert re.search(r"(?:FROM|From:) python:(\d+\.\d+)-slim", text)[1] == resolved_for
    assert re.findall(r"make (\w+)$", text, flags=re.MULTILINE) == ["setup"]
    assert "pip install" not in text


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_hold_what_make_setup_reads(root: Path, name: str) -> None:
    text = (root / "envs" / name).read_text()
    project = tomllib.loads((root / "pyproject.toml").read_text())
    needed = ["pyproject.toml", "requirements.lock", "Makefile", project["project"]["readme"]]
    needed += [*project["project"]["license-files"], *project["tool"]["setuptools"]["packages"]["find"]["where"]]
    copied = re.findall(r"^(?:COPY|    )\s*((?:[\w.]+ )+)(?:\./\S*|/menagerie/\S+)$", text, flags=re.MULTILINE)
    found = " ".join(copied).split()
    assert sorted(found) == sorted(needed)
    assert all((root / path).exists() for path in found)
