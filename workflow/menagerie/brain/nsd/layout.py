"""Where the Natural Scenes Dataset (NSD) keeps what: every path and every fixed number, once.

Source: the NSD data manual (release of 2021). The root is a folder that mirrors the public bucket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from menagerie.errors import MenagerieError

PUBLISHED_SUBJECTS = ("subj01", "subj02", "subj05", "subj07")
SUBJECTS = tuple(f"subj{number:02d}" for number in range(1, 9))
SESSIONS = dict(zip(SUBJECTS, (40, 40, 32, 30, 40, 32, 40, 30), strict=True))
FUNC1PT8MM_SHAPES = {
    "subj01": (81, 104, 83),
    "subj02": (82, 106, 84),
    "subj05": (79, 97, 78),
    "subj07": (78, 95, 81),
}

TRIALS_PER_SESSION = 750
BETA_SCALE = 300.0  # betas are int16: percent signal change x 300
N_IMAGES = 73_000
IMAGE_SIZE = 425
REPEATS = 3

BETAS_VERSION = "betas_fithrf_GLMdenoise_RR"
TWIN_FOLDER = "nsd_twin"  # below resources: where rule write_nsd_twin puts one
TWIN_NOTE = "menagerie_twin.json"

# Name in region expressions -> file, under roi/ for labels and beside it for t maps.
LABEL_VOLUMES = {
    "nsdgeneral": "nsdgeneral",
    "streams": "streams",
    "prf_visualrois": "prf-visualrois",
    "floc_faces": "floc-faces",
    "floc_bodies": "floc-bodies",
    "floc_places": "floc-places",
    "floc_words": "floc-words",
}
T_MAPS = {
    "faces_t": "floc_facestval",
    "bodies_t": "floc_bodiestval",
    "places_t": "floc_placestval",
    "words_t": "floc_wordtval",  # singular on disk
}
NCSNR = "ncsnr"
UNNAMED_LABELS = ("nsdgeneral",)  # a mask: it has no table of names


def image_id(nsd_id: int) -> str:
    """Image id of a 0-based 73k id (``nsdId``, the row of ``imgBrick``): 456 -> "nsd-00456"."""
    return f"nsd-{nsd_id:05d}"


def nsd_id(text: str) -> int:
    """0-based 73k id of an image id ("nsd-00456") or of a plain number ("456").

    Raises
    ------
    MenagerieError
        When the text is neither, or lies outside 0 to 72,999.
    """
    found = re.fullmatch(r"(?:nsd-)?(\d{1,5})", text.strip())
    if not found or int(found[1]) >= N_IMAGES:
        raise MenagerieError(
            f"Image id '{text.strip()}': expected 'nsd-00000' to 'nsd-72999', or that number alone "
            "(0-based, column nsdId of nsd_stim_info_merged.csv)."
        )
    return int(found[1])


def subject_number(subject: str) -> int:
    """Number of a subject: "subj05" -> 5.

    Raises
    ------
    MenagerieError
        When there is no such subject.
    """
    if subject not in SUBJECTS:
        raise MenagerieError(f"NSD subject '{subject}': expected one of {', '.join(SUBJECTS)} (config key subjects).")
    return int(subject[-2:])


@dataclass(frozen=True)
class Layout:
    """Paths of one NSD tree. ``Layout(Path())`` gives them relative to the root, as keys of the bucket."""

    root: Path

    @property
    def design(self) -> Path:
        """Experiment design: masterordering, subjectim, sharedix."""
        return self.root / "nsddata/experiments/nsd/nsd_expdesign.mat"

    @property
    def stimulus_table(self) -> Path:
        """One row an image: nsdId, cocoId, shared1000."""
        return self.root / "nsddata/experiments/nsd/nsd_stim_info_merged.csv"

    @property
    def stimuli(self) -> Path:
        """The 73,000 photographs, dataset ``imgBrick``."""
        return self.root / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"

    @property
    def twin_note(self) -> Path:
        """Present in simulated trees only: the spec that they were written from."""
        return self.root / TWIN_NOTE

    def betas_folder(self, subject: str) -> Path:
        """Folder of the single-trial betas, version 3, 1.8 mm."""
        return self.root / "nsddata_betas/ppdata" / subject / "func1pt8mm" / BETAS_VERSION

    def betas(self, subject: str, session: int, ending: str = "hdf5") -> Path:
        """Betas of a session, counted from 1; ``ending`` is "hdf5" or "nii.gz"."""
        return self.betas_folder(subject) / f"betas_session{session:02d}.{ending}"

    def volume(self, subject: str, name: str) -> Path:
        """NIfTI volume of a name in region expressions: ncsnr, a label volume or a t map."""
        if name == NCSNR:
            return self.betas_folder(subject) / "ncsnr.nii.gz"
        folder = self.root / "nsddata/ppdata" / subject / "func1pt8mm"
        if name in T_MAPS:
            return folder / f"{T_MAPS[name]}.nii.gz"
        return folder / "roi" / f"{LABEL_VOLUMES[name]}.nii.gz"

    def label_table(self, subject: str, name: str) -> Path:
        """Table "index name" of a label volume."""
        return self.root / "nsddata/freesurfer" / subject / "label" / f"{LABEL_VOLUMES[name]}.mgz.ctab"
