"""Free text in the parameters of rules that `snakemake --report` shows: it writes them into a script as they are."""

from __future__ import annotations

import json
from typing import Any


def to_param(value: object) -> str:
    """Plain data (JSON's types) as text in which nothing can end a script or begin an element."""
    text = json.dumps(value, ensure_ascii=True)
    for character in "<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def from_param(text: str) -> Any:
    """What :func:`to_param` was given; tuples come back as lists."""
    return json.loads(text)
