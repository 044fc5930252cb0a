"""Regions of one subject, by expressions over its volumes, or by masks of the user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from menagerie.brain.remarks import Remark
from menagerie.brain.voxels.expression import Truth, canonical, find_truth, names_in
from menagerie.brain.voxels.grids import GridVolumes
from menagerie.errors import MenagerieError
from menagerie.files.paths import user_path


def region_texts(regions: object, shipped: Mapping[str, str]) -> dict[str, object]:
    """Name -> expression or {mask: file} from the config key ``regions``.

    ``regions`` is a list whose items are names (those of ``shipped``, or any label such as "FFA-1") or one-item
    mappings, or one mapping ``name: expression``, ``name: {mask: file}`` or ``name: null`` (a name that is known
    already).

    Raises
    ------
    MenagerieError
        When it is neither, or a name repeats.
    """
    items = regions.items() if isinstance(regions, Mapping) else _items(regions)
    texts: dict[str, object] = {}
    for name, definition in items:
        if not isinstance(name, str) or not name or "/" in name:
            raise MenagerieError(f"Option regions: a region's name must be a text without '/', found {name!r}.")
        if name in texts:
            raise MenagerieError(f"Option regions: '{name}' is given twice; names must differ.")
        texts[name] = definition if definition is not None else shipped.get(name, f"'{canonical(name)}'")
    if not texts:
        raise MenagerieError("Option regions: it is empty; give at least one region, for example [OTC].")
    return texts


def _items(regions: object) -> list[tuple[object, object]]:
    if isinstance(regions, str) or not isinstance(regions, list | tuple):
        raise MenagerieError(f"Option regions: expected a list or a mapping, found {regions!r:.80}.")
    pairs: list[tuple[object, object]] = []
    for item in regions:
        pairs.extend(item.items() if isinstance(item, Mapping) else [(item, None)])
    return pairs


def names_of(regions: object, shipped: Mapping[str, str]) -> list[str]:
    """Names that the expressions of the config key ``regions`` mention, each once.

    Raises
    ------
    MenagerieError
        When an expression does not parse.
    """
    texts = {name: text for name, text in region_texts(regions, shipped).items() if isinstance(text, str)}
    named = [word for name, text in texts.items() for word in names_in(text, where=f"region '{name}'")]
    return list(dict.fromkeys(named))


def mask_path(definition: Mapping, subject: str, where: str) -> Path:
    """File of a region that is ``{mask: file}``; ``{subject}`` in it stands for the subject.

    Raises
    ------
    MenagerieError
        When the definition has other keys, or its file other places to fill in.
    """
    if set(definition) != {"mask"}:
        raise MenagerieError(f"{where}: expected {{mask: file}}, found keys {sorted(map(str, definition))}.")
    path = str(definition["mask"]).replace("{subject}", subject)
    if "{" in path or "}" in path:
        raise MenagerieError(
            f"{where}: found braces in mask '{definition['mask']}', expected none but {{subject}}. Correct the name."
        )
    return user_path(path)


def mask_paths(regions: object, shipped: Mapping[str, str], subject: str) -> list[Path]:
    """Files of the regions that are masks of the user.

    Raises
    ------
    MenagerieError
        When the option ``regions`` is wrong.
    """
    texts = region_texts(regions, shipped).items()
    return [mask_path(text, subject, f"region '{name}'") for name, text in texts if isinstance(text, Mapping)]


def build_regions(volumes: GridVolumes, regions: object) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Masks of the configured regions.

    An expression may name the regions before it. A voxel is in a region only where its expression certainly holds: one
    that needs a value that is NaN is left out, also under ``not`` and ``!=``, and counted.

    Returns
    -------
    masks
        Region -> bool ``(voxels,)``, in the order of the config.
    unknown_values
        Region -> count of voxels left out because a value that the expression needs is NaN; those above 0.

    Raises
    ------
    MenagerieError
        When a definition is wrong or a region has fewer than two voxels.
    """
    found: dict[str, Truth] = {}
    for name, definition in region_texts(regions, volumes.shipped).items():
        where = f"region '{name}' of {volumes.subject}"
        if isinstance(definition, Mapping):
            found[name] = Truth.of(_from_mask(volumes, definition, where))
        else:
            earlier = {canonical(known): truth for known, truth in found.items()}
            found[name] = find_truth(definition, volumes.values(definition, earlier, where), where=where)
        if (count := int(found[name].holds.sum())) < 2:
            raise MenagerieError(
                f"{where}: {count} voxels; an RSM needs at least 2. Check its definition "
                f"({' '.join(str(definition).split())[:120]}), or leave it out of option regions."
            )
    lost = {name: int(truth.unknown.sum()) for name, truth in found.items()}
    return {name: truth.holds for name, truth in found.items()}, {name: n for name, n in lost.items() if n}


def _from_mask(volumes: GridVolumes, definition: Mapping, where: str) -> np.ndarray:
    """Voxels above 0; NaN, which programs write outside of a brain, is outside."""
    path = mask_path(definition, volumes.subject, where)
    values = volumes.read(path, is_release=False)
    known = values[np.isfinite(values)]
    inside = np.nan_to_num(values) > 0
    whole = np.array_equal(known, np.round(known))
    if whole and known.size and (known.min() < -1 or (known.min() < 0 and not inside.any())):
        raise MenagerieError(
            f"{where}: mask {path} holds whole numbers below 0 (down to {known.min():g}), as labels above 127 become "
            "in 8 bits, expected 0 outside and 1 inside. Save it as 0 and 1, with an unsigned type."
        )
    if not whole:
        text = f"{where}: mask {path} holds fractions; all {np.count_nonzero(inside)} voxels above 0 count as inside."
        volumes.remarks.append(Remark(text, "Resample masks with nearest-neighbour interpolation, or threshold them."))
    return inside
