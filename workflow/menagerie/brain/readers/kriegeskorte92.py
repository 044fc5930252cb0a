"""Inferior temporal cortex of man and monkey: 92 photographs of objects, RSMs only.

Kriegeskorte, Mur, Ruff, Kiani, Bodurka, Esteky, Tanaka & Bandettini (2008), Neuron 60, 1126-1141. Human RSMs
(fMRI, 316 voxels of IT, 4 subjects x 2 sessions), the pooled monkey RSM (674 neurons of IT, 2 animals) and
the photographs come with the source distribution of rsatoolbox 0.0.4, in ``demos/92imageData``.

Options
-------
species : "human" (default) or "monkey"
    Whose IT. Human subjects are BE, KO, SN and TI; the monkeys are one pooled subject.
archive : path, optional
    A local copy of the source distribution, instead of the download.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from menagerie.brain.fetch import SourceDistribution, fetch_members, to_download
from menagerie.brain.fold_ceilings import Found, ceilings_by_fold, uncertain
from menagerie.brain.folds import Fold, folds_or_default
from menagerie.brain.formats.mat_files import read_structs
from menagerie.brain.options import fill_options
from menagerie.brain.remarks import Remark, plain
from menagerie.brain.rsms.rsm_ceilings import region_ceiling, rsm_agreement
from menagerie.brain.rsms.rsm_values import DISSIMILARITY, square, to_rsm
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError, unknown

DISTRIBUTION = SourceDistribution(
    project="rsatoolbox",
    version="0.0.4",
    n_bytes=95_160_619,
    sha256="84153fa4c686c95f3e83f2cb668b97b82b53dc2a565856db80aa5f8c96d09359",
)
SOURCE_FOLDER = "demos/92imageData"
INPUTS = {
    "rdms": "kriegeskorte92/92_brainRDMs.mat",
    "supplement": "kriegeskorte92/Kriegeskorte_Neuron2008_supplementalData.mat",
}
OPTIONS = {"species": "human", "archive": None}
FETCH_OPTIONS = ("archive",)  # the files are checked by SHA-256, wherever they come from
SUBJECTS = {"human": ("BE", "KO", "SN", "TI"), "monkey": ("pooled",)}
REGION = "IT"
N_IMAGES = 92
CITATION = "Kriegeskorte et al. (2008), Neuron 60, 1126-1141"
_MONKEY = "mIT_674neurons"


def default_subjects(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Subjects of the chosen species.

    Raises
    ------
    MenagerieError
        When the species is unknown.
    """
    return SUBJECTS[_species(options)]


known_subjects = default_subjects


def image_ids() -> list[str]:
    """Ids of the photographs, in the order of the published RSMs."""
    return [f"k92_{number:02d}" for number in range(1, N_IMAGES + 1)]


def fetch(resources: str | Path, options: Mapping[str, Any] | None = None) -> None:
    """Download the source distribution and put :data:`INPUTS` below ``resources``."""
    members = {f"{SOURCE_FOLDER}/{Path(name).name}": Path(resources) / name for name in INPUTS.values()}
    fetch_members(DISTRIBUTION, members, archive=fill_options("kriegeskorte92", options, OPTIONS)["archive"])


def read_stimuli(
    options: Mapping[str, Any], inputs: Mapping[str, Path]
) -> tuple[Iterable[np.ndarray], list[str], dict[str, str]]:
    """The 92 photographs, uint8 ``(175, 175, 3)`` each, objects on a grey ground.

    Raises
    ------
    MenagerieError
        When the file is missing, damaged, or does not hold 92 RGB photographs.
    """
    path = inputs["supplement"]
    images = [np.asarray(entry["image"]) for entry in read_structs(path, "stimuli_92objs", "image")]
    if len(images) != N_IMAGES or any(i.ndim != 3 or i.shape[2] != 3 or i.dtype != np.uint8 for i in images):
        found = f"{len(images)}, of shape {images[0].shape}"
        raise MenagerieError(f"{path}: expected {N_IMAGES} uint8 RGB images, found {found}. Fetch the file again.")
    return images, image_ids(), {"source": CITATION, "file": Path(path).name}


def read_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, Any],
    inputs: Mapping[str, Path],
    stimuli: Stimuli,
    folds: Sequence[Fold] = (),
) -> Target:
    """One subject's RSM of IT; a human subject's is the mean of the two sessions.

    ``stimuli`` may hold other images beside the 92: training and test part are those of the stimulus set.

    Raises
    ------
    MenagerieError
        When the subject is unknown, the files are not as published, or ``stimuli`` lacks a photograph.
    """
    species = _species(options)
    if subject not in SUBJECTS[species]:
        where = f"subject of dataset {dataset} (reader kriegeskorte92, species {species})"
        raise unknown(where, subject, SUBJECTS[species])
    stimuli.require(image_ids())
    provenance = {"reader": "kriegeskorte92", "simulated": "no", "source": CITATION, "species": species}
    if species == "human":
        rsm, ceilings, intervals, details = _human(inputs["rdms"], subject, folds_or_default(folds, stimuli.image_ids))
    else:
        rsm, ceilings, intervals = _monkey(inputs["supplement"]), {}, {}
        details = {"ceiling": "unknown: one pooled RSM, no second measurement"}
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli.path.stem,
        image_ids=np.array(image_ids(), dtype=object),
        rsms={REGION: rsm},
        ceilings=ceilings,
        ceiling_intervals=intervals,
        provenance={**provenance, **details},
    )


