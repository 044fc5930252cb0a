"""The figures of analyses: wanted where the config lists an analysis, drawn by their rules, and drawn once."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.workflow

DRAWN = {
    "plot_experiment": 2,
    "plot_people": 2,
    "plot_overall": 1,
    "plot_supplement": 1,
    "plot_model_to_model": 2,
    "plot_overview": 2,
}
FAMILIES = ["experiment_metric_effect", "people_metric_effect", "overall", "supplement", "model_to_model", "overview"]


def test_figures_of_the_analyses_that_the_config_lists(project) -> None:
    project.configure(experiments=["metric_effect", "training", "overall", "model_to_model"])
    planned = project.planned()
    assert {rule: planned[rule] for rule in DRAWN} == DRAWN

    project.run(*(f"results/tiny/figures/{family}_plants.svg" for family in FAMILIES))
    for family in FAMILIES:
        for folder in (project.results / "figures", project.results / "figures" / "narrow"):
            assert (folder / f"{family}_plants.svg").read_text().rstrip().endswith("</svg>")
            assert (folder / f"{family}_plants.png").stat().st_size > 2000
    left = project.planned()
    # One job draws an experiment in all datasets; what depends on the dataset's own files has a job for each.
    assert {rule: left[rule] for rule in DRAWN} == {
        "plot_experiment": 1,
        "plot_people": 1,
        "plot_overall": 0,
        "plot_supplement": 0,
        "plot_model_to_model": 1,
        "plot_overview": 1,
    }
