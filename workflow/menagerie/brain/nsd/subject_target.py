"""One subject of NSD as a target: responses, regions and the table of units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from menagerie.brain.nsd.betas import session_files
from menagerie.brain.nsd.design import read_design, select_images
from menagerie.brain.nsd.layout import BETAS_VERSION, LABEL_VOLUMES, NCSNR, Layout, nsd_id, subject_number
from menagerie.brain.nsd.nsd_options import Options
from menagerie.brain.nsd.responses import keep_images, read_responses
from menagerie.brain.nsd.volumes import Volumes
from menagerie.brain.remarks import log
from menagerie.brain.repeats import count_repeats
from menagerie.brain.target import Target
from menagerie.brain.voxels.regions import build_regions
from menagerie.errors import MenagerieError


def build_target(
    dataset: str, subject: str, chosen: Options, layout: Layout, image_ids: np.ndarray, stimuli: str
) -> Target:
    """Responses of one subject to images; units are all voxels of at least one region, in the order x, y, z.

    Raises
    ------
    MenagerieError
        When the tree is incomplete, damaged or does not fit together; see docs/nsd.md for the list.
    """
    subject_number(subject)
    volumes = Volumes(layout, subject)
    design = read_design(layout)
    ids = np.array([nsd_id(str(name)) for name in image_ids], dtype=np.int64)
    masks, unknown_values = build_regions(volumes, chosen.regions)
    anywhere = np.logical_or.reduce(list(masks.values()))
    files = session_files(volumes.layout, subject, design.sessions(subject), chosen.betas)
    volumes.check_sessions(files.values())
    found = read_responses(
        design.trials(subject, ids),
        files,
        _coordinates(anywhere, volumes.shape),
        volumes.shape,
        missing=chosen.missing,
        normalise=chosen.zscore,
        subject=subject,
    )
    voxels = np.flatnonzero(anywhere)[found.varies]
    regions = {name: mask[voxels] for name, mask in masks.items()}
    _check_regions(subject, regions, found.report)
    absent = [session for session in range(1, design.sessions(subject) + 1) if session not in files]
    every = bool(found.varies.all())
    log(volumes.remarks)
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli,
        image_ids=image_ids[found.kept],
        responses=found.mean() if every else found.mean()[:, found.varies],
        repeats=None if not chosen.keep_repeats else found.repeats if every else found.repeats[..., found.varies],
        n_repeats=count_repeats(found.repeats),
        regions=regions,
        units=_unit_table(volumes, voxels),
        provenance=_provenance(volumes, chosen.zscore, absent, unknown_values) | found.report,
    )


def spare_images(subject: str, chosen: Options, layout: Layout, n_images: int, seed: int) -> np.ndarray:
    """int ``(n,)``: 73k ids, ascending, of own images with three repeats that option ``images`` does not choose.

    Raises
    ------
    MenagerieError
        When fewer than ten are there.
    """
    subject_number(subject)
    design = read_design(layout)
    spare = np.setdiff1d(design.own(subject), select_images(design, str(chosen.images), subject))
    files = session_files(layout, subject, design.sessions(subject), chosen.betas)
    spare = spare[keep_images(design.trials(subject, spare), files, "drop").all(axis=1)]
    if len(spare) < 10:
        raise MenagerieError(
            f"NSD {subject}: {len(spare)} own images have three repeats and are not part of images: {chosen.images}; "
            "a noise ceiling needs at least 10. Fetch more sessions."
        )
    return np.sort(np.random.default_rng(seed).choice(spare, size=min(n_images, len(spare)), replace=False))


def _coordinates(mask: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """int ``(v, 3)``: x, y, z of the voxels of a flat mask."""
    return np.stack(np.unravel_index(np.flatnonzero(mask), shape), axis=1)


def _check_regions(subject: str, regions: Mapping[str, np.ndarray], report: Mapping[str, str]) -> None:
    for name, mask in regions.items():
        if (count := int(mask.sum())) < 2:
            raise MenagerieError(
                f"NSD {subject}, region {name}: {count} voxels are left after {report['voxels_constant']} without "
                "variance within a session were taken out; an RSM needs at least 2. Check the betas of this subject."
            )


def _unit_table(volumes: Volumes, voxels: np.ndarray) -> dict[str, np.ndarray]:
    """x, y, z, ncsnr, and the label of each voxel in every label volume that is there ("" for none)."""
    x, y, z = np.unravel_index(voxels, volumes.shape)
    table = {"x": x, "y": y, "z": z, NCSNR: volumes[NCSNR][voxels]}
    for name in LABEL_VOLUMES:
        if volumes.has(name):
            labels = volumes[name]
            names = {number: label for label, number in labels.numbers.items()}
            codes = labels.codes[voxels].tolist()
            table[name] = np.array([names.get(code, "") for code in codes]) if names else labels.codes[voxels] > 0
    return table


def _provenance(
    volumes: Volumes, zscored: bool, missing: list[int], unknown_values: Mapping[str, int]
) -> dict[str, str]:
    return {
        "reader": "nsd",
        "betas": BETAS_VERSION,
        "zscore": "within session" if zscored else "no",
        "simulated": is_simulated(volumes.layout),
        "sessions_missing": ", ".join(map(str, missing)),
        "voxels_of_unknown_value": ", ".join(f"{name}: {count}" for name, count in unknown_values.items()),
    }


def is_simulated(layout: Layout) -> str:
    """ "yes" for a twin, "no" for the release."""
    return "yes" if layout.twin_note.is_file() else "no"
