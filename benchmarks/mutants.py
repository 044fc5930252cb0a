"""The mutants of a file: one change each to its syntax tree, in what is computed, not in what is said.

Left alone: strings (column names, docstrings, messages), what stands inside ``raise``, f-strings and warnings,
annotations, ``strict=`` and ``stacklevel=``, the numbers in a table of columns, and sizes of blocks.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
}
CLAMPS = {"max", "min", "maximum", "minimum", "clip"}
SAID = {"unknown", "warn", "column", "MenagerieError", "UndefinedError", "Remark", "NewType", "TypeVar"}
SPEED_ONLY = {"CHUNK_VALUES", "GPU_CHUNK_VALUES", "CHUNK_WIDTH", "BLOCK", "_BLOCK", "MEMORY_BUDGET"}
"""Constants that change how much is worked on at a time, and no number."""
UNTOUCHED_KEYWORDS = {"strict", "stacklevel", "copy", "maxsplit"}


@dataclass(frozen=True)
class Mutant:
    """One change: where, what it reads before and after, and which lines run when it does."""

    path: Path
    number: int
    line: int
    before: str
    after: str
    lines: frozenset[int] | None  # None: at import, so whatever runs the file


@dataclass
class Site:
    """A node that may be changed, by ``change()``, in place."""

    node: ast.AST
    before: str
    change: Callable[[], ast.AST]
    lines: frozenset[int] | None


def mutants_of(path: Path) -> list[Mutant]:
    """All mutants of a file, in the order of its tree."""
    found = []
    for number, site in enumerate(_sites(ast.parse(path.read_text()))):
        after = ast.unparse(site.change())
        found.append(Mutant(path, number, site.node.lineno, _short(site.before), _short(after), site.lines))
    return found


def mutated(path: Path, number: int) -> ast.Module:
    """The tree of a file with one mutant in it."""
    tree = ast.parse(path.read_text())
    for position, site in enumerate(_sites(tree)):
        if position == number:
            site.change()
            return ast.fix_missing_locations(tree)
    raise IndexError(number)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else text[:87] + "..."


def _sites(tree: ast.Module) -> list[Site]:
    # A list first: changes are made to one fresh tree, or to a tree whose later changes do not matter.
    return list(_visit(tree, None, None))


def _visit(node: ast.AST, lines: frozenset[int] | None, shown: ast.AST | None) -> Iterator[Site]:
    """Sites below a node; ``shown`` is the smallest expression around them that is worth printing."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "type_params"):
            continue
        for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _is_said(child):
                continue
            here = _lines(node, field, child, lines)
            around = child if isinstance(child, ast.Compare | ast.BinOp | ast.Call | ast.BoolOp | ast.stmt) else shown
            default = isinstance(node, ast.arguments) and field in ("defaults", "kw_defaults")
            for change in _changes(node, field, place, child, default):
                yield Site(child, _before(child, shown), change, here)
            yield from _visit(child, here, around)


def _is_said(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id in SPEED_ONLY
    if isinstance(node, ast.keyword):
        return node.arg in UNTOUCHED_KEYWORDS
    return isinstance(node, ast.Call) and _name(node.func) in SAID


def _name(function: ast.AST) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _lines(parent: ast.AST, field: str, child: ast.AST, lines: frozenset[int] | None) -> frozenset[int] | None:
    """Lines of which one runs when the child does: those of its statement; of a default, the function's body."""
    if isinstance(parent, ast.FunctionDef) and field == "args":
        return frozenset(range(parent.body[0].lineno, parent.end_lineno + 1))
    if isinstance(child, ast.FunctionDef):
        return None
    if not isinstance(child, ast.stmt) or not _in_function(parent, lines):
        return lines
    body = getattr(child, "body", None)
    last = body[0].lineno - 1 if isinstance(body, list) and body else child.end_lineno
    return frozenset(range(child.lineno, max(last, child.lineno) + 1))


def _in_function(parent: ast.AST, lines: frozenset[int] | None) -> bool:
    return isinstance(parent, ast.FunctionDef) or lines is not None


def _before(node: ast.AST, around: ast.AST | None) -> str:
    text = ast.unparse(node).splitlines()[0]
    alone = not isinstance(node, ast.Constant) or around is None
    return text if alone else f"{text} in {ast.unparse(around).splitlines()[0]}"


def _changes(
    parent: ast.AST, field: str, place: int | None, node: ast.AST, default: bool
) -> Iterator[Callable[[], ast.AST]]:
    def replace(new: ast.AST) -> Callable[[], ast.AST]:
        def change() -> ast.AST:
            ast.copy_location(new, node)
            if place is None:
                setattr(parent, field, new)
            else:
                getattr(parent, field)[place] = new
            return new

        return change

    if isinstance(node, ast.Compare):
        for position, operator in enumerate(node.ops):
            new_ops = [COMPARISONS[type(o)]() if k == position else o for k, o in enumerate(node.ops)]
            if type(operator) in COMPARISONS:
                yield replace(ast.Compare(node.left, new_ops, node.comparators))
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        if not any(isinstance(x, ast.Constant) and isinstance(x.value, str) for x in (node.left, node.right)):
            yield replace(ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right))
    elif isinstance(node, ast.BoolOp):
        yield replace(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield replace(node.operand)
    elif isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
        yield replace(ast.AugAssign(node.target, OPERATORS[type(node.op)](), node.value))
    elif isinstance(node, ast.If) and isinstance(node.body[0], ast.Return | ast.Continue | ast.Raise):
        yield replace(ast.If(ast.Constant(False), node.body, node.orelse))
    elif isinstance(node, ast.Call) and _name(node.func) in CLAMPS and len(node.args) > 1:
        yield replace(node.args[0])
    elif isinstance(node, ast.Constant):
        yield from (replace(ast.Constant(new)) for new in _constants(parent, node.value, default))


def _constants(parent: ast.AST, value: object, default: bool) -> list[object]:
    if isinstance(value, bool):
        return [not value] if default else []
    if isinstance(parent, ast.keyword) and parent.arg in ("axis", "ddof") and value in (0, 1):
        return [1 - value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [2 * value, 0.0] if value else [1.0]
    return []
