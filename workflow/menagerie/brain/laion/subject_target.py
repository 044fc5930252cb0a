"""One subject of LAION-fMRI as a target: responses, regions and the table of units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from menagerie.brain.laion.betas import open_session
from menagerie.brain.laion.images import select_images
from menagerie.brain.laion.laion_options import Options
from menagerie.brain.laion.layout import GLMSINGLE, Layout, check_subject, owner
from menagerie.brain.laion.responses import keep_images, read_responses
from menagerie.brain.laion.trials import Sessions, read_sessions
from menagerie.brain.laion.volumes import NCSNR, R2MEAN, Volumes
from menagerie.brain.remarks import Remark, log
from menagerie.brain.target import Target
from menagerie.brain.voxels.regions import build_regions
from menagerie.errors import MenagerieError

MIN_SPARE = 10  # images; a noise ceiling of fewer is none


def build_target(
    dataset: str, subject: str, chosen: Options, layout: Layout, image_ids: Sequence[str], stimuli: str
) -> Target:
    """Responses of one subject to images; units are all voxels of at least one region, in the order x, y, z.

    Raises
    ------
    MenagerieError
        When the tree is incomplete, damaged or does not fit together; see docs/laion.md.
    """
    _check_owner(chosen, subject)
    labels = [str(label) for label in image_ids]
    volumes = Volumes(layout, subject, chosen.noise_ceiling_map)
    masks, unknown_values = build_regions(volumes, chosen.regions)
    sessions = read_sessions(layout, subject)
    check_sessions(volumes, sessions)
    anywhere = np.flatnonzero(np.logical_or.reduce(list(masks.values())))
    found = read_responses(layout, subject, sessions, labels, anywhere, volumes.shape, chosen)
    voxels = anywhere[found.usable]
    regions = {name: mask[voxels] for name, mask in masks.items()}
    _check_regions(subject, regions, found.report)
    log([*volumes.remarks, *session_remarks(subject, sessions)])
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli,
        image_ids=np.array(labels, dtype=object)[found.kept],
        responses=found.mean[:, found.usable],
        repeats=None if found.repeats is None else found.repeats[..., found.usable],
        n_repeats=found.n_repeats,
        regions=regions,
        units=_unit_table(volumes, voxels),
        provenance=_provenance(volumes, chosen, unknown_values) | found.report,
    )


def spare_images(subject: str, layout: Layout, chosen: Options, n_images: int, seed: int) -> list[str]:
    """Images that this subject alone saw four times and that option ``images`` does not choose, sorted.

    Raises
    ------
    MenagerieError
        When fewer than :data:`MIN_SPARE` are there.
    """
    check_subject(subject)
    sessions = read_sessions(layout, subject)
    own = [label for label in sessions.counts() if owner(label) == subject]
    own = sorted(set(own) - set(select_images(own, chosen) if chosen.pool == subject else ()))
    spare = [label for label, count in zip(own, keep_images(sessions, own, "drop"), strict=True) if count]
    if len(spare) < MIN_SPARE:
        raise MenagerieError(
            f"LAION-fMRI {subject}: {len(spare)} own images have four repeats and are not part of images: "
            f"{chosen.images}; a noise ceiling needs at least {MIN_SPARE}. Fetch more sessions, or set ceiling_images: "
            "0."
        )
    drawn = np.random.default_rng(seed).choice(len(spare), size=min(n_images, len(spare)), replace=False)
    return [spare[position] for position in sorted(drawn)]


def check_sessions(volumes: Volumes, sessions: Sessions) -> None:
    """Refuse sessions whose headers do not fit the subject's grid or their trial tables; no beta is read.

    Raises
    ------
    MenagerieError
        With the first of them.
    """
    for session, trials in sessions.trials.items():
        path = volumes.layout.betas(volumes.subject, session)
        volumes.check_grid(path, open_session(path, volumes.shape, len(trials)))


def session_remarks(subject: str, sessions: Sessions) -> list[Remark]:
    """A remark where sessions of the release are missing."""
    if not sessions.missing:
        return []
    text = f"{subject}: {len(sessions.missing)} of 30 sessions are missing (first: {sessions.missing[0]})."
    return [Remark(text, "Images that lack a repeat are left out (missing: drop), or averaged over fewer (average).")]


def _check_owner(chosen: Options, subject: str) -> None:
    check_subject(subject)
    if chosen.pool not in ("shared", subject):
        raise MenagerieError(
            f"LAION-fMRI {subject}: found images: {chosen.images}, which hold images that {chosen.pool} alone saw. "
            "Give each subject a dataset of its own, or set images: shared (docs/laion.md)."
        )


def _check_regions(subject: str, regions: Mapping[str, np.ndarray], report: Mapping[str, str]) -> None:
    for name, mask in regions.items():
        if (count := int(mask.sum())) < 2:
            raise MenagerieError(
                f"LAION-fMRI {subject}, region {name}: {count} voxels are left after {report['voxels_with_nan']} with "
                f"NaN and {report['voxels_constant']} without variance within a session were taken out; an RSM needs "
                "at least 2. Check the betas of this subject."
            )


def _unit_table(volumes: Volumes, voxels: np.ndarray) -> dict[str, np.ndarray]:
    """x, y, z, ncsnr, r2mean, and whether each voxel is in each ROI that is there."""
    x, y, z = np.unravel_index(voxels, volumes.shape)
    table = {"x": x, "y": y, "z": z, NCSNR: volumes[NCSNR][voxels], R2MEAN: volumes[R2MEAN][voxels]}
    return table | {name: volumes[name][voxels] for name in volumes.rois}


def _provenance(volumes: Volumes, chosen: Options, unknown_values: Mapping[str, int]) -> dict[str, str]:
    return {
        "reader": "laion",
        "betas": GLMSINGLE,
        "zscore": "no" if chosen.zscore == "none" else f"within {chosen.zscore}",
        "ncsnr": f"from the noise-ceiling map {chosen.noise_ceiling_map}",
        "images": chosen.images,
        "simulated": is_simulated(volumes.layout),
        "rois_missing": ", ".join(sorted(volumes.absent)),
        "voxels_of_unknown_value": ", ".join(f"{name}: {count}" for name, count in unknown_values.items()),
    }


def is_simulated(layout: Layout) -> str:
    """ "yes" for a twin, "no" for the release."""
    return "yes" if layout.twin_note.is_file() else "no"
