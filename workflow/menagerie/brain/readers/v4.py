"""Macaque V4, session 210325: 50 neurons, 640 images of objects on natural backgrounds, 6 to 10 repeats an image.

Cowley, Stan, Pillow & Smith, public repository cowleygroup/V4_compact_models (GPL-3.0). Spike counts in bins of 100 ms.

Options
-------
zscore : bool
    Standardise each neuron with the mean and SD of its responses to the images at even positions (default), whatever
    the split, as is usual for fMRI. Without it the RSM mostly shows which neurons fire much: all images look alike.
folder : path, optional
    A folder with local copies of the two files, instead of the download.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from menagerie.brain.fetch import PublicFile, fetch_or_copy, to_download
from menagerie.brain.fold_ceilings import ceilings_by_fold
from menagerie.brain.folds import Fold, folds_or_default, train_mask
from menagerie.brain.formats.array_files import open_array
from menagerie.brain.options import fill_options
from menagerie.brain.remarks import Remark, plain
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError, unknown
from menagerie.files.download import check_file

INPUTS = {
    "responses": "v4_210325/responses_raw_210325.npy",
    "images": "v4_210325/images_210325.zip",
}
OPTIONS = {"zscore": True, "folder": None}
FETCH_OPTIONS = ("folder",)  # the files are checked by SHA-256, wherever they come from
DEFAULT_SUBJECTS = ("PE",)
REGION = "V4"
SHAPE = (50, 640, 10)  # neurons x images x repeats
CITATION = "Cowley, Stan, Pillow & Smith, github.com/cowleygroup/V4_compact_models, session 210325"


_ROOT = "https://raw.githubusercontent.com/cowleygroup/V4_compact_models"
DOWNLOADS = {
    "responses": PublicFile(
        url=f"{_ROOT}/d1b3526933e6bad537140a53b54abe797588f23b/data_V4_responses/responses_raw/responses_210325.npy",
        n_bytes=2560128,
        sha256="4008dbbf31a47d9b1b8d8da609f4a7a3433c7071f0e45c611c220b217dd75b76",
    ),
    "images": PublicFile(
        url=f"{_ROOT}/c6b96b0d640f9abfc06912b0388e9ea5f23b5b77/data_V4_responses/images/images_210325.zip",
        n_bytes=1841475,
        sha256="992774eca3508a2ad01accb1a31f5f3e3d90248c49f4eec314f2a915a263e454",
    ),
}


def default_subjects(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The one animal."""
    return DEFAULT_SUBJECTS


def image_ids() -> list[str]:
    """Ids of the images, in the order of the responses."""
    return [f"image{number:04d}" for number in range(1, SHAPE[1] + 1)]


