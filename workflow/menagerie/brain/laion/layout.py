"""Where LAION-fMRI keeps what: every path and every fixed number, once.

Source: the dataset's own client (repository ViCCo-Group/LAION-fMRI, September 2026) and documentation site.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from menagerie.errors import MenagerieError

SUBJECTS = ("sub-01", "sub-03", "sub-05", "sub-06", "sub-07")
N_SESSIONS = 30  # of the release; later ones are listed in the bucket, but not given
SESSIONS = tuple(f"ses-{number:02d}" for number in range(1, N_SESSIONS + 1))
N_RUNS = 12

TWIN_FOLDER = "laion_twin"  # below resources: where rule write_laion_twin puts one
TWIN_NOTE = "menagerie_twin.json"
GLMSINGLE = "glmsingle-tedana"
GREY = 128  # the background that images were shown on

# Ceiling maps of a subject: name -> mean of 1 / repeats over the images that it rests on; for all images that of the
# design (881 images 12 times, 611 + 4,712 of them 4 times), which the 8 incomplete ones change by less than .0002.
CEILING_MAPS = {"12rep": 1 / 12, "4rep": 1 / 4, "allrep": (881 / 12 + (611 + 4712) / 4) / 6204}
_MAP_NAMES = {"12rep": "Noiseceiling12rep", "4rep": "Noiseceiling4rep", "allrep": "NoiseceilingAllrep"}
# Localiser map in expressions -> session, task and contrast; values are z.
Z_MAPS = {
    "faces_z": ("4BarScreenfLoc", "floc", "faceVsOthers"),
    "bodies_z": ("4BarScreenfLoc", "floc", "bodyVsOthers"),
    "places_z": ("4BarScreenfLoc", "floc", "placeVsOthers"),
    "characters_z": ("4BarScreenfLoc", "floc", "characterVsOthers"),
    "objects_z": ("31", "oloc", "objectVsScrambled"),
    "motion_z": ("MotionLocBarsSML", "MotionLoc", "movingVsStatic"),
}
CATEGORIES = ("body", "character", "face", "laion", "motion", "object", "place", "retinotopy")
# Of these folders every subject has every ROI; of the others, which rest on localisers, some subjects lack some.
COMPLETE_CATEGORIES = ("laion", "retinotopy")
ROIS = {
    **dict.fromkeys(("laiongeneral", "laionventral", "laionlateral", "laiondorsal", "laionEVC"), "laion"),
    **dict.fromkeys(("V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "hV4", "VO1", "VO2", "LO1", "LO2"), "retinotopy"),
    **dict.fromkeys(("TO1", "TO2", "V3A", "V3B", "IPS0", "EVC"), "retinotopy"),
    **dict.fromkeys(("OFA", "FFA1", "FFA2", "pSTSfaces"), "face"),
    **dict.fromkeys(("EBA", "FBA"), "body"),
    **dict.fromkeys(("PPA", "OPA", "MPA"), "place"),
    **dict.fromkeys(("VWFA1", "VWFA2", "mfswords", "pSTSwords"), "character"),
    **dict.fromkeys(("lobjects", "vobjects"), "object"),
    **dict.fromkeys(("MT", "MST"), "motion"),
    **dict.fromkeys(("IPCS", "SPCS", "SPL"), "motion"),
}  # fmt: skip

_UNIQUE = re.compile(r"unique_(LAION|THINGS\+?)_.+_(p\d\d)\.jpg")
_SHARED = re.compile(r"shared_(12rep_LAION|12rep_THINGS\+|4rep_NSD|4rep_OOD)_.+\.(jpg|png)")
_OOD = re.compile(r"shared_4rep_OOD_([a-zA-Z0-9-]+)_.+\.(png|jpg)")
_REPEATS = re.compile(r"shared_(12|4)rep_")
OOD_TYPES = (
    *("cropped", "gabor", "gaudy", "illusion-classic", "illusion-natural", "relations", "selfmade", "shape", "unusual"),
)
# The person in the name of an image that only one subject saw is not the number of the subject.
PERSONS = {"p01": "sub-01", "p02": "sub-06", "p03": "sub-05", "p04": "sub-03", "p05": "sub-07"}


def session_number(session: str) -> int:
    """Number of a session: "ses-07" -> 7."""
    return int(session.removeprefix("ses-"))


def bare_roi(name: str) -> str:
    """A ROI's name as it is compared: without hyphens and underscores ("laion-general", "FFA_1")."""
    return name.replace("-", "").replace("_", "")


def is_label(label: str) -> bool:
    """Whether a text is the name of an image of the dataset."""
    return bool(_SHARED.fullmatch(label)) or owner(label) is not None


