"""Regions of one subject, by expressions over its volumes, or by masks of the user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from menagerie.brain.nsd.expression import Truth, Value, canonical, find_truth, names_in
from menagerie.brain.nsd.layout import LABEL_VOLUMES, NCSNR, T_MAPS
from menagerie.brain.nsd.volumes import Volumes
from menagerie.brain.remarks import Remark
from menagerie.errors import MenagerieError, unknown
from menagerie.files.paths import user_path

# Conwell et al. 2024, Methods: reliable voxels of the ventral and lateral streams, and of category-selective areas.
DEFAULT_REGIONS: Mapping[str, str] = {
    "OTC": """
        ncsnr > 0.2 and (
            (nsdgeneral and streams in {midventral, ventral, midlateral, lateral})
            or (faces_t > 1 and floc_faces in {OFA, FFA_1, FFA_2})
            or (bodies_t > 1 and floc_bodies in {EBA, FBA_1, FBA_2})
            or (places_t > 1 and floc_places in {OPA, PPA})
            or (words_t > 1 and floc_words in {OWFA, VWFA_1, VWFA_2})
        )""",
    "EVC": "prf_visualrois in {V1v, V1d, V2v, V2d, V3v, V3d, hV4}",
}
_BUILT_IN = {*LABEL_VOLUMES, *T_MAPS, NCSNR}


def region_texts(regions: object) -> dict[str, object]:
    """Name -> expression or {mask: file} from the config key ``regions``.

    ``regions`` is a list whose items are names (OTC, EVC, or any label such as "FFA-1") or one-item mappings, or
    one mapping ``name: expression``, ``name: {mask: file}`` or ``name: null`` (a name that is known already).

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
        texts[name] = definition if definition is not None else DEFAULT_REGIONS.get(name, f"'{canonical(name)}'")
    if not texts:
        raise MenagerieError("Option regions: it is empty; give at least one region, for example [OTC].")
    return texts


def volumes_of(regions: object) -> list[str]:
    """Volumes that the expressions of the config key ``regions`` name, each once; labels may lie in others.

    Raises
    ------
    MenagerieError
        When an expression does not parse.
    """
    texts = {name: text for name, text in region_texts(regions).items() if isinstance(text, str)}
    named = [word for name, text in texts.items() for word in names_in(text, where=f"region '{name}'")]
    return list(dict.fromkeys(word for word in named if word in _BUILT_IN))


def _items(regions: object) -> list[tuple[object, object]]:
    if isinstance(regions, str) or not isinstance(regions, list | tuple):
        raise MenagerieError(f"Option regions: expected a list or a mapping, found {regions!r:.80}.")
    pairs: list[tuple[object, object]] = []
    for item in regions:
        pairs.extend(item.items() if isinstance(item, Mapping) else [(item, None)])
    return pairs


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


def build_regions(volumes: Volumes, regions: object) -> tuple[dict[str, np.ndarray], dict[str, int]]:
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
    for name, definition in region_texts(regions).items():
        where = f"region '{name}' of {volumes.subject}"
        if isinstance(definition, Mapping):
            found[name] = Truth.of(_from_mask(volumes, definition, where))
        else:
            found[name] = find_truth(definition, _values(volumes, definition, found, where), where=where)
        if (count := int(found[name].holds.sum())) < 2:
            raise MenagerieError(
                f"{where}: {count} voxels; an RSM needs at least 2. Check its definition "
                f"({' '.join(str(definition).split())[:120]}), or leave it out of option regions."
            )
    lost = {name: int(truth.unknown.sum()) for name, truth in found.items()}
    return {name: truth.holds for name, truth in found.items()}, {name: n for name, n in lost.items() if n}


def _from_mask(volumes: Volumes, definition: Mapping, where: str) -> np.ndarray:
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


def _values(volumes: Volumes, text: str, regions: Mapping[str, Truth], where: str) -> dict[str, Value]:
    """The values that an expression needs; label volumes are read only for labels that are named."""
    earlier = {canonical(name): truth for name, truth in regions.items()}
    values: dict[str, Value] = {}
    for name in names_in(text, where=where):
        if name in earlier:
            values[name] = earlier[name]
        elif name in _BUILT_IN:
            values[name] = volumes[name]
        elif owners := volumes.owners(name):
            values.update({owner: volumes[owner] for owner in owners if owner not in values})
        else:
            labels = {label for volume in LABEL_VOLUMES for label in _table_or_none(volumes, volume)}
            raise unknown(f"name in {where}", name, {*_BUILT_IN, *earlier, *labels})
    return values


def _table_or_none(volumes: Volumes, volume: str) -> dict[str, int]:
    path = volumes.layout.label_table(volumes.subject, volume)
    return volumes.names(volume) if path.is_file() else {}