def read_sessions(path: str | Path) -> dict[str, np.ndarray]:
    """Human RSMs, float64 ``(2, 92, 92)`` (session first) by subject; RSM = 1 - RDM, the RDM being 1 - Pearson r.

    Raises
    ------
    MenagerieError
        When names, shapes or values are not as published.
    """
    sessions: dict[str, dict[str, np.ndarray]] = {}
    for entry in read_structs(path, "RDMs", "RDM", "name"):
        parts = [part.strip() for part in str(entry["name"]).split("|")]
        if len(parts) != 3 or parts[1] not in SUBJECTS["human"]:
            expected = f"'hIT | <subject> | Session: <n>', subject one of {', '.join(SUBJECTS['human'])}"
            raise MenagerieError(f"{path}: RDM named '{entry['name']}'; expected {expected}. Fetch the file again.")
        sessions.setdefault(parts[1], {})[parts[2]] = _to_rsm(entry["RDM"], f"{path}, {entry['name']}")
    if (found := {subject: len(entry) for subject, entry in sessions.items()}) != dict.fromkeys(SUBJECTS["human"], 2):
        raise MenagerieError(f"{path}: expected two sessions of each of {SUBJECTS['human']}, found {found}.")
    return {subject: np.stack([by[name] for name in sorted(by)]) for subject, by in sorted(sessions.items())}


def _human(
    path: str | Path, subject: str, folds: Sequence[Fold]
) -> tuple[np.ndarray, dict[str, dict[str, float]], dict[str, dict[str, tuple[float, float]]], dict[str, str]]:
    sessions = read_sessions(path)

    def estimate(masks: Mapping[str, np.ndarray]) -> Found:
        found = region_ceiling(subject, sessions, masks["test"])
        known = found.value is not None
        ceilings, intervals = ({REGION: found.value}, {REGION: found.interval}) if known else ({}, {})
        return Found(ceilings, intervals, {"ceiling": found.how} | uncertain(ceilings, intervals))

    ceilings, intervals, details = ceilings_by_fold(folds, image_ids(), estimate)
    reliability = rsm_agreement(*sessions[subject], np.ones(N_IMAGES, dtype=bool))
    reliability = f"{reliability:.4f} (Pearson r of the two sessions' RSMs, all pairs)"
    return sessions[subject].mean(axis=0), ceilings, intervals, {"session_reliability": reliability, **details}


def _monkey(path: str | Path) -> np.ndarray:
    for entry in read_structs(path, "RDMs_mIT_hIT_fig1", "RDM", "name"):
        if entry["name"] == _MONKEY:
            return _to_rsm(entry["RDM"], f"{path}, {_MONKEY}")
    raise MenagerieError(f"{path} has no RDM named {_MONKEY}. Delete the file and fetch it again.")


def _to_rsm(rdm: object, where: str) -> np.ndarray:
    """RSM of an RDM, square or condensed."""
    rdm = np.squeeze(np.asarray(rdm))
    rdm = square(rdm) if rdm.shape == (N_IMAGES * (N_IMAGES - 1) // 2,) else rdm
    if rdm.shape != (N_IMAGES, N_IMAGES):
        raise MenagerieError(f"{where}: expected an RDM of {N_IMAGES} x {N_IMAGES}, found shape {rdm.shape}.")
    rsm, _ = to_rsm(rdm, DISSIMILARITY, where)
    if np.abs(rsm).max() > 1 + 1e-6:
        raise MenagerieError(f"{where}: dissimilarities must be between 0 and 2 (1 - Pearson r). Fetch the file again.")
    return rsm


def _species(options: Mapping[str, Any]) -> str:
    species = fill_options("kriegeskorte92", options, OPTIONS)["species"]
    if species not in SUBJECTS:
        raise unknown("species in the options of reader kriegeskorte92", species, SUBJECTS)
    return species


def examine(options: Mapping[str, Any], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """Read photographs and RSMs.

    Raises
    ------
    MenagerieError
        When a file is damaged or not as published.
    """
    if missing := to_download(INPUTS, resources):
        yield from missing
        return
    files = {name: Path(resources) / path for name, path in INPUTS.items()}
    read_stimuli({}, files)
    rsms = read_sessions(files["rdms"]) if _species(options) == "human" else [_monkey(files["supplement"])]
    yield plain(f"{N_IMAGES} images, {len(rsms)} subjects, as published")
