"""The profile on a SLURM with accounting: the executor asks ``sacct``, as on most clusters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.cluster]


@pytest.fixture(scope="module")
def login(node_with, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A login node of a cluster of one node whose jobs a database keeps."""
    with node_with(tmp_path_factory.mktemp("slurm"), accounting=True) as node:
        yield node


def test_same_tables_as_on_this_machine(login, fresh, finished, tmp_path) -> None:
    project = fresh.copy(tmp_path / "project")
    login.run(project)
    assert project.tables() == finished.tables()
    command = ("sacct", "--allocations", "--noheader", "--parsable2", "--format=JobID,State,Comment")
    jobs = [line.split("|") for line in login.cluster.call(*command).splitlines()]
    assert {state for _, state, _ in jobs} == {"COMPLETED"}
    scores = list(project.results.glob("scores/*/*/*/[0-9]*.parquet"))
    assert len(jobs) > len(scores) > 0
