"""Five hundred damaged and hostile inputs of every kind; benchmarks/fuzz_inputs.py tries ten thousand."""

import sys
from collections import Counter

import pytest


@pytest.fixture(scope="module")
def fuzz(root):
    sys.path.insert(0, str(root / "benchmarks"))
    yield __import__("fuzz_inputs")
    sys.path.remove(str(root / "benchmarks"))


def test_every_input_ends_in_a_value_or_a_message(fuzz, root):
    table, wrong = fuzz.try_all(500, 0, root)
    total = sum(table.values(), Counter())
    assert not wrong
    assert len(table) == len(fuzz.kinds()) and total["value"] > 50 and total["clear error"] > 200


def test_whole_files_are_read(fuzz, tmp_path):
    """Else every change would be a message, and the fuzzing would reach nothing."""
    loaders = fuzz.available()
    for kind, (_, loader, files, _) in fuzz.kinds().items():
        for number, (ending, content) in enumerate(files):
            path = tmp_path / f"{kind.replace(' ', '_')}{number}{ending}"
            path.write_bytes(content)
            assert fuzz.outcome_of(loaders[loader], path) == "value", path


def test_what_must_not_happen_is_seen(fuzz, tmp_path):
    def crash(path):
        raise KeyError(path)

    def exhaust(path):
        raise MemoryError

    assert fuzz.outcome_of(crash, tmp_path).startswith("traceback: KeyError")
    assert fuzz.outcome_of(exhaust, tmp_path).startswith("memory")
