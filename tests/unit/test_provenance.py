"""Fingerprints change with code that runs, and with nothing else."""

from pathlib import Path

import pytest

from menagerie.provenance import code as provenance

SCRIPT = '''"""Docstring."""
from menagerie.alpha import one

print(one())
'''
ALPHA = '''"""Alpha."""
from menagerie import beta
from .inner import deep


def one():
    """Return one."""
    return beta.ONE + deep.ZERO
'''


BETA = """import numpy

ONE = 1
FIELD = column("name", meaning="the description of a column", unit="images")


def check(value):
    assert value, "this must hold"
    print("printed")
    if value > 2:
        raise ValueError(f"{value}: no such thing")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "menagerie"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "alpha.py").write_text(ALPHA)
    (folder / "beta.py").write_text(BETA)
    (folder / "gamma.py").write_text("TWO = 2\n")
    (folder / "errors.py").write_text("text = 'a'\n")
    (folder / "inner" / "__init__.py").write_text("")
    (folder / "inner" / "deep.py").write_text("ZERO = 0\n")
    (folder / "script.py").write_text(SCRIPT)
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    return folder


def fingerprint(folder: Path, also: tuple[str, ...] = ()) -> str:
    provenance._analysed.cache_clear()
    provenance.code_of.cache_clear()
    return provenance.code_of(folder / "script.py", also).fingerprint


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("script.py", "print(one())", "print( one() )  # why"),
        ("script.py", "Docstring", "Another docstring"),
        ("alpha.py", "Return one.", "Give one back."),
        ("gamma.py", "TWO = 2", "TWO = 3"),
        ("alpha.py", "def one", 'THREE = 3\n"""A word about it."""\n\n\ndef one'),
        ("beta.py", "no such thing", "something else"),
        ("beta.py", "must hold", "has to hold"),
        ("beta.py", "of a column", "of this column"),
        ("beta.py", "printed", "written"),
    ],
    ids=[
        "comment and spacing",
        "script docstring",
        "function docstring",
        "module that is not imported",
        "docstring of an attribute",
        "message of an error",
        "message of an assertion",
        "description of a column",
        "printed text",
    ],
)
def test_fingerprint_stays(package: Path, file: str, old: str, new: str) -> None:
    if new.startswith("THREE"):
        (package / "alpha.py").write_text(ALPHA.replace("def one", "THREE = 3\n\n\ndef one"))
        old = "THREE = 3\n\n\ndef one"
    before = fingerprint(package)
    path = package / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert fingerprint(package) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("script.py", "print(one())", "print(one() + 1)"),
        ("alpha.py", "beta.ONE +", "beta.ONE -"),
        ("beta.py", "ONE = 1", "ONE = 2"),
        ("beta.py", 'unit="images"', 'unit="units"'),
        ("beta.py", "raise ValueError", "raise KeyError"),
        ("beta.py", "value > 2", "value > 3"),
        ("inner/deep.py", "ZERO = 0", "ZERO = 1"),
        ("inner/__init__.py", "", "import os\n"),
    ],
    ids=[
        "script",
        "direct import",
        "import of an import",
        "unit of a column",
        "kind of an error",
        "when an error is raised",
        "relative import",
        "package above an import",
    ],
)
def test_fingerprint_changes(package: Path, file: str, old: str, new: str) -> None:
    before = fingerprint(package)
    path = package / file
    path.write_text(path.read_text().replace(old, new) if old else new)
    assert fingerprint(package) != before


def test_modules_named_at_run_time_count(package: Path) -> None:
    before = fingerprint(package, ("menagerie.gamma",))
    (package / "gamma.py").write_text("TWO = 3\n")
    assert fingerprint(package, ("menagerie.gamma",)) != before


def test_packages_of_all_modules_are_found(package: Path) -> None:
    fingerprint(package)
    assert set(provenance.code_of(package / "script.py").versions) == {"numpy"}
    (package / "inner" / "deep.py").write_text("import json\nfrom PIL import Image\nZERO = 0\n")
    provenance._analysed.cache_clear()
    provenance.code_of.cache_clear()
    assert set(provenance.code_of(package / "script.py").versions) == {"numpy", "pillow"}


def test_values_do_not_depend_on_key_order() -> None:
    assert provenance.value_fingerprint({"a": 1, "b": [2, 3]}) == provenance.value_fingerprint({"b": [2, 3], "a": 1})
    assert provenance.value_fingerprint({"a": 1}) != provenance.value_fingerprint({"a": 2})


def test_fingerprints_of_values_stay_what_they_are() -> None:
    """They stand in tables: computed otherwise, readers would refuse tables that Snakemake takes for current."""
    assert provenance.value_fingerprint({"a": [1, 2.5, "x"], "b": None}) == "484611702413ac68"


def test_versions_name_what_is_absent() -> None:
    found = provenance.versions(["numpy", "no-such-package"])
    assert found["no-such-package"] == "absent"
    assert found["numpy"][0].isdigit()


def test_real_scripts_have_fingerprints(root: Path) -> None:
    scripts = sorted((root / "workflow" / "scripts").glob("*.py"))
    assert scripts
    assert len({provenance.code_of(script).fingerprint for script in scripts}) == len(scripts)
