"""Inputs that would take forever, or all memory: each is a message within seconds."""

from __future__ import annotations

import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from menagerie.brain.formats.array_files import open_array
from menagerie.brain.formats.csv_files import read_csv
from menagerie.brain.formats.hdf5_files import read_hdf5
from menagerie.brain.formats.mat_files import read_mat
from menagerie.brain.formats.parquet_files import read_parquet
from menagerie.brain.rsms.rsm_files import read_matrices
from menagerie.brain.split_files import read_ids
from menagerie.brain.user_files.response_files import read_responses
from menagerie.brain.user_files.unit_tables import read_units
from menagerie.errors import MenagerieError
from menagerie.models.checkpoints.read import read_checkpoint
from menagerie.models.registry import read_registry
from menagerie.statistics.experiments import read_experiments
from menagerie.survey.config import read_config

READERS = {
    "array.npy": open_array,
    "table.csv": read_csv,
    "table.parquet": read_parquet,
    "file.h5": read_hdf5,
    "file.mat": read_mat,
    "ids.txt": read_ids,
    "ids.json": read_ids,
    "responses.csv": read_responses,
    "responses.npy": read_responses,
    "units.csv": lambda path: read_units(path, 5, None),
    "rsm.csv": lambda path: read_matrices(path, ["a", "b", "c"]),
    "rsm.npy": lambda path: read_matrices(path, ["a", "b", "c"]),
    "rsm.mat": lambda path: read_matrices(path, ["a", "b", "c"]),
    "rsm.h5": lambda path: read_matrices(path, ["a", "b", "c"]),
    "models.tsv": read_registry,
    "config.yaml": read_config,
    "experiments.yaml": read_experiments,
    "weights.pth": read_checkpoint,
    "weights.safetensors": read_checkpoint,
    "weights.npz": read_checkpoint,
    "model.safetensors.index.json": read_checkpoint,
}


@pytest.fixture
def soon():
    """Fails a test that took longer than a person waits."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_no_reader_waits_for_a_pipe_or_reads_a_device(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / name
    {"pipe": os.mkfifo, "device": lambda path: path.symlink_to("/dev/zero"), "folder": os.mkdir}[kind](path)
    with pytest.raises(MenagerieError, match=r"found a (pipe|folder)"):
        READERS[name](path)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    path = tmp_path / "wide.csv"
    row = ",".join(["1.5"] * 100_000)
    path.write_text("\n".join([",".join(f"unit{number}" for number in range(100_000)), *[row] * 8]))
    return path


def test_a_table_of_100000_columns(wide: Path, soon: None) -> None:
    assert read_responses(wide, [f"image{number}" for number in range(8)]).responses.shape[:2] == (8, 100_000)
    with pytest.raises(MenagerieError, match="100,000 columns, expected at most 5,000"):
        read_units(wide, 8, None)
    with pytest.raises(MenagerieError, match="expected at most 100,000"):
        read_registry(wide)


def test_a_small_file_that_asks_for_6_gb(tmp_path: Path, soon: None) -> None:
    path = tmp_path / "small.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("rsm", (100, 15_000_000), "f4", chunks=(100, 1000), compression="gzip")
    assert path.stat().st_size < 2**20
    for read in (read_hdf5, lambda path: read_matrices(path, ["a", "b", "c"])):
        with pytest.raises(MenagerieError, match=r"asks for 6\.0 GB"):
            read(path)


def test_an_array_whose_header_promises_more_than_the_file_holds(tmp_path: Path, soon: None) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.zeros((10, 10)))
    path.write_bytes(path.read_bytes().replace(b"(10, 10)", b"(999999999, 99)"[:8].ljust(8)))
    with pytest.raises(MenagerieError, match="cannot be read as an array"):
        open_array(path)
