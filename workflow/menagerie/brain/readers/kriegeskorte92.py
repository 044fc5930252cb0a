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

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from menagerie.brain.fetch import SourceDistribution, fetch_members
from menagerie.brain.options import fill_options
from menagerie.brain.stimuli import Stimuli, train_mask
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError, unknown
from menagerie.files.geometry import unfold

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
DEFAULT_SUBJECTS = SUBJECTS["human"]
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
    images = [entry["image"] for entry in _load(path, "stimuli_92objs").ravel()]
    if len(images) != N_IMAGES or any(i.ndim != 3 or i.shape[2] != 3 or i.dtype != np.uint8 for i in images):
        raise MenagerieError(
            f"{path}: expected {N_IMAGES} uint8 RGB images, found {len(images)}, the first of shape "
            f"{images[0].shape if images else '-'}. Delete the file and fetch it again."
        )
    return images, image_ids(), {"source": CITATION, "file": Path(path).name}


def read_target(
    dataset: str, subject: str, *, options: Mapping[str, Any], inputs: Mapping[str, Path], stimuli: Stimuli
) -> Target:
    """One subject's RSM of IT; a human subject's is the mean of the two sessions.

    ``stimuli`` may hold other images beside the 92 (so that datasets can share a stimulus set); the training and test
    halves are always those of the stimulus set.

    Raises
    ------
    MenagerieError
        When the subject is unknown, the files are not as published, or ``stimuli`` lacks a photograph.
    """
    species = _species(options)
    if subject not in SUBJECTS[species]:
        raise unknown(
            f"subject of dataset {dataset} (reader kriegeskorte92, species {species})", subject, SUBJECTS[species]
        )
    test = _test_half(stimuli)
    provenance = {"reader": "kriegeskorte92", "simulated": "no", "source": CITATION, "species": species}
    if species == "human":
        rsm, ceilings, details = _human(inputs["rdms"], subject, test)
    else:
        rsm, ceilings, details = (
            _monkey(inputs["supplement"]),
            {},
            {"ceiling": "unknown: one pooled RSM, no second measurement"},
        )
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli.path.stem,
        image_ids=np.array(image_ids(), dtype=object),
        rsms={REGION: rsm},
        ceilings=ceilings,
        provenance={**provenance, **details},
    )


def read_sessions(path: str | Path) -> dict[str, np.ndarray]:
    """Human RSMs, float64 ``(2, 92, 92)`` (session first) by subject; RSM = 1 - RDM, the RDM being 1 - Pearson r.

    Raises
    ------
    MenagerieError
        When names, shapes or values are not as published.
    """
    table = _load(path, "RDMs")
    sessions: dict[str, dict[str, np.ndarray]] = {}
    for entry in table.ravel():
        parts = [part.strip() for part in str(entry["name"]).split("|")]
        if len(parts) != 3 or parts[1] not in SUBJECTS["human"]:
            raise MenagerieError(
                f"{path}: RDM named '{entry['name']}'; expected 'hIT | <subject> | Session: <n>', "
                f"subject one of {', '.join(SUBJECTS['human'])}. Delete the file and fetch it again."
            )
        sessions.setdefault(parts[1], {})[parts[2]] = _to_rsm(
            np.asarray(entry["RDM"], dtype=np.float64), f"{path}, {entry['name']}"
        )
    found = {subject: len(by_session) for subject, by_session in sessions.items()}
    if found != dict.fromkeys(SUBJECTS["human"], 2):
        raise MenagerieError(f"{path}: expected two sessions of each of {SUBJECTS['human']}, found {found}.")
    return {subject: np.stack([by[name] for name in sorted(by)]) for subject, by in sorted(sessions.items())}


def _human(path: str | Path, subject: str, test: np.ndarray) -> tuple[np.ndarray, dict[str, float], dict[str, str]]:
    sessions = read_sessions(path)
    means = {name: rsms.mean(axis=0) for name, rsms in sessions.items()}
    others = np.mean([rsm for name, rsm in means.items() if name != subject], axis=0)
    everything = np.ones(N_IMAGES, dtype=bool)
    reliability = _agreement(*sessions[subject], everything)
    details = {
        "session_reliability": f"{reliability:.4f} (Pearson r of the two sessions' RSMs, all pairs)",
        "ceiling": "lower bound: Pearson r of the subject's RSM with the mean of the others' RSMs, test-half pairs",
    }
    return means[subject], {REGION: _agreement(means[subject], others, test)}, details


