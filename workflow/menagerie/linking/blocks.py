"""A block of layers in one process: a failing layer neither loses nor repeats the work of its neighbours.

Each finished layer waits in a folder beside the block's table. When a job fails or is killed, the next one starts
from there; when all layers are done, the folder is removed, so that few files remain.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa

from menagerie.errors import MenagerieError
from menagerie.files.tables import read_provenance, read_table, write_table


def score_block(
    layers: Iterable[int], score: Callable[[int], pa.Table], output: str | Path, fingerprint: str
) -> pa.Table:
    """Score layer by layer, taking what an earlier attempt at the same work has finished.

    Parameters
    ----------
    layers
        Inventory indices, in order.
    score
        From an index to the table of that layer.
    output
        The block's table; finished layers wait in ``.<name>.parts`` beside it.
    fingerprint
        Of everything that the scores depend on; parts with another one are not used.

    Returns
    -------
    pa.Table
        The tables of all layers, in order.

    Raises
    ------
    MenagerieError
        When layers failed: how many, which, and the first reason. All others are finished by then.
    """
    layers = list(layers)
    if not layers:
        raise MenagerieError(f"{output}: the geometry holds none of these layers. Run the workflow again.")
    if len(layers) == 1:
        return score(layers[0])
    output = Path(output)
    parts = output.with_name(f".{output.name}.parts")
    tables, failures = {}, {}
    for index in layers:
        part = parts / f"{index:04d}.parquet"
        tables[index] = _finished(part, fingerprint)
        if tables[index] is None:
            try:
                tables[index] = score(index)
                write_table(part, tables[index], {"fingerprint": fingerprint})
            except MemoryError:
                raise
            except Exception as error:
                traceback.print_exc()
                failures[index] = f"{type(error).__name__}: {error}"
    if failures:
        first = next(iter(failures))
        raise MenagerieError(
            f"{len(failures)} of {len(layers)} layers failed ({', '.join(map(str, failures))}); layer {first}: "
            f"{failures[first]}. The others are kept: fix the cause and run the same command again."
        )
    shutil.rmtree(parts, ignore_errors=True)
    return pa.concat_tables(tables.values())


def _finished(part: Path, fingerprint: str) -> pa.Table | None:
    """The table of a layer that an earlier attempt finished; None where there is none that can be used."""
    if not part.is_file():
        return None
    try:
        known = read_provenance(part).get("fingerprint")
        return read_table(part).replace_schema_metadata(None) if known == fingerprint else None
    except (MenagerieError, OSError, pa.ArrowInvalid):
        return None
