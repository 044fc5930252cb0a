"""A look at the responses of a subject before a run: all of small files, headers and a sample of large ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menagerie.brain.formats.array_files import open_array
from menagerie.brain.formats.table_files import count_rows, read_table
from menagerie.brain.remarks import Remark, plain
from menagerie.brain.repeats import refuse_partial
from menagerie.brain.user_files.response_checks import check_range
from menagerie.brain.user_files.response_files import check_shape, responses_of_array, responses_of_table
from menagerie.brain.user_files.unit_tables import read_units
from menagerie.brain.user_files.user_responses import load_responses, match_images, match_remarks
from menagerie.errors import MenagerieError

SMALL = {".npy": 64e6, ".csv": 8e6, ".parquet": 32e6}  # bytes that are read in about a second
_ROWS = 64  # images of a large array that are looked at


@dataclass(frozen=True)
class Look:
    """What a look at one subject found.

    Attributes
    ----------
    n_images, n_units, n_repeats
        Size of the responses.
    regions
        Names of the regions.
    unit_names
        Names of the units, None where there are none.
    remarks
        What deserves a look.
    """

    n_images: int
    n_units: int
    n_repeats: int
    regions: tuple[str, ...] = ()
    unit_names: list[str] | None = None
    remarks: tuple[Remark, ...] = ()


def look_at_responses(files: Sequence[Path], units: Path | None, ids: Sequence[str]) -> Look:
    """Read responses as a job would where they are small; their header and some images where they are large.

    Raises
    ------
    MenagerieError
        As :func:`menagerie.brain.user_files.user_responses.load_responses`.
    """
    limit = SMALL[files[0].suffix.lower()]
    if sum(path.stat().st_size for path in files) <= limit:
        found = load_responses(files, units, ids)
        regions = tuple(found.units.regions)
        t, n, v = found.trials.shape
        return Look(n, v, t, regions, found.unit_names, found.remarks)
    looks = [_sample(path, ids) for path in files]
    first = looks[0]
    for path, look in zip(files, looks, strict=True):
        if (look.n_images, look.n_units) != (first.n_images, first.n_units):
            raise MenagerieError(
                f"{path} has {look.n_images} images x {look.n_units} units, {files[0].name} has {first.n_images} x "
                f"{first.n_units}. Give a missing repeat as a row of NaN (npy) or of empty cells (csv)."
            )
    table = read_units(units, first.n_units, first.unit_names) if units else None
    remarks = [remark for look in looks for remark in look.remarks] + list(table.remarks if table else ())
    repeats = max(first.n_repeats, len(files))
    return Look(
        first.n_images, first.n_units, repeats, tuple(table.regions) if table else (), first.unit_names, tuple(remarks)
    )


def _sample(path: Path, ids: Sequence[str]) -> Look:
    """Header and some images of a large file, through the checks that a job makes of all."""
    if path.suffix.lower() == ".npy":
        values = open_array(path)
        check_shape(values, len(ids), path)
        n_rows = len(values)
        rows = np.unique(np.linspace(0, n_rows - 1, _ROWS).astype(int))
        content = responses_of_array(values[rows], path, ids)
    else:
        content = responses_of_table(read_table(path, _ROWS), ids)
        n_rows, rows = count_rows(path), np.arange(len(content.responses))
    match_images(content.images, (n_rows, *content.responses.shape[1:]), ids, path)
    trials = content.responses.transpose(2, 0, 1)
    check_range(trials, path)
    refuse_partial(trials, str(path), rows)
    size = path.stat().st_size / 1e6
    text = f"{path} is large ({size:.0f} MB): {len(rows)} images of it were looked at; the job checks all."
    seen = plain(text)
    remarks = (*content.remarks, *match_remarks(content, ids), seen)
    return Look(n_rows, trials.shape[2], trials.shape[0], (), content.units, remarks)
