"""A look at an NSD tree before a run: needed files, their headers, and a sample of photographs and betas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from menagerie.brain.nsd.betas import check_session, read_session, session_files
from menagerie.brain.nsd.design import read_design, select_images
from menagerie.brain.nsd.layout import Layout
from menagerie.brain.nsd.nsd_options import Options
from menagerie.brain.nsd.photographs import read_photographs
from menagerie.brain.nsd.tree_files import missing_files
from menagerie.brain.nsd.volumes import Volumes
from menagerie.brain.remarks import Remark
from menagerie.brain.voxels.regions import build_regions
from menagerie.errors import MenagerieError

_VOXELS = 8  # of the first session of a subject
_PHOTOGRAPHS = 8


def examine_tree(chosen: Options, layout: Layout, subjects: Sequence[str]) -> Iterator[Remark]:
    """Everything that a run reads, as far as seconds allow.

    Raises
    ------
    MenagerieError
        For the first finding that would stop the run.
    """
    needed, sessions = missing_files(chosen, layout.root, subjects)
    if needed:
        raise MenagerieError(
            f"{len(needed)} files are missing (first: {needed[0]}), expected a complete tree. Fetch them: python -m "
            "menagerie.brain.nsd.fetch_nsd"
        )
    if sessions:
        text = f"{len(sessions)} sessions of betas are missing (first: {sessions[0]})"
        advice = "Images that lack a repeat are left out (missing: drop), or averaged over fewer (missing: average)."
        yield Remark(text, advice)
    design = read_design(layout)
    ids = select_images(design, str(chosen.images), subjects[0])
    some = ids[np.linspace(0, len(ids) - 1, min(_PHOTOGRAPHS, len(ids))).astype(int)]
    for _ in read_photographs(layout.stimuli, some):
        pass
    for subject in subjects:
        volumes = Volumes(layout, subject)
        masks, _ = build_regions(volumes, chosen.regions)
        files = session_files(layout, subject, design.sessions(subject), chosen.betas)
        volumes.check_sessions(files.values())
        for path in files.values():
            check_session(path, volumes.shape)
        if files:
            inside = np.flatnonzero(np.logical_or.reduce(list(masks.values())))[:_VOXELS]
            hdf5 = [path for path in files.values() if path.name.endswith("hdf5")]
            for path in hdf5[:1]:  # a NIfTI file must be unpacked whole
                read_session(path, np.stack(np.unravel_index(inside, volumes.shape), axis=1), volumes.shape)
        yield from volumes.remarks
