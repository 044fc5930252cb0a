"""Responses of one subject to chosen images: every session's betas, z-scored, sorted into repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from menagerie.brain.laion.betas import read_session
from menagerie.brain.laion.laion_options import Options
from menagerie.brain.laion.layout import Layout, planned_repeats, session_number
from menagerie.brain.laion.trials import Sessions
from menagerie.brain.voxels.ranges import ranges
from menagerie.brain.voxels.zscores import zscore
from menagerie.errors import MenagerieError


@dataclass(frozen=True)
class Responses:
    """Responses of ``v`` voxels to the ``n`` images that could be kept.

    Attributes
    ----------
    kept
        int ``(n,)``: positions of the images among those asked for.
    mean
        float32 ``(n, v)``: mean over the repeats that are there.
    n_repeats
        int ``(n,)``: trials that each mean is of.
    repeats
        float32 ``(t, n, v)``: one value a trial, in the order shown, NaN where a trial is missing; None unless asked
        for.
    usable
        bool ``(v,)``: voxels with a finite value in every trial of the sessions read, and variance in each.
    report
        What was read and what was left out, for the provenance.
    """

    kept: np.ndarray
    mean: np.ndarray
    n_repeats: np.ndarray
    repeats: np.ndarray | None
    usable: np.ndarray
    report: dict[str, str] = field(default_factory=dict)


def keep_images(sessions: Sessions, labels: Sequence[str], missing: str) -> np.ndarray:
    """int ``(images,)``: trials to use of each image; 0 where it is left out.

    ``missing``: "drop" leaves out each image with fewer trials than the design has; "average" uses what is there.
    """
    counts = sessions.counts()
    found = np.array([counts[label] for label in labels], dtype=int)
    if missing == "drop":
        planned = np.array([planned_repeats(label) for label in labels])
        found[found < planned] = 0
    return found


def read_responses(
    layout: Layout, subject: str, sessions: Sessions, labels: Sequence[str], voxels: np.ndarray,
    shape: tuple[int, int, int], chosen: Options,
) -> Responses:  # fmt: skip
    """Read the sessions that hold the images and sort their trials into images.

    Each voxel is z-scored over all trials of its session (or run), those of other images included.

    Parameters
    ----------
    layout, subject, sessions
        The tree, whose responses, and its trial tables.
    labels
        Images asked for.
    voxels
        int ``(v,)``: positions in the flattened volume.
    shape
        X, Y, Z of the volume.
    chosen
        Options ``missing``, ``zscore`` and ``keep_repeats`` count.

    Raises
    ------
    MenagerieError
        When no image is left, or a session file is damaged or does not fit.
    """
    counts = keep_images(sessions, labels, chosen.missing)
    kept = np.flatnonzero(counts)
    report = _report(sessions, labels, counts, chosen.missing)
    if not len(kept):
        raise MenagerieError(
            f"LAION-fMRI {subject}: none of {len(labels)} images has the trials it needs (option missing: "
            f"{chosen.missing}; {len(sessions.trials)} sessions found). Fetch the sessions, check laion_root, or set "
            "missing: average."
        )
    places = sessions.places([labels[image] for image in kept])
    total = np.zeros((len(kept), len(voxels)))
    repeats = np.full((counts.max(), *total.shape), np.nan, dtype=np.float32) if chosen.keep_repeats else None
    finite, varies = np.ones(len(voxels), dtype=bool), np.ones(len(voxels), dtype=bool)
    read: list[int] = []
    for session in sessions.trials:
        here = [(row, k, at) for row, seen in enumerate(places) for k, (who, at) in enumerate(seen) if who == session]
        if not here:
            continue
        read.append(session_number(session))
        rows, order, volumes = np.array(here).T
        trials = sessions.trials[session]
        raw = read_session(layout.betas(subject, session), voxels, shape, len(trials))
        values, known, changing = normalised(raw, trials.runs, chosen.zscore)
        finite &= known
        varies &= changing | ~known
        np.add.at(total, rows, values[volumes])
        if repeats is not None:
            repeats[order, rows] = values[volumes]
    report |= {
        "sessions_read": ranges(read),
        "voxels_with_nan": str(int((~finite).sum())),
        "voxels_constant": str(int((finite & ~varies).sum())),
    }
    mean = (total / counts[kept][:, None]).astype(np.float32)
    return Responses(kept, mean, counts[kept], repeats, finite & varies, report)


def normalised(raw: np.ndarray, runs: np.ndarray, how: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Z-scores of one session, which voxels are finite in every trial, and which have variance.

    Parameters
    ----------
    raw
        float32 ``(trials, v)``.
    runs
        ``(trials,)``: run of each trial.
    how
        "session" or "run": over whose trials; "none": values stay, voxels without variance are told all the same.

    Returns
    -------
    values
        float32 ``(trials, v)``; 0 in voxels that are not finite.
    finite, varies
        bool ``(v,)``; of a voxel without variance in some run only, "run" says False.
    """
    finite = np.isfinite(raw).all(axis=0)
    raw = np.where(finite, raw, np.float32(0))
    if how == "none":
        return raw, finite, (raw != raw[0]).any(axis=0)
    if how == "session":
        values, varies = zscore(raw)
        return values, finite, varies
    values, varies = np.empty_like(raw), np.ones(raw.shape[1], dtype=bool)
    for run in np.unique(runs):
        values[runs == run], changing = zscore(raw[runs == run])
        varies &= changing
    return values, finite, varies


def _report(sessions: Sessions, labels: Sequence[str], counts: np.ndarray, missing: str) -> dict[str, str]:
    trials = sessions.counts()
    shown = np.array([trials[label] for label in labels])
    planned = np.array([planned_repeats(label) for label in labels])
    return {
        "missing": missing,
        "images_asked": str(len(labels)),
        "images_kept": str(int((counts > 0).sum())),
        "images_never_shown": str(int((shown == 0).sum())),
        "images_dropped": str(int(((counts == 0) & (shown > 0)).sum())),
        "images_with_fewer_repeats": str(int(((counts > 0) & (counts < planned)).sum())),
        "sessions_missing": ranges(session_number(name) for name in sessions.missing),
    }
