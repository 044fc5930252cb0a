"""Readers refuse tables that do not belong to the run, and only those."""

from __future__ import annotations

import shutil

import pytest

from menagerie.tables import read_provenance

pytestmark = pytest.mark.workflow


def test_results_of_other_settings_are_refused(project) -> None:
    """Without Snakemake's records nobody but the tables themselves knows how they were made."""
    shutil.rmtree(project.folder / ".snakemake")
    project.configure(metrics=["crsa"])
    shutil.rmtree(project.results / "tables")
    (project.results / "scores" / "tiny_trained" / "layers.parquet").unlink()
    done = project.snakemake("--until", "collect_model")
    assert done.returncode
    said = done.stdout + done.stderr
    assert "Table results/tiny/scores/tiny_trained/animals/anna/" in said
    assert "was made with config (score)" in said and "Delete it and run the workflow again." in said


def test_a_change_of_part_of_the_run_is_not_refused(project) -> None:
    """Tables of before and after stand side by side where the change does not concern them."""
    kept = project.results / "scores" / "test_vit_random" / "layers.parquet"
    before = kept.stat().st_mtime_ns
    project.configure(models=["test_vit_random", "timm/test_vit2:random"], bootstrap={"n_resamples": 120})
    project.add_code("workflow/menagerie/figures/style.py")
    project.run()
    assert kept.stat().st_mtime_ns == before
    made = read_provenance(project.results / "tables" / "model_scores.parquet")
    assert len(made["weights"]) == len(made["code"]["extract_geometry"]) == 2
    assert project.planned() == {}
