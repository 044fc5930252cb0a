"""The example that opens a finished run, on the small project's."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow
ROOT = Path(__file__).parents[2]


def test_open_a_run(finished) -> None:
    command = [sys.executable, str(ROOT / "examples" / "open_a_run.py"), str(finished.results)]
    environment = finished.process_environment() | {"PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "tiny_trained" in done.stdout and "Best: " in done.stdout and "over 24 images" in done.stdout
