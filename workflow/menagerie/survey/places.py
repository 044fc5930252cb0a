"""Where a run's files lie: results, tables that come with the workflow, published scores, weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from menagerie.provenance.sources import Digests
from menagerie.statistics import benchmark
from menagerie.survey.config import shipped
from menagerie.survey.score_sources import SURVEY


@dataclass(frozen=True)
class Places:
    """Places that follow from the config alone."""

    config: Mapping

    @property
    def folder(self) -> str:
        """Folder of the run's results."""
        return f"{self.config['results']}/{self.config['run']}"

    @property
    def from_tables(self) -> bool:
        """Whether scores come from tables instead of networks and brains."""
        return "scores" in self.config

    @property
    def survey_dataset(self) -> str:
        """Dataset whose scores are the 2024 survey's own tables; empty where there is none."""
        return next((name for name, entry in self.config.get("scores", {}).items() if SURVEY in entry), "")

    @cached_property
    def digests(self) -> Digests:
        """Digests of source files, kept below the resources."""
        return Digests(Path(self.config["resources"]) / "digests")

    @property
    def registry_file(self) -> str:
        """Table of models: the working directory's, or the one that comes with the workflow."""
        return shipped(self.config["registry"])

    @property
    def experiments_file(self) -> str:
        """List of experiments, likewise."""
        return shipped(self.config["experiments_file"])

    def inventory_file(self, model: str) -> str:
        """Layer inventory of a model."""
        return f"{self.folder}/layers/{model}.tsv"

    @property
    def published_copy(self) -> bool:
        """Whether the survey's published files are a copy that the config names."""
        return "folder" in self._published_entry

    @property
    def published_files(self) -> dict[str, str]:
        """The survey's published files by name."""
        return benchmark.published_files(self.published_folder)

    @property
    def published_folder(self) -> str:
        """Where the survey's published files lie."""
        return self._published_entry.get("folder", f"{self.config['resources']}/published")

    @property
    def published_url(self) -> str:
        """Where the survey's published files are downloaded from."""
        return self._published_entry["url"]

    @property
    def _published_entry(self) -> Mapping:
        name = self.survey_dataset
        return self.config["scores"][name][SURVEY] if name else self.config.get("standing", {})

    @property
    def _weights_folder(self) -> str:
        return f"{self.config['resources']}/weights"
