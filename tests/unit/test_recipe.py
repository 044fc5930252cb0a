"""Recipe files: rewritten when a value changes or a stranger among the results turns up, and never otherwise."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from menagerie.errors import MenagerieError
from menagerie.provenance.recipe import Recipe, is_current, keep_recipe, read_recipe

OLD = Recipe(
    "score", {"model": "vit"}, "c0de", {"numpy": "2.1"}, {"penalties": [1.0]}, {"data": "d1"}, {"geometry": "9e0"}
)
NEW = replace(OLD, settings={"penalties": [2.0]})


def made_from(path: Path) -> str:
    return path.read_text()


class Run:
    """A recipe file and two results."""

    def __init__(self, folder: Path):
        self.path = folder / "recipes" / "score.json"
        self.results = [folder / "1.parquet", folder / "2.parquet"]

    def plan(self, recipe: Recipe) -> None:
        keep_recipe(self.path, recipe, self.results, made_from)

    def make(self, recipe: Recipe, which: int | None = None) -> None:
        self.plan(recipe)
        for result in self.results if which is None else [self.results[which]]:
            result.unlink(missing_ok=True)
            result.write_text(read_recipe(self.path).fingerprint)

    def needed(self) -> list[bool]:
        """Which results Snakemake would make, from times alone."""
        recipe = self.path.stat().st_mtime_ns
        return [not result.exists() or result.stat().st_mtime_ns < recipe for result in self.results]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "run").mkdir()
    run = Run(tmp_path / "run")
    run.make(OLD)
    assert run.needed() == [False, False]
    return run


def test_nothing_changes(run: Run) -> None:
    before = run.path.read_bytes(), run.path.stat().st_mtime_ns
    run.plan(OLD)
    assert (run.path.read_bytes(), run.path.stat().st_mtime_ns) == before and is_current(
        run.path, OLD, run.results, made_from
    )


@pytest.mark.parametrize("part", ["code", "versions", "settings", "sources", "upstream"])
def test_every_part_counts(run: Run, part: str) -> None:
    changed = replace(OLD, **{part: "other" if part == "code" else {"other": "x"}})
    assert not is_current(run.path, changed, run.results, made_from)
    run.plan(changed)
    assert run.needed() == [True, True]


def test_a_change_and_back(run: Run) -> None:
    run.plan(NEW)
    assert run.needed() == [True, True]
    run.plan(OLD)
    assert run.needed() == [False, False]


def test_half_made(run: Run) -> None:
    run.make(NEW, which=0)
    run.plan(NEW)
    assert run.needed() == [False, True]


def test_results_restored(run: Run, tmp_path: Path) -> None:
    """With their old times, after they were replaced: the file differs from the one that was recorded."""
    saved = shutil.copytree(tmp_path / "run", tmp_path / "saved")
    run.make(NEW)
    recorded = run.path.read_bytes()
    for result in run.results:
        shutil.copy2(saved / result.name, result)
    run.plan(NEW)
    assert run.needed() == [True, True] and run.path.read_bytes() != recorded


def test_results_and_recipe_restored(run: Run, tmp_path: Path) -> None:
    saved = shutil.copytree(tmp_path / "run", tmp_path / "saved")
    run.make(NEW)
    recorded = run.path.read_bytes()
    shutil.rmtree(tmp_path / "run")
    shutil.copytree(saved, tmp_path / "run")
    run.plan(NEW)
    assert run.needed() == [True, True] and run.path.read_bytes() != recorded


def test_results_touched(run: Run) -> None:
    run.plan(NEW)
    for result in run.results:
        os.utime(result)
    run.plan(NEW)
    assert run.needed() == [True, True]


def test_results_of_the_future(run: Run) -> None:
    """A clock that was ahead: they are older than their recipe all the same."""
    for result in run.results:
        os.utime(result, ns=(2 * 10**18, 2 * 10**18))
    run.plan(NEW)
    assert run.needed() == [True, True]
    run.make(NEW)
    run.plan(NEW)
    assert run.needed() == [False, False]


def test_times_lost(run: Run) -> None:
    """Copied without times, in any order: results that fit their recipe stay."""
    for path in [*run.results, run.path]:
        os.utime(path)
    run.plan(OLD)
    assert run.needed() == [False, False]


def test_recipe_lost(run: Run) -> None:
    run.path.unlink()
    run.plan(OLD)
    assert run.needed() == [False, False]


def test_a_result_of_unknown_origin(run: Run) -> None:
    run.results[0].write_text("")
    run.plan(OLD)
    assert run.needed()[0]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"rule": "score"}', "\x00"])
def test_damaged(run: Run, content: str) -> None:
    run.path.write_text(content)
    with pytest.raises(MenagerieError, match=r"Recipe .*score\.json cannot be read.*Delete it"):
        read_recipe(run.path)
    run.plan(OLD)
    assert read_recipe(run.path) == OLD


def test_a_recipe_is_plain_text(run: Run) -> None:
    assert json.loads(run.path.read_text())["settings"] == {"penalties": [1.0]}
