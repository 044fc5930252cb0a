"""Fingerprints of code and of values: short strings that change only when what they stand for changes.

A code fingerprint covers a script and every module of this package that the script imports, directly or not. It is
taken from the syntax tree without what cannot change a result: comments, formatting, docstrings (of attributes too),
the wording of messages, and descriptions of columns. The same walk finds the packages that this code imports.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
# Modules that decide how errors read, how files are written and when jobs run, never what a file holds.
INERT = frozenset(
    f"menagerie{name}"
    for name in (
        "",
        ".errors",
        ".files",
        ".files.download",
        ".files.storage",
        ".files.web",
        ".provenance",
        ".provenance.code",
        ".provenance.jobs",
        ".provenance.note",
        ".provenance.lineage",
        ".provenance.recipe",
        ".provenance.sources",
    )
)
# Packages that read configs or print pages of help: no number passes through them.
UNCOUNTED = frozenset({"yaml", "jsonschema", "boto3", "botocore"})
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "skimage": "scikit-image", "open_clip": "open_clip_torch"}
# Calls whose texts only a person reads, and keywords that hold such texts.
_SPEAKING = frozenset({"print", "warn", "unknown", "debug", "info", "warning", "error"})
_WORDING = frozenset({"meaning", "help"})


@dataclass(frozen=True)
class Code:
    """What a rule's code is: its fingerprint, and the version of every package that it imports."""

    fingerprint: str
    versions: Mapping[str, str]


@cache
def code_of(script: Path, also: tuple[str, ...] = ()) -> Code:
    """Fingerprint and packages of a script and all package modules that it uses.

    Parameters
    ----------
    script
        Path of the script.
    also
        Modules that are imported by name at run time (readers, providers), which the syntax tree cannot show.
    """
    own = _analysed(script)
    modules: dict[str, _Module] = {}
    queue = [*own.imports, *also]
    while queue:
        name = queue.pop()
        if name not in modules and name not in INERT:
            modules[name] = _analysed(_module_path(name))
            queue.extend(modules[name].imports)
    digests = [own.digest, *(f"{name}:{modules[name].digest}" for name in sorted(modules))]
    packages = set(own.packages).union(*(module.packages for module in modules.values())) - UNCOUNTED
    return Code(short_digest("\n".join(digests)), versions(sorted(map(_distribution, packages))))


def short_digest(text: str) -> str:
    """First 16 hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def value_fingerprint(value: object) -> str:
    """Fingerprint of plain data (dicts, lists, numbers, strings), 16 hexadecimal digits; key order does not count."""
    return short_digest(json.dumps(value, sort_keys=True, default=str))


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
    return {package: _version(package) for package in packages}


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _distribution(module: str) -> str:
    """Name under which a top-level module is installed."""
    if module in _DISTRIBUTIONS or _version(module) != "absent":
        return _DISTRIBUTIONS.get(module, module)
    return _installed().get(module, [module])[0]


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


@dataclass(frozen=True)
class _Module:
    digest: str
    imports: tuple[str, ...]  # modules of this package
    packages: tuple[str, ...]  # top-level modules of others


@cache
def _analysed(path: Path) -> _Module:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports: set[str] = set()
    packages: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _named(node, path):
                top = name.split(".")[0]
                if top == "menagerie":
                    imports.update(_with_packages_above(name))
                elif top not in sys.stdlib_module_names:
                    packages.add(top)
    return _Module(short_digest(meaningful_code(tree)), tuple(sorted(imports)), tuple(sorted(packages)))


def meaningful_code(tree: ast.Module) -> str:
    """Source text of a module without what cannot change a result; changes ``tree``."""
    return ast.unparse(_Meaningful().visit(tree))


class _Meaningful(ast.NodeTransformer):
    """Takes out docstrings and the wording of messages and descriptions."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return _Wordless().visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return ast.Assert(self.visit(node.test), None)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in _SPEAKING or name.endswith("Error"):
            return _Wordless().visit(node)
        node = self.generic_visit(node)
        for keyword in node.keywords:
            if keyword.arg in _WORDING:
                keyword.value = _Wordless().visit(keyword.value)
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        node = super().generic_visit(node)
        if isinstance(getattr(node, "body", None), list) and not node.body and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]
        return node


class _Wordless(ast.NodeTransformer):
    """Replaces every text by an empty one."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")


def _named(node: ast.Import | ast.ImportFrom, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    else:
        base = _absolute(node, path)
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_packages_above(name: str) -> Iterator[str]:
    """A module and the packages above it, whose ``__init__`` an import runs too; nothing for a name inside a module."""
    if _module_path(name).is_file():
        parts = name.split(".")
        yield from (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    folder = path.parents[node.level - 1].relative_to(PACKAGE.parent)
    return ".".join([*folder.parts, *([node.module] if node.module else [])])


def _module_path(name: str) -> Path:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
