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


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "menagerie"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "alpha.py").write_text(ALPHA)
    (folder / "beta.py").write_text("ONE = 1\n")
    (folder / "gamma.py").write_text("TWO = 2\n")
    (folder / "errors.py").write_text("text = 'a'\n")
    (folder / "inner" / "__init__.py").write_text("")
    (folder / "inner" / "deep.py").write_text("ZERO = 0\n")
    (folder / "script.py").write_text(SCRIPT)
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    return folder


def fingerprint(folder: Path, also: tuple[str, ...] = ()) -> str:
    provenance._analysed.cache_clear()
    provenance._code_fingerprint.cache_clear()
    return provenance.code_fingerprint(folder / "script.py", also)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("script.py", "print(one())", "print( one() )  # why"),
        ("script.py", "Docstring", "Another docstring"),
        ("alpha.py", "Return one.", "Give one back."),
        ("gamma.py", "TWO = 2", "TWO = 3"),
    ],
    ids=["comment and spacing", "script docstring", "function docstring", "module that is not imported"],
)
def test_fingerprint_stays(package: Path, file: str, old: str, new: str) -> None:
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
        ("inner/deep.py", "ZERO = 0", "ZERO = 1"),
        ("inner/__init__.py", "", "import os\n"),
    ],
    ids=["script", "direct import", "import of an import", "relative import", "package above an import"],
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
    assert len({provenance.code_fingerprint(script) for script in scripts}) == len(scripts)
