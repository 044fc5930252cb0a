"""Freed memory stays with the process: blocks of every size are handed out again without new pages."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from menagerie.features.allocator import keep_freed_memory
from menagerie.features.batches import images_per_batch

CODE = """
import resource, sys
import numpy as np
from menagerie.features.allocator import keep_freed_memory
kept = sys.argv[1] == "kept" and keep_freed_memory()
np.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(1 << 24)  # 128 MB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_large_blocks_are_reused() -> None:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("glibc alone has mallopt")
    assert page_faults("kept") < 0.01 * page_faults("as it comes")


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not keep_freed_memory()


def test_images_per_batch() -> None:
    assert [images_per_batch(None, "cpu"), images_per_batch(None, "cuda"), images_per_batch(5, "cpu")] == [8, 32, 5]
