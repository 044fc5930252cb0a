"""Snakemake's own report of a finished run: figures and tables with captions and labels, without a network."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.workflow


def test_snakemakes_report_holds_figures_with_captions(project) -> None:
    project.environment["https_proxy"] = project.environment["http_proxy"] = (
        "http://127.0.0.1:9"  # nothing answers there
    )
    project.run("--report", "report_of_run.html")
    page = (project.folder / "report_of_run.html").read_text(encoding="utf-8")
    for name in ("leaderboard_animals.svg", "leaderboard_plants.svg", "depth_animals.svg", "leaderboard.csv"):
        assert name in page
    assert "How well each model predicts each brain region" in page  # from leaderboard.rst
    assert "Where in a network a brain region is predicted best" in page  # from depth.rst
    assert "divided by the squared noise ceiling" in page  # from leaderboard_table.rst


MARKUP = '</script><script>document.title = "run"</script>'


def test_free_text_of_experiments_stays_text_in_snakemakes_report(analysed, tmp_path) -> None:
    project = analysed.copy(tmp_path / "project")
    project.environment["https_proxy"] = project.environment["http_proxy"] = "http://127.0.0.1:9"
    project.edit("config/experiments.yaml", "title: Trained networks against untrained twins", f"title: 'T {MARKUP}'")
    project.edit("config/experiments.yaml", "random: untrained", f"random: 'untrained {MARKUP}'")
    project.run()
    project.run("--report", "report_of_run.html")
    page = (project.folder / "report_of_run.html").read_text(encoding="utf-8")
    assert "document.title" in page and "<script>document.title" not in page
