"""Responses of one subject from a user's files: read, matched with the images, and checked; or only looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menagerie.brain.folds import Fold, folds_or_default
from menagerie.brain.names import order_remark, pairs_by_order, positions
from menagerie.brain.remarks import Remark
from menagerie.brain.repeats import mean_over_repeats
from menagerie.brain.user_files import response_checks as checks
from menagerie.brain.user_files.image_folder import MIN_IMAGES
from menagerie.brain.user_files.response_files import ResponseFile, read_responses, stack_repeats
from menagerie.brain.user_files.unit_tables import UnitTable, read_units, whole_brain
from menagerie.errors import MenagerieError, unknown


@dataclass(frozen=True)
class UserResponses:
    """Responses of one subject, in the order of the stimulus set.

    Attributes
    ----------
    rows
        int ``(n,)``: position of each image in the stimulus set.
    trials
        float64 ``(t, n, v)``, NaN where a repeat is missing.
    responses
        float64 ``(n, v)``: mean over the repeats that are there.
    units
        What is known of the units.
    unit_names
        Names of the units, None where the files have none.
    remarks
        What deserves a look.
    """

    rows: np.ndarray
    trials: np.ndarray
    responses: np.ndarray
    units: UnitTable
    unit_names: list[str] | None
    remarks: tuple[Remark, ...]


def load_responses(
    files: Sequence[Path], units: Path | None, ids: Sequence[str], folds: Sequence[Fold] = ()
) -> UserResponses:
    """Read and check everything of one subject.

    Parameters
    ----------
    files
        Files of responses: one, or one for each repeat.
    units
        Table of units, None where there is none.
    ids
        Ids of the stimulus set, in its order.
    folds
        Units must vary in both parts of each; by default, of even_odd.

    Raises
    ------
    MenagerieError
        When responses do not fit the images, hold NaN or infinite values, units do not vary, or the unit table does
        not fit.
    """
    content = stack_repeats([read_responses(path, ids) for path in files])
    where = content.path
    rows = match_images(content.images, content.responses.shape, ids, where)
    remarks = [*content.remarks, *match_remarks(content, ids)]
    order = np.argsort(rows)
    rows = rows[order]
    trials = content.responses[order].transpose(2, 0, 1)
    checks.check_range(trials, where)
    responses = mean_over_repeats(trials, str(where))
    for fold in folds_or_default(folds, ids):
        checks.check_variance(responses, fold.masks(ids[row] for row in rows), content.units, where, fold.split)
    n_units = responses.shape[1]
    table = read_units(units, n_units, content.units) if units else UnitTable({}, whole_brain(n_units))
    checks.check_patterns(responses, table.regions, [ids[row] for row in rows], where)
    remarks += [*checks.value_remarks(trials, content.units, where), *table.remarks]
    return UserResponses(rows, trials, responses, table, content.units, tuple(remarks))


def match_images(images: Sequence[str] | None, shape: Sequence[int], ids: Sequence[str], where: Path) -> np.ndarray:
    """Position in the stimulus set of every row of responses of a shape, int ``(n,)``.

    Raises
    ------
    MenagerieError
        When names are not those of images, or without names the number of rows is not that of images.
    """
    n_rows, n = shape[0], len(ids)
    if images is None:
        if n_rows != n:
            raise MenagerieError(
                f"{where} has {n_rows} rows of responses, the stimulus set has {n} images; without names they must be "
                f"equal.{checks.transposed_hint(shape, n)} "
                "For responses to some of the images, save a csv or parquet file with a column 'image'."
            )
        return np.arange(n)
    found = positions(images, ids)
    if -1 in found:
        strange = [name for name, position in zip(images, found, strict=True) if position < 0]
        error = unknown(f"image in {where}, column 'image'", strange[0], ids)
        raise MenagerieError(
            f"{error} {len(strange)} of {n_rows} rows have no image among the {n} of the stimulus set."
        )
    if len(set(found)) < len(found):
        raise MenagerieError(
            f"{where}: two rows name the same image, once with and once without file ending. Keep one."
        )
    if len(found) < MIN_IMAGES:
        raise MenagerieError(
            f"{where} has responses to {len(found)} images; at least {MIN_IMAGES} are needed. Add rows."
        )
    return np.array(found)


def match_remarks(content: ResponseFile, ids: Sequence[str]) -> list[Remark]:
    """How rows were matched with images, where that rests on order alone."""
    if content.images is not None:
        return []
    return [pairs_by_order(ids, str(content.path)), *order_remark(ids, str(content.path))]
