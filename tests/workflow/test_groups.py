"""The groups of short jobs that profiles/slurm offers in comments can be planned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.workflow

PROFILE = Path(__file__).parents[2] / "profiles" / "slurm" / "config.yaml"


def test_short_jobs_in_groups(finished) -> None:
    """No group waits for a job that waits for the group."""
    offered = re.findall(r"^# (group[\w-]*: \[.*\])$", PROFILE.read_text(), flags=re.MULTILINE)
    settings = yaml.safe_load("\n".join(offered))
    assert set(settings) == {"groups", "group-components"}
    groups, components = settings["groups"], settings["group-components"]
    said = finished.run("--dry-run", "--forceall", "--groups", *groups, "--group-components", *components)
    assert all(f"rule {entry.partition('=')[0]}:" in said for entry in groups if "experiment" not in entry)
