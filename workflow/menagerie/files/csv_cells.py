"""Text in CSV files that people open in a spreadsheet: a cell that would be a formula there stays text."""

from __future__ import annotations

import pandas as pd

from menagerie.errors import on_screen

_BEGINS_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def harmless(text: object) -> object:
    """A cell as it is written: control characters escaped, an apostrophe before what a spreadsheet takes for a formula.

    A bare carriage return would begin a new row, whose first cell would be the rest of the text.
    """
    if not isinstance(text, str):
        return text
    line = on_screen(text).replace("\n", "\\n").replace("\t", "\\t")
    return f"'{line}" if line.lstrip().startswith(_BEGINS_FORMULA) else line


def harmless_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose text cells and column names are harmless; numbers are left as they are."""
    safe = table.rename(columns=harmless)
    for place, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, safe.iloc[:, place].astype(object).map(harmless))
    return safe
