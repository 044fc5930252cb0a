"""The brain target: one file per dataset and subject, the same for every dataset.

A target with units (voxels, neurons) carries responses, a unit table and region masks. A target with
RSMs only carries one RSM per region: it takes part in cRSA and is skipped, by name, elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from menagerie.brain.folds import Fold
from menagerie.brain.stimuli import DAMAGE
from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic
from menagerie.provenance.code import array_fingerprint

FORMAT = "menagerie-target/2"
ANY_FOLD = "any"
"""Ceilings that rest on other images than the analysis, and hold for every fold."""
_ENDS = ("ceiling_low", "ceiling_high")


@dataclass(frozen=True)
class Target:
    """Brain responses of one subject to ``n`` images.

    Attributes
    ----------
    dataset, subject, stimuli
        Names as in the config; ``stimuli`` is the stimulus set that the images belong to.
    image_ids
        ``(n,)`` strings, in the order of the stimulus set; a subset of it where images are missing.
    responses
        float32 ``(n, v)``: mean over repeats, per unit; None for a target with RSMs only.
    regions
        Region name -> bool mask ``(v,)``. Empty for a target with RSMs only.
    units
        Column name -> ``(v,)`` array: the unit table (ids, reliability, memberships).
    rsms
        Region name -> float64 ``(n, n)`` RSM, for a target with RSMs only.
    repeats
        float32 ``(t, n, v)`` single repeats, NaN where a repeat is missing; None where not kept.
    n_repeats
        ``(n,)`` presentations that the responses to each image are the mean of; None where unknown.
    ceilings
        Fold (:attr:`menagerie.brain.splits.Fold.key`), or :data:`ANY_FOLD`, -> region name -> noise ceiling of the RSM
        (Pearson r); absent where unknown.
    ceiling_intervals
        In the same way, the ends of the ceiling's 95 % interval; absent where unknown.
    provenance
        Where the data came from: reader, files, exclusions, ``simulated`` ("yes" or "no").
    fingerprint
        Of everything in the file but ``provenance``; known only of a target that was read.
    """

    dataset: str
    subject: str
    stimuli: str
    image_ids: np.ndarray
    responses: np.ndarray | None = None
    regions: Mapping[str, np.ndarray] = field(default_factory=dict)
    units: Mapping[str, np.ndarray] = field(default_factory=dict)
    rsms: Mapping[str, np.ndarray] = field(default_factory=dict)
    repeats: np.ndarray | None = None
    n_repeats: np.ndarray | None = None
    ceilings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    ceiling_intervals: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    made_from: str = ""

    @property
    def origin(self) -> tuple[str, dict]:
        """Name, and what tables made from this target say of it (:mod:`menagerie.provenance.lineage`)."""
        entries = {"data": self.fingerprint, "source": dict(self.provenance)}
        provenance = {key: {self.dataset: {self.subject: value}} for key, value in entries.items()}
        return f"Target {self.dataset}/{self.subject}", provenance | {"made_from": self.made_from}

    @property
    def has_units(self) -> bool:
        """True where responses of units are known, False where only RSMs are."""
        return self.responses is not None

    @property
    def region_names(self) -> list[str]:
        """Names of all regions, in file order."""
        return list(self.regions if self.has_units else self.rsms)

    def ceiling(self, region: str, fold: Fold) -> float | None:
        """Noise ceiling of a region in a fold; None where unknown."""
        return self.ceilings.get(fold.key, self.ceilings.get(ANY_FOLD, {})).get(region)

    def noise_ceilings_of_units(self, rows: np.ndarray | slice) -> np.ndarray | None:
        """``(v,)`` share of the variance of each unit's mean responses, over some images, that is signal.

        ``ncsnr^2 / (ncsnr^2 + mean(1 / repeats))`` (Allen et al. 2022, Methods). None where the unit table has no
        ``ncsnr`` or repeats were not counted.
        """
        if self.n_repeats is None or "ncsnr" not in self.units:
            return None
        signal = np.square(np.asarray(self.units["ncsnr"], dtype=np.float64))
        return signal / (signal + np.mean(1 / self.n_repeats[rows].astype(np.float64)))

    def ceiling_interval(self, region: str, fold: Fold) -> tuple[float | None, float | None]:
        """Ends of the interval of a ceiling in a fold; None where unknown."""
        found = self.ceiling_intervals.get(fold.key, self.ceiling_intervals.get(ANY_FOLD, {}))
        return found.get(region, (None, None))

    def n_units(self, region: str) -> int:
        """Number of units in a region; 0 for a target with RSMs only."""
        return int(np.count_nonzero(self.regions[region])) if self.has_units else 0


def check_target(target: Target) -> None:
    """Refuse a target unless its shapes agree and every value is finite.

    Raises
    ------
    MenagerieError
        When image ids repeat, there is no region, shapes disagree, an RSM is not symmetric, or a value is not finite.
    """
    where = f"Target {target.dataset}/{target.subject}"
    n = len(target.image_ids)
    if len(set(target.image_ids)) != n:
        raise MenagerieError(f"{where}: image ids repeat. Each image must have one row; average its repeats.")
    if not target.region_names:
        raise MenagerieError(f"{where}: no region. A target needs at least one region with data.")
    if target.has_units:
        _check_units(target, where, n)
    for region, rsm in target.rsms.items():
        if rsm.shape != (n, n) or not np.allclose(rsm, rsm.T, equal_nan=True):
            slip = "is not symmetric" if rsm.shape == (n, n) else f"has the shape {rsm.shape}"
            raise MenagerieError(
                f"{where}, region {region}: expected a symmetric {n} x {n} RSM, found one that {slip}. Fix it."
            )
        if not np.isfinite(rsm).all():
            raise MenagerieError(f"{where}, region {region}: the RSM holds NaN or infinite values.")


def _check_units(target: Target, where: str, n: int) -> None:
    if target.responses.shape[0] != n:
        raise MenagerieError(
            f"{where}: {target.responses.shape[0]} rows of responses for {n} images; they must be equal."
        )
    v = target.responses.shape[1]
    if not np.isfinite(target.responses).all():
        bad = np.flatnonzero(~np.isfinite(target.responses).all(axis=0))
        raise MenagerieError(
            f"{where}: responses of {bad.size} of {v} units hold NaN or infinite values "
            f"(first unit: {bad[0]}). Drop these units or fix the responses."
        )
    for name, column in {**target.regions, **target.units}.items():
        if len(column) != v:
            raise MenagerieError(f"{where}: '{name}' has {len(column)} entries for {v} units.")
    for region in target.regions:
        if target.n_units(region) < 2:
            raise MenagerieError(
                f"{where}, region {region}: {target.n_units(region)} units; an RSM needs at least 2. "
                "Check the region's definition, or leave it out of the config."
            )


def write_target(path: str | Path, target: Target) -> None:
    """Check a target and write it; the file appears only when it is whole.

    Raises
    ------
    MenagerieError
        As :func:`check_target`.
    """
    check_target(target)
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(
            format=FORMAT,
            dataset=target.dataset,
            subject=target.subject,
            stimuli=target.stimuli,
            regions=target.region_names,
            made_from=target.made_from,
        )
        arrays = _arrays(target)
        for name, values in arrays.items():
            _put(file, name, values)
        numbers = {}
        for folder, by_fold in _numbers(target).items():
            file.create_group(folder)
            for key, values in by_fold.items():
                file.create_group(f"{folder}/{key}").attrs.update({name: float(r) for name, r in values.items()})
                numbers |= {f"{folder}/{key}/{name}": np.float64(r) for name, r in values.items()}
        file.attrs["fingerprint"] = array_fingerprint(arrays | numbers)
        file.create_group("provenance").attrs.update({k: str(v) for k, v in target.provenance.items()})


def _arrays(target: Target) -> dict[str, np.ndarray]:
    """Every array of a target by its name in the file."""
    found = {"image_ids": np.asarray(target.image_ids)}
    for name in ("responses", "repeats", "n_repeats"):
        if (values := getattr(target, name)) is not None:
            found[name] = values.astype(np.float32)
    for folder in ("regions", "units", "rsms"):
        found |= {f"{folder}/{name}": np.asarray(values) for name, values in getattr(target, folder).items()}
    return found


def _numbers(target: Target) -> dict[str, dict[str, dict[str, float]]]:
    """Ceilings and the ends of their intervals, by group of the file, fold and region."""
    ends = {
        folder: {
            key: {name: pair[end] for name, pair in found.items()} for key, found in target.ceiling_intervals.items()
        }
        for end, folder in enumerate(_ENDS)
    }
    return {"ceilings": target.ceilings, **ends}


def _put(file: h5py.File, name: str, values: np.ndarray) -> None:
    if values.dtype.kind in "OU":
        file.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype(), track_order=True)
    else:
        file.create_dataset(name, data=values, shuffle=True, compression="lzf", fletcher32=True)


def read_target(path: str | Path, *, with_repeats: bool = False) -> Target:
    """Read a target; single repeats only on request, since they are several times larger.

    Raises
    ------
    MenagerieError
        When the file cannot be opened or is no target.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise MenagerieError(f"{path} is not a brain target of format '{FORMAT}'. Rebuild it.")
            names = list(file.attrs["regions"])
            has_units = "responses" in file
            return Target(
                dataset=str(file.attrs["dataset"]),
                subject=str(file.attrs["subject"]),
                stimuli=str(file.attrs["stimuli"]),
                image_ids=file["image_ids"].asstr()[:],
                responses=file["responses"][:] if has_units else None,
                repeats=file["repeats"][:] if with_repeats and "repeats" in file else None,
                n_repeats=file["n_repeats"][:] if "n_repeats" in file else None,
                regions={name: file[f"regions/{name}"][:] for name in names} if has_units else {},
                rsms={} if has_units else {name: file[f"rsms/{name}"][:] for name in names},
                units={name: _get(item) for name, item in file.get("units", {}).items()},
                ceilings=_ceilings(file["ceilings"]),
                ceiling_intervals=_intervals(file),
                provenance={k: str(v) for k, v in file["provenance"].attrs.items()},
                fingerprint=str(file.attrs.get("fingerprint", "")),
                made_from=str(file.attrs.get("made_from", "")),
            )
    except DAMAGE as error:
        raise MenagerieError(f"Brain target {path} cannot be read ({error}). Delete it and rerun.") from error


def _ceilings(group: h5py.Group) -> dict[str, dict[str, float]]:
    """Ceilings by fold: groups ``<split>/<fold>``, or one for any."""
    folds = [ANY_FOLD] if ANY_FOLD in group else [f"{split}/{fold}" for split in group for fold in group[split]]
    return {key: {name: float(value) for name, value in group[key].attrs.items()} for key in folds}


def _intervals(file: h5py.File) -> dict[str, dict[str, tuple[float, float]]]:
    lows, highs = (_ceilings(file[folder]) if folder in file else {} for folder in _ENDS)
    return {key: {name: (low, highs[key][name]) for name, low in found.items()} for key, found in lows.items()}


def read_region_names(path: str | Path) -> list[str]:
    """Names of a target's regions, without reading its responses."""
    with h5py.File(path, "r") as file:
        return [str(name) for name in file.attrs["regions"]]


def read_provenance(path: str | Path) -> dict[str, str]:
    """Provenance of a target, without reading its responses."""
    with h5py.File(path, "r") as file:
        return {k: str(v) for k, v in file["provenance"].attrs.items()}


def _get(item: h5py.Dataset) -> np.ndarray:
    return item.asstr()[:] if h5py.check_string_dtype(item.dtype) else item[:]
