"""The column ``builder``: a name, with options where a network is not built as its package would by itself."""

from __future__ import annotations

import ast
import re
from typing import Any

from menagerie.errors import MenagerieError

# Options by which packages would fetch or open weights themselves, unverified or unpickled.
_WEIGHTS = ("checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "weights")
_BUILDER = re.compile(r"(?P<name>[^()]+)(?:\((?P<options>[^()]*)\))?")


def parse_builder(builder: str) -> tuple[str, dict[str, Any]]:
    """Split ``name(option=value, ...)`` into name and options; values are Python literals.

    Raises
    ------
    MenagerieError
        When the text has another form, or an option names weights.
    """
    match = _BUILDER.fullmatch(builder)
    if match:
        try:
            call = ast.parse(f"f({match['options'] or ''})", mode="eval").body
            if isinstance(call, ast.Call) and not call.args and all(keyword.arg for keyword in call.keywords):
                options = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
                _refuse_weights(builder, options)
                return match["name"], options
        except (SyntaxError, ValueError):
            pass
    raise MenagerieError(f"Builder '{builder}': expected name or name(option=value, ...), values as in Python.")


def _refuse_weights(builder: str, options: dict[str, Any]) -> None:
    for name in _WEIGHTS:
        if name in options:
            raise MenagerieError(
                f"Builder '{builder}': found the option '{name}'; expected options of the architecture only. "
                "Name weights in the column 'weights' of the model table, or as provider/name@checkpoint."
            )
