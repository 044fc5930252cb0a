"""From the config to what a run consists of: models, datasets, subjects, layers, and job parameters.

Read on every start of Snakemake, on every node: it imports neither torch nor snakemake, and opens only
the config schema, the model registry and (when asked) layer inventories.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jsonschema
import yaml

from menagerie.brain.options import fill_options
from menagerie.brain.readers import reader_module
from menagerie.errors import MenagerieError, unknown
from menagerie.files.inventory import LayerInfo, block_name, choose_layers
from menagerie.models.absent import absence
from menagerie.models.registry import ModelSpec, read_registry, select_models
from menagerie.statistics import benchmark

# A layer takes about a second and starting a job five: 200 layers run for minutes, with a start of 3 %. A constant,
# because another number would give the blocks other names, and repeat them.
LAYERS_PER_PACK = 200
SCHEMA = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"
_SUBJECT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def read_config(path: str | Path) -> dict:
    """A config file as it stands, unchecked.

    Raises
    ------
    MenagerieError
        When the file is missing, is no YAML, or has no keys at its top level.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            raw = yaml.safe_load(file)
    except FileNotFoundError:
        raise MenagerieError(
            f"Config {path}: found no such file (from {Path.cwd()}), expected a YAML file. Correct the path; "
            "the folder config/ has examples."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise MenagerieError(f"Config {path} cannot be read: expected a YAML file, found {said}. Mend it.") from None
    if not isinstance(raw, dict):
        found = "an empty file" if raw is None else f"a {type(raw).__name__}"
        raise MenagerieError(
            f"Config {path}: expected keys at the top level (run, models, datasets), found {found}. "
            "Start from config/config.yaml."
        )
    return raw


def load_config(raw: Mapping) -> dict:
    """Validated copy of a config, with every default filled in.

    Raises
    ------
    MenagerieError
        Naming the key, what was found, and what was expected (with the nearest known key).
    """
    schema = yaml.safe_load(SCHEMA.read_text())
    config = _with_defaults(copy.deepcopy(dict(raw)), schema)
    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(config), key=lambda e: list(map(str, e.absolute_path))):
        raise _explain(error)
    _check_source(config)
    return config


def _check_source(config: Mapping) -> None:
    """Raise unless the config names either networks and brains, or the published tables."""
    named = [key for key in ("models", "datasets", "standing") if key in config]
    if "published" in config and named:
        raise MenagerieError(
            f"Config key {named[0]} has no place beside published: the published tables bring their own models and "
            "dataset. Take one of the two out."
        )
    absent = [key for key in ("models", "datasets") if key not in config]
    if "published" not in config and absent:
        raise MenagerieError(
            f"Config, the top level: '{absent[0]}' is a required property. Add it; config/README.md describes every "
            "key."
        )


def _with_defaults(value: object, schema: Mapping) -> object:
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    for key, sub in properties.items():
        if "default" in sub:
            value.setdefault(key, copy.deepcopy(sub["default"]))
    others = schema.get("additionalProperties")
    for key in value:
        sub = properties.get(key, others if isinstance(others, Mapping) else {})
        value[key] = _with_defaults(value[key], sub)
    return value


def _explain(error: jsonschema.ValidationError) -> MenagerieError:
    key = ".".join(map(str, error.absolute_path)) or "the top level"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        extra = sorted(set(error.instance) - set(known))[0]
        return unknown(f"config key (at {key})", extra, known)
    if error.validator == "required":
        found = ", ".join(map(str, error.instance)) or "none"
        return MenagerieError(
            f"Config, {key}: {error.message}, found only: {found}. Add it; config/README.md describes every key."
        )
    if error.validator == "enum":
        return unknown(f"value of config key {key}", str(error.instance), error.validator_value)
    description = " ".join(str(error.schema.get("description", "")).split())
    meaning = f" Meaning: {description}" if description else ""
    return MenagerieError(
        f"Config key {key}: found {_shown(error.instance)}, expected {_expected(error)}.{meaning} "
        "Change it; config/README.md describes every key."
    )


def _expected(error: jsonschema.ValidationError) -> str:
    """What a rule of the schema asks for, in words."""
    value = error.validator_value
    if error.validator == "oneOf":
        return " or ".join(map(kind_of, value))
    words = {
        "type": lambda: kind_of(error.schema),
        "pattern": lambda: "a plain name: letters, digits, _ and where allowed . and - inside, no slash",
        "minimum": lambda: f"at least {value}",
        "exclusiveMinimum": lambda: f"a number above {value}",
        "minItems": lambda: f"at least {value} entry",
        "minProperties": lambda: f"at least {value} entry",
        "minLength": lambda: "some text",
        "uniqueItems": lambda: "each entry once",
    }
    return words[error.validator]() if error.validator in words else error.message


def kind_of(schema: Mapping) -> str:
    """A type of the schema in words; config/README.md uses the same."""
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "oneOf" in schema:
        return " or ".join(map(kind_of, schema["oneOf"]))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema['items'])}"
    names = {"integer": "whole number", "object": "mapping of keys", "string": "text"}
    return names.get(schema.get("type"), str(schema.get("type", "any")))


