"""Voxels of a simulated NSD subject: from the published voxel tables, or made up.

Either way decoys lie beside the voxels that belong to a region: each fails one condition of the regions'
definitions, so that a reader which forgets a condition selects too many voxels.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menagerie.brain.nsd.layout import FUNC1PT8MM_SHAPES, subject_number
from menagerie.errors import MenagerieError

# Label tables of the release: number = position, from 1.
LABELS: Mapping[str, tuple[str, ...]] = {
    "streams": ("early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal"),
    "prf_visualrois": ("V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "hV4"),
    "floc_faces": ("OFA", "FFA-1", "FFA-2", "mTL-faces", "aTL-faces"),
    "floc_bodies": ("EBA", "FBA-1", "FBA-2", "mTL-bodies"),
    "floc_places": ("OPA", "PPA", "RSC"),
    "floc_words": ("OWFA", "VWFA-1", "VWFA-2", "mfs-words", "mTL-words"),
}
OTC_STREAMS = ("midventral", "ventral", "midlateral", "lateral")
T_OF = {"floc_faces": "faces_t", "floc_bodies": "bodies_t", "floc_places": "places_t", "floc_words": "words_t"}
OTC_THRESHOLD = 0.2


@dataclass(frozen=True)
class Voxels:
    """The voxels of one simulated subject that hold data.

    Attributes
    ----------
    shape
        X, Y, Z of the volume.
    xyz
        int ``(v, 3)``.
    ncsnr
        float32 ``(v,)``: SD of the signal over SD of the noise of one trial.
    labels
        Label volume -> int ``(v,)``: 0 where the voxel has no label.
    nsdgeneral
        bool ``(v,)``.
    t
        Name of the t map -> float32 ``(v,)``.
    plant
        ``(v,)`` strings: "OTC", "EVC" or "" - whose planted layer the voxel reads out.
    """

    shape: tuple[int, int, int]
    xyz: np.ndarray
    ncsnr: np.ndarray
    labels: Mapping[str, np.ndarray]
    nsdgeneral: np.ndarray
    t: Mapping[str, np.ndarray]
    plant: np.ndarray

    def __len__(self) -> int:
        return len(self.xyz)


class _Builder:
    """Collects voxels one by one; nothing has a label until it is given one."""

    def __init__(self, shape: tuple[int, int, int], rng: np.random.Generator):
        self.shape = shape
        self.rng = rng
        self.rows: dict[tuple[int, ...], dict] = {}

    def add(self, xyz: tuple[int, ...], ncsnr: float, plant: str = "", *, general: bool = False, **labels: str) -> None:
        """Add a voxel; ``labels`` are volume=name, and t maps faces_t=value and so on."""
        self.rows[xyz] = {"ncsnr": ncsnr, "plant": plant, "general": general, **labels}

    def voxels(self) -> Voxels:
        """Everything added, in the order x, y, z."""
        keys = sorted(self.rows)
        rows = [self.rows[key] for key in keys]
        codes = {
            volume: np.array([1 + names.index(row[volume]) if volume in row else 0 for row in rows], dtype=np.int16)
            for volume, names in LABELS.items()
        }
        noise = self.rng.uniform(-3, 0.9, size=(len(T_OF), len(rows)))
        inside = self.rng.uniform(1.1, 8, size=(len(T_OF), len(rows)))
        t = {}
        for position, (volume, name) in enumerate(T_OF.items()):
            given = np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
            drawn = np.where(codes[volume] > 0, inside[position], noise[position])
            t[name] = np.where(np.isnan(given), drawn, given).astype(np.float32)
        return Voxels(
            shape=self.shape,
            xyz=np.array(keys, dtype=np.int64).reshape(-1, 3),
            ncsnr=np.array([row["ncsnr"] for row in rows], dtype=np.float32),
            labels=codes,
            nsdgeneral=np.array([row["general"] for row in rows], dtype=bool),
            t=t,
            plant=np.array([row["plant"] for row in rows]),
        )

    def free(self, count: int) -> list[tuple[int, ...]]:
        """Positions without a voxel.

        Raises
        ------
        MenagerieError
            When there are fewer.
        """
        taken = np.zeros(self.shape, dtype=bool)
        if self.rows:
            taken[tuple(np.array(list(self.rows)).T)] = True
        if count > taken.size - np.count_nonzero(taken):
            raise MenagerieError(
                f"Twin: found {count + np.count_nonzero(taken)} voxels in a volume of {taken.size}, expected at most "
                "as many. Enlarge voxels.shape, or lower n_otc, n_evc or decoys."
            )
        flat = self.rng.choice(np.flatnonzero(~taken), size=count, replace=False)
        return [tuple(map(int, xyz)) for xyz in np.stack(np.unravel_index(flat, self.shape), axis=1)]

    def add_decoys(self, each: int) -> None:
        """Voxels that miss OTC and EVC by one condition."""
        kinds: tuple[tuple[float, bool, dict], ...] = (
            (OTC_THRESHOLD, True, {"streams": "ventral"}),  # not above the threshold
            (0.05, True, {"streams": "lateral"}),
            (0.15, False, {"floc_faces": "FFA-1", "faces_t": 5.0}),
            (0.9, False, {"streams": "midventral"}),  # outside nsdgeneral
            (0.9, True, {"streams": "early"}),
            (0.9, True, {"streams": "parietal"}),
            (0.9, True, {}),
            (0.9, True, {"streams": "early", "floc_faces": "OFA", "faces_t": 1.0}),  # t not above 1
            (0.9, False, {"floc_words": "VWFA-1", "words_t": 0.5, "faces_t": 9.0}),  # t of another domain
            (0.9, False, {"floc_faces": "aTL-faces", "faces_t": 5.0}),  # areas that OTC does not count
            (0.9, False, {"floc_places": "RSC", "places_t": 5.0}),
            (0.9, False, {"floc_words": "mfs-words", "words_t": 5.0}),
        )
        for (ncsnr, general, rest), xyz in zip(kinds * each, self.free(len(kinds) * each), strict=True):
            self.add(xyz, ncsnr, general=general, **rest)


def published_voxels(folder: Path, subject: str, *, decoys: int = 20, seed: int = 0) -> Voxels:
    """Voxels of the published tables voxel_metadata_OTC.csv and voxel_metadata_EVC.csv, with decoys.

    Parameters
    ----------
    folder
        Where the two tables are.
    subject
        One of the four published subjects.
    decoys
        Voxels of each kind of decoy.
    seed
        Of the t values and the places of decoys.

    Raises
    ------
    MenagerieError
        When a table is missing or does not have the subject.
    """
    number = subject_number(subject)
    if subject not in FUNC1PT8MM_SHAPES:
        raise MenagerieError(f"The published voxel tables have no {subject}; they have {', '.join(FUNC1PT8MM_SHAPES)}.")
    tables = {name: _table(folder / f"voxel_metadata_{name}.csv", number) for name in ("OTC", "EVC")}
    builder = _Builder(FUNC1PT8MM_SHAPES[subject], np.random.default_rng([seed, number]))
    for xyz in tables["OTC"].keys() | tables["EVC"].keys():
        in_otc = xyz in tables["OTC"]
        row = tables["EVC"].get(xyz, {}) | tables["OTC"].get(xyz, {})
        labels = {volume: name for volume, names in LABELS.items() for name in names if row.get(name) == "1"}
        # The tables have no nsdgeneral: a voxel of the streams that is not in OTC must lie outside of it.
        general = in_otc or labels.get("streams") not in OTC_STREAMS
        builder.add(xyz, float(row["ncsnr"]), "OTC" if in_otc else "EVC", general=general, **labels)
    builder.add_decoys(decoys)
    return builder.voxels()


def _table(path: Path, number: int) -> dict[tuple[int, ...], dict[str, str]]:
    if not path.is_file():
        raise MenagerieError(f"Voxel table {path} is missing. Use the synthetic geometry, or give its folder.")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if int(row["subj_id"]) == number]
        for row in rows:
            float(row["ncsnr"])
        return {tuple(int(part) for part in row["voxel_id"].split("-")[1:]): row for row in rows}
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error, OSError) as error:
        raise MenagerieError(
            f"Voxel table {path}: found {type(error).__name__} ({error}), expected the published columns subj_id, "
            "voxel_id and ncsnr. Fetch it again."
        ) from None


def synthetic_voxels(
    shape: tuple[int, int, int], n_otc: int, n_evc: int, *, decoys: int = 2, seed: int = 0, ncsnr: float | None = None
) -> Voxels:
    """Made-up voxels: exactly ``n_otc`` in OTC and ``n_evc`` in EVC, scattered over a volume, with decoys.

    Parameters
    ----------
    shape
        X, Y, Z.
    n_otc, n_evc
        Voxels of the two regions; they do not overlap.
    decoys
        Voxels of each kind of decoy.
    seed
        Of everything drawn.
    ncsnr
        One reliability for all voxels of the regions; by default drawn between 0.25 and 0.9.
    """
    builder = _Builder(shape, np.random.default_rng(seed))
    areas = [("floc_faces", "FFA-1"), ("floc_bodies", "EBA"), ("floc_places", "PPA"), ("floc_words", "OWFA")]
    for i, xyz in enumerate(builder.free(n_otc + n_evc)):
        reliability = builder.rng.uniform(0.25, 0.9) if ncsnr is None else ncsnr
        if i >= n_otc:
            builder.add(
                xyz, reliability, "EVC", general=True, streams="early", prf_visualrois=LABELS["prf_visualrois"][i % 7]
            )
        elif i % 10 == 9:  # a category area outside the streams
            volume, name = areas[i // 10 % 4]
            builder.add(xyz, reliability, "OTC", **{volume: name})
        else:
            volume, name = areas[i % 4]
            area = {volume: name} if i % 3 == 0 else {}
            builder.add(xyz, reliability, "OTC", general=True, streams=OTC_STREAMS[i % 4], **area)
    builder.add_decoys(decoys)
    return builder.voxels()
