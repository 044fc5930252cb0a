"""Options of the dataset readers, checked against what each reader knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from menagerie.errors import unknown


def fill_options(reader: str, options: Mapping[str, Any] | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults, overridden by the given options.

    Raises
    ------
    MenagerieError
        When an option is not among the defaults, with the nearest that is.
    """
    for name in options or {}:
        if name not in defaults:
            raise unknown(f"option of reader {reader} (config key datasets.<name>.options)", name, defaults)
    return {**defaults, **(options or {})}
