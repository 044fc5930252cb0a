"""What raises an error for users says so; that everything public has a docstring is ruff's to tell (``make lint``)."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "workflow" / "menagerie"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def errors_of(trees: list[ast.Module]) -> dict[str, str]:
    """What may stand behind ``raise`` -> the class that is raised: :class:`MenagerieError`, its kinds, their makers."""
    kinds = {"MenagerieError": "MenagerieError"}
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    kinds |= {c.name: c.name for c in classes if any(ast.unparse(base) in kinds for base in c.bases)}
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, Function) and node.returns]
    return kinds | {f.name: kinds[ast.unparse(f.returns)] for f in functions if ast.unparse(f.returns) in kinds}


def raised(function: Function, known: dict[str, str], helpers: dict[str, Function]) -> set[str]:
    """Classes that the body raises, itself or by a private function of its module; not by functions inside it."""
    found, todo = set(), list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, Function | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func).rpartition(".")[2]
            found |= {known[name]} if name in known else set()
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func).rpartition(".")[2]) in helpers:
            others = {
                key: helper for key, helper in helpers.items() if key != name
            }  # once each: they may go in circles
            found |= raised(helpers[name], known, others)
        todo.extend(ast.iter_child_nodes(node))
    return found


def private(tree: ast.Module) -> dict[str, Function]:
    """Private functions and methods of a module by name."""
    found = (node for node in ast.walk(tree) if isinstance(node, Function))
    return {node.name: node for node in found if node.name.startswith("_") and not node.name.endswith("__")}


def public(node: ast.Module | ast.ClassDef, inside: str = "") -> Iterator[tuple[Function, str, str]]:
    """Public functions and methods, their names, and the docstrings that speak of them; a command has no caller."""
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public(child, f"{child.name}.")
        if not isinstance(child, Function) or any(ast.unparse(d) == "command" for d in child.decorator_list):
            continue
        if child.name in ("__init__", "__post_init__"):
            yield child, inside + child.name, ast.get_docstring(node) or ""
        elif not child.name.startswith("_") or child.name.endswith("__"):
            yield child, inside + child.name, ast.get_docstring(child) or ""


def silent(trees: dict[str, ast.Module]) -> list[str]:
    """Functions whose section Raises lacks an error that they raise."""
    known = errors_of(list(trees.values()))
    return [
        f"{where}:{function.lineno} {name} raises {error}"
        for where, tree in trees.items()
        for function, name, said in public(tree)
        for error in sorted(raised(function, known, private(tree)))
        if not {error, "MenagerieError"} & set(said.partition("Raises\n------")[2].split())
    ]


def test_errors_for_users_stand_under_raises() -> None:
    trees = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
    assert len(trees) > 100
    assert silent(trees) == []


def test_the_test_sees_what_it_should() -> None:
    text = '''
    class MenagerieError(Exception): "For users."
    class Worse(MenagerieError): "One kind."
    def unknown(name) -> MenagerieError: return MenagerieError(name)
    def told():
        """Right.

        Raises
        ------
        Worse
            At night.
        """
        raise Worse("no")
    def helper_untold(name):
        """Wrong: mentions MenagerieError in passing."""
        if name:
            raise unknown(name)
    class Reader:
        """Wrong for its __init__."""
        def __init__(self):
            raise MenagerieError("no")
        def _inner(self):
            self._inner()
            raise MenagerieError("not public")
        def by_another(self):
            """Wrong by what it calls."""
            return self._inner()
    @command
    def main():
        """Its errors become messages."""
        raise MenagerieError("no")
    '''
    found = silent({"x.py": ast.parse(textwrap.dedent(text))})
    assert [line.partition(" ")[2] for line in found] == [
        "helper_untold raises MenagerieError",
        "Reader.__init__ raises MenagerieError",
        "Reader.by_another raises MenagerieError",
    ]
