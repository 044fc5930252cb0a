"""Region expressions: ``ncsnr > 0.2 and streams in {ventral, lateral}``, parsed, checked and computed per voxel.

The text is parsed with :mod:`ast` and walked through a whitelist; nothing is ever evaluated as Python.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np

from menagerie.errors import MenagerieError, unknown

_COMPARE = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ALLOWED = "and, or, not, comparisons, in {...}, names and numbers"
_MAX_LENGTH = 4000
_LARGEST = 1e308  # whole numbers above have no floating-point value


def canonical(name: str) -> str:
    """A label as it is written in expressions: dashes become underscores ("FFA-1" -> "FFA_1")."""
    return name.replace("-", "_")


@dataclass(frozen=True)
class Labels:
    """A volume of labels: ``codes`` (v,) whole numbers and the number of each name (canonical)."""

    codes: np.ndarray
    numbers: Mapping[str, int]


@dataclass(frozen=True)
class Truth:
    """Truth values of ``v`` voxels: ``holds`` and ``fails`` are bool ``(v,)``; where neither is True it is unknown."""

    holds: np.ndarray
    fails: np.ndarray

    @classmethod
    def of(cls, mask: np.ndarray) -> Truth:
        """Of a mask that is known everywhere."""
        mask = np.asarray(mask, dtype=bool)
        return cls(mask, ~mask)

    @property
    def unknown(self) -> np.ndarray:
        """Bool ``(v,)``: neither true nor false."""
        return ~(self.holds | self.fails)

    def __invert__(self) -> Truth:
        return Truth(self.fails, self.holds)

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.holds & other.holds, self.fails | other.fails)

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.holds | other.holds, self.fails & other.fails)


Value = np.ndarray | Labels | Truth  # float (v,), bool (v,), labels, or a region that was defined before


def names_in(text: str, *, where: str) -> list[str]:
    """Every name that an expression mentions, each once, the outer ones first.

    Raises
    ------
    MenagerieError
        When the text is not an expression of the allowed kind.
    """
    nodes = ast.walk(_parse(text, where))
    return list(dict.fromkeys(name for node in nodes if (name := _name(node)) is not None))


def evaluate(text: str, values: Mapping[str, Value], *, where: str) -> np.ndarray:
    """Bool ``(v,)``: the voxels for which an expression certainly holds; see :func:`find_truth`."""
    return find_truth(text, values, where=where).holds


def find_truth(text: str, values: Mapping[str, Value], *, where: str) -> Truth:
    """For which voxels an expression holds, for which it does not, and for which that is unknown.

    A comparison with NaN is unknown, whichever it is; ``not`` leaves it so; ``and`` and ``or`` are unknown where the
    other side does not decide (Kleene's strong three-valued logic).

    Parameters
    ----------
    text
        Expression of ``and``, ``or``, ``not``, comparisons, ``in``, names and numbers. A label's name alone
        stands for the voxels that carry it; a label volume alone for the voxels with a label above 0.
    values
        Name -> float or bool ``(v,)``, :class:`Labels`, or :class:`Truth` of a region that was defined before.
    where
        What the expression defines, for messages.

    Raises
    ------
    MenagerieError
        When the text does not parse, uses anything else, or names something unknown.
    """
    tree = _parse(text, where)
    try:
        return _Walk(values, where).truth(tree.body)
    except RecursionError:
        raise MenagerieError(f"{where}: '{_short(text)}' is nested too deeply; make it simpler.") from None


def _parse(text: str, where: str) -> ast.Expression:
    if not isinstance(text, str) or not text.strip() or len(text) > _MAX_LENGTH:
        raise MenagerieError(f"{where}: expected an expression of up to {_MAX_LENGTH} characters, found {text!r:.60}.")
    try:
        # In brackets, so that an expression may run over several lines.
        return ast.parse(f"({text}\n)", mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise MenagerieError(
            f"{where}: '{_short(text)}' is not an expression ({error}). Allowed: {_ALLOWED}."
        ) from None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:77] + "..."


def _name(node: ast.AST) -> str | None:
    """Canonical name of a name or a quoted name, else None."""
    if isinstance(node, ast.Name):
        return canonical(node.id)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return canonical(node.value)
    return None


class _Walk:
    """Walks an expression, one method a kind of result; each raises MenagerieError, naming the part at fault."""

    def __init__(self, values: Mapping[str, Value], where: str):
        self.values = values
        self.where = where

    def refuse(self, node: ast.AST) -> MenagerieError:
        """The error for a part that the language does not have."""
        return MenagerieError(f"{self.where}: '{ast.unparse(node)}' is not allowed here. Allowed: {_ALLOWED}.")

    def truth(self, node: ast.AST) -> Truth:
        """What is true or false: and, or, not, comparisons, labels."""
        if isinstance(node, ast.BoolOp):
            join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
            return reduce(join, [self.truth(value) for value in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.truth(node.operand)
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        if _name(node) is not None:
            return self.named(node)
        raise self.refuse(node)

    def named(self, node: ast.AST) -> Truth:
        """A name by itself: inside a label volume, a label, a mask or an earlier region."""
        value = self.lookup(node)
        if isinstance(value, Truth):
            return value
        if isinstance(value, Labels):
            return Truth.of(value.codes > 0)
        if value.dtype != bool:
            raise MenagerieError(f"{self.where}: '{_name(node)}' is a number; compare it ('{_name(node)} > 0.2').")
        return Truth.of(value)

    def lookup(self, node: ast.AST) -> Value:
        """The value of a name: a volume, an earlier region, or the mask of a label that one volume has."""
        name = _name(node)
        if name in self.values:
            return self.values[name]
        owners = [volume for volume, value in self.values.items() if _has_label(value, name)]
        if len(owners) == 1:
            labels = self.values[owners[0]]
            return labels.codes == labels.numbers[name]
        if owners:
            raise MenagerieError(
                f"{self.where}: label '{name}' is in several volumes ({', '.join(owners)}). "
                f"Write which: '{owners[0]} in {{{name}}}'."
            )
        raise unknown(f"name in {self.where}", name, known_names(self.values))

    def comparison(self, node: ast.Compare) -> Truth:
        """A chain such as ``0.2 < ncsnr < 0.4``."""
        sides = [node.left, *node.comparators]
        parts = [self.pair(*pair) for pair in zip(sides, node.ops, sides[1:], strict=False)]
        return reduce(operator.and_, parts)

    def pair(self, left: ast.AST, op: ast.cmpop, right: ast.AST) -> Truth:
        """One link of a chain."""
        if isinstance(op, ast.In | ast.NotIn):
            found = Truth.of(self.membership(left, right))
            return ~found if isinstance(op, ast.NotIn) else found
        if type(op) not in _COMPARE:
            raise self.refuse(ast.Compare(left, [op], [right]))
        if isinstance(op, ast.Eq | ast.NotEq) and isinstance(self.values.get(_name(left) or ""), Labels):
            found = Truth.of(self.membership(left, ast.Tuple([right])))
            return ~found if isinstance(op, ast.NotEq) else found
        a, b = self.number(left), self.number(right)
        if not (isinstance(a, np.ndarray) or isinstance(b, np.ndarray)):
            raise MenagerieError(
                f"{self.where}: '{ast.unparse(ast.Compare(left, [op], [right]))}' compares two numbers, expected a "
                "name on one side. Name what is compared ('ncsnr > 0.2')."
            )
        with np.errstate(invalid="ignore"):
            result = _COMPARE[type(op)](a, b)
        known = ~(np.isnan(a) | np.isnan(b))
        return Truth(result & known, ~result & known)

    def number(self, node: ast.AST) -> np.ndarray | float:
        """A number, or the values of a volume that holds numbers."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self.number(node.operand)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return float(node.value) if node.value < _LARGEST else math.inf
        if _name(node) is None:
            raise self.refuse(node)
        value = self.lookup(node)
        if isinstance(value, Labels | Truth) or value.dtype == bool:
            raise MenagerieError(
                f"{self.where}: '{_name(node)}' holds labels, not numbers; write '{_name(node)} in {{name, name}}'."
            )
        return value

    def membership(self, left: ast.AST, right: ast.AST) -> np.ndarray:
        """``volume in {label, label}``."""
        if _name(left) is None or not isinstance(right, ast.Set | ast.Tuple | ast.List):
            raise self.refuse(ast.Compare(left, [ast.In()], [right]))
        labels = self.lookup(left)
        if not isinstance(labels, Labels):
            raise MenagerieError(f"{self.where}: '{_name(left)}' has no labels; compare it with a number.")
        return np.isin(labels.codes, [self.label(labels, _name(left), item) for item in right.elts])

    def label(self, labels: Labels, volume: str, node: ast.AST) -> int:
        """Number of a label of a volume."""
        name = _name(node)
        if name is None:
            raise self.refuse(node)
        if name not in labels.numbers:
            raise unknown(f"label of {volume} in {self.where}", name, labels.numbers)
        return labels.numbers[name]


def _has_label(value: Value, name: str) -> bool:
    return isinstance(value, Labels) and name in value.numbers


def known_names(values: Mapping[str, Value]) -> Iterable[str]:
    """Every name that an expression over these values may use."""
    labels = (label for value in values.values() if isinstance(value, Labels) for label in value.numbers)
    return {*values, *labels}
