"""Blocks of code in the pages of the documentation, and where each is tested that is not run here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Commands of a shell block, without comments."""
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in self.text.splitlines())
        return [line for line in lines if line]


def blocks(page: Path | str | None = None) -> list[Block]:
    """Blocks of one page (by its path from the root), or of all."""
    pages = PAGES if page is None else [ROOT / page]
    return [
        Block(str(path.relative_to(ROOT)), language, text)
        for path in pages
        for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    ]


def python_of(page: str) -> list[str]:
    """Python blocks of a page."""
    return [block.text for block in blocks(page) if block.language == "python"]


# Start of a command -> why it is not run here, and what tests it instead.
ELSEWHERE = {
    "make setup": ("minutes", ".ci/run"),
    "make demo": ("minutes", ".ci/run"),
    "make test": ("is what runs this", ".ci/run"),
    "make lint": ("a minute", ".ci/run"),
    "make benchmarks": ("an hour", "tests/unit/test_benchmarks.py"),
    "make paper": ("needs ../shared", "tests/unit/statistics/test_published.py"),
    "make check": ("by another test", "tests/unit/check/test_survey.py"),
    "make archive": ("no environment in the small project", "tests/unit/test_archive.py"),
    "make slurm": ("installs packages", "tests/cluster/test_slurm.py"),
    "make profile": ("changes the home folder", "tests/cluster/test_slurm.py"),
    "source ": ("belongs to the shell", ".ci/run"),
    "snakemake --profile slurm": ("needs SLURM", "tests/cluster/test_slurm.py"),
    "python -m menagerie.archive": ("on a run in miniature", "tests/unit/test_archive.py"),
    "PYTHONPATH=workflow python -m menagerie.audit": ("by another test", "tests/unit/models/test_add_a_model.py"),
    "python -m menagerie.brain.nsd.fetch_nsd": ("needs a server", "tests/unit/nsd/test_fetch.py"),
    "python -m menagerie.twins.nsd.twin_command": ("by another test", "tests/unit/nsd/test_twin.py"),
    "python -m menagerie.brain.laion.fetch_laion": ("needs a server", "tests/unit/laion/test_fetch_of_laion.py"),
    "python -m menagerie.twins.laion.twin_command": ("by another test", "tests/unit/laion/test_twin_of_laion.py"),
    "uvx pre-commit": ("downloads; its hooks are those of make lint", ".ci/run"),
    "uvx pip-audit": ("asks an advisory service", "tests/security/test_text.py"),
    ".venv/bin/uv pip install --dry-run": ("asks the package index", "tests/security/test_text.py"),
    "MENAGERIE_WRITE_ERRORS=1 python -m pytest": ("rewrites a page", "tests/errors/test_errors.py"),
}
# Pages whose blocks of these languages are followed, one after the other, by a test of their own.
FOLLOWED = {
    ("docs/inference.md", "python"): "tests/unit/statistics/test_inference_page.py",
    ("docs/add-a-model.md", "python"): "tests/unit/models/test_add_a_model.py",
    ("docs/add-a-model.md", "yaml"): "tests/unit/models/test_add_a_model.py",
    ("docs/add-a-dataset.md", "python"): "tests/workflow/docs/test_pages.py",
    ("docs/results.md", "python"): "tests/workflow/docs/test_pages.py",
    (
        "docs/results.md",
        "r",
    ): "tests/workflow/docs/test_pages.py",  # where there is R: Debian has no arrow for it
    ("docs/from-python.md", "python"): "tests/unit/test_examples.py",
    ("docs/experiments.md", "python"): "tests/unit/statistics/test_effects.py",
    ("docs/noise-ceilings.md", "python"): "tests/unit/brain/test_ceilings.py",
    ("docs/add-a-region.md", "csv"): "tests/workflow/docs/test_additions.py",
    ("docs/add-a-metric.md", "python"): "tests/workflow/docs/test_additions.py",
    ("docs/add-a-metric.md", "diff"): "tests/workflow/docs/test_additions.py",
    ("docs/add-an-experiment.md", "yaml"): "tests/workflow/docs/test_additions.py",
    ("docs/add-an-experiment.md", "python"): "tests/workflow/docs/test_additions.py",
    ("docs/add-a-figure.md", "python"): "tests/workflow/docs/test_additions.py",
    ("docs/add-a-figure.md", "snakemake"): "tests/workflow/docs/test_additions.py",
    ("docs/add-a-figure.md", "diff"): "tests/workflow/docs/test_additions.py",
}
