"""Which recipe a result was made from: read from the result, or from the log of the job that wrote it."""

from __future__ import annotations

import json
from pathlib import Path

from menagerie.provenance.note import noted_in_log


def made_from(path: str | Path, log: str | Path | None = None) -> str:
    """Fingerprint of the recipe that a result records; empty where it records none or cannot be read.

    Parameters
    ----------
    path
        A table, an HDF5 file or a layer inventory; anything else with the log of its job.
    log
        That log.
    """
    path = Path(path)
    if log is not None:
        return noted_in_log(path, Path(log))
    try:
        return {".parquet": _from_table, ".h5": _from_hdf5, ".tsv": _from_inventory}[path.suffix](path)
    except (OSError, ValueError, KeyError):
        return ""


def _from_table(path: Path) -> str:
    import pyarrow as pa  # here, because every start of Snakemake reads this module
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path).metadata or {}
    except pa.ArrowException:
        return ""
    return str(json.loads(metadata[b"menagerie"]).get("made_from", ""))


def _from_hdf5(path: Path) -> str:
    import h5py

    with h5py.File(path, "r") as file:
        return str(file.attrs["made_from"])


def _from_inventory(path: Path) -> str:
    from menagerie.files.inventory import read_header

    return read_header(path).made_from
