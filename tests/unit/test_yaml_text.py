"""YAML of people: the values that they mean, or a message with the line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml

from menagerie.errors import MenagerieError
from menagerie.files.yaml_text import read_yaml


@pytest.fixture
def read(tmp_path: Path):
    def look(text: str | bytes) -> object:
        path = tmp_path / "mine.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_yaml(path, f"Config {path}", "Correct it.")

    return look


PLAIN = [
    "a: 1\nb: [2.5, yes, null, text]\nc: {d: '2024', e: 2024}\n",
    "base: &base {x: 1, y: 2}\nother: {<<: *base, y: 3}\nlist: [*base, *base]\n",
    "merged: {<<: [{a: 1}, {a: 2, b: 3}], c: 4}\n",
    "text: |\n  two\n  lines\n",
    "",
    "# only a comment\n",
    "- 1\n- [a, b]\n",
]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_values_are_what_yaml_says(read, text: str) -> None:
    assert read(text) == yaml.safe_load(text)


def test_dates_are_texts_and_a_byte_order_mark_is_none(read) -> None:
    assert read("\ufeffday: 2024-01-31\n") == {"day": "2024-01-31"}


@pytest.mark.parametrize(
    "name", ["config/config.yaml", "config/experiments.yaml", "config/lab.yaml", "config/nsd_twin.yaml"]
)
def test_own_files_are_read_as_before(root: Path, name: str) -> None:
    path = root / name
    assert read_yaml(path, name, "") == yaml.safe_load(path.read_text())


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
SLIPS = {
    "a key twice": ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' occurs twice"),
    "a key twice inside": ("x:\n  a: 1\n  a: 2\n", "line 3: the key 'a' occurs twice"),
    "a number as key": (
        "2024: x\n",
        "line 1: found the key 2024, which YAML reads as 2024, expected text: put it in quotes",
    ),
    "a truth value as key": ("on: x\n", "found the key on, which YAML reads as True"),
    "nothing as key": ("~: x\n", "found the key ~"),
    "a list as key": ("? [a, b]\n: x\n", "found a list or a mapping as a key"),
    "binary": ("a: !!binary aGVsbG8=\n", "found the tag tag:yaml.org,2002:binary"),
    "a Python object": ("a: !!python/object/apply:os.system [ls]\n", "expected plain values"),
    "a set": ("a: !!set {x}\n", "found the tag tag:yaml.org,2002:set"),
    "a bomb": (BOMB, "more than 100,000 values"),
    "a recursive anchor": ("a: &a [*a]\n", r"the alias \*a names nothing before it, or what it is part of"),
    "an unknown alias": ("a: *b\n", r"the alias \*b names nothing"),
    "deep nesting": ("a: " + "[" * 100_000, "more than 50 levels"),
    "no number": ("a: .nan\n", "line 1: found .nan, expected a finite number"),
    "infinite": ("a: [1, -.inf]\n", "expected a finite number"),
    "too many digits": ("a: " + "9" * 400, "a whole number of 400 digits"),
    "two documents": ("a: 1\n---\nb: 2\n", "a second document"),
    "a tab": ("a:\n\tb: 1\n", "line 2: "),
    "an open bracket": ("a: [1, 2\n", "expected YAML, found on line 2"),
    "Latin-1": ("a: caf\xe9\n".encode("latin-1"), "expected text in UTF-8, found another encoding at byte 6"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "expected text in UTF-8"),
    "NUL": ('a: "x\\0y"\n', "a NUL character"),
    "control characters": ("a: \x07\n", "expected YAML"),
    "too long": ("a: " + "x" * 2**20, "bytes, expected at most 1,048,576"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_slips_are_named_at_once(read, slip: str) -> None:
    text, message = SLIPS[slip]
    started = time.process_time()
    with pytest.raises(MenagerieError, match=rf"mine\.yaml.*{message}(.|\n)*Correct it\."):
        read(text)
    assert time.process_time() - started < 2


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, message in {
        "pipe": "a special file",
        "": "a folder",
        "absent": "no such file",
        "a\0b": "no such file",
    }.items():
        with pytest.raises(MenagerieError, match=message):
            read_yaml(tmp_path / name, "Config", "Correct it.")
