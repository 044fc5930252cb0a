"""The language of formulas: names and R's operators, nothing else.

Patsy takes every piece of a formula for Python and evaluates it. What reaches it is therefore read here first, token by
token. Read while Snakemake parses the workflow, so it imports nothing heavy.
"""

from __future__ import annotations

import keyword
import re

from menagerie.errors import MenagerieError

ALLOWED = "column names, numbers, ~ + - * : / ** | ( ), and C(column) or C(column, Treatment('level'))"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_LEVEL = r"""(?:'[^'"\\\n]*'|"[^'"\\\n]*")"""
_CATEGORICAL = rf"C\(\s*{_NAME}\s*(?:,\s*Treatment\(\s*{_LEVEL}\s*\)\s*)?\)"
_TOKEN = re.compile(rf"\s*(?:{_CATEGORICAL}|{_NAME}|\d+|(?P<sign>\*\*|[~+\-*:/|()]))")
_SHAPE = re.compile(rf"\s*{_NAME}\s*~\s*[^~\s][^~]*", re.ASCII)
_OPERATOR = re.compile(r"[+\-*:/|]")
_PRODUCT = re.compile(r"\*\*\s*\d+|[*:/]")
MOST_OPERATORS, MOST_PRODUCTS, LARGEST_POWER = 24, 6, 4


def check_formula(formula: str, where: str = "Formula") -> None:
    """Refuse a formula that is more than an arithmetic of columns.

    Raises
    ------
    MenagerieError
        Naming the first piece that does not belong there: a call, an attribute, an index, a string, a word of Python;
        or when it is not one column, ~ and terms, or has more terms than can be told apart.
    """
    position, before = 0, ""
    while formula[position:].strip():
        found = _TOKEN.match(formula, position)
        # Two operands side by side, or a bracket behind a name, a number or a bracket, would be a call.
        is_call = before == "operand" and found is not None and found["sign"] in (None, "(")
        if found is None or is_call or keyword.iskeyword(found[0].strip()):
            piece = formula[position:].strip()
            raise MenagerieError(
                f"{where} '{formula}': found '{piece[:40]}' where only {ALLOWED} may stand. Formulas are not run as "
                "Python; compute what you need as a column of the model table."
            )
        before = "operand" if found["sign"] in (None, ")") else "sign"
        position = found.end()
    if formula.strip() and not _SHAPE.fullmatch(formula):
        raise MenagerieError(
            f"{where} '{formula}': found no single column before one ~, expected score ~ a + b. Write it so."
        )
    products = _PRODUCT.findall(formula)
    powers = [piece.strip("* \t\n") for piece in products if piece.startswith("**")]
    too_high = any(len(power) > 1 or int(power) > LARGEST_POWER for power in powers)
    if (found := len(_OPERATOR.findall(formula))) > MOST_OPERATORS or len(products) > MOST_PRODUCTS or too_high:
        raise MenagerieError(
            f"{where} '{formula}': found {found} operators, {len(products)} of them products, expected at most "
            f"{MOST_OPERATORS}, {MOST_PRODUCTS} and powers up to {LARGEST_POWER}: every product multiplies the terms. "
            "Simplify it."
        )
