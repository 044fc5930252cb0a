"""Profiles of every name and place, and what they name that the cluster lacks."""

from __future__ import annotations

import os
import subprocess

import pytest
import yaml

from menagerie.survey.check import profiles
from menagerie.survey.check.cluster import cluster
from menagerie.survey.check.line import FAILURE, OK, WARNING, Line
from menagerie.survey.check.profiles import Asked, asked, profile

SINFO = "cpu*|up|4|(null)|(null)\ngpu|up|2|gpu:a100:4(S:0-1),shard:8|gpu40g,ib\nold|down|9|gpu:k80:8|(null)"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder that is the whole PATH; call it to put a shell script there."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def add(name: str, script: str) -> None:
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return add


@pytest.fixture
def slurm(programs):
    """A cluster with accounting: two partitions that are up, GPUs in one, two accounts."""
    programs("sinfo", f"printf '%s\\n' {' '.join(repr(row) for row in SINFO.splitlines())}")
    programs("sacctmgr", "echo Lab; echo teaching")
    return programs


def asking(**rules: dict) -> dict:
    return {"executor": "slurm", "default-resources": rules.pop("default", {}), "set-resources": rules}


def found(**rules: dict) -> list[str]:
    return [line.found for line in cluster(asking(**rules)) if line.status == FAILURE]


def test_a_cluster_that_does_not_answer(programs):
    assert cluster({}) == [Line(OK, "cluster", "not asked for by the profile")]
    assert cluster(asking())[0].found == "no command sinfo"
    programs("sinfo", "echo 'Unable to contact slurm controller' >&2; exit 1")
    assert cluster(asking())[0].status == FAILURE and "Unable to contact" in cluster(asking())[0].found
    programs("sinfo", "echo 'cpu|down|4|(null)|(null)'")
    assert cluster(asking())[0].found == "no partition is up"


def test_a_cluster_in_order(slurm):
    assert cluster(asking()) == [Line(OK, "cluster", "cpu: 4 nodes, gpu: 2 nodes")]
    everything = {"slurm_partition": "'gpu'", "gres": "'gpu:a100:4'", "constraint": "'gpu40g&ib'"}
    assert found(extract_geometry=everything, default={"slurm_account": "lab"}) == []
    assert found(extract_geometry={"slurm_partition": "gpu", "gres": "gpu"}) == []
    assert found(extract_geometry={"slurm_partition": "cpu,gpu", "gres": "gpu:1,shard:2"}) == []
    assert found(score={"gres": "'gpu:1' if attempt > 1 else ''"}) == [], "an expression is the job's to evaluate"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"score": {"slurm_partition": "'long'"}}, ["partition long", "set-resources, score", "found cpu, gpu"]),
        ({"score": {"slurm_partition": "old"}}, ["partition old", "is not up"]),
        ({"default": {"slurm_partition": "cpu,fast"}}, ["partition fast", "default-resources"]),
        ({"default": {"slurm_account": "'nobody'"}}, ["account nobody", "found Lab, teaching"]),
        ({"score": {"gres": "'gpu:1'"}}, ["gres gpu:1", "no node in cpu has it", "found none"]),
        ({"score": {"gres": "gpu:h100:1", "slurm_partition": "gpu"}}, ["gpu:h100:1", "found gpu:a100:4, shard:8"]),
        ({"score": {"gres": "gpu:5"}, "default": {"slurm_partition": "gpu"}}, ["gpu:5", "found gpu:a100:4"]),
        ({"score": {"constraint": "gpu80g", "slurm_partition": "gpu"}}, ["feature gpu80g", "found gpu40g, ib"]),
    ],
)
def test_what_the_cluster_lacks_is_named_with_what_it_has(slurm, rules, words):
    lines = found(**rules)
    assert len(lines) == 1 and all(word in lines[0] for word in words), lines


