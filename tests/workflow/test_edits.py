"""Four random sequences of edits; benchmarks/edits.py draws more."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

FILE = Path(__file__).parents[2] / "benchmarks" / "edits.py"


@pytest.fixture(scope="module")
def edits():
    spec = importlib.util.spec_from_file_location("edits", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def start(edits, tmp_path_factory: pytest.TempPathFactory):
    project = edits.small(tmp_path_factory.mktemp("start"))
    project.run(*edits.TARGETS)
    return project


SEEDS = [pytest.param(seed, marks=pytest.mark.breadth if seed > 0 else ()) for seed in range(10)]


@pytest.mark.parametrize("seed", SEEDS)
def test_tables_are_those_of_a_run_from_an_empty_folder(edits, start, tmp_path: Path, seed: int) -> None:
    edits.sequence(start, tmp_path / "sequence", random.Random(seed), n_edits=1)
