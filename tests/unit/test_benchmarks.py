"""The benchmarks run, at sizes that say nothing about speed, and write what they promise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_linking(tmp_path: Path) -> None:
    sizes = ["--images", "60", "--units", "40", "--repeats", "1", "--growth", "0", "--threads", "1"]
    run("benchmarks/linking.py", "--out", str(tmp_path), *sizes)
    found = json.loads((tmp_path / "linking.json").read_text())
    assert {"first", "further"} == set(found["share_of_sgemm"])
    assert all(seconds["cpu_s"] > 0 for seconds in found["seconds"].values())
    assert found["float32_error"]["scores"] < 1e-5
    assert "scikit-learn RidgeCV" in (tmp_path / "linking.md").read_text()


def test_intervals() -> None:
    rows = run("benchmarks/intervals.py", "--images", "20", "--repeats", "5").splitlines()
    assert len(rows) == 5 and all(row.startswith("| 20 |") for row in rows[2:])
