"""Every block of code in README and docs is run, checked, or tested elsewhere; a new one that is neither fails here."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

import menagerie
from menagerie.brain.readers.nsd import parse_options
from menagerie.survey.config import load_config

from .pages import ELSEWHERE, FOLLOWED, PAGES, ROOT, blocks, python_of

pytestmark = pytest.mark.workflow

COMMANDS = sorted({command for block in blocks() if block.language == "bash" for command in block.commands})
RUN = re.compile(
    r"snakemake --profile profiles/default|(PYTHONPATH=workflow )?python (-m menagerie\.survey\.(plan|config_page)|toy)"
)
MINIMAL = {"run": "r", "models": ["m"], "datasets": {"d": {"reader": "own"}}}


def elsewhere(command: str) -> list[str]:
    return [start for start in ELSEWHERE if command.startswith(start)]


def test_every_block_is_accounted_for() -> None:
    for block in blocks():
        known = block.language in ("bash", "yaml") or (block.page, block.language) in FOLLOWED
        assert known, f"{block.page}: nothing tests this block ({block.language or 'no language'}):\n{block.text}"
    for page in PAGES:
        for line in page.read_text().splitlines():
            shell = re.match(r"    (make|snakemake|python|source|uvx|PYTHONPATH=\S+) ", line)
            assert not shell, f"{page.name}: put this command into a ```bash block, so that it is tested:\n{line}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_run_here_or_elsewhere(command: str) -> None:
    places = elsewhere(command)
    assert places or RUN.match(command), f"nothing tests '{command}'; see tests/workflow/docs/pages.py"
    for start in places:
        reason, test = ELSEWHERE[start]
        assert reason and (ROOT / test).is_file(), f"{start}: {test} is not there"
    if command.startswith("make "):
        targets = [word for word in command.split()[1:] if "=" not in word]
        assert all(re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE) for target in targets)


def test_the_table_of_other_tests_has_no_dead_rows() -> None:
    assert all((ROOT / test).is_file() for test in FOLLOWED.values() if test)
    there = {(block.page, block.language) for block in blocks()}
    assert set(FOLLOWED) <= there
    dead = [start for start in ELSEWHERE if not any(start in elsewhere(command) for command in COMMANDS)]
    assert set(dead) <= {"MENAGERIE_WRITE_ERRORS=1 python -m pytest"}  # written in a sentence, not in a block


YAML = [block for block in blocks() if block.language == "yaml" and (block.page, "yaml") not in FOLLOWED]


@pytest.mark.parametrize("block", YAML, ids=lambda block: f"{block.page}-{block.text.split(':')[0]}")
def test_every_piece_of_config_is_valid(block) -> None:
    given = yaml.safe_load(block.text)
    if block.page == "docs/nsd.md" and "regions" in given:
        assert parse_options(given).regions
    elif block.page == "docs/experiments.md" and not {"experiments", "scores", "standing"} & set(given):
        schema = yaml.safe_load((ROOT / "workflow/schemas/experiments.schema.yaml").read_text())
        jsonschema.validate(given, schema)
    else:
        config = load_config(({"run": "r"} if "scores" in given else MINIMAL) | given)
        for dataset in config.get("datasets", {}).values():
            if dataset["reader"] == "nsd":
                parse_options(dataset["options"])


@pytest.fixture(scope="module")
def desk(finished, tmp_path_factory):
    """A copy of the finished small project that this file's commands may use one after the other."""
    project = finished.copy(tmp_path_factory.mktemp("docs") / "project")
    project.environment["PYTHONPATH"] = str(project.folder / "workflow")
    shown = project.folder / "data" / "plants"
    shown.rename(project.folder / "data" / "lab")
    return project


def python(desk, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=desk.folder,
        env=desk.process_environment() | desk.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("config", ["config/lab.yaml", "config/paper.yaml", "config/laion.yaml"])
def test_shipped_configs_plan_a_run(desk, config: str) -> None:
    """Surveys with one model, because planning 224 takes long; tests/unit/test_survey.py counts them."""
    models = ["--config", "models=[alexnet]"] if config != "config/lab.yaml" else []
    planned = desk.run("--dry-run", "--quiet", "host", *models, "--configfile", config)
    assert "build_target" in planned and "list_layers" in planned
    assert ("fetch_nsd" in planned) == (config == "config/paper.yaml")
    assert ("fetch_laion" in planned) == (config == "config/laion.yaml")


@pytest.mark.parametrize("code", python_of("docs/results.md"), ids=lambda code: code.split()[1])
def test_ways_of_reading_a_table(desk, code: str) -> None:
    library = code.split()[1].partition(".")[0]
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed: it is none of Menagerie's own dependencies")
    assert python(desk, "-c", code.replace("results/demo", "results/tiny")).strip()


IN_R = [block.text for block in blocks("docs/results.md") if block.language == "r"]


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
@pytest.mark.parametrize("code", IN_R, ids=lambda code: code.split()[0])
def test_ways_of_reading_a_table_in_r(desk, code: str) -> None:
    for library in re.findall(r"library\((\w+)\)", code):
        known = subprocess.run(["Rscript", "-e", f"library({library})"], capture_output=True, check=False)
        if known.returncode:
            pytest.skip(f"{library} for R is not installed")
    code = code.replace("results/demo", "results/tiny")
    done = subprocess.run(["Rscript", "-e", code], cwd=desk.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "test_vit" in done.stdout, done.stderr


def test_the_page_on_datasets(desk) -> None:
    """The toy of the page, its config, the target that the run makes of it, and what the page then prints."""
    page = "docs/add-a-dataset.md"
    look, toy = python_of(page)
    (desk.folder / "toy.py").write_text(toy)
    python(desk, "toy.py")
    (text,) = [block.text for block in blocks(page) if block.language == "yaml"]
    (desk.folder / "config" / "mydata.yaml").write_text(text.replace("/home/me/mydata", "resources/toy"))
    desk.run("--configfile", "config/mydata.yaml", "--until", "build_target")
    assert "(60, 40) {'all': 40}" in python(desk, "-c", look)


@pytest.mark.parametrize("command", [command for command in COMMANDS if "-m menagerie.survey.plan" in command])
def test_the_plan_of_a_run(desk, command: str) -> None:
    arguments = shlex.split(command.removeprefix("PYTHONPATH=workflow "))[1:]
    assert "core h" in python(desk, *arguments)


def test_the_citation_names_the_software_and_the_survey() -> None:
    """The rules of the Citation File Format that concern this file; its schema is not shipped by any dependency."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0" and citation["type"] in ("software", "dataset")
    assert citation["version"] == menagerie.__version__
    (survey,) = citation["references"]
    assert survey["doi"] == "10.1038/s41467-024-53147-y" and survey["year"] == 2024 and len(survey["authors"]) == 5
    assert survey["doi"] in (ROOT / "README.md").read_text()


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: no {target}"


def test_hooks_at_a_commit_are_tools_of_the_environment() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    lint = (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    for hook in local["hooks"]:
        assert hook["language"] == "system" and Path(hook["entry"].split()[0]).name in lint
