"""Several tests of one person: p corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

METHODS: Mapping[str, str] = {"p_holm": "holm", "p_fdr": "fdr_bh"}
"""Column -> name in statsmodels: Holm (1979) for any error in the family, Benjamini & Hochberg (1995) for a share."""
FAMILY = ("dataset", "subject", "region", "metric", "split", "selected_on")


def add_corrected(table: pa.Table, family: Sequence[str] = FAMILY) -> pa.Table:
    """Fill the columns :data:`METHODS` of a table from its column ``p``.

    Parameters
    ----------
    table
        Table with the columns; where they are there already, they are written anew.
    family
        Columns whose equal values make up a family of tests. Rows without p are not counted.

    Returns
    -------
    Table
        The same rows in the same order.
    """
    members: dict[tuple, list[int]] = {}
    p = np.array(table["p"].to_pylist(), dtype=float)
    for row, place in enumerate(zip(*(table[key].to_pylist() for key in family), strict=True)):
        if np.isfinite(p[row]):
            members.setdefault(place, []).append(row)
    for name, method in METHODS.items():
        values: list[float | None] = [None] * len(table)
        for rows in members.values():
            for row, value in zip(rows, corrected(p[rows], method), strict=True):
                values[row] = float(value)
        position = table.schema.get_field_index(name)
        field = table.schema.field(position)
        table = table.set_column(position, field, pa.array(values, field.type))
    return table


def corrected(p: np.ndarray, method: str) -> np.ndarray:
    """``(n,)`` corrected p of one family by a method of statsmodels; NaN stays, and is not counted."""
    from statsmodels.stats.multitest import multipletests  # here: it takes a second

    found, known = np.full(len(p), np.nan), np.isfinite(p)
    if known.any():
        found[known] = multipletests(p[known], method=method)[1]
    return found
