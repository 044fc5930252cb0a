"""A simulated twin of the Natural Scenes Dataset: a full tree on disk, with a planted answer.

Every voxel reads out a random combination of the features planted in its region; noise is added trial by
trial so that the voxel has its ncsnr. Paths, types, scales and chunking are those of the release; nothing of
the release itself is copied.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from menagerie.brain.nsd.betas import ENDINGS
from menagerie.brain.nsd.design import Design
from menagerie.brain.nsd.layout import (
    BETA_SCALE,
    IMAGE_SIZE,
    N_IMAGES,
    REPEATS,
    SESSIONS,
    SUBJECTS,
    TRIALS_PER_SESSION,
    Layout,
    subject_number,
)
from menagerie.errors import MenagerieError, unknown
from menagerie.twins.nsd.twin_files import write_design, write_photographs, write_session, write_volumes
from menagerie.twins.nsd.twin_geometry import Voxels
from menagerie.twins.pictures import image_statistics, textures
from menagerie.twins.signals import check_planted, noisy_session, read_out
from menagerie.twins.trees import clear_tree

_FOLDERS = ("nsddata", "nsddata_betas", "nsddata_stimuli")


@dataclass(frozen=True)
class TwinSpec:
    """What a twin consists of.

    Attributes
    ----------
    voxels
        Subject -> its voxels (:mod:`menagerie.twins.nsd.twin_geometry`).
    sessions
        Sessions of the design, 1 to 40: 750 trials and 250 images each. Subjects stop at their own number, as in
        the release.
    n_shared
        Images that all subjects see.
    ending
        "hdf5" or "nii.gz".
    photographs
        "shared": write the photographs of the shared images only; "all": those of the subjects' own too.
    drift
        SD of the offset (percent signal change) and of the log gain of each voxel from session to session; z-scoring
        within sessions takes both away.
    seed
        Of everything drawn.
    note
        Further lines of the twin's description: name -> text.

    Raises
    ------
    MenagerieError
        When a number is out of range, or a name is unknown.
    """

    voxels: Mapping[str, Voxels]
    sessions: int = 2
    n_shared: int = 100
    ending: str = "hdf5"
    photographs: str = "shared"
    drift: float = 0.3
    seed: int = 0
    note: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.sessions <= max(SESSIONS.values()):
            raise MenagerieError(f"Twin: sessions is {self.sessions}; expected 1 to {max(SESSIONS.values())}.")
        images = self.sessions * TRIALS_PER_SESSION // REPEATS
        if not 4 <= self.n_shared <= images:
            raise MenagerieError(f"Twin: n_shared is {self.n_shared}; {self.sessions} sessions allow 4 to {images}.")
        for what, given, known in (
            ("format of betas in the twin", self.ending, ENDINGS),
            ("photographs in the twin", self.photographs, ("shared", "all")),
        ):
            if given not in known:
                raise unknown(what, given, known)


def make_design(spec: TwinSpec) -> Design:
    """A design of the release's kind: each image three times, in random order, shared images first in the list."""
    rng = np.random.default_rng([spec.seed, 1])
    n_images = spec.sessions * TRIALS_PER_SESSION // REPEATS
    n_own = n_images - spec.n_shared
    ids = rng.permutation(N_IMAGES)[: spec.n_shared + len(SUBJECTS) * n_own]
    shared = np.sort(ids[: spec.n_shared])
    own = np.sort(ids[spec.n_shared :].reshape(len(SUBJECTS), n_own), axis=1)
    images = np.hstack([np.tile(shared, (len(SUBJECTS), 1)), own])
    return Design(rng.permutation(np.repeat(np.arange(n_images), REPEATS)), images, shared)


def photograph_ids(spec: TwinSpec, design: Design) -> np.ndarray:
    """0-based 73k ids, ascending, of the images that have a photograph in the twin (and planted features)."""
    if spec.photographs == "shared":
        return design.shared
    rows = [subject_number(subject) - 1 for subject in spec.voxels]
    return np.unique(design.images[rows])