def _monkey(path: str | Path) -> np.ndarray:
    """Pooled monkey RSM. MATLAB's lower triangle runs down the columns, so it is our upper one row by row."""
    for entry in _load(path, "RDMs_mIT_hIT_fig1").ravel():
        if str(entry["name"]) == _MONKEY:
            vector = np.asarray(entry["RDM"], dtype=np.float64).ravel()
            if vector.size != N_IMAGES * (N_IMAGES - 1) // 2:
                raise MenagerieError(f"{path}, {_MONKEY}: expected 4186 dissimilarities, found {vector.size}.")
            return _to_rsm(unfold(vector, diagonal=0.0), f"{path}, {_MONKEY}")
    raise MenagerieError(f"{path} has no RDM named {_MONKEY}. Delete the file and fetch it again.")


def _to_rsm(rdm: np.ndarray, where: str) -> np.ndarray:
    if rdm.shape != (N_IMAGES, N_IMAGES):
        raise MenagerieError(f"{where}: expected an RDM of {N_IMAGES} x {N_IMAGES}, found shape {rdm.shape}.")
    if not np.isfinite(rdm).all() or np.any(rdm < -1e-6) or np.any(rdm > 2 + 1e-6):
        raise MenagerieError(
            f"{where}: dissimilarities must be finite and between 0 and 2 (1 - Pearson r). The file is damaged."
        )
    if np.abs(rdm - rdm.T).max() > 1e-6 or np.abs(np.diag(rdm)).max() > 1e-6:
        raise MenagerieError(f"{where}: the RDM must be symmetric with zeros on its diagonal. The file is damaged.")
    return 1.0 - rdm


def _agreement(a: np.ndarray, b: np.ndarray, images: np.ndarray) -> float:
    """Pearson r of two RSMs' strict upper triangles over some images."""
    rows, columns = np.triu_indices(np.count_nonzero(images), k=1)
    block = np.ix_(images, images)
    return float(np.corrcoef(a[block][rows, columns], b[block][rows, columns])[0, 1])


def _test_half(stimuli: Stimuli) -> np.ndarray:
    """Bool ``(92,)``: photographs in the test half of the stimulus set."""
    positions = {image_id: position for position, image_id in enumerate(stimuli.image_ids)}
    missing = [image_id for image_id in image_ids() if image_id not in positions]
    if missing:
        raise MenagerieError(
            f"Stimulus set {stimuli.path} lacks {len(missing)} of the {N_IMAGES} photographs (first: {missing[0]}). "
            "Give the dataset the stimulus set that reader kriegeskorte92 or simulated made."
        )
    order = np.array([positions[image_id] for image_id in image_ids()])
    if np.any(np.diff(order) < 0):
        raise MenagerieError(
            f"Stimulus set {stimuli.path}: the 92 photographs are not in the published order. Rebuild it."
        )
    return ~train_mask(len(stimuli))[order]


def _species(options: Mapping[str, Any]) -> str:
    species = fill_options("kriegeskorte92", options, OPTIONS)["species"]
    if species not in SUBJECTS:
        raise unknown("species in the options of reader kriegeskorte92", species, SUBJECTS)
    return species


def _load(path: str | Path, variable: str) -> np.ndarray:
    """One variable of a MATLAB 5 file (data only: this format holds no code)."""
    from scipy.io import loadmat  # here, because planning the workflow imports readers and must start fast

    try:
        content = loadmat(path, variable_names=[variable], chars_as_strings=True, squeeze_me=True)
    except Exception as error:  # scipy raises many kinds for a damaged file
        raise MenagerieError(f"{path} cannot be read ({error}). Delete it and fetch it again.") from error
    if variable not in content:
        raise MenagerieError(f"{path} has no variable '{variable}'. Is it the file of {CITATION}?")
    return np.atleast_1d(content[variable])
