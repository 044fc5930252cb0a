"""What runs again after a change of experiments, figures or published tables (docs/invalidation.md)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

PUBLISHED = Path(__file__).parents[3] / "shared" / "published"
DATASETS, SUBJECTS = 2, 3
REPORT = {"report": 1}
# Figures that show in which experiments a model takes part.
MENTIONS = {"plot_overview": DATASETS, "plot_model_to_model": DATASETS} | REPORT
EXPERIMENT = {"experiment": 1, "plot_experiment": 1, "plot_people": 1} | MENTIONS
ALWAYS_DRAWN = {"plot_leaderboard": DATASETS, "plot_depth": DATASETS}
OVERALL = {"plot_overall": 1, "plot_supplement": 1}


@pytest.fixture
def project(analysed, tmp_path: Path):
    """A copy of the project with analyses that a test may change."""
    return analysed.copy(tmp_path / "project")


# Text of config/experiments.yaml, what stands there instead, and the jobs that this repeats.
DEFINITION_ROWS = {
    "comment": ("# 8 of the 21", "# eight of the 21", {}),
    "filter": ("  constant: [architecture_class, family]", "  filter: { not_family: x }", EXPERIMENT),
    "formula": (
        "      pair: architecture\n      distribution: z",
        "      pair: family\n      distribution: z",
        EXPERIMENT,
    ),
}


@pytest.mark.parametrize("row", DEFINITION_ROWS)
def test_definition(project, row: str) -> None:
    old, new, expected = DEFINITION_ROWS[row]
    project.edit("config/experiments.yaml", old, new)
    assert project.planned() == expected


# Analyses that the config lists, and the jobs that this repeats.
LIST_ROWS = {
    "added": (["training", "architecture", "overall", "model_to_model"], EXPERIMENT),
    "removed": (["overall", "model_to_model"], MENTIONS),
}


@pytest.mark.parametrize("row", LIST_ROWS)
def test_list_of_experiments(project, row: str) -> None:
    experiments, expected = LIST_ROWS[row]
    project.configure(experiments=experiments)
    assert project.planned() == expected


# A module, and the jobs that new code in it repeats.
MODULE_ROWS = {
    "figures/experiment.py": {"plot_experiment": 1} | REPORT,
    "figures/overall.py": {"plot_overall": 1} | REPORT,
    "figures/model_to_model.py": {"plot_model_to_model": DATASETS} | REPORT,
    "figures/overview.py": {"plot_overview": DATASETS} | REPORT,
    "figures/style.py": ALWAYS_DRAWN | OVERALL | {"plot_experiment": 1, "plot_people": 1} | MENTIONS,
    "statistics/contrasts.py": {"overall": 1} | OVERALL | EXPERIMENT,
    "statistics/similarity.py": {"model_to_model": SUBJECTS} | MENTIONS,
}


@pytest.mark.parametrize("module", MODULE_ROWS)
def test_module(project, module: str) -> None:
    project.add_code(f"workflow/menagerie/{module}")
    assert project.planned() == MODULE_ROWS[module]


def test_published_tables(finished, tmp_path: Path) -> None:
    """A run from published tables: one of their files."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"{PUBLISHED} is not there")
    project = finished.copy(tmp_path / "project")
    folder = project.folder / "published"
    shutil.copytree(PUBLISHED, folder)
    config = project.folder / "config" / "config.yaml"
    config.write_text("run: printed\nscores: {nsd: {survey: {folder: published}}}\nexperiments: [training]\n")
    project.run("--until", "score_tables")
    assert project.planned()["score_tables"] == 0
    file = folder / "figure_data" / "Figure2.csv"
    file.write_text(file.read_text() + "\n")
    assert project.planned()["score_tables"] == 1