def write_twin(
    root: Path,
    spec: TwinSpec,
    planted: Mapping[str, np.ndarray] | None = None,
    photographs: Callable[[int], np.ndarray] | None = None,
) -> Design:
    """Write the tree of a twin.

    Parameters
    ----------
    root
        Folder to write. A tree there that is not a twin is never touched.
    spec
        What to write.
    planted
        Region ("OTC", "EVC") -> float ``(images, features)``: what its voxels read out, one row for each id of
        ``photograph_ids(spec, make_design(spec))``. By default simple statistics of the photographs. Images without
        a photograph get features drawn with the covariance of the planted ones.
    photographs
        0-based 73k id -> uint8 ``(425, 425, 3)``; by default textures.

    Raises
    ------
    MenagerieError
        When the planted features do not fit, or the folder holds data that are not a twin.
    """
    layout = Layout(Path(root))
    design = make_design(spec)
    ids = photograph_ids(spec, design)
    clear_tree(layout.root, _FOLDERS, layout.twin_note, "an NSD")
    layout.twin_note.write_text(json.dumps(_note(spec), indent=1) + "\n")
    statistics: dict[str, list[np.ndarray]] = {}
    measure = image_statistics if planted is None else _nothing
    write_photographs(
        layout.stimuli, ids, _watched(ids, photographs or textures(spec.seed, IMAGE_SIZE), statistics, measure)
    )
    planted = {region: np.stack(rows) for region, rows in statistics.items()} if planted is None else planted
    wanted = {str(name) for voxels in spec.voxels.values() for name in np.unique(voxels.plant) if name}
    check_planted(planted, wanted, len(ids))
    write_design(layout, design)
    for subject, voxels in spec.voxels.items():
        write_volumes(layout, subject, voxels)
        signal = _signal(spec, design, subject, voxels, ids, planted)
        for session, betas in _sessions(spec, design, subject, voxels, signal):
            write_session(layout.betas(subject, session, spec.ending), voxels, betas)
    return design


def _watched(
    ids: np.ndarray,
    photographs: Callable[[int], np.ndarray],
    statistics: dict[str, list[np.ndarray]],
    measure: Callable[[np.ndarray], Mapping[str, np.ndarray]],
) -> Iterator[np.ndarray]:
    """The photographs, whose statistics are noted in passing, so that they are never all in memory."""
    for nsd_id in ids.tolist():
        photograph = photographs(nsd_id)
        for region, values in measure(photograph).items():
            statistics.setdefault(region, []).append(values)
        yield photograph


def _nothing(_: np.ndarray) -> Mapping[str, np.ndarray]:
    return {}


def _signal(
    spec: TwinSpec,
    design: Design,
    subject: str,
    voxels: Voxels,
    ids: np.ndarray,
    planted: Mapping[str, np.ndarray],
) -> np.ndarray:
    """float32 ``(images, v)``: noiseless response of each voxel to each image of the subject, SD 1 times ncsnr."""
    rng = np.random.default_rng([spec.seed, 2, subject_number(subject)])
    shown = design.images[subject_number(subject) - 1]
    known = np.isin(shown, ids)
    row = np.searchsorted(ids, shown[known])
    signal = np.zeros((len(shown), len(voxels)), dtype=np.float32)
    for region, features in planted.items():
        members = np.flatnonzero(voxels.plant == region)
        signal[:, members] = read_out(features, row, known, len(members), rng)
    alone = np.flatnonzero(voxels.plant == "")
    signal[:, alone] = rng.standard_normal((len(shown), len(alone)), dtype=np.float32)
    signal *= voxels.ncsnr
    return signal


def _sessions(
    spec: TwinSpec, design: Design, subject: str, voxels: Voxels, signal: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Session number and int16 ``(750, v)``: signal plus noise of SD 1, in percent signal change x 300."""
    rng = np.random.default_rng([spec.seed, 3, subject_number(subject)])
    amplitude = rng.uniform(0.5, 1.5, size=len(voxels)).astype(np.float32)  # percent signal change
    ordering = design.ordering[: design.sessions(subject) * TRIALS_PER_SESSION].reshape(-1, TRIALS_PER_SESSION)
    limits = np.iinfo(np.int16)
    for session, rows in enumerate(ordering, start=1):
        betas = noisy_session(signal[rows], amplitude, spec.drift, rng) * np.float32(BETA_SCALE)
        yield session, np.clip(np.rint(betas), limits.min, limits.max).astype(np.int16)


def _note(spec: TwinSpec) -> dict:
    return {
        "what": "simulated twin of the Natural Scenes Dataset, written by Menagerie; not measured data",
        "sessions": spec.sessions,
        "n_shared": spec.n_shared,
        "seed": spec.seed,
        "voxels": {subject: len(voxels) for subject, voxels in spec.voxels.items()},
        **spec.note,
    }
