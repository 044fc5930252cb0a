"""Recipes of what scores rest on: networks, images and brains.

A method for each rule, with the rule's name and those of its wildcards that matter. Settings are in canonical form:
sets as sets, layers as those that the patterns select, files by their contents and not by their paths.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path

from menagerie.brain.readers import reader_module
from menagerie.files.inventory import read_header, read_inventory
from menagerie.files.paths import user_path
from menagerie.models.network_files import network_files
from menagerie.provenance.code import code_of
from menagerie.provenance.recipe import Recipe
from menagerie.survey.contents import Survey
from menagerie.survey.datasets import Dataset

TRANSFORM_COLUMNS = ("mean", "std", "interpolation", "crop_pct", "paper_size", "paper_mean", "paper_std", "input_size")


class InventoryMissingError(Exception):
    """A recipe needs the layer inventory of ``model``, which is not there or was made from another recipe."""

    def __init__(self, model: str):
        super().__init__(model)
        self.model = model


class SourceRecipes:
    """Recipes of a run.

    Parameters
    ----------
    survey
        The run.
    scripts
        Folder of the rules' scripts, each called as its rule.
    trusting
        Take layer inventories as they are, whatever they were made from.
    """

    def __init__(
        self,
        survey: Survey,
        scripts: Path,
        *,
        trusting: bool = False,
    ):
        self.survey = survey
        self.scripts = scripts
        self.trusting = trusting
        self._known: dict[tuple, Recipe] = {}

    def of(self, rule: str, wildcards: Mapping[str, str]) -> Recipe:
        """Recipe of the results of a rule.

        Raises
        ------
        InventoryMissingError
            When it depends on layers that are not known yet.
        MenagerieError
            When a source cannot be read.
        """
        make, names = self._method(rule, wildcards)
        key = (rule, *(wildcards[name] for name in names))
        if key not in self._known:
            self._known[key] = make(**{name: wildcards[name] for name in names})
        return self._known[key]

    def path(self, rule: str, wildcards: Mapping[str, str]) -> str:
        """File of that recipe, below the folder of the run."""
        _, names = self._method(rule, wildcards)
        return (
            "/".join([self.survey.folder, "recipes", rule, *([wildcards[name] for name in names] or ["run"])]) + ".json"
        )

    def _method(self, rule: str, wildcards: Mapping[str, str]) -> tuple[Callable[..., Recipe], tuple[str, ...]]:
        """The method of a rule and the wildcards that it takes; rules without one read the run's tables only."""
        method = getattr(self, rule, None)
        if method is None:
            return partial(self.of_tables, rule), tuple(sorted(wildcards.keys()))
        return method, tuple(inspect.signature(method).parameters)

    def fingerprint(self, rule: str, **wildcards: str) -> str:
        """Fingerprint of that recipe."""
        return self.of(rule, wildcards).fingerprint

    @cached_property
    def experiments(self) -> dict[str, dict]:
        """Definitions of the run's experiments."""
        return {name: experiment.as_entry() for name, experiment in self.survey.experiments.items()}

    def known(self) -> list[Recipe]:
        """Every recipe that was asked for so far, and all that these rest on."""
        return list(self._known.values())

    # ---- networks

    def list_layers(self, model: str) -> Recipe:
        """A network is built, without weights, and shown noise."""
        return self._recipe(
            "list_layers", {"model": model}, self.network(model), self._provider(model), self._files(model)
        )

    def extract_geometry(self, stimuli: str, model: str) -> Recipe:
        """Layers of a network over a stimulus set."""
        layers = [[info.index, info.layer, *info.shape] for info in self.layers(model)]
        settings = self.network(model) | self.survey.stage_params("extract") | {"layers": layers}
        upstream = {"weights": self.weights(model), "stimuli": self.fingerprint("build_stimuli", stimuli=stimuli)}
        wildcards = {"stimuli": stimuli, "model": model}
        return self._recipe(
            "extract_geometry", wildcards, settings, self._provider(model), self._files(model), upstream
        )

    def network(self, model: str) -> dict:
        """What a network and its input depend on, but files."""
        spec = self.survey.spec(model)
        row = {name: value for name, value in spec.build_row().items() if name not in ("weights", "sha256", "mapping")}
        if spec.provider == "python":
            row["builder"] = spec.builder.rpartition("/")[2]
        return {"network": row, "images.transform": self.survey.config["images"]["transform"]}

    def weights(self, model: str) -> str:
        """Name of the file of converted weights, which says what it was made from; empty for an untrained network."""
        path = self.survey.weights_file(model)
        return Path(path).name if path else ""

    def layers(self, model: str) -> list:
        """Layers of a model that the run scores.

        Raises
        ------
        InventoryMissingError
            When its inventory is not there, or was made from another recipe.
        """
        if not self.inventory_is_current(model):
            raise InventoryMissingError(model)
        return self.survey.layers(read_inventory(self.survey.inventory_file(model)), model)

    def inventory_is_current(self, model: str) -> bool:
        """Whether the inventory on disk was made from today's recipe."""
        header = read_header(self.survey.inventory_file(model))
        if self.trusting and header.made_from:
            return True
        return header.made_from == self.fingerprint("list_layers", model=model)

    # ---- brains

    def build_stimuli(self, stimuli: str) -> Recipe:
        """Images of a dataset."""
        dataset = self.survey.stimuli[stimuli]
        settings, sources = self._reader(dataset)
        return self._recipe("build_stimuli", {"stimuli": stimuli}, settings, self._reader_code(dataset), sources)

    def define_splits(self, dataset: str) -> Recipe:
        """Images of every fold of a dataset."""
        one = self.survey.datasets[dataset]
        files = one.split_inputs(self.survey.config["resources"])
        paths = [user_path(path).resolve() for entry in files.values() for path in entry]
        settings = {"splits": {name: _without_paths(given, paths) for name, given in one.splits.items()}}
        asks_reader = one.offers_splits or "groups" in files
        if asks_reader:
            settings |= {"reader": one.reader}
        upstream = {"stimuli": self.fingerprint("build_stimuli", stimuli=one.stimuli)}
        code = self._reader_code(one) if asks_reader else ()
        return self._recipe(
            "define_splits", {"dataset": dataset}, settings, code, self.survey.digests.sources(files), upstream
        )

    def define_groups(self, dataset: str) -> Recipe:
        """Images of a dataset that inference draws and permutes together."""
        one = self.survey.datasets[dataset]
        sources = self.survey.digests.sources({"groups": one.group_inputs})
        upstream = {"stimuli": self.fingerprint("build_stimuli", stimuli=one.stimuli)}
        settings = {"reader": one.reader, "groups": one.groups}
        return self._recipe("define_groups", {"dataset": dataset}, settings, self._reader_code(one), sources, upstream)

    def build_target(self, dataset: str, subject: str) -> Recipe:
        """Measured responses of one subject."""
        return self._target("build_target", dataset, subject)

    def simulate_target(self, dataset: str, subject: str) -> Recipe:
        """Responses of one simulated subject, read out from planted layers."""
        models = self.survey.planted_models(dataset)
        networks = {model: self.network(model) for model in models}
        sources = {f"network of {model}": entry for model in models for entry in self._files(model).values()}
        upstream = {f"weights of {model}": self.weights(model) for model in models}
        also = tuple(name for model in models for name in self._provider(model))
        return self._target("simulate_target", dataset, subject, networks, also, sources, upstream)

    def estimate_ceilings(self, dataset: str, subject: str) -> Recipe:
        """Noise ceilings of one subject on images outside the analysis."""
        one = self.survey.datasets[dataset]
        settings, sources = self._reader(one, subject)
        wildcards = {"dataset": dataset, "subject": subject}
        return self._recipe("estimate_ceilings", wildcards, settings, self._reader_code(one), sources)

    def target_rule(self, dataset: str) -> str:
        """Rule that makes the targets of a dataset."""
        return "simulate_target" if self.survey.datasets[dataset].simulated else "build_target"

    def target(self, dataset: str, subject: str) -> str:
        """Fingerprint of the target of one subject."""
        return self.fingerprint(self.target_rule(dataset), dataset=dataset, subject=subject)

    def _target(
        self,
        rule: str,
        dataset: str,
        subject: str,
        more: object = None,
        also: Iterable[str] = (),
        sources: Mapping | None = None,
        upstream: Mapping | None = None,
    ) -> Recipe:
        one = self.survey.datasets[dataset]
        settings, files = self._reader(one, subject)
        images = self.fingerprint("build_stimuli", stimuli=one.stimuli)
        upstream = {"stimuli": images, **(upstream or {})}
        if one.uses_folds:
            upstream["splits"] = self.fingerprint("define_splits", dataset=dataset)
        if one.with_ceilings:
            upstream["ceilings"] = self.fingerprint("estimate_ceilings", dataset=dataset, subject=subject)
        settings |= {"stimuli": one.stimuli, "planted": more}
        code = (*self._reader_code(one), *also)
        return self._recipe(
            rule, {"dataset": dataset, "subject": subject}, settings, code, files | (sources or {}), upstream
        )

    def _reader(self, dataset: Dataset, subject: str | None = None) -> tuple[dict, dict]:
        """Options of a reader without those that only say where files lie, and digests of these files."""
        module, resources = reader_module(dataset.reader), self.survey.config["resources"]
        files = dataset.inputs(resources, subject)
        fetched = dataset.fetched(resources)
        own = {name: entry for name, entry in files.items() if not isinstance(entry, str) or entry not in fetched}
        paths = [
            Path(path).resolve() for entry in own.values() for path in ([entry] if isinstance(entry, str) else entry)
        ]
        dropped = getattr(module, "FETCH_OPTIONS", ())
        options = {name: value for name, value in dataset.options.items() if name not in dropped}
        settings = {"reader": dataset.reader, "options": _without_paths(options, paths)}
        sources = self.survey.digests.sources(own)
        if rule := dataset.made_by(resources):
            sources["made here"] = self.fingerprint(rule)
        return settings, sources

    # ---- what recipes share

    def _recipe(
        self,
        rule: str,
        wildcards: Mapping[str, str],
        settings: object = None,
        also: Iterable[str] = (),
        sources: Mapping[str, str] | None = None,
        upstream: Mapping[str, str] | None = None,
    ) -> Recipe:
        code = code_of(self.scripts / f"{rule}.py", tuple(sorted(set(also))))
        return Recipe(rule, wildcards, code.fingerprint, code.versions, settings, sources or {}, upstream or {})

    def _provider(self, model: str) -> tuple[str, ...]:
        return (f"menagerie.models.providers.{self.survey.spec(model).provider}",)

    def _reader_code(self, dataset: Dataset) -> tuple[str, ...]:
        return (f"menagerie.brain.readers.{dataset.reader}",) if dataset.reader else ()

    def _files(self, model: str) -> dict[str, str]:
        files = network_files(self.survey.spec(model))
        return {"network": self.survey.digests.listing(files)} if files else {}


def _without_paths(value: object, files: Iterable[Path]) -> object:
    """Options in which texts that name a source file, or a folder that holds some, are taken out."""
    if isinstance(value, Mapping):
        return {key: _without_paths(entry, files) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_paths(entry, files) for entry in value]
    if isinstance(value, str) and value:
        place = user_path(value).resolve()
        if any(place == file or place in file.parents for file in files):
            return "(files)"
    return value