def test_everything_that_is_lacking_is_named_at_once(slurm):
    lines = found(default={"slurm_account": "x"}, score={"slurm_partition": "y"}, report={"constraint": "z"})
    assert len(lines) == 3


def test_without_accounting_no_account_is_doubted(slurm):
    for script in ("exit 1", "exit 0"):
        slurm("sacctmgr", script)
        assert found(default={"slurm_account": "nobody"}) == []


def test_resources_as_mapping_and_as_list():
    mapping = {"default-resources": {"gres": "'gpu:1'"}, "set-resources": {"score": {"mem_mb": 5, "gres": "''"}}}
    listed = {"default-resources": ["gres='gpu:1'"], "set-resources": ["score:mem_mb=5", "score:gres=''"]}
    assert asked(mapping) == asked(listed) == [Asked("", "gres", "gpu:1"), Asked("score", "mem_mb", "5")]


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        ({"cores": "all"}, OK, "local, all jobs at once"),
        ({"executor": "no-such", "jobs": 2}, FAILURE, "executor no-such is not installed"),
        ({"keep-going": True}, FAILURE, "neither cores nor jobs"),
        ({"cores": 2, "quiet": ["host", "rules"]}, WARNING, "hides the logs"),
        ({"cores": 100_000}, WARNING, "100000 cores"),
    ],
)
def test_profile(tmp_path, content, status, words):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    line, read = profile(tmp_path)
    assert line.status == status and words in line.found and read == content


@pytest.mark.parametrize("place", ["user", "site", "here", "absolute", "file", "newer", "spaced"])
def test_a_profile_is_found_where_snakemake_finds_it(tmp_path, monkeypatch, place):
    """Compared with Snakemake's own search."""
    from snakemake.cli import get_profile_dir

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "site"))
    folder = {
        "user": tmp_path / "user" / "snakemake" / "mine",
        "site": tmp_path / "site" / "snakemake" / "mine",
        "spaced": tmp_path / "a lab's" / "mine",
    }.get(place, tmp_path / "mine")
    folder.mkdir(parents=True)
    file = folder / ("config.v8+.yaml" if place == "newer" else "config.yaml")
    (folder / "config.yaml").write_text("cores: 1\n")
    (folder / "config.v99+.yaml").write_text("cores: 99\n")
    file.write_text("cores: 2\n")
    name = {"absolute": str(folder), "file": str(file), "spaced": str(folder)}.get(place, "mine")
    assert profiles.find(name).resolve() == file.resolve()
    if place not in ("user", "site"):  # Snakemake asks for these two folders once, when it is imported
        assert get_profile_dir(name)[1].resolve() == file.resolve()
    assert profile(name)[1] == {"cores": 2}


def test_a_profile_that_is_nowhere_names_those_that_are_somewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "snakemake" / "cluster_of_the_lab").mkdir(parents=True)
    line, content = profile("clster")
    assert line.status == FAILURE and content == {}
    assert str(tmp_path / "snakemake" / "clster") in line.found and "there: cluster_of_the_lab" in line.found


@pytest.mark.parametrize("text", ["a: [", "- a\n"])
def test_a_profile_that_cannot_be_read(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    line, content = profile(tmp_path)
    assert line.status == FAILURE and "config.yaml" in line.found and content == {}


def test_shipped_profiles(root):
    assert profile(root / "profiles/default")[0].status == OK
    assert {one.resource for one in asked(profile(root / "profiles/slurm")[1])} == {"gres"}


def test_make_check_passes_any_name_on(tmp_path, root):
    """A name with a space and an apostrophe reaches the check as it is."""
    for name in ("requirements.lock", "pyproject.toml", ".venv/.ready"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    python.chmod(0o755)
    # Where `make test` runs this, its own make is none of this one's business.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE") and key != "MFLAGS"}
    command = ["make", "-s", "-f", str(root / "Makefile"), "check", "PROFILE=a lab's", "CONFIG=my config.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "<-m><menagerie.survey.check><my config.yaml><--profile><a lab's>"
