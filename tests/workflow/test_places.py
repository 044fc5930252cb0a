"""Where a run starts from: paths of any spelling, another working directory, another workflow that uses this one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from menagerie.survey.check import profiles

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
AWKWARD = "Anna's données 2"
MODULE = """
configfile: "mine.yaml"


module menagerie:
    snakefile:
        "{checkout}/Snakefile"
    config:
        config


use rule * from menagerie{renamed}
"""


def snakemake(project, folder: Path, *arguments: str) -> str:
    """Run Snakemake in a folder, with the environment of a project; what it says."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=project.process_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def rules_planned(said: str) -> set[str]:
    return set(re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):$", said, flags=re.MULTILINE))


def working_directory(project, folder: Path, *parts: str) -> Path:
    """A folder with the project's data, and of the checkout these parts only."""
    folder.mkdir()
    for part in ("data", *parts):
        (folder / part).parent.mkdir(exist_ok=True)
        source = project.folder / part
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / part)
    return folder


def test_a_path_with_a_space_an_apostrophe_and_an_accent(finished, tmp_path) -> None:
    """Nothing is stale there, and a job runs."""
    project = finished.copy(tmp_path / AWKWARD)
    assert project.planned() == {}
    (project.results / "tables" / "models.parquet").unlink()
    before = next(iter(sorted(project.results.glob("scores/*/*/*/[0-9]*.parquet"))))
    content = before.read_bytes()
    before.unlink()
    wanted = [str(path.relative_to(project.folder)) for path in (before, project.results / "tables" / "models.parquet")]
    project.run(*wanted, "--logger", "menagerie")
    assert before.read_bytes() == content and (project.results / "tables" / "models.parquet").is_file()


def test_another_working_directory(finished, tmp_path) -> None:
    """Data, config and results are the working directory's; the table of models comes with the workflow."""
    there = working_directory(finished, tmp_path / AWKWARD, "config/config.yaml", "results", "resources")
    snakefile = str(finished.folder / "Snakefile")
    assert rules_planned(snakemake(finished, there, "-s", snakefile, "--dry-run")) <= {"all"}
    elsewhere = ("-s", snakefile, "--directory", str(there), "--dry-run")
    assert rules_planned(snakemake(finished, tmp_path, *elsewhere)) <= {"all"}
    assert not (tmp_path / "results").exists()
    (there / "results" / "tiny" / "tables" / "models.parquet").unlink()
    snakemake(finished, there, "-s", snakefile, "--until", "models_table")
    assert (there / "results" / "tiny" / "tables" / "models.parquet").is_file()


def test_a_table_of_models_that_the_user_names_is_the_users(finished, tmp_path) -> None:
    """It is not looked for anywhere else."""
    there = working_directory(finished, tmp_path / "there", "config/config.yaml")
    shutil.copy2(finished.folder / "config" / "models.tsv", finished.folder / "config" / "mine.tsv")
    config = there / "config" / "config.yaml"
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"registry": "config/mine.tsv"}))
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "-s", str(finished.folder / "Snakefile")]
    done = subprocess.run(
        command, cwd=there, env=finished.process_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0 and "config/mine.tsv" in done.stdout + done.stderr


@pytest.mark.parametrize("renamed", ["", " as survey_*"])
def test_used_as_a_module(finished, tmp_path, renamed: str) -> None:
    """With a config of its own; the catalogue of workflows invites it."""
    there = working_directory(finished, tmp_path / AWKWARD)
    shutil.copy2(finished.folder / "config" / "config.yaml", there / "mine.yaml")
    (there / "Snakefile").write_text(MODULE.format(checkout=finished.folder, renamed=renamed))
    prefix = "survey_" if renamed else ""
    said = snakemake(finished, there, f"{prefix}all", "--dry-run")
    assert {f"{prefix}extract_geometry", f"{prefix}list_layers", f"{prefix}report"} <= rules_planned(said)
    if renamed:
        snakemake(finished, there, "--until", f"{prefix}models_table", "--", f"{prefix}all")
        assert (there / "results" / "tiny" / "tables" / "models.parquet").is_file()


def test_rules_without_the_package_say_so(finished, tmp_path) -> None:
    """As where a module is taken from GitHub."""
    (tmp_path / "Snakefile").write_text((finished.folder / "Snakefile").read_text())
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-n"]
    done = subprocess.run(
        command, cwd=tmp_path, env=finished.process_environment(), capture_output=True, text=True, check=False
    )
    assert (
        done.returncode != 0
        and "Menagerie runs from a checkout" in done.stdout + done.stderr
        and "Traceback" not in done.stdout + done.stderr
    )


@pytest.mark.parametrize("which", ["checkout", "working directory"])
def test_braces_are_refused_by_the_first_command(finished, tmp_path, which: str) -> None:
    """Snakemake formats the path of a script as if it were a template."""
    there = working_directory(finished, tmp_path / "a {lab}", "config/config.yaml")
    snakefile = finished.folder / "Snakefile"
    if which == "checkout":
        for part in ("Snakefile", "workflow"):
            (there / part).symlink_to(finished.folder / part)
        snakefile = there / "Snakefile"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-n", "-s", str(snakefile)]
    cwd = tmp_path if which == "checkout" else there
    done = subprocess.run(
        command, cwd=cwd, env=finished.process_environment(), capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "a folder with braces in its name" in said and "{lab}" in said


def test_make_profile(finished, tmp_path, monkeypatch) -> None:
    """The link leads to the profile of this checkout, and can be made again."""
    project = finished.copy(tmp_path / AWKWARD)
    shutil.copy2(ROOT / "Makefile", project.folder)
    home = tmp_path / "home of l'été"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE") and key != "MFLAGS"}
    for _ in range(2):
        subprocess.run(
            ["make", "profile"], cwd=project.folder, check=True, env=environment | {"XDG_CONFIG_HOME": str(home)}
        )
    link = home / "snakemake" / "slurm"
    assert link.is_symlink() and link.resolve() == (project.folder / "profiles" / "slurm").resolve()
    assert not (project.folder / "profiles" / "slurm" / "slurm").exists()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    assert profiles.find("slurm") == link / "config.yaml"
