"""Reader of the Natural Scenes Dataset: the release itself, a part of it, or a simulated twin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from menagerie.brain.nsd.betas import session_files
from menagerie.brain.nsd.design import read_design, select_images
from menagerie.brain.nsd.layout import (
    BETAS_VERSION,
    LABEL_VOLUMES,
    NCSNR,
    PUBLISHED_SUBJECTS,
    SUBJECTS,
    TRIALS_PER_SESSION,
    Layout,
    image_id,
    nsd_id,
    subject_number,
)
from menagerie.brain.nsd.photographs import read_photographs
from menagerie.brain.nsd.responses import keep_images, read_responses
from menagerie.brain.nsd.rois import Volumes, build_regions, volumes_of
from menagerie.brain.options import fill_options
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError

DEFAULT_SUBJECTS = PUBLISHED_SUBJECTS
INPUTS = {"nsd": "nsd/fetched.json"}  # written by the fetch command when every file of the config is there


@dataclass(frozen=True)
class Options:
    """The options of a dataset that uses this reader.

    Attributes
    ----------
    nsd_root
        Folder that holds ``nsddata/``; never written to. Default: where the fetch command puts its files.
    endpoint
        S3 server to fetch from; empty for the public one. Only the fetch command looks at it.
    images
        "shared1000", "special515", "own:<subject>", or a text file with one id a line.
    regions
        List of region names, or mapping name -> expression or {mask: file}; see docs/nsd.md.
    missing
        "drop" leaves out images that lack a repeat; "average" uses the repeats that are there.
    betas
        "auto", "hdf5" or "nii.gz".
    zscore
        Z-score each voxel within each session (the published analysis).
    accept_terms
        True says that you have accepted the terms of NSD; the public data are not fetched without.
    ceiling_images
        Own images, outside the analysis, that the noise ceilings are estimated on; 0 leaves ceilings out.
    keep_repeats
        Keep single repeats in the target, for noise ceilings.
    """

    nsd_root: str | None = None
    endpoint: str = ""
    images: str = "shared1000"
    regions: object = ("OTC", "EVC")
    missing: str = "drop"
    betas: str = "auto"
    zscore: bool = True
    keep_repeats: bool = True
    accept_terms: bool = False
    ceiling_images: int = 500


OPTIONS = {item.name: item.default for item in fields(Options)}
FETCH_OPTIONS = ("endpoint", "accept_terms")


def needs_ceilings(options: Mapping[str, object]) -> bool:
    """Whether noise ceilings are estimated, on images outside the analysis."""
    return bool(options.get("ceiling_images", Options.ceiling_images))


def default_subjects(options: Mapping[str, object]) -> tuple[str, ...]:
    """The four subjects of the published analysis."""
    return DEFAULT_SUBJECTS


def known_subjects(options: Mapping[str, object]) -> tuple[str, ...]:
    """All eight subjects."""
    return SUBJECTS


def fetch(resources: str | Path, options: Mapping[str, object], subjects: Sequence[str] = DEFAULT_SUBJECTS) -> Path:
    """Fetch what the options and subjects need below ``resources``; returns the note that is written last.

    Raises
    ------
    MenagerieError
        When a file cannot be fetched or fails its check; run again to go on.
    """
    from menagerie.brain.nsd.bucket import Bucket
    from menagerie.brain.nsd.fetch_nsd import TERMS, Wanted, fetch, make_plan

    chosen = parse_options(options)
    if not (chosen.accept_terms or chosen.endpoint):
        raise MenagerieError(f"NSD may be used after accepting its terms: {TERMS}. Then set accept_terms: true.")
    form = "hdf5" if chosen.betas == "auto" else chosen.betas
    root = Path(resources) / INPUTS["nsd"]
    bucket = Bucket(chosen.endpoint)
    plan = make_plan(bucket, root.parent, Wanted(subjects, str(chosen.images), form))
    print(plan.text())
    return fetch(bucket, root.parent, plan)


def parse_options(options: Mapping[str, object]) -> Options:
    """Check the names of the options; the values are checked where they are used.

    Raises
    ------
    MenagerieError
        When an option is unknown.
    """
    return Options(**fill_options("nsd", options, OPTIONS))


def inputs(options: Mapping[str, object], resources: str = "resources", subject: str | None = None) -> dict[str, str]:
    """Files that must be there before stimuli or targets can be read: of ``nsd_root``, or of the fetch command.

    Sessions are not among them: what a missing one means is for option ``missing`` to say.
    """
    chosen = parse_options(options)
    if not chosen.nsd_root:
        return {name: Path(resources) / path for name, path in INPUTS.items()}
    return {"design": Layout(Path(chosen.nsd_root)).design}


def missing_files(chosen: Options, root: Path, subjects: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Files that a run cannot do without and that are missing, and sessions of betas that are missing.

    Raises
    ------
    MenagerieError
        When the design is missing or damaged, or a region expression is wrong.
    """
    layout = Layout(root)
    design = read_design(layout)
    ids = select_images(design, str(chosen.images), subjects[0])
    names = [NCSNR, *volumes_of(chosen.regions)]
    needed = [layout.stimuli, *(layout.volume(subject, name) for subject in subjects for name in names)]
    sessions = []
    for subject in subjects:
        there = session_files(layout, subject, design.sessions(subject), chosen.betas)
        trials = design.trials(subject, ids)
        shown = np.unique(trials[trials >= 0] // TRIALS_PER_SESSION) + 1
        sessions += [layout.betas(subject, number) for number in shown.tolist() if number not in there]
    return [path for path in needed if not path.is_file()], sessions


def _layout(chosen: Options, inputs: Mapping[str, Path] | None) -> Layout:
    if chosen.nsd_root:
        root = Path(chosen.nsd_root)
    elif inputs and "nsd" in inputs:
        root = Path(inputs["nsd"]).parent
    else:
        raise MenagerieError("Reader nsd: no data. Set option nsd_root to an NSD tree, or fetch one (docs/nsd.md).")
    if not root.is_dir():
        raise MenagerieError(f"Reader nsd: folder {root} is missing. Set option nsd_root to the folder with nsddata/.")
    return Layout(root)


def read_stimuli(
    options: Mapping[str, object], inputs: Mapping[str, Path] | None = None
) -> tuple[Iterator[np.ndarray], list[str], dict[str, str]]:
    """Photographs, their ids ("nsd-00456": 0-based 73k id) in ascending order, and provenance.

    Raises
    ------
    MenagerieError
        When the tree or the choice of images is wrong; for a photograph, while iterating.
    """
    chosen = parse_options(options)
    layout = _layout(chosen, inputs)
    ids = select_images(read_design(layout), str(chosen.images))
    provenance = {"reader": "nsd", "images": str(chosen.images), "simulated": _simulated(layout)}
    return read_photographs(layout.stimuli, ids), [image_id(i) for i in ids.tolist()], provenance


def read_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, object],
    inputs: Mapping[str, Path] | None = None,
    stimuli: Stimuli,
) -> Target:
    """Responses of one subject to the images of a stimulus set.

    Units are all voxels of at least one region, in the order x, y, z. Voxels without variance in a session are
    left out and counted in the provenance, as are images and voxels of unknown reliability.

    Raises
    ------
    MenagerieError
        When the tree is incomplete, damaged or does not fit together; see docs/nsd.md for the list.
    """
    chosen = parse_options(options)
    name = stimuli.path.stem
    return _read(dataset, subject, chosen, _layout(chosen, inputs), np.asarray(stimuli.image_ids), name)


