"""From the config to what a run consists of: models, datasets, subjects, layers, and job parameters.

Read on every start of Snakemake, on every node: it imports neither torch nor snakemake, and opens only
the config schema, the model registry and (when asked) layer inventories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from menagerie.brain.names import duplicates
from menagerie.brain.readers import reader_module
from menagerie.errors import MenagerieError, unknown
from menagerie.files.inventory import LayerInfo, block_name
from menagerie.files.layer_counts import LayerCount, count_layers
from menagerie.files.layer_patterns import Selection, check_models, choose_layers, selection_of
from menagerie.models.absent import absence
from menagerie.models.registry import ModelSpec, read_registry, select_models
from menagerie.statistics import benchmark
from menagerie.statistics.experiments import MAPPED, Experiment, choose_experiments, read_experiments, require_models
from menagerie.statistics.set_experiments import set_experiments
from menagerie.survey.config import load_config, shipped
from menagerie.survey.datasets import Dataset, View, dataset_of, dataset_of_tables
from menagerie.survey.places import Places
from menagerie.survey.predictions import NewImages, new_images
from menagerie.survey.replication import check_replication
from menagerie.survey.score_sources import SURVEY, check_tables
from menagerie.survey.split_config import check_select_on
from menagerie.survey.weights_file import weights_file, weights_sources
from menagerie.twins.twin_keys import LAION_TWIN, NSD_TWIN, read_keys

# A layer takes about a second and starting a job five: 200 layers run for minutes, with a start of 3 %. A constant,
# because another number would give the blocks other names, and repeat them.
LAYERS_PER_PACK = 200
TWIN_SPECS = {NSD_TWIN: "config/nsd_twin.yaml", LAION_TWIN: "config/laion_twin.yaml"}
_INFERENCE = ("bootstrap.n_resamples", "bootstrap.seed", "permutations.n_permutations", "permutations.seed")


@dataclass(frozen=True)
class Survey(Places):
    """Everything that a run consists of, from its config."""

    @classmethod
    def from_config(cls, raw: Mapping) -> Survey:
        """Validate a config and wrap it.

        Raises
        ------
        MenagerieError
            As :func:`load_config`.
        """
        return cls(load_config(raw))

    def weights_file(self, model: str) -> str:
        """File of a model's converted weights; empty for an untrained network.

        Raises
        ------
        MenagerieError
            As :meth:`spec`; or when a local source cannot be read.
        """
        spec = self.spec(model)
        if spec.training == "random":
            return ""
        if model not in self._weights_files:
            self._weights_files[model] = weights_file(spec, self.config, self.digests)
        return self._weights_files[model]

    def weights_sources(self, model: str) -> list[str]:
        """Files on this machine that the weights of a model are converted from."""
        return list(map(str, weights_sources(self.spec(model), self.config)))

    def twin_models(self, kind: str) -> list[str]:
        """Models whose layers a simulated twin (``nsd``, ``laion``) plants, each once."""
        spec = TWIN_SPECS[kind]
        keys = read_keys(shipped(spec), kind, f"Twin spec {spec}")
        planted = [entry for name in ("planted", "planted_ood") for entry in (keys.get(name) or {}).values()]
        return list(dict.fromkeys(entry["model"] for entry in planted))

    @cached_property
    def _weights_files(self) -> dict[str, str]:
        return {}

    @cached_property
    def subjects(self) -> list[tuple[str, str]]:
        """Dataset and subject of every target."""
        return [(dataset.name, subject) for dataset in self.datasets.values() for subject in dataset.subjects]

    @property
    def grouped(self) -> list[str]:
        """Datasets whose images come in groups."""
        return [name for name, dataset in self.datasets.items() if dataset.groups]

    @property
    def mapped(self) -> list[tuple[str, str]]:
        """Whose models are compared with each other; the published comparison has no subjects, other tables none."""
        published = [(self.survey_dataset, benchmark.MEAN)] if self.survey_dataset else []
        return published if self.from_tables else self.subjects

    def planted_models(self, dataset: str) -> list[str]:
        """Models whose layers a simulated dataset plants, each once."""
        one = self.datasets[dataset]
        return list(dict.fromkeys(model for model, _ in reader_module(one.reader).planted_layers(one.options).values()))

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """Experiments that the config lists; sets of its models are experiments by name.

        Raises
        ------
        MenagerieError
            For a name that is no experiment, or an experiment without models.
        """
        names, known = self.config["experiments"], read_experiments(self.experiments_file)
        if any(name.startswith("set_") and name not in known for name in names):
            known = set_experiments(self.models.values()) | known
        chosen = choose_experiments(names, known)
        rows = [spec.as_row() | {"model": spec.id} for spec in self.registry.values()]
        for experiment in chosen.values():
            require_models(experiment, rows)
        return chosen

    @property
    def drawn_experiments(self) -> list[str]:
        """Names of the experiments that have a figure."""
        return [name for name, experiment in self.experiments.items() if experiment.figure != "none"]

    @cached_property
    def models(self) -> dict[str, ModelSpec]:
        """Models of the run by id, in config order.

        Raises
        ------
        MenagerieError
            When a name fits no model of the registry, or the weights of no model can be had.
        """
        if self.from_tables:
            return self._models_of_tables
        chosen = self._chosen
        left = {spec.id: spec for spec in chosen if not self._absence(spec)}
        if not left:
            raise MenagerieError(
                f"Config key models: the weights of all {len(chosen)} models could not be had, expected one's. "
                f"Fix the network or the addresses, and delete {self.config['resources']}/weights/absent to retry. "
                f"First: {self._absence(chosen[0])}"
            )
        return left

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Models of the config that the run goes on without, because their weights could not be had: id -> why."""
        if self.from_tables:
            return {}
        return {spec.id: self._absence(spec) for spec in self._chosen if spec.id not in self.models}

    @cached_property
    def _rows(self) -> dict[str, ModelSpec]:
        """Table of models, read once: every job on a cluster starts here."""
        return read_registry(self.registry_file)

    @cached_property
    def _chosen(self) -> list[ModelSpec]:
        return list(select_models(self._rows, self.config["models"]))

    def _absence(self, spec: ModelSpec) -> str:
        if spec.training == "random" or self.config["missing_weights"] == "stop":
            return ""
        return absence(spec, self._weights_folder, self.config["downloads"]["mirror"])

    @cached_property
    def _models_of_tables(self) -> dict[str, ModelSpec]:
        """Models that tables may have scores of: those with a name in the column that the tables' names are of."""
        columns = {"published_id" if SURVEY in entry else entry["models"] for entry in self.config["scores"].values()}
        return {name: spec for name, spec in self._rows.items() if any(spec.as_row()[column] for column in columns)}

    @cached_property
    def registry(self) -> dict[str, ModelSpec]:
        """Every model that config or registry name: those of the run and those that simulations plant."""
        return {**self._rows, **self.models}

    @cached_property
    def datasets(self) -> dict[str, Dataset]:
        """Datasets of the run by name.

        Raises
        ------
        MenagerieError
            When an option, a subject or a reader's files do not fit.
        """
        if self.from_tables:
            return {name: dataset_of_tables(name, entry) for name, entry in self.config["scores"].items()}
        found = {name: dataset_of(name, entry) for name, entry in self.config["datasets"].items()}
        check_select_on(found)
        return found

    @cached_property
    def views(self) -> dict[str, View]:
        """Every dataset in each of its splits and ways of selecting layers, by name.

        Raises
        ------
        MenagerieError
            When two have one name.
        """
        views = [
            View(one, split, how) for one in self.datasets.values() for split in one.splits for how in one.select_on
        ]
        if twice := duplicates(view.name for view in views):
            raise MenagerieError(
                f"Config key datasets: found two ways of looking at scores that are both called '{twice[0]}' (dataset, "
                "split, select_on), expected different names. Rename a split or a dataset."
            )
        return {view.name: view for view in views}

    @cached_property
    def stimuli(self) -> dict[str, Dataset]:
        """Stimulus set -> the dataset whose reader provides it (the first that names it).

        Raises
        ------
        MenagerieError
            When datasets with different readers share a stimulus set.
        """
        sets: dict[str, Dataset] = {}
        for dataset in self.datasets.values():
            first = sets.setdefault(dataset.stimuli, dataset)
            if first.reader != dataset.reader:
                raise MenagerieError(
                    f"Datasets {first.name} and {dataset.name} share the stimulus set '{dataset.stimuli}' but have "
                    f"different readers ({first.reader}, {dataset.reader}). Give them different names under 'stimuli'."
                )
        return sets

    def check(self) -> None:
        """Ask for everything that the config names, so that a slip is told before any job runs.

        Raises
        ------
        MenagerieError
            For an unknown model, subject, option of a reader or planted model, or input files that do not fit.
        """
        if self.from_tables:
            for name, entry in self.config["scores"].items():
                check_tables(name, entry)
            if "pairwise" in self.config["experiments"]:
                raise MenagerieError(
                    "Config key experiments: found pairwise, which draws and swaps images again, expected analyses of "
                    "scores alone: tables of scores hold no images. Leave it out."
                )
            self._check_views()
            return
        if "model_to_model" in self.config["experiments"] and not set(MAPPED) & set(self.config["metrics"]):
            raise MenagerieError(
                f"Config key experiments: found model_to_model with metrics {', '.join(self.config['metrics'])}, "
                f"expected {' or '.join(MAPPED)} among them, whose RSMs it compares. Add one, or leave it out."
            )
        resources = self.config["resources"]
        for dataset in self.stimuli.values():
            dataset.inputs(resources)
        for dataset in self.datasets.values():
            for subject in dataset.subjects:
                dataset.inputs(resources, subject)
            reader = reader_module(dataset.reader)
            if hasattr(reader, "planted_layers"):
                for model, _ in reader.planted_layers(dataset.options).values():
                    self.spec(model)
        check_models(self.config["layers"], self.registry)
        self._check_views()
        if not self.models:
            raise MenagerieError("Config key models: found no model, expected at least one. Name one of the registry.")

    @cached_property
    def new_images(self) -> dict[str, NewImages]:
        """New images to which responses are predicted, by name (:func:`~menagerie.survey.predictions.new_images`)."""
        return new_images(self.config, self.datasets)

    def _check_views(self) -> None:
        views, _ = self.views, self.new_images
        if "replication" in self.config:
            check_replication(self.config["replication"], views)

    def spec(self, model: str) -> ModelSpec:
        """The model with this id.

        Raises
        ------
        MenagerieError
            When neither the run nor the registry has it.
        """
        if model not in self.registry:
            raise unknown("model", model, self.registry)
        return self.registry[model]

    def selection(self, model: str) -> Selection:
        """What config key ``layers`` says of a model."""
        return selection_of(self.config["layers"], model)

    def layers(self, inventory: Sequence[LayerInfo], model: str) -> list[LayerInfo]:
        """Layers of an inventory that the config selects; none where no pattern fits, and the model has no scores."""
        return choose_layers(inventory, self.selection(model))

    def layer_counts(self) -> list[LayerCount]:
        """What is known of the layers of every model whose inventory is there."""
        paths = {model: Path(self.inventory_file(model)) for model in self.models}
        return [count_layers(path, self.selection(model)) for model, path in paths.items() if path.is_file()]

    def blocks(self, inventory: Sequence[LayerInfo], model: str) -> list[str]:
        """Names of the scoring jobs of a model: ``0012``, or ``0012-0020`` for several layers in one job."""
        return self.packs(self.layers(inventory, model))

    def packs(self, layers: Sequence[LayerInfo]) -> list[str]:
        """Names of the jobs that score these layers."""
        indices = [layer.index for layer in layers]
        size = LAYERS_PER_PACK if self.config["layers_per_job"] == "auto" else self.config["layers_per_job"]
        return [block_name(indices[start : start + size]) for start in range(0, len(indices), size)]

    @property
    def n_penalties(self) -> int:
        """Ridge penalties that each layer tries, about as many where it decides itself."""
        return 8 if self.config["penalties"] == "auto" else len(self.config["penalties"])

    @property
    def tested_layers(self) -> dict[str, int]:
        """Permutations by which every layer's score is tested; empty where only the selected layers' are."""
        given = self.config["permutations"]
        return {key: given[key] for key in ("n_permutations", "seed")} if given["layers"] else {}

    def stage_params(self, stage: str) -> dict:
        """Config values that the results of a stage depend on, as a plain dict in fixed order."""
        keys = {
            "extract": ("projection.n_components", "projection.seed", "projection.standardise"),
            "score": ("metrics", "penalties", "training_predictions"),
            "evaluate": ("metrics", "penalties", "training_predictions", *_INFERENCE),
            "pairwise": ("penalties", "training_predictions", "permutations.n_permutations", "permutations.seed"),
            "overall": ("bootstrap.n_resamples", "bootstrap.seed"),
            "standing": tuple(benchmark.SURVEY_SETTINGS),
        }[stage]
        return {key: _lookup(self.config, key) for key in keys}


def _lookup(config: Mapping, dotted: str) -> object:
    for key in dotted.split("."):
        config = config[key]
    return config
