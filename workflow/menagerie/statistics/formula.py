"""The language of formulas: names and R's operators, nothing else.

Patsy takes every piece of a formula for Python and evaluates it. What reaches it is therefore read here first, token by
token. Read while Snakemake parses the workflow, so it imports nothing heavy.
"""

from __future__ import annotations

import re

from menagerie.errors import MenagerieError

ALLOWED = "column names, numbers, ~ + - * : / ** | ( ), and C(column) or C(column, Treatment('level'))"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_LEVEL = r"""(?:'[^'"\\\n]*'|"[^'"\\\n]*")"""
_CATEGORICAL = rf"C\(\s*{_NAME}\s*(?:,\s*Treatment\(\s*{_LEVEL}\s*\)\s*)?\)"
_TOKEN = re.compile(rf"\s*(?:{_CATEGORICAL}|{_NAME}|\d+|(?P<sign>\*\*|[~+\-*:/|()]))")


def check_formula(formula: str, where: str = "Formula") -> None:
    """Refuse a formula that is more than an arithmetic of columns.

    Raises
    ------
    MenagerieError
        Naming the first piece that does not belong there: a call, an attribute, an index, a string, ...
    """
    position, before = 0, ""
    while formula[position:].strip():
        found = _TOKEN.match(formula, position)
        # A bracket behind a name, a number or a bracket would be a call.
        if found is None or (found["sign"] == "(" and before not in ("", "sign")):
            piece = formula[position:].strip()
            raise MenagerieError(
                f"{where} '{formula}': found '{piece[:40]}' where only {ALLOWED} may stand. Formulas are not run as "
                "Python; compute what you need as a column of the model table."
            )
        before = "operand" if found["sign"] in (None, ")") else "sign"
        position = found.end()
