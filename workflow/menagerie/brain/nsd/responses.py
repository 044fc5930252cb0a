"""Responses of one subject to chosen images: every session's betas, z-scored, sorted into repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from menagerie.brain.nsd.betas import percent, read_session
from menagerie.brain.nsd.layout import TRIALS_PER_SESSION
from menagerie.brain.voxels.ranges import ranges
from menagerie.brain.voxels.zscores import zscore
from menagerie.errors import MenagerieError, unknown

MISSING_RULES = ("drop", "average")


@dataclass(frozen=True)
class Responses:
    """Responses of ``v`` voxels to the ``n`` images that could be kept.

    Attributes
    ----------
    kept
        int ``(n,)``: positions of the images among those asked for.
    repeats
        float32 ``(3, n, v)``: one value a trial, in the order shown; NaN where a trial is missing.
    varies
        bool ``(v,)``: False for voxels that are constant in a session; their responses must not be used.
    report
        What was read and what was left out, for the provenance.
    """

    kept: np.ndarray
    repeats: np.ndarray
    varies: np.ndarray
    report: dict[str, str] = field(default_factory=dict)

    def mean(self) -> np.ndarray:
        """float32 ``(n, v)``: mean over the repeats that are there."""
        total = np.zeros(self.repeats.shape[1:], dtype=np.float32)
        count = np.zeros((len(self.kept), 1), dtype=np.float32)
        for repeat in self.repeats:  # one repeat at a time: no second array of the full size
            there = np.isfinite(repeat[:, :1])
            total += np.where(there, repeat, 0)
            count += there
        return total / count


def keep_images(trials: np.ndarray, sessions: Mapping[int, Path], missing: str) -> np.ndarray:
    """bool ``(images, 3)``: the trials to use; a row without any means that the image is left out.

    Parameters
    ----------
    trials
        int ``(images, 3)`` from :meth:`Design.trials`.
    sessions
        The session files that are there, by number from 1.
    missing
        "drop": leave out each image that lacks a repeat. "average": use the repeats that are there.

    Raises
    ------
    MenagerieError
        When the rule is unknown.
    """
    if missing not in MISSING_RULES:
        raise unknown("rule for missing repeats (option missing)", missing, MISSING_RULES)
    there = (trials >= 0) & np.isin(trials // TRIALS_PER_SESSION + 1, list(sessions))
    if missing == "drop":
        there &= there.all(axis=1, keepdims=True)
    return there


def read_responses(
    trials: np.ndarray,
    sessions: Mapping[int, Path],
    voxels: np.ndarray,
    shape: tuple[int, int, int],
    *,
    missing: str = "drop",
    normalise: bool = True,
    subject: str = "",
) -> Responses:
    """Read the sessions that hold the images and sort their trials into images and repeats.

    Each voxel is z-scored within each session over all 750 trials of it, those of other images included.

    Parameters
    ----------
    trials
        int ``(images, 3)``: trials of each image, from 0; -1 where it was not shown.
    sessions
        Session files by number.
    voxels
        int ``(v, 3)``: x, y, z.
    shape
        X, Y, Z of the volume.
    missing
        Rule of :func:`keep_images`.
    normalise
        False keeps percent signal change instead of z-scores.
    subject
        For messages.

    Raises
    ------
    MenagerieError
        When no image is left, or a session file is damaged or does not fit.
    """
    use = keep_images(trials, sessions, missing)
    kept = np.flatnonzero(use.any(axis=1))
    report = _report(trials, use, missing)
    if not len(kept):
        raise MenagerieError(
            f"NSD {subject}: none of {len(trials)} images has the trials it needs (option missing: {missing}; "
            f"session files found: {ranges(sessions) or 'none'}). Fetch the sessions, check nsd_root, "
            "or set missing: average."
        )
    repeats = np.full((trials.shape[1], len(kept), len(voxels)), np.nan, dtype=np.float32)
    varies = np.ones(len(voxels), dtype=bool)
    rows, columns = np.nonzero(use[kept])  # image, repeat
    wanted = trials[kept][rows, columns]
    needed = np.unique(wanted // TRIALS_PER_SESSION) + 1
    for session in needed.tolist():
        raw = read_session(sessions[session], voxels, shape)
        values, changing = zscore(raw)
        varies &= changing
        here = wanted // TRIALS_PER_SESSION + 1 == session
        values = values if normalise else percent(raw)
        repeats[columns[here], rows[here]] = values[wanted[here] % TRIALS_PER_SESSION]
    report |= {"sessions_read": ranges(needed), "voxels_constant": str(int((~varies).sum()))}
    return Responses(kept, repeats, varies, report)


def _report(trials: np.ndarray, use: np.ndarray, missing: str) -> dict[str, str]:
    shown = trials >= 0
    fewer = use.any(axis=1) & (use.sum(axis=1) < trials.shape[1])
    gone = ~use.any(axis=1)
    return {
        "missing": missing,
        "images_asked": str(len(trials)),
        "images_kept": str(int((~gone).sum())),
        "images_never_shown": str(int((~shown.any(axis=1)).sum())),
        "images_dropped": str(int((gone & shown.any(axis=1)).sum())),
        "images_with_fewer_repeats": str(int(fewer.sum())),
    }