def read_ceiling_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, object],
    inputs: Mapping[str, Path] | None = None,
    n_images: int | None = None,
    seed: int = 0,
) -> Target:
    """Single repeats of images that the main analysis does not use, for noise ceilings (``brain.ceilings``).

    They are drawn from the subject's own images with three repeats that option ``images`` does not choose;
    ``n_images`` of them, by default as option ``ceiling_images`` says.

    Raises
    ------
    MenagerieError
        As :func:`read_target`, and when fewer than ten such images are there.
    """
    chosen = replace(parse_options(options), missing="drop", keep_repeats=True)
    n_images = n_images or chosen.ceiling_images
    layout = _layout(chosen, inputs)
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
    ids = np.sort(np.random.default_rng(seed).choice(spare, size=min(n_images, len(spare)), replace=False))
    return _read(dataset, subject, chosen, layout, np.array([image_id(i) for i in ids.tolist()]), "own images")


def _read(dataset: str, subject: str, chosen: Options, layout: Layout, image_ids: np.ndarray, stimuli: str) -> Target:
    subject_number(subject)
    volumes = Volumes(layout, subject)
    design = read_design(layout)
    ids = np.array([nsd_id(str(name)) for name in image_ids], dtype=np.int64)
    masks, unknown_values = build_regions(volumes, chosen.regions)
    anywhere = np.logical_or.reduce(list(masks.values()))
    files = session_files(volumes.layout, subject, design.sessions(subject), chosen.betas)
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
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli,
        image_ids=image_ids[found.kept],
        responses=found.mean() if every else found.mean()[:, found.varies],
        repeats=None if not chosen.keep_repeats else found.repeats if every else found.repeats[..., found.varies],
        regions=regions,
        units=_unit_table(volumes, voxels),
        provenance=_provenance(volumes, chosen.zscore, absent, unknown_values) | found.report,
    )


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
        "simulated": _simulated(volumes.layout),
        "sessions_missing": ", ".join(map(str, missing)),
        "voxels_of_unknown_value": ", ".join(f"{name}: {count}" for name, count in unknown_values.items()),
    }


def _simulated(layout: Layout) -> str:
    return "yes" if layout.twin_note.is_file() else "no"
