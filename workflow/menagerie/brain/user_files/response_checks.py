"""Checks of responses ``(t, n, v)``: what would give a wrong number is refused, the rest is remarked on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from menagerie.brain.folds import EVEN_ODD, MIN_IMAGES
from menagerie.brain.remarks import Remark
from menagerie.errors import MenagerieError

_CODES = (-9999.0, -999.0, -99.0, 999.0, 9999.0)  # what programs write for a missing value
_ROUNDING = 1e-2  # largest share of a unit's SD that rounding to float32 may have


def check_range(trials: np.ndarray, where: Path) -> None:
    """Refuse infinite responses, and those that float32 cannot hold, in which targets are kept.

    Raises
    ------
    MenagerieError
        With the first such response.
    """
    with np.errstate(over="ignore"):
        bad = np.isinf(trials.astype(np.float32))
    if bad.any():
        repeat, image, unit = np.argwhere(bad)[0]
        found = "infinite response" if np.isinf(trials[repeat, image, unit]) else "response beyond 3e38"
        raise MenagerieError(
            f"{where}: {found} of unit {unit} to image {image} (both counted from 0), expected finite "
            "numbers. Correct or drop it."
        )


def check_variance(
    responses: np.ndarray,
    parts: Mapping[str, np.ndarray],
    names: Sequence[str] | None,
    where: Path,
    split: str = EVEN_ODD,
) -> None:
    """Refuse mean responses ``(n, v)`` of which a unit does not vary in a part, or varies less than float32 resolves.

    Raises
    ------
    MenagerieError
        With the part and the first such unit, and where a part has too few images.
    """
    which = " (every second image of the stimulus set)" if split == EVEN_ODD else f" of split {split}"
    for part, mask in parts.items():
        if np.count_nonzero(mask) < MIN_IMAGES:
            raise MenagerieError(
                f"{where}: {np.count_nonzero(mask)} images of the {part} part{which} have responses; at least "
                f"{MIN_IMAGES} are needed."
            )
        flat = np.flatnonzero(np.ptp(responses[mask], axis=0) == 0)
        if flat.size:
            raise MenagerieError(
                f"{where}: {flat.size} of {responses.shape[1]} units respond alike to all {part} images (first unit: "
                f"{_unit(names, flat[0])}), so they correlate with nothing. Drop them from responses and unit table."
            )
    rounding = np.abs(responses).max(axis=0) * np.finfo(np.float32).eps / responses.std(axis=0)
    tiny = responses.std(axis=0) < np.finfo(np.float32).tiny / _ROUNDING
    lost = np.flatnonzero((rounding > _ROUNDING) | tiny)
    if lost.size:
        unit = lost[0]
        raise MenagerieError(
            f"{where}: responses of {lost.size} of {responses.shape[1]} units vary by less than float32 resolves "
            f"(first unit: {_unit(names, unit)}, mean {responses[:, unit].mean():.4g}, SD "
            f"{responses[:, unit].std():.2g}), expected an SD above a thousandth of a percent of the mean. Subtract "
            "each unit's mean, or rescale the responses."
        )


def _unit(names: Sequence[str] | None, unit: int) -> str:
    return names[unit] if names else str(unit)


def check_patterns(responses: np.ndarray, regions: Mapping[str, np.ndarray], ids: Sequence[str], where: Path) -> None:
    """Refuse an image that has the same response in all units of a region: its correlation with others is undefined.

    Raises
    ------
    MenagerieError
        With the region and the first such image.
    """
    for region, mask in regions.items():
        if np.count_nonzero(mask) < 2:
            continue  # refused where the target is checked
        flat = np.flatnonzero(np.ptp(responses[:, mask], axis=1) == 0)
        if flat.size:
            value = responses[flat[0], mask][0]
            raise MenagerieError(
                f"{where}: {flat.size} of {len(responses)} images have the same response in all units of region "
                f"{region} (first: image {ids[flat[0]]}, {value:g} everywhere), so no RSM is defined. If nothing was "
                "measured there, leave these images out, or set them to NaN."
            )


def value_remarks(trials: np.ndarray, names: Sequence[str] | None, where: Path) -> list[Remark]:
    """Remarks on values that programs write for missing ones, and on shapes that may be meant otherwise."""
    remarks = []
    t, n, v = trials.shape
    spread = np.nanstd(trials)
    for code in _CODES:
        at = np.argwhere(trials == code)
        if 0 < len(at) < trials.size / 2 and abs(code - np.nanmedian(trials)) > 5 * np.nanstd(trials[trials != code]):
            unit = _unit(names, int(at[0][2]))
            text = f"{where}: {len(at)} responses are {code:g} (first unit: {unit}), a common code for missing."
            remarks.append(Remark(text, "Write NaN for what is missing."))
    if t > v and t > 2:
        text = f"{where}: found {t} repeats of {v} units; the axes are images x units x repeats."
        remarks.append(Remark(text, "Swap them if they are images x repeats x units."))
    if n == v and names is None:
        text = f"{where}: found as many units as images ({n}), so a transposed array looks the same."
        remarks.append(Remark(text, "Rows must be images."))
    return remarks if spread > 0 else []


def transposed_hint(shape: Sequence[int], n_images: int) -> str:
    """What to do where another axis than the first has as many entries as there are images; empty where none has."""
    if n_images in shape[1:]:
        axis = list(shape).index(n_images, 1)
        return f" They look transposed: rows must be images (numpy.moveaxis(responses, {axis}, 0))."
    return ""