def owner(label: str) -> str | None:
    """Subject that alone saw an image; None for a shared one."""
    found = _UNIQUE.fullmatch(label)
    return PERSONS.get(found[2]) if found else None


def planned_repeats(label: str) -> int:
    """How often the design shows an image: 12 or 4 times."""
    found = _REPEATS.match(label)
    return int(found[1]) if found else 4


def ood_type(label: str) -> str | None:
    """Kind of an out-of-distribution image ("gabor"); None for any other."""
    found = _OOD.fullmatch(label)
    return found[1] if found else None


def check_subject(subject: str) -> None:
    """Refuse a name that is no subject's.

    Raises
    ------
    MenagerieError
        With the names that there are.
    """
    if subject not in SUBJECTS:
        raise MenagerieError(
            f"LAION-fMRI subject '{subject}': expected one of {', '.join(SUBJECTS)} (config key subjects). There is no "
            "sub-02 and no sub-04."
        )


@dataclass(frozen=True)
class Layout:
    """Paths of one tree. ``Layout(Path())`` gives them relative to the root, as keys of the bucket."""

    root: Path

    @property
    def description(self) -> Path:
        """dataset_description.json, the last file that is written of a twin."""
        return self.root / "dataset_description.json"

    @property
    def twin_note(self) -> Path:
        """Present in simulated trees only: the spec that they were written from."""
        return self.root / TWIN_NOTE

    @property
    def stimuli(self) -> Path:
        """Folder of the images, which are given under an agreement."""
        return self.root / "stimuli"

    @property
    def splits(self) -> Path:
        """Folder of split files in a twin, as in the dataset's own package."""
        return self.root / "laion_fmri" / "splits" / "data"

    def subject_folder(self, subject: str) -> Path:
        """Folder of a subject's betas and maps."""
        return self.root / "derivatives" / GLMSINGLE / subject

    def session_folder(self, subject: str, session: str) -> Path:
        """Folder of a session's betas and trial table."""
        return self.subject_folder(subject) / session / "func"

    def betas(self, subject: str, session: str) -> Path:
        """Single-trial betas, X x Y x Z x trials."""
        name = f"{subject}_{session}_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz"
        return self.session_folder(subject, session) / name

    def trials(self, subject: str, session: str) -> Path:
        """Trial table: session, run, beta_index, label."""
        return (
            self.session_folder(subject, session) / f"{subject}_{session}_task-images_desc-SingletrialBetas_trials.tsv"
        )

    def ceiling_map(self, subject: str, name: str) -> Path:
        """Noise ceiling of each voxel in percent, from images with 12, 4 or any number of repeats."""
        return self.subject_folder(subject) / f"{subject}_task-images_space-T1w_desc-{_MAP_NAMES[name]}_statmap.nii.gz"

    def r2mean(self, subject: str) -> Path:
        """Mean R2 of the model of responses; 0 outside of the brain. Its grid is the subject's."""
        return self.subject_folder(subject) / f"{subject}_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.nii.gz"

    def z_map(self, subject: str, name: str) -> Path:
        """Map of a localiser, z, on the grid of the betas."""
        session, task, contrast = Z_MAPS[name]
        folder = self.root / "derivatives" / "localizers" / subject / f"ses-{session}" / "func"
        return folder / (
            f"{subject}_ses-{session}_task-{task}_space-T1w_res-1pt8_contrast-{contrast}_stat-z_statmap.nii.gz"
        )

    def roi_folder(self, subject: str) -> Path:
        """Folder of ROI masks, one folder a category below it."""
        return self.root / "derivatives" / "rois" / subject

    def roi(self, subject: str, category: str, name: str) -> Path:
        """A ROI's mask under the name that the bucket gives it."""
        file = f"{subject}_space-T1w_res-1pt8_label-{name}_mask.nii.gz"
        return self.roi_folder(subject) / category / file

    def rois(self, subject: str) -> dict[str, list[Path]]:
        """Masks that are there: name without hyphens -> files, of which there should be one."""
        pattern = re.compile(rf"{re.escape(subject)}_space-T1w_res-1pt8_label-(.+)_mask\.nii\.gz")
        found: dict[str, list[Path]] = {}
        for path in sorted(self.roi_folder(subject).glob("*/*_mask.nii.gz")):
            if match := pattern.fullmatch(path.name):
                found.setdefault(bare_roi(match[1]), []).append(path)
        return found


def images_file(folder: Path) -> Path:
    """The images' bytes, dataset ``images``."""
    return folder / "task-images_stimuli.h5"


def metadata_file(folder: Path) -> Path:
    """One row an image, in the order of the images' file."""
    return folder / "task-images_metadata.csv"