def known_subjects(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The one subject that there is."""
    return DEFAULT_SUBJECTS


def fetch(resources: str | Path, options: Mapping[str, Any] | None = None) -> None:
    """Download the two files (or copy them from option ``folder``) and put :data:`INPUTS` below ``resources``.

    Raises
    ------
    MenagerieError
        When a file cannot be had or is not the published one.
    """
    folder = fill_options("v4", options, OPTIONS)["folder"]
    for name, download in DOWNLOADS.items():
        fetch_or_copy(download, Path(resources) / INPUTS[name], folder)


def read_stimuli(
    options: Mapping[str, Any], inputs: Mapping[str, Path]
) -> tuple[Iterable[np.ndarray], list[str], dict[str, str]]:
    """The 640 images, uint8 ``(112, 112, 3)``.

    Raises
    ------
    MenagerieError
        When the archive is damaged or lacks an image.
    """
    fill_options("v4", options, OPTIONS)
    return _read_images(Path(inputs["images"])), image_ids(), {"source": CITATION, "file": Path(inputs["images"]).name}


def _read_images(path: Path) -> Iterator[np.ndarray]:
    from menagerie.brain.images import read_image  # here, because planning the workflow imports readers

    try:
        with zipfile.ZipFile(path) as archive:
            members = {Path(name).stem: name for name in archive.namelist() if name.endswith(".jpg")}
            for image_id in image_ids():
                yield read_image(io.BytesIO(archive.read(members[image_id])), f"{image_id} in {path}")[0]
    except KeyError as error:
        raise MenagerieError(f"{path} has no image {error.args[0]}. Delete it and fetch it again.") from error
    except (zipfile.BadZipFile, OSError) as error:
        raise MenagerieError(f"{path} cannot be unpacked ({error}). Delete it and fetch it again.") from error


def read_target(
    dataset: str,
    subject: str,
    *,
    options: Mapping[str, Any],
    inputs: Mapping[str, Path],
    stimuli: Stimuli,
    folds: Sequence[Fold] = (),
) -> Target:
    """Responses of the neurons: mean over the repeats of each image, single repeats kept.

    Raises
    ------
    MenagerieError
        When the subject is unknown, the responses are not as published, or ``stimuli`` are other images.
    """
    from menagerie.brain.repeats import (
        count_repeats,
        estimate_ncsnr,
        mean_over_repeats,
        measured_ceilings,
        split_half_reliability,
    )

    settings = fill_options("v4", options, OPTIONS)
    if subject not in DEFAULT_SUBJECTS:
        raise unknown(f"subject of dataset {dataset} (reader v4)", subject, DEFAULT_SUBJECTS)
    if list(stimuli.image_ids) != image_ids():
        raise MenagerieError(
            f"Stimulus set {stimuli.path} does not hold the {SHAPE[1]} images of reader v4. Rebuild it."
        )
    repeats = read_responses(inputs["responses"])
    responses = mean_over_repeats(repeats, f"{inputs['responses']}")
    train = train_mask(len(stimuli))
    if settings["zscore"]:
        mean, sd = responses[train].mean(axis=0), responses[train].std(axis=0)
        responses, repeats = (responses - mean) / sd, (repeats - mean) / sd
    regions = {REGION: np.ones(responses.shape[1], dtype=bool)}
    ceilings, intervals, details = ceilings_by_fold(
        folds_or_default(folds, stimuli.image_ids),
        stimuli.image_ids,
        lambda masks: measured_ceilings(repeats, regions, masks["train"]),
    )
    counts = count_repeats(repeats)
    return Target(
        dataset=dataset,
        subject=subject,
        stimuli=stimuli.path.stem,
        image_ids=stimuli.image_ids,
        responses=responses.astype(np.float32),
        repeats=repeats.astype(np.float32),
        n_repeats=counts,
        regions=regions,
        units={"ncsnr": estimate_ncsnr(repeats), "reliability": split_half_reliability(repeats)},
        ceilings=ceilings,
        ceiling_intervals=intervals,
        provenance={
            "reader": "v4",
            "simulated": "no",
            "source": CITATION,
            "repeats": f"{counts.min()} to {counts.max()} an image",
            "zscore": "images at even positions" if settings["zscore"] else "no",
            **details,
        },
    )


def read_responses(path: str | Path) -> np.ndarray:
    """Spike counts, float64 ``(10, 640, 50)``: repeat, image, neuron; NaN where a repeat is missing.

    Raises
    ------
    MenagerieError
        When the file is no array of the published shape.
    """
    counts = open_array(Path(path))
    if counts.shape != SHAPE:
        raise MenagerieError(
            f"{path}: expected neurons x images x repeats {SHAPE}, found {counts.shape}. Fetch it again."
        )
    return counts.transpose(2, 1, 0).astype(np.float64)


def examine(options: Mapping[str, Any], resources: str, subjects: Sequence[str]) -> Iterator[Remark]:
    """Compare the two files with the published ones.

    Raises
    ------
    MenagerieError
        When a file is another one.
    """
    if missing := to_download(INPUTS, resources):
        yield from missing
        return
    for name, download in DOWNLOADS.items():
        check_file(Path(resources) / INPUTS[name], n_bytes=download.n_bytes, sha256=download.sha256)
    yield plain(f"{SHAPE[1]} images, {SHAPE[0]} neurons, up to {SHAPE[2]} repeats, as published")
