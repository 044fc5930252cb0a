"""The key `standing`: two jobs on a finished run, and a reason where the run's benchmark is another."""

from __future__ import annotations

import pandas as pd
import pytest

pytestmark = pytest.mark.workflow


def test_another_benchmark_gets_a_reason_in_table_and_report(project, shared) -> None:
    project.configure(standing={"folder": str(shared / "published")})
    assert project.planned() == {"standing": 1, "report": 1}
    project.run()
    table = pd.read_parquet(project.results / "tables" / "standing.parquet")
    assert set(table["dataset"]) == {"animals", "plants"} and table["rank"].isna().all()
    assert table["status"].str.contains("read by the reader nsd").all()
    assert len(pd.read_parquet(project.results / "tables" / "neighbours.parquet")) == 0
    assert "Scores have no place among the published" in (project.results / "report.html").read_text()
    assert project.planned() == {}


def test_a_folder_without_the_published_files_stops_before_any_job(project, tmp_path) -> None:
    project.configure(standing={"folder": str(tmp_path / "nowhere")})
    seen = project.snakemake("--dry-run")
    assert seen.returncode == 1
    assert "Config key standing.folder: " in seen.stderr + seen.stdout
