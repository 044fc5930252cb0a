"""Voxels of a simulated subject of LAION-fMRI: made up, with decoys that miss OTC by one condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from menagerie.brain.laion.layout import ROIS, Z_MAPS, bare_roi
from menagerie.errors import MenagerieError

# ROIs that the subjects named here lack, as some do in the dataset (which ones is made up).
LACKING: Mapping[str, tuple[str, ...]] = {"mfswords": ("sub-06",), "pSTSwords": ("sub-03", "sub-05", "sub-07")}
_VISUAL = ("V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "hV4")
_CATEGORY = (
    *(("OFA", "faces_z"), ("FFA1", "faces_z"), ("FFA2", "faces_z"), ("EBA", "bodies_z"), ("FBA", "bodies_z")),
    *(
        ("VWFA1", "characters_z"),
        ("VWFA2", "characters_z"),
        ("mfswords", "characters_z"),
        ("pSTSwords", "characters_z"),
    ),
    *(("PPA", "places_z"), ("OPA", "places_z")),
)


@dataclass(frozen=True)
class Voxels:
    """The voxels of one simulated subject that hold data.

    Attributes
    ----------
    shape
        X, Y, Z of the volume.
    xyz
        int ``(v, 3)``, in the order x, y, z.
    ncsnr, r2mean
        float32 ``(v,)``.
    rois
        ROI -> bool ``(v,)``.
    z
        Name of the localiser map -> float32 ``(v,)``.
    plant
        ``(v,)`` strings: "OTC", "EVC" or "" - whose planted layer the voxel reads out.
    """

    shape: tuple[int, int, int]
    xyz: np.ndarray
    ncsnr: np.ndarray
    r2mean: np.ndarray
    rois: Mapping[str, np.ndarray]
    z: Mapping[str, np.ndarray]
    plant: np.ndarray

    def __len__(self) -> int:
        return len(self.xyz)


def decoys(each: int) -> list[dict]:
    """Voxels that miss OTC by one condition; ROIs, and reliabilities where they matter."""
    stream = ("laiongeneral", "laionventral")
    kinds = (
        {"rois": stream, "ncsnr": 0.19},
        {"rois": stream, "ncsnr": 0.05},
        {"rois": stream, "r2mean": 0.1},
        {"rois": ("laionventral",)},
        {"rois": ("laiongeneral",)},
        {"rois": ("laiongeneral", "laiondorsal")},
        {"rois": ("laiongeneral", "laionEVC")},
        {"rois": ("FFA1",), "ncsnr": 0.15},
        {"rois": ("pSTSfaces",)},
        {"rois": ("MPA",)},
        {"rois": ("lobjects",)},
        {"rois": ()},
    )
    return [dict(kind) for kind in kinds for _ in range(each)]


def synthetic_voxels(
    subject: str,
    shape: tuple[int, int, int],
    n_otc: int,
    n_evc: int,
    *,
    n_decoys: int = 2,
    seed: int = 0,
    ncsnr: float | None = None,
) -> Voxels:
    """Made-up voxels: exactly ``n_otc`` in OTC and ``n_evc`` in EVC, scattered over a volume, with decoys.

    Parameters
    ----------
    subject
        Whose; some subjects lack some ROIs.
    shape
        X, Y, Z.
    n_otc, n_evc
        Voxels of the two regions; they do not overlap.
    n_decoys
        Voxels of each kind of decoy.
    seed
        Of everything drawn.
    ncsnr
        One reliability for all voxels of the regions; by default drawn between 0.25 and 0.9.

    Raises
    ------
    MenagerieError
        When the volume has fewer voxels.
    """
    rng = np.random.default_rng([seed, 7])
    there = [entry for entry in _CATEGORY if subject not in LACKING.get(entry[0], ())]
    rows = []
    for i in range(n_otc):
        name, z = there[i % len(there)]
        side = ("laionventral", "laionlateral")[i % 2]
        rois = (name,) if i % 5 == 4 else ("laiongeneral", side, name) if i % 5 == 0 else ("laiongeneral", side)
        rows.append({"plant": "OTC", "rois": rois, "z": {z: 1.5 + i % 3}})
    rows += [{"plant": "EVC", "rois": ("laiongeneral", "laionEVC", _VISUAL[i % 7])} for i in range(n_evc)]
    for row in rows:
        row["ncsnr"] = rng.uniform(0.25, 0.9) if ncsnr is None else ncsnr
    rows += decoys(n_decoys)
    size = int(np.prod(shape))
    if len(rows) > size:
        raise MenagerieError(
            f"Twin: found {len(rows)} voxels in a volume of {size}, expected at most as many. Enlarge voxels.shape, or "
            "lower n_otc, n_evc or decoys."
        )
    places = rng.choice(size, size=len(rows), replace=False)
    order = np.argsort(places)
    return _voxels(subject, shape, places[order], [rows[i] for i in order], rng)


def _voxels(
    subject: str, shape: tuple[int, int, int], at: np.ndarray, rows: list[dict], rng: np.random.Generator
) -> Voxels:
    names = [name for name in ROIS if subject not in LACKING.get(bare_roi(name), ())]
    noise = rng.uniform(-3, 0.9, size=(len(Z_MAPS), len(rows)))
    z = {
        name: np.array(
            [row.get("z", {}).get(name, chance) for row, chance in zip(rows, noise[k], strict=True)], np.float32
        )
        for k, name in enumerate(Z_MAPS)
    }
    return Voxels(
        shape=shape,
        xyz=np.stack(np.unravel_index(at, shape), axis=1),
        ncsnr=np.array([row.get("ncsnr", 0.9) for row in rows], dtype=np.float32),
        r2mean=np.array([row.get("r2mean", 4.0) for row in rows], dtype=np.float32),
        rois={name: np.array([name in row["rois"] for row in rows], dtype=bool) for name in names},
        z=z,
        plant=np.array([row.get("plant", "") for row in rows]),
    )
