"""Config key ``predictions``: new images, and for whom responses to them are predicted; checked while planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from menagerie.brain.user_files.image_folder import list_images
from menagerie.errors import MenagerieError, unknown
from menagerie.files.paths import user_path
from menagerie.survey.datasets import Dataset

LEAST = 1  # image that is enough: nothing is estimated from new ones


@dataclass(frozen=True)
class NewImages:
    """A folder of new images.

    Attributes
    ----------
    name
        As results call it.
    folder
        ``<folder>/images`` holds the files, ``images.csv`` may give order and ids, as for the reader ``own``.
    datasets
        Whose responses are predicted.
    metric
        Layers are those that were selected by this metric.
    """

    name: str
    folder: Path
    datasets: tuple[str, ...]
    metric: str

    @property
    def files(self) -> dict[str, list[str]]:
        """Every file that is read, by what it is."""
        found = list_images(self.folder, LEAST).inputs
        return {name: [str(path) for path in (of if isinstance(of, list) else [of])] for name, of in found.items()}

    def layers(self, dataset: Dataset) -> dict[str, str]:
        """Which of a dataset's selected layers predict: by what metric, of which split, selected how."""
        split, how = next(iter(dataset.splits)), dataset.select_on[0]
        return {"metric": self.metric, "split": split, "selected_on": how.label}


def new_images(config: Mapping, datasets: Mapping[str, Dataset]) -> dict[str, NewImages]:
    """Sets of new images by name.

    Raises
    ------
    MenagerieError
        For a folder, a dataset or a metric that is not there, or tables of scores, which hold no network.
    """
    entries = config.get("predictions", {})
    if entries and "scores" in config:
        raise MenagerieError(
            "Config key predictions: found it beside scores, expected networks and brains: tables of scores cannot "
            "predict. Take one of the two out."
        )
    found = {}
    for name, entry in entries.items():
        key = f"config key predictions.{name}"
        for dataset in entry["datasets"]:
            if dataset not in datasets:
                raise unknown(f"dataset in {key}.datasets", dataset, datasets)
        if entry["metric"] not in config["metrics"]:
            raise unknown(f"metric in {key}.metric (of those under metrics)", entry["metric"], config["metrics"])
        folder = user_path(entry["folder"])
        if not folder.is_dir():
            raise MenagerieError(f"C{key[1:]}.folder: found no folder {folder}, expected one with a folder images.")
        found[name] = NewImages(name, folder, tuple(entry["datasets"] or datasets), entry["metric"])
        _ = found[name].files
    return found
