"""A simulated twin of LAION-fMRI: a full tree on disk, with a planted answer.

Every voxel reads out a random combination of the features planted in its region; noise is added trial by trial so that
the voxel has its ncsnr. Paths, types and tables are those of the release; nothing of the release itself is copied. Made
up are the affine beyond the voxel size, the order of trials, which subject lacks which ROI, the clusters, and the size
of the images; betas are float32, as the size of the dataset's sessions in memory suggests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from menagerie.brain.laion.images import read_images
from menagerie.brain.laion.layout import N_RUNS, N_SESSIONS, SESSIONS, Layout, ood_type, planned_repeats
from menagerie.errors import MenagerieError
from menagerie.twins.laion.labels import pool_splits, shared_labels, unique_labels
from menagerie.twins.laion.twin_files import (
    encode,
    write_images,
    write_session,
    write_splits,
    write_text,
    write_trials,
    write_volumes,
)
from menagerie.twins.laion.twin_geometry import Voxels
from menagerie.twins.pictures import image_statistics, textures
from menagerie.twins.signals import check_planted, noisy_session, read_out
from menagerie.twins.trees import clear_tree

_FOLDERS = ("derivatives", "stimuli", "laion_fmri")
MIN_COMMON = 30
Planted = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class TwinSpec:
    """What a twin consists of.

    Attributes
    ----------
    voxels
        Subject -> its voxels (:mod:`menagerie.twins.laion.twin_geometry`).
    sessions
        1 to 30; a subject's trials are spread over them evenly.
    n_laion, n_things, n_nsd, n_ood
        Images that all subjects see: twelve times (LAION, THINGS+), or four times (NSD, out of distribution).
    n_unique
        Images that each subject alone sees, four times.
    n_incomplete
        Images of each subject that are shown once less.
    n_nan
        Voxels of each subject whose betas are NaN in one trial; they lie among those without a region.
    image_size
        Pixels of a side.
    drift
        SD of the offset and of the log gain of each voxel from session to session; z-scoring takes both away.
    seed
        Of everything drawn.
    note
        Further lines of the twin's description: name -> text.

    Raises
    ------
    MenagerieError
        When there are too few images, or a number of sessions that there cannot be.
    """

    voxels: Mapping[str, Voxels]
    sessions: int = 2
    n_laion: int = 24
    n_things: int = 8
    n_nsd: int = 8
    n_ood: int = 36
    n_unique: int = 12
    n_incomplete: int = 2
    n_nan: int = 3
    image_size: int = 64
    drift: float = 0.3
    seed: int = 0
    note: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.sessions <= N_SESSIONS:
            raise MenagerieError(f"Twin: sessions is {self.sessions}; expected 1 to {N_SESSIONS}.")
        if self.n_laion + self.n_things + self.n_nsd < MIN_COMMON:
            raise MenagerieError(
                f"Twin: found {self.n_laion + self.n_things + self.n_nsd} shared images that are not out of "
                f"distribution, expected at least {MIN_COMMON}: the smallest of five clusters needs four. Raise "
                "n_laion."
            )

    @property
    def shared(self) -> list[str]:
        """Images that all see, sorted."""
        return shared_labels(self.n_laion, self.n_things, self.n_nsd, self.n_ood)

    @property
    def common(self) -> list[str]:
        """Those that are not out of distribution."""
        return [label for label in self.shared if ood_type(label) is None]

    @property
    def ood(self) -> list[str]:
        """Those that are."""
        return [label for label in self.shared if ood_type(label) is not None]

    @property
    def images(self) -> list[str]:
        """All images, in the order of the images' file."""
        return [*self.shared, *(label for subject in self.voxels for label in unique_labels(subject, self.n_unique))]


def encoded(spec: TwinSpec, pictures: Callable[[int], np.ndarray] | None = None) -> dict[str, bytes]:
    """Image files of a twin by name; ``pictures`` draws the picture of a number, by default textures."""
    draw = pictures or textures(spec.seed, spec.image_size)
    return {label: encode(label, draw(number)) for number, label in enumerate(spec.images)}


def write_twin(
    root: Path,
    spec: TwinSpec,
    planted: Planted | None = None,
    planted_ood: Planted | None = None,
    contents: Mapping[str, bytes] | None = None,
) -> None:
    """Write the tree of a twin.

    Parameters
    ----------
    root
        Folder to write. A tree there that is not a twin is never touched.
    spec
        What to write.
    planted
        Region ("OTC", "EVC") -> float ``(images, features)``: what its voxels read out, one row for each of
        ``spec.common``. By default simple statistics of the images. A subject's own images get features drawn with the
        same covariance.
    planted_ood
        Likewise, for ``spec.ood``.
    contents
        Image files by name; by default those of :func:`encoded`.

    Raises
    ------
    MenagerieError
        When the planted features do not fit, or the folder holds data that are not a twin.
    """
    layout = Layout(Path(root))
    clear_tree(layout.root, _FOLDERS, layout.twin_note, "a LAION-fMRI")
    write_text(layout.twin_note, _note(spec))
    write_images(layout.stimuli, contents or encoded(spec))
    planted = planted or statistics(layout, spec, spec.common)
    planted_ood = planted_ood or statistics(layout, spec, spec.ood)
    regions = {str(name) for voxels in spec.voxels.values() for name in np.unique(voxels.plant) if name}
    check_planted(planted, regions, len(spec.common))
    check_planted(planted_ood, regions, len(spec.ood))
    for position, (subject, voxels) in enumerate(spec.voxels.items()):
        rng = np.random.default_rng([spec.seed, 2, position])
        labels = [*spec.shared, *unique_labels(subject, spec.n_unique)]
        signal = _signal(spec, voxels, labels, planted, planted_ood, rng)
        write_volumes(layout, subject, voxels)
        for session, shown, betas in _sessions(spec, voxels, labels, signal, rng):
            write_session(layout.betas(subject, session), voxels, betas)
            runs = 1 + np.arange(len(shown)) * N_RUNS // len(shown)
            write_trials(layout.trials(subject, session), session, [labels[i] for i in shown], runs)
    write_splits(layout.splits, _pools(spec))
    _write_root(layout, spec)


