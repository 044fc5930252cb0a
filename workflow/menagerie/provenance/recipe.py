"""Recipes: what a job's result depends on, as a small file that is one of the job's inputs.

A recipe holds a plain value: settings in canonical form, code, versions of packages, contents of sources, and the
fingerprints of the recipes behind the job's other inputs. The result records the recipe's fingerprint (``made_from``).
Since the recipe is an input, Snakemake's own comparison of inputs decides what runs, also where its records are lost.
:func:`keep_recipe` writes it whenever the value changes, and again when a result turns up that was made from another
one: restored from a backup, touched, or copied from elsewhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic
from menagerie.provenance.code import value_fingerprint

MadeFrom = Callable[[Path], str]  # fingerprint of the recipe that a file records; empty where it records none


@dataclass(frozen=True)
class Recipe:
    """What the results of one job (or of jobs that share it) depend on.

    Attributes
    ----------
    rule
        Rule that makes them.
    wildcards
        Which of the rule's results, by wildcard.
    code
        Fingerprint of the rule's code.
    versions
        Package -> version, of all that the code imports.
    settings
        Settings in canonical form.
    sources
        Name -> digest of the content of the source files.
    upstream
        Name -> fingerprint of the recipe behind another input.
    """

    rule: str
    wildcards: Mapping[str, str]
    code: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: object = None
    sources: Mapping[str, str] = field(default_factory=dict)
    upstream: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Short string that changes with any part."""
        return value_fingerprint(vars(self))


def read_recipe(path: str | Path) -> Recipe:
    """The recipe in a file.

    Raises
    ------
    MenagerieError
        When the file is missing or damaged.
    """
    try:
        parts = json.loads(Path(path).read_text(encoding="utf-8"))
        return Recipe(**{name: parts[name] for name in Recipe.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MenagerieError(
            f"Recipe {path} cannot be read ({error}), expected one written by this workflow. Delete it and run the "
            "workflow again."
        ) from None


def keep_recipe(path: Path, recipe: Recipe, results: Iterable[Path], made_from: MadeFrom) -> None:
    """Bring a recipe file up to date, so that Snakemake repeats what was not made from it, and nothing else.

    Parameters
    ----------
    path
        The file.
    recipe
        What the results depend on now.
    results
        Files that are made from it, as far as they exist.
    made_from
        Reads what a result records.
    """
    written = _fingerprint_in(path)
    existing = [result for result in results if result.is_file()]
    strangers = [result for result in existing if made_from(result) != recipe.fingerprint]
    if not strangers:
        if written != recipe.fingerprint:
            _write(path, recipe)
        _make_older(path, existing)
    elif written != recipe.fingerprint or any(_changed(result) >= _modified(path) for result in strangers):
        # The time of change tells Snakemake's checksum comparison this state from an earlier one with the same value.
        newest = max(strangers, key=_changed)
        _write(path, recipe, f"{newest} of {_changed(newest)} was made from {made_from(newest) or 'an unknown recipe'}")
        _make_newer(path, strangers)


def is_current(path: Path, recipe: Recipe, results: Iterable[Path], made_from: MadeFrom) -> bool:
    """Whether :func:`keep_recipe` would leave the file as it is."""
    existing = [result for result in results if result.is_file()]
    pending = path.is_file() and all(
        _changed(result) < _modified(path) for result in existing if made_from(result) != recipe.fingerprint
    )
    return pending and _fingerprint_in(path) == recipe.fingerprint


def write_recipe(path: Path, recipe: Recipe, replaces: str = "") -> None:
    """Write a recipe file; ``replaces`` says which result it is to replace."""
    _write(path, recipe, replaces)


def _write(path: Path, recipe: Recipe, replaces: str = "") -> None:
    text = json.dumps({"made_from": recipe.fingerprint, **vars(recipe), "replaces": replaces}, indent=1, sort_keys=True)
    with atomic(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _fingerprint_in(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["made_from"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _make_older(path: Path, results: Iterable[Path]) -> None:
    """A recipe that its results were made from is older than they are, whatever copying did to the times."""
    oldest = min((result.stat().st_mtime_ns for result in results), default=None)
    if oldest is not None and _modified(path) >= oldest:
        with suppress(OSError):
            os.utime(path, ns=(oldest - 10**9, oldest - 10**9))


def _make_newer(path: Path, results: Iterable[Path]) -> None:
    """Snakemake repeats what is older than its recipe; a clock that is ahead may have dated a result in the future."""
    newest = max(result.stat().st_mtime_ns for result in results)
    if _modified(path) <= newest:
        os.utime(path, ns=(newest + 10**6, newest + 10**6))


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


def _changed(path: Path) -> int:
    return path.stat().st_ctime_ns
