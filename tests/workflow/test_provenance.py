"""Readers refuse tables that do not belong to the run, and only those."""

from __future__ import annotations

import shutil

import pytest

from menagerie.files.tables import read_provenance

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


def test_a_change_of_part_of_the_run_is_not_refused(analysed, finished) -> None:
    """Tables of before and after stand side by side where the change does not concern them."""
    kept = "scores/test_vit_random/layers.parquet"
    assert (analysed.results / kept).read_bytes() == (finished.results / kept).read_bytes()
    for table in ("tables/model_scores", "experiments/training/effects", "experiments/overall/data"):
        made = read_provenance(analysed.results / f"{table}.parquet")
        assert (
            set(made["weights"])
            == set(made["code"]["extract_geometry"])
            == {"test_vit_random", "timm__test_vit2_random"}
        )
    assert analysed.planned() == {}