def statistics(layout: Layout, spec: TwinSpec, labels: Iterable[str]) -> Planted:
    """Region -> simple statistics of images of a twin, as they look on the grey background."""
    rows = {label: row for row, label in enumerate(spec.images)}
    found: dict[str, list[np.ndarray]] = {"OTC": [], "EVC": []}
    for pixels in read_images(layout.stimuli, list(labels), rows):
        for region, values in image_statistics(pixels).items():
            found[region].append(values)
    return {region: np.array(values, ndmin=2) if values else np.zeros((0, 1)) for region, values in found.items()}


def _signal(
    spec: TwinSpec, voxels: Voxels, labels: list[str], planted: Planted, planted_ood: Planted, rng: np.random.Generator
) -> np.ndarray:
    """float32 ``(images, v)``: noiseless response of each voxel, SD 1 times ncsnr."""
    signal = rng.standard_normal((len(labels), len(voxels)), dtype=np.float32)  # of voxels without a plant
    is_ood = np.array([ood_type(label) is not None for label in labels])
    known = np.isin(labels, spec.common)
    for region in sorted(set(voxels.plant.tolist()) - {""}):
        members = np.flatnonzero(voxels.plant == region)
        own = np.flatnonzero(~is_ood)
        rows = np.arange(len(spec.common))
        signal[np.ix_(own, members)] = read_out(planted[region], rows, known[own], len(members), rng)
        if is_ood.any():
            every = np.ones(int(is_ood.sum()), dtype=bool)
            values = read_out(planted_ood[region], np.arange(len(spec.ood)), every, len(members), rng)
            signal[np.ix_(np.flatnonzero(is_ood), members)] = values
    return signal * voxels.ncsnr


def _sessions(
    spec: TwinSpec, voxels: Voxels, labels: list[str], signal: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Session, images shown (positions among ``labels``), betas float32 ``(trials, v)``: signal plus noise of SD 1."""
    counts = np.array([planned_repeats(label) for label in labels])
    counts[rng.choice(len(labels), size=spec.n_incomplete, replace=False)] -= 1
    amplitude = rng.uniform(0.5, 1.5, size=len(voxels)).astype(np.float32)
    spare = np.flatnonzero(voxels.plant == "")[-spec.n_nan :] if spec.n_nan else []
    order = rng.permutation(np.repeat(np.arange(len(labels)), counts))
    for session, shown in zip(SESSIONS, np.array_split(order, spec.sessions), strict=False):
        betas = noisy_session(signal[shown], amplitude, spec.drift, rng).astype(np.float32)
        betas[len(shown) // 2, spare] = np.nan
        yield session, shown, betas


def _pools(spec: TwinSpec) -> dict[str, dict[str, dict]]:
    pools = {"shared": spec.common} | {
        subject: [*spec.common, *unique_labels(subject, spec.n_unique)] for subject in spec.voxels
    }
    rngs = (np.random.default_rng([spec.seed, 4, number]) for number in range(len(pools)))
    return {pool: pool_splits(labels, spec.ood, rng) for (pool, labels), rng in zip(pools.items(), rngs, strict=True)}


def _write_root(layout: Layout, spec: TwinSpec) -> None:
    people = "\n".join(["participant_id", *spec.voxels]) + "\n"
    write_text(layout.root / "participants.tsv", people)
    write_text(layout.root / "participants.json", {"participant_id": {"Description": "simulated subject"}})
    write_text(layout.root / "README", "A simulated twin of LAION-fMRI, written by Menagerie; not measured data.\n")
    write_text(layout.description, {"Name": "simulated twin of LAION-fMRI", "BIDSVersion": "1.9.0"})


def _note(spec: TwinSpec) -> dict:
    return {
        "what": "simulated twin of LAION-fMRI, written by Menagerie; not measured data",
        "sessions": spec.sessions,
        "images": {"common": len(spec.common), "ood": len(spec.ood), "unique": spec.n_unique},
        "seed": spec.seed,
        "voxels": {subject: len(voxels) for subject, voxels in spec.voxels.items()},
        **spec.note,
    }
