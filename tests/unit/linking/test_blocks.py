"""A block of layers: what fails, what is kept, and what is not done twice."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from menagerie.errors import MenagerieError
from menagerie.linking.blocks import score_block


class Scorer:
    """Remembers what it was asked, and fails where told."""

    def __init__(self, broken: tuple[int, ...] = ()):
        self.asked: list[int] = []
        self.broken = broken

    def __call__(self, index: int) -> pa.Table:
        self.asked.append(index)
        if index in self.broken:
            raise ValueError("singular")
        return pa.table({"layer_index": [index], "score": [index / 7]})


def test_failing_layer_keeps_neighbours(tmp_path: Path) -> None:
    output = tmp_path / "0003-0006.parquet"
    first = Scorer(broken=(4,))
    with pytest.raises(MenagerieError, match=r"1 of 4 layers failed \(4\).*singular"):
        score_block([3, 4, 5, 6], first, output, "abc")
    assert first.asked == [3, 4, 5, 6]
    second = Scorer()
    table = score_block([3, 4, 5, 6], second, output, "abc")
    assert second.asked == [4]
    assert table.equals(score_block([3, 4, 5, 6], Scorer(), tmp_path / "undisturbed.parquet", "abc"))
    assert list(tmp_path.iterdir()) == [], "finished parts are removed"


def test_parts_of_other_work_are_not_used(tmp_path: Path) -> None:
    output = tmp_path / "0000-0001.parquet"
    with pytest.raises(MenagerieError):
        score_block([0, 1], Scorer(broken=(1,)), output, "old")
    second = Scorer()
    score_block([0, 1], second, output, "new")
    assert second.asked == [0, 1]


def test_damaged_part_is_done_again(tmp_path: Path) -> None:
    output = tmp_path / "0000-0001.parquet"
    with pytest.raises(MenagerieError):
        score_block([0, 1], Scorer(broken=(1,)), output, "abc")
    part = next(tmp_path.rglob("0000.parquet"))
    part.write_bytes(part.read_bytes()[:50])
    second = Scorer()
    score_block([0, 1], second, output, "abc")
    assert second.asked == [0, 1]


def test_block_without_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MenagerieError, match="holds none"):
        score_block([], Scorer(), tmp_path / "0000.parquet", "abc")


def test_single_layer_leaves_nothing_behind(tmp_path: Path) -> None:
    score_block([2], Scorer(), tmp_path / "0002.parquet", "abc")
    assert list(tmp_path.iterdir()) == []
