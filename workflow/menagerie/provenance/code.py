"""Fingerprints: what a result depends on, as short strings that change only when the dependence does.

A rule's code fingerprint covers its script and every module of this package that the script imports,
directly or not. It is taken from the syntax tree without docstrings, so that comments, formatting and
documentation do not count; Snakemake compares it as a param of the rule.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
# Modules that say how errors read or how files are written, never what is in them.
INERT = frozenset(
    f"menagerie{name}"
    for name in ("", ".errors", ".files", ".files.storage", ".provenance", ".provenance.jobs", ".provenance.code")
)


def code_fingerprint(script: str | Path, also: Iterable[str] = ()) -> str:
    """Fingerprint of a script and all package modules that it uses, 16 hexadecimal digits.

    Parameters
    ----------
    script
        Path of the script.
    also
        Modules that are imported by name at run time (readers, providers), which the syntax tree cannot show.
    """
    return _code_fingerprint(Path(script), tuple(also))


@cache
def _code_fingerprint(script: Path, also: tuple[str, ...]) -> str:
    seen: set[str] = set()
    queue = [*_analysed(script)[1], *also]
    while queue:
        module = queue.pop()
        if module in seen or module in INERT:
            continue
        seen.add(module)
        queue.extend(_analysed(_module_path(module))[1])
    digests = [_analysed(script)[0], *(f"{name}:{_analysed(_module_path(name))[0]}" for name in sorted(seen))]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]


def value_fingerprint(value: object) -> str:
    """Fingerprint of plain data (dicts, lists, numbers, strings), 16 hexadecimal digits; key order does not count."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def array_fingerprint(arrays: Mapping[str, Any]) -> str:
    """Fingerprint of named numpy arrays of numbers or strings, 16 hexadecimal digits; their order does not count."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        texts = array.dtype.kind in "OUST"
        digest.update(f"{name}:{'text' if texts else array.dtype.str}:{array.shape}\n".encode())
        digest.update(json.dumps(array.tolist()).encode() if texts else array.tobytes())
    return digest.hexdigest()[:16]


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed version of each package; "absent" where it is not installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


@cache
def _analysed(path: Path) -> tuple[str, tuple[str, ...]]:
    """Digest of a module's syntax, and the package modules that it imports, from one walk over its tree."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstring(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(_imported(node, path))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(sorted(imports))


def _drop_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:]


def _imported(node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        candidates = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node, path)
        candidates = [base, *(f"{base}.{alias.name}" for alias in node.names)]
    else:
        return
    for name in candidates:
        if name.split(".")[0] == "menagerie" and _module_path(name).is_file():
            parts = name.split(".")
            # Importing a module runs the __init__ of every package above it.
            yield from (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    folder = path.parents[node.level - 1].relative_to(PACKAGE.parent)
    return ".".join([*folder.parts, *([node.module] if node.module else [])])


def _module_path(name: str) -> Path:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
