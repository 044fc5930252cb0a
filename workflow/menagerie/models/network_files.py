"""Files on this machine that a network is built from, found without torch and without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec

# What transformers reads next to a local configuration.
_BESIDE_CONFIG = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")


def network_files(spec: ModelSpec) -> list[Path]:
    """A user's Python file with the neighbouring modules that it imports, or a local configuration with its processor.

    Other networks come with installed packages, whose versions count instead.

    Raises
    ------
    MenagerieError
        When the builder cannot be read.
    """
    if spec.provider not in ("python", "transformers"):
        return []
    name, _ = parse_builder(spec.builder)
    if spec.provider == "python":
        return local_modules(Path(name.rpartition(":")[0]).expanduser())
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


def _imported_files(file: Path, top: Path) -> set[Path]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()  # building the network says what is wrong
    return {path for node in ast.walk(tree) for path in _candidates(node, file.parent, top) if path.is_file()}


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
