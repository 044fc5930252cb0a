"""What a config needs: itself in order, weights, the files of its datasets, and how large its results will be."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from menagerie.brain import remarks as kinds
from menagerie.brain.readers import check_regions, examine
from menagerie.brain.remarks import Remark, guarded
from menagerie.errors import MenagerieError
from menagerie.files.inventory import LayerInfo, read_inventory
from menagerie.files.paths import near_file, user_path
from menagerie.models.registry import ModelSpec
from menagerie.survey import costs
from menagerie.survey.check.line import FAILURE, OK, WARNING, Line
from menagerie.survey.config import read_config
from menagerie.survey.contents import Survey
from menagerie.survey.datasets import Dataset
from menagerie.survey.plan import size_of

# The 224 models of the 2024 survey have 42,192 layers; a layer of theirs has some 100,000 features.
TYPICAL_LAYERS = [LayerInfo(index, "", "", (100_000,), 100_000, 0.0) for index in range(188)]
_SHOWN = 3
_STATUS = {kinds.PLAIN: OK, kinds.WARNING: WARNING, kinds.FAILURE: FAILURE}


def config(path: str | Path) -> tuple[Line, Survey | None]:
    """The config's line, and the survey where it is in order."""
    try:
        survey = Survey.from_config(read_config(path))
        survey.check()
        _ = survey.experiments
    except MenagerieError as error:
        return Line(FAILURE, "config", str(error), "Fix it and check again: the rest depends on it."), None
    subjects = sum(len(dataset.subjects) for dataset in survey.datasets.values())
    found = f"{path}: {len(survey.models)} models, {len(survey.datasets)} datasets, {subjects} subjects"
    return Line(OK, "config", found), survey


def weights(survey: Survey) -> Line:
    """Trained models whose weights are neither converted nor on this machine."""
    trained = [spec for spec in survey.models.values() if spec.training == "trained"]
    folder = Path(survey.config["resources"]) / "weights"
    fresh = [spec for spec in trained if not Path(survey.weights_file(spec.id)).is_file()]
    if not trained:
        return Line(OK, "weights", "none needed: every model is untrained")
    if broken := [problem for spec in fresh if (problem := _unreachable(spec))]:
        return Line(FAILURE, "weights", "; ".join(broken[:_SHOWN]), "Install the package, or correct the path.")
    away = [spec.id for spec in fresh if not spec.weights.startswith(("file:", "package:"))]
    cached = f"{len(trained) - len(fresh)} of {len(trained)} models are converted in {folder}"
    if away:
        found = (
            f"{cached}; {len(away)} will be downloaded ({', '.join(away[:_SHOWN])}{', ...' if away[_SHOWN:] else ''})"
        )
        return Line(WARNING, "weights", found, "Where there is no network, first run elsewhere: docs/add-a-model.md")
    return Line(OK, "weights", cached + ("; the others are on this machine" if fresh else ""))


def _unreachable(spec: ModelSpec) -> str:
    """Why weights that should be on this machine are not; empty where they are."""
    kind, _, reference = spec.weights.partition(":")
    if kind == "file" and not (path := user_path(reference)).is_file():
        return f"{spec.id}: no file {reference}.{near_file(path)}".removesuffix(".")
    if kind == "package":
        name = reference.partition("#")[0].partition("==")[0]
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            return f"{spec.id}: package {name} is not installed"
    return ""


def datasets(survey: Survey) -> Iterator[Line]:
    """Lines of every dataset: what a look at its files shows, or which of them will be downloaded."""
    for dataset in survey.datasets.values():
        yield from _dataset(dataset, survey.config["resources"])


def _dataset(dataset: Dataset, resources: str) -> Iterator[Line]:
    remarks = list(examine(dataset.reader, dataset.options, resources, dataset.subjects))
    remarks += guarded(lambda: _regions(dataset, resources))
    for remark in remarks:
        yield Line(_STATUS[remark.status], dataset.name, remark.text, remark.advice)
    if not remarks:
        yield Line(OK, dataset.name, f"its files are complete for {len(dataset.subjects)} subjects")


def _regions(dataset: Dataset, resources: str) -> list[Remark]:
    for subject in dataset.subjects if dataset.regions else ():
        check_regions(dataset.reader, dataset.options, resources, subject, dataset.regions)
    return []


def needs(survey: Survey) -> tuple[float, float]:
    """Bytes of disk and of memory that a run takes: geometries are by far the largest on disk, extraction in memory.

    Layers are those of the inventories; a model without one counts as a typical one.
    """
    sizes = {(d.name, s): size_of(survey, d, s)[0] for d in survey.datasets.values() for s in d.subjects}
    images = {d.stimuli: max(sizes[d.name, s] for s in d.subjects) for d in survey.datasets.values()}
    disk = memory = 0.0
    for model in survey.models:
        path = Path(survey.folder) / "layers" / f"{model}.tsv"
        layers = survey.layers(read_inventory(path), model) if path.is_file() else TYPICAL_LAYERS
        for stimuli, n in images.items():
            if not (Path(survey.folder) / "geometry" / stimuli / f"{model}.h5").is_file():
                disk += costs.geometry_bytes(n, len(layers))
                megabytes = costs.extraction_memory_mb(layers, n, survey.config["memory_budget_mb"])
                memory = max(memory, 1e6 * megabytes)
    return disk, memory
