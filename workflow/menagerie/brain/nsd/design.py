"""The experiment's design: which image was shown in which trial of which session, and which images to use."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menagerie.brain.formats.csv_files import read_text
from menagerie.brain.formats.mat_files import read_mat
from menagerie.brain.nsd.layout import (
    N_IMAGES,
    REPEATS,
    SESSIONS,
    SUBJECTS,
    TRIALS_PER_SESSION,
    Layout,
    nsd_id,
    subject_number,
)
from menagerie.errors import MenagerieError
from menagerie.files.paths import user_path

_MEND = "Fetch the file again; it must be the one of the NSD release."


@dataclass(frozen=True)
class Design:
    """The design of all subjects, with 0-based 73k ids.

    Attributes
    ----------
    ordering
        int ``(trials,)``: position of each trial's image among the subject's images, from 0; the same for all.
    images
        int ``(8, images)``: 73k id of each image of each subject.
    shared
        int ``(shared,)``: 73k ids that all subjects saw, ascending.
    """

    ordering: np.ndarray
    images: np.ndarray
    shared: np.ndarray

    def sessions(self, subject: str) -> int:
        """Sessions that a subject took part in."""
        return min(SESSIONS[subject], len(self.ordering) // TRIALS_PER_SESSION)

    def shown(self, subject: str) -> np.ndarray:
        """int ``(trials,)``: 73k id shown in each trial that the subject took part in."""
        trials = self.sessions(subject) * TRIALS_PER_SESSION
        return self.images[subject_number(subject) - 1][self.ordering[:trials]]

    def trials(self, subject: str, ids: np.ndarray) -> np.ndarray:
        """int ``(images, 3)``: trials of each image, from 0, in the order shown; -1 where it was not shown again."""
        shown = self.shown(subject)
        order = np.argsort(shown, kind="stable")
        first = np.searchsorted(shown, ids, side="left", sorter=order)
        last = np.searchsorted(shown, ids, side="right", sorter=order)
        table = np.full((len(ids), REPEATS), -1)
        for repeat in range(REPEATS):
            there = first + repeat < last
            table[there, repeat] = order[first[there] + repeat]
        return table

    def own(self, subject: str) -> np.ndarray:
        """int: 73k ids that this subject alone saw (up to 9,000), ascending."""
        return np.setdiff1d(np.unique(self.shown(subject)), self.shared)

    def special(self) -> np.ndarray:
        """int: shared 73k ids that every subject saw three times (515 in the full release), ascending."""
        fewest = min(SUBJECTS, key=self.sessions)
        return self.shared[(self.trials(fewest, self.shared) >= 0).all(axis=1)]


def read_design(layout: Layout) -> Design:
    """Read and check ``nsd_expdesign.mat``, and compare it with the stimulus table where that is there.

    Raises
    ------
    MenagerieError
        When the file is missing, lacks a variable, or its numbers do not fit together.
    """
    path = layout.design
    if not path.is_file():
        raise MenagerieError(
            f"NSD design {path} is missing. Set nsd_root to the folder that holds nsddata/, or fetch the data."
        )
    names = ("masterordering", "subjectim", "sharedix")
    try:
        found = read_mat(path, names)
    except MenagerieError as error:
        raise MenagerieError(f"NSD design {error}") from None
    for name in names:
        if not isinstance(found.get(name), np.ndarray):
            raise MenagerieError(f"NSD design {path}: variable '{name}' is missing. {_MEND}")
    ordering, images, shared = (found[name] for name in names)
    arrays = [_whole(path, name, a) for name, a in (("masterordering", ordering), ("sharedix", shared))]
    design = Design(arrays[0].ravel() - 1, _whole(path, "subjectim", images) - 1, np.sort(arrays[1].ravel()) - 1)
    _check(path, design)
    _check_table(layout.stimulus_table, design)
    return design


def _whole(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "iuf" or not np.array_equal(values, np.round(values)):
        raise MenagerieError(f"NSD design {path}: {name} must hold whole numbers, found {values.dtype}. {_MEND}")
    return values.astype(np.int64)


def _check(path: Path, design: Design) -> None:
    ordering, images, shared = design.ordering, design.images, design.shared
    if images.ndim != 2 or len(images) != len(SUBJECTS):
        raise MenagerieError(
            f"NSD design {path}: subjectim has shape {images.shape}; expected {len(SUBJECTS)} rows, one a subject. "
            f"{_MEND}"
        )
    if not ordering.size or ordering.size % TRIALS_PER_SESSION:
        raise MenagerieError(
            f"NSD design {path}: masterordering has {ordering.size} trials; expected a multiple of "
            f"{TRIALS_PER_SESSION} (30,000 in the release). {_MEND}"
        )
    for name, values, end in (
        ("masterordering", ordering, images.shape[1]),
        ("subjectim", images, N_IMAGES),
        ("sharedix", shared, N_IMAGES),
    ):
        if values.size and (values.min() < 0 or values.max() >= end):
            raise MenagerieError(
                f"NSD design {path}: {name} runs from {values.min() + 1} to {values.max() + 1}; "
                f"expected 1 to {end}. {_MEND}"
            )
    if np.bincount(ordering).max() > REPEATS:
        raise MenagerieError(f"NSD design {path}: masterordering shows an image more than {REPEATS} times. {_MEND}")
    if len(np.unique(shared)) != len(shared):
        raise MenagerieError(f"NSD design {path}: sharedix repeats an id. {_MEND}")
    for subject, row in zip(SUBJECTS, images, strict=True):
        if len(np.unique(row)) != len(row):
            raise MenagerieError(f"NSD design {path}: subjectim repeats an id for {subject}. {_MEND}")
        if lost := len(np.setdiff1d(shared, row)):
            raise MenagerieError(
                f"NSD design {path}: {lost} of {len(shared)} shared images are not among those of {subject}. {_MEND}"
            )


def _check_table(path: Path, design: Design) -> None:
    """The shared images of the stimulus table must be those of the design."""
    if not path.is_file():
        return
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            shared = [int(row["nsdId"]) for row in csv.DictReader(file) if row["shared1000"].strip().lower() == "true"]
    except (KeyError, ValueError, AttributeError, UnicodeDecodeError) as error:
        raise MenagerieError(
            f"NSD stimulus table {path}: expected columns nsdId (whole numbers) and shared1000 (True, False); "
            f"found a problem with {error}. {_MEND}"
        ) from None
    if sorted(shared) != design.shared.tolist():
        both = len(set(shared) & set(design.shared.tolist()))
        raise MenagerieError(
            f"NSD stimulus table {path}: it marks {len(shared)} shared images, the design {len(design.shared)}, "
            f"of which {both} agree. The two files are of different releases: fetch both again."
        )


def select_images(design: Design, images: str, subject: str | None = None) -> np.ndarray:
    """int ``(n,)``: the 0-based 73k ids of the config key ``images``, ascending, each once.

    Parameters
    ----------
    design
        The experiment's design: which subject saw which image when.
    images
        "shared1000", "special515", "own" (needs ``subject``), "own:subj01", or the path of a text file with
        one id a line.
    subject
        Whose own images.

    Raises
    ------
    MenagerieError
        When the choice is unknown, its list cannot be read or repeats an id, or nothing is left.
    """
    if images == "shared1000":
        ids = design.shared
    elif images == "special515":
        ids = design.special()
    elif list_path(images) is None:
        owner = images.partition(":")[2] or subject
        if owner is None:
            raise MenagerieError("Config key images: 'own' needs a subject; write for example 'own:subj01'.")
        subject_number(owner)
        ids = design.own(owner)
    else:
        ids = _listed(list_path(images))
    if not len(ids):
        raise MenagerieError(f"Config key images: '{images}' selects no image in this NSD tree.")
    return ids


def list_path(images: str) -> Path | None:
    """The file of a list of images; None where the choice is a word."""
    named = images in ("shared1000", "special515", "own") or images.startswith("own:")
    return None if named else user_path(images)


def _listed(path: Path) -> np.ndarray:
    if not path.is_file():
        raise MenagerieError(
            f"Config key images: '{path}' is neither shared1000, special515, own:<subject> nor a file "
            "with one id a line."
        )
    lines = [line.split("#")[0].strip() for line in read_text(path).splitlines()]
    ids = [nsd_id(line) for line in lines if line]
    if len(set(ids)) != len(ids):
        raise MenagerieError(f"Image list {path}: {len(ids) - len(set(ids))} ids repeat; give each image once.")
    return np.array(sorted(ids), dtype=np.int64)
