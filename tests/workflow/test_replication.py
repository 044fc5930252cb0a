"""The key `replication` on a run of one's own: three jobs, and only those that a new value concerns."""

from __future__ import annotations

import pandas as pd
import pytest

pytestmark = pytest.mark.workflow
ALL = {"replication": 1, "plot_replication": 1, "replication_page": 1, "report": 1}


def test_findings_of_one_dataset_are_looked_for_in_another(project) -> None:
    entry = {"original": "animals", "replications": ["plants"]}
    project.configure(replication=entry)
    assert project.planned() == ALL
    project.run()
    table = pd.read_parquet(project.results / "tables" / "replication.parquet")
    assert set(table["finding"]) == {"ranking"} and set(table["dataset"]) == {"animals", "plants"}
    assert set(table.loc[table["dataset"] == "plants", "verdict"]) == {"unclear"}  # two networks have no order
    assert table["note"].str.contains("2 levels in common").all()
    page = (project.results / "replication.html").read_text()
    assert "Do findings from animals hold in plants?" in page and "simulated from layers" not in page
    assert project.planned() == {}

    project.configure(replication=entry | {"limitations": ["Plants do not move."]})
    assert project.planned() == {"replication_page": 1, "report": 1}
    project.configure(replication=entry | {"margin": 0.1})
    assert project.planned() == ALL
    project.configure(replication=entry)
    assert project.planned() == {}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"original": "animal", "replications": ["plants"]}, "replication.original: 'animal'"),
        ({"original": "animals", "replications": ["plants-tau"]}, "replication.replications: 'plants-tau'"),
        ({"original": "animals", "replications": ["animals"]}, "found animals twice"),
        ({"original": "animals", "replications": []}, "replication.replications: found []"),
        ({"original": "animals", "replications": ["plants"], "margin": 0}, "replication.margin: found 0"),
    ],
)
def test_a_comparison_that_cannot_be_made_stops_before_any_job(project, entry, words) -> None:
    project.configure(replication=entry)
    seen = project.snakemake("--dry-run")
    assert seen.returncode == 1
    assert words in seen.stderr + seen.stdout
