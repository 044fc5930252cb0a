"""Files on this machine that a network is built from, found without torch and without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec

# What transformers reads next to a local configuration.
_BESIDE_CONFIG = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")


def network_files(spec: ModelSpec) -> list[Path]:
    """What a network is built from, besides installed packages.

    A user's Python file with the neighbouring modules that it imports and the data files that these declare, or a local
    configuration with its processor.

    Other networks come with installed packages, whose versions count instead.

    Raises
    ------
    MenagerieError
        When the builder cannot be read, or a file declares its sources otherwise than as a list of names.
    """
    if spec.provider not in ("python", "transformers"):
        return []
    name, _ = parse_builder(spec.builder)
    if spec.provider == "python":
        modules = local_modules(Path(name.rpartition(":")[0]).expanduser())
        sources = [source for file in modules for source in declared_sources(file)]
        return [*modules, *dict.fromkeys(source for source in sources if source not in modules)]
    place = Path(name).expanduser()
    config = place / "config.json" if place.is_dir() else place
    beside = [config.with_name(other) for other in _BESIDE_CONFIG]
    return [path for path in (config, *beside) if path.is_file()]


def local_modules(path: Path) -> list[Path]:
    """A Python file, and all files that it imports from its own folder (or below), directly or not; in fixed order."""
    found: dict[Path, None] = {}
    queue = [path]
    while queue:
        file = queue.pop()
        if file not in found:
            found[file] = None
            queue.extend(sorted(_imported_files(file, path.parent)))
    first, *others = found
    return [first, *sorted(others)]


def declared_sources(file: Path) -> list[Path]:
    """Data files that a Python file opens, by its list ``SOURCES`` of paths relative to itself; read, not run.

    Raises
    ------
    MenagerieError
        When ``SOURCES`` is anything but a literal list of text, or names a file that does not exist.
    """
    found: list[Path] = []
    for node in _tree(file).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if not any(isinstance(target, ast.Name) and target.id == "SOURCES" for target in targets):
            continue
        try:
            names = ast.literal_eval(node.value) if isinstance(node, ast.Assign | ast.AnnAssign) else None
        except (ValueError, TypeError):
            names = None
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise MenagerieError(
                f"{file}, line {node.lineno}: SOURCES is read without running the file, expected a list of file names "
                f'as plain text, found: {ast.unparse(node)[:80]}. Write it out, as in SOURCES = ["weights.json"].'
            )
        found += [file.parent / Path(name).expanduser() for name in names]
    if missing := [path for path in found if not path.is_file()]:
        raise MenagerieError(
            f"{file}: SOURCES names {missing[0]}, expected a file there (paths are relative to the Python file), found "
            "none. Correct the list."
        )
    return found


def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])  # building the network says what is wrong


def _imported_files(file: Path, top: Path) -> set[Path]:
    return {path for node in ast.walk(_tree(file)) for path in _candidates(node, file.parent, top) if path.is_file()}


def _candidates(node: ast.AST, here: Path, top: Path) -> Iterator[Path]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _module_files(top, alias.name)
    elif isinstance(node, ast.ImportFrom):
        base = here if node.level else top
        for _ in range(max(node.level - 1, 0)):
            base = base.parent
        yield from _module_files(base, node.module or "")
        for alias in node.names:
            yield from _module_files(base, ".".join(filter(None, (node.module, alias.name))))


def _module_files(base: Path, name: str) -> Iterator[Path]:
    """The file of a module, and the ``__init__`` of every package above it."""
    place = base
    for part in filter(None, name.split(".")):
        place = place / part
        yield place / "__init__.py"
    if place != base:
        yield place.with_name(f"{place.name}.py")