def _shown(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


@dataclass(frozen=True)
class Dataset:
    """One brain dataset of the config."""

    name: str
    reader: str
    subjects: tuple[str, ...]
    stimuli: str
    regions: tuple[str, ...] | None
    options: Mapping

    def inputs(self, resources: str, subject: str | None = None) -> dict[str, str | list[str]]:
        """Files that the reader needs, by name: for the stimulus set, or for one subject's target."""
        module = reader_module(self.reader)
        if not hasattr(module, "inputs"):
            return {name: f"{resources}/{path}" for name, path in module.INPUTS.items()}
        found = module.inputs(self.options, resources, subject)
        return {name: [*map(str, path)] if isinstance(path, list) else str(path) for name, path in found.items()}


@dataclass(frozen=True)
class Survey:
    """Everything that a run consists of, from its config."""

    config: Mapping

    @classmethod
    def from_config(cls, raw: Mapping) -> Survey:
        """Validate a config and wrap it.

        Raises
        ------
        MenagerieError
            As :func:`load_config`.
        """
        return cls(load_config(raw))

    @property
    def folder(self) -> str:
        """Folder of the run's results."""
        return f"{self.config['results']}/{self.config['run']}"

    @property
    def published(self) -> bool:
        """Whether scores come from the published tables instead of networks and brains."""
        return "published" in self.config

    @cached_property
    def models(self) -> dict[str, ModelSpec]:
        """Models of the run by id, in config order.

        Raises
        ------
        MenagerieError
            When a name fits no model of the registry, or the weights of no model can be had.
        """
        if self.published:
            return {name: spec for name, spec in self._rows.items() if spec.metadata["published_id"]}
        chosen = self._chosen
        left = {spec.id: spec for spec in chosen if not self._absence(spec)}
        if not left:
            raise MenagerieError(
                f"Config key models: the weights of all {len(chosen)} models could not be had, expected one's. "
                f"Mend the network or the addresses, and delete {self.config['resources']}/weights/absent to retry. "
                f"First: {self._absence(chosen[0])}"
            )
        return left

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Models of the config that the run goes on without, because their weights could not be had: id -> why."""
        if self.published:
            return {}
        return {spec.id: self._absence(spec) for spec in self._chosen if spec.id not in self.models}

    @cached_property
    def _rows(self) -> dict[str, ModelSpec]:
        """Table of models, read once: every job on a cluster starts here."""
        return read_registry(self.config["registry"])

    @cached_property
    def _chosen(self) -> list[ModelSpec]:
        return list(select_models(self._rows, self.config["models"]))

    def _absence(self, spec: ModelSpec) -> str:
        if spec.training == "random" or self.config["missing_weights"] == "stop":
            return ""
        weights = f"{self.config['resources']}/weights/{spec.id}.safetensors"
        return absence(spec, weights, self.config["downloads"]["mirror"])

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
        if self.published:
            name = benchmark.DATASET
            return {name: Dataset(name, "published", benchmark.SUBJECTS, name, (benchmark.REGION,), {})}
        return {name: _dataset(name, entry) for name, entry in self.config["datasets"].items()}

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
        if self.published:
            return
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
        if not self.models:
            raise MenagerieError("Config key models: found no model, expected at least one. Name one of the registry.")

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

    def layers(self, inventory: Sequence[LayerInfo], model: str) -> list[LayerInfo]:
        """Layers of an inventory that the config's ``layers`` selects.

        Raises
        ------
        MenagerieError
            When no layer is left, naming the patterns.
        """
        chosen = choose_layers(inventory, self.config["layers"])
        if not chosen:
            raise MenagerieError(
                f"Config key layers: no layer of model {model} matches {self.config['layers']}. "
                f"Its {len(inventory)} layers are listed in {self.folder}/layers/{model}.tsv."
            )
        return chosen

    def blocks(self, inventory: Sequence[LayerInfo], model: str) -> list[str]:
        """Names of the scoring jobs of a model: ``0012``, or ``0012-0020`` for several layers in one job."""
        indices = [layer.index for layer in self.layers(inventory, model)]
        size = LAYERS_PER_PACK if self.config["layers_per_job"] == "auto" else self.config["layers_per_job"]
        return [block_name(indices[start : start + size]) for start in range(0, len(indices), size)]

    def stage_params(self, stage: str) -> dict:
        """Config values that the results of a stage depend on, as a plain dict in fixed order."""
        keys = {
            "extract": ("layers", "images.transform", "projection.n_components", "projection.seed"),
            "score": ("metrics", "penalties"),
            "evaluate": ("metrics", "penalties", "bootstrap.n_resamples", "bootstrap.seed"),
            "standing": tuple(benchmark.SURVEY_SETTINGS),
        }[stage]
        return {key: _lookup(self.config, key) for key in keys}


def _lookup(config: Mapping, dotted: str) -> object:
    for key in dotted.split("."):
        config = config[key]
    return config


def _dataset(name: str, entry: Mapping) -> Dataset:
    reader = reader_module(entry["reader"])
    fill_options(entry["reader"], entry["options"], reader.OPTIONS)
    subjects = entry.get("subjects") or reader.default_subjects(entry["options"])
    for subject in subjects:
        if hasattr(reader, "known_subjects") and subject not in reader.known_subjects(entry["options"]):
            known = reader.known_subjects(entry["options"])
            raise unknown(f"subject in config key datasets.{name}.subjects (reader {entry['reader']})", subject, known)
        if not _SUBJECT.fullmatch(subject):
            raise MenagerieError(
                f"Dataset {name}: found a subject '{subject}', expected letters, digits and _ . - only, since subjects "
                "become file names. Rename it, or list the others under subjects."
            )
    return Dataset(
        name=name,
        reader=entry["reader"],
        subjects=tuple(subjects),
        stimuli=entry.get("stimuli", name),
        regions=tuple(entry["regions"]) if "regions" in entry else None,
        options=entry["options"],
    )
