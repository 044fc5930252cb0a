"""The column ``builder``: a name, with options where a network is not built as its package would by itself."""

from __future__ import annotations

import ast
import re
from typing import Any

from menagerie.errors import MenagerieError

_BUILDER = re.compile(r"(?P<name>[^()]+)(?:\((?P<options>[^()]*)\))?")


def parse_builder(builder: str) -> tuple[str, dict[str, Any]]:
    """Split ``name(option=value, ...)`` into name and options; values are Python literals.

    Raises
    ------
    MenagerieError
        When the text has another form.
    """
    match = _BUILDER.fullmatch(builder)
    if match:
        try:
            call = ast.parse(f"f({match['options'] or ''})", mode="eval").body
            if isinstance(call, ast.Call) and not call.args and all(keyword.arg for keyword in call.keywords):
                return match["name"], {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        except (SyntaxError, ValueError):
            pass
    raise MenagerieError(f"Builder '{builder}': expected name or name(option=value, ...), values as in Python.")
