"""A look at a tree of LAION-fMRI before a run: needed files, tables, headers, and a sample of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from menagerie.brain.laion.images import image_rows, read_images, select_images
from menagerie.brain.laion.laion_options import Options
from menagerie.brain.laion.layout import Layout
from menagerie.brain.laion.subject_target import check_sessions, session_remarks
from menagerie.brain.laion.tree_files import missing_files, stimuli_folder
from menagerie.brain.laion.trials import read_sessions
from menagerie.brain.laion.volumes import NCSNR, Volumes
from menagerie.brain.remarks import Remark
from menagerie.brain.voxels.regions import build_regions
from menagerie.errors import MenagerieError

_IMAGES = 8


def examine_tree(chosen: Options, layout: Layout, subjects: Sequence[str]) -> Iterator[Remark]:
    """Everything that a run reads, as far as seconds allow.

    Raises
    ------
    MenagerieError
        For the first finding that would stop the run.
    """
    folder = stimuli_folder(layout, chosen)
    rows = image_rows(folder)
    if needed := missing_files(layout, chosen, subjects):
        raise MenagerieError(
            f"{len(needed)} files are missing (first: {needed[0]}), expected a complete tree. Fetch them: python -m "
            "menagerie.brain.laion.fetch_laion"
        )
    names = select_images(list(rows), chosen)
    some = [names[position] for position in np.linspace(0, len(names) - 1, min(_IMAGES, len(names))).astype(int)]
    for _ in read_images(folder, some, rows):
        pass
    for subject in subjects:
        volumes = Volumes(layout, subject, chosen.noise_ceiling_map)
        build_regions(volumes, chosen.regions)
        _ = volumes[NCSNR]
        sessions = read_sessions(layout, subject)
        check_sessions(volumes, sessions)
        yield from [*volumes.remarks, *session_remarks(subject, sessions)]
