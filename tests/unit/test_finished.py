"""A model counts as finished only while nothing that its scores rest on has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from menagerie.finished import Ledger, finished_models, read_ledger, settled, stamp, write_ledger

START = 1_000_000.0
ROWS = {"alpha": "row a", "beta": "row b"}


def put(path: Path, seconds: float, text: str = "0") -> str:
    path.write_text(text)
    os.utime(path, (seconds, seconds))
    return str(path)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Two finished models that share a target; each has a geometry and a table of its own."""
    target = put(tmp_path / "target", START - 10)
    files, stamps = {}, {}
    for model in ROWS:
        geometry = put(tmp_path / f"{model}.h5", START + 10)
        table = put(tmp_path / f"{model}.parquet", START + 20)
        found = settled([target], [geometry], table, START)
        assert found is not None
        files[model] = frozenset(found)
        stamps |= found
    write_ledger(tmp_path / "ledger.json", Ledger("setting", ROWS, files, stamps))
    return tmp_path / "ledger.json"


def finished(ledger: Path, setting: str = "setting", rows: dict | None = None) -> list[str]:
    return finished_models(read_ledger(ledger), setting, rows or ROWS)


def test_all_are_finished_while_nothing_changes(ledger: Path) -> None:
    assert finished(ledger) == ["alpha", "beta"]


def test_another_setting_lets_nothing_count(ledger: Path) -> None:
    assert finished(ledger, setting="other") == []


def test_an_added_model_leaves_the_others_finished(ledger: Path) -> None:
    assert finished(ledger, rows=ROWS | {"gamma": "row c"}) == ["alpha", "beta"]


def test_another_row_of_the_model_table_counts_for_that_model(ledger: Path) -> None:
    assert finished(ledger, rows=ROWS | {"beta": "other weights"}) == ["alpha"]


@pytest.mark.parametrize("name", ["beta.h5", "beta.parquet"])
@pytest.mark.parametrize("change", ["touched", "longer", "missing"])
def test_a_changed_file_of_one_model_counts_for_that_model(ledger: Path, name: str, change: str) -> None:
    path = ledger.parent / name
    time = path.stat().st_mtime
    if change == "touched":
        os.utime(path, (time + 1, time + 1))
    elif change == "longer":
        put(path, time, "00")
    else:
        path.unlink()
    assert finished(ledger) == ["alpha"]


def test_a_changed_target_counts_for_all(ledger: Path) -> None:
    os.utime(ledger.parent / "target", (START - 9, START - 9))
    assert finished(ledger) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"setting": "setting"}', '{"setting": "setting", "shared": 3}'])
def test_a_damaged_ledger_is_an_empty_one(ledger: Path, text: str) -> None:
    ledger.write_text(text)
    assert finished(ledger) == []


def test_files_that_all_models_share_are_written_once(ledger: Path) -> None:
    assert ledger.read_text().count(str(ledger.parent / "target")) == 2, "once as a name, once with its stamp"


@pytest.mark.parametrize(
    ("leaf", "made", "table", "settles"),
    [
        (-1, -1, -1, True),  # nothing ran
        (-1, 5, 9, True),  # made in this run, then scored
        (1, 5, 9, False),  # a file of the user's was changed while the run went on
        (-1, 9, 5, False),  # made again after it was scored
    ],
)
def test_what_may_have_changed_during_the_run_is_not_settled(
    tmp_path: Path, leaf: int, made: int, table: int, settles: bool
) -> None:
    paths = [put(tmp_path / name, START + at) for name, at in (("leaf", leaf), ("made", made), ("table", table))]
    found = settled(paths[:1], paths[1:2], paths[2], START)
    assert (found is not None) == settles
    if settles:
        assert found == {path: stamp(path) for path in paths}


def test_a_missing_file_is_not_settled(tmp_path: Path) -> None:
    assert settled([str(tmp_path / "leaf")], [], put(tmp_path / "table", START), START) is None
