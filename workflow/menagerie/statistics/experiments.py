"""What an experiment is: read from YAML and checked, before any score exists.

Read while Snakemake parses the workflow, so it imports neither pandas nor statsmodels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import yaml

from menagerie.errors import MenagerieError, unknown
from menagerie.files.yaml_text import read_yaml
from menagerie.models.registry import COLUMNS as MODEL_COLUMNS
from menagerie.statistics.formula import check_formula

SCHEMA = Path(__file__).parents[2] / "schemas" / "experiments.schema.yaml"
SCORE_COLUMNS = (
    "dataset",
    "subject",
    "model",
    "region",
    "metric",
    "split",
    "n_folds",
    "selected_on",
    "layer",
    "layer_index",
    "depth",
    "train_score",
    "score",
    "ci_low",
    "ci_high",
    "p",
    "p_holm",
    "p_fdr",
    "ties_with_best",
    "ties_with_best_overall",
    "noise_ceiling",
    "ceiling_low",
    "ceiling_high",
    "explained",
    "explained_low",
    "explained_high",
    "n_images",
    "n_units",
    "at_lowest_penalty",
    "at_highest_penalty",
)
COLUMNS = (*SCORE_COLUMNS, *(name for name in MODEL_COLUMNS if name != "id"))
MAPPED = ("crsa", "versa")
"""Metrics whose RSMs ``model_to_model`` compares between models."""
RESERVED = ("overall", "model_to_model", "pairwise")
NOT = "not_"


@dataclass(frozen=True)
class Analysis:
    """One statistical model of an experiment; the keys are those of the schema."""

    analysis: str
    formula: str = ""
    unit: str = "model"
    pair: str = ""
    distribution: str = "t"
    filter: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Experiment:
    """One opportunistic experiment; the keys are those of the schema."""

    name: str
    title: str
    factor: str
    reference: str
    analyses: tuple[Analysis, ...]
    filter: Mapping[str, tuple[str, ...]]
    levels: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()
    confounds: str = "refuse"
    figure: str = "levels"
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_entry(cls, name: str, entry: Mapping) -> Experiment:
        """Experiment from its entry in the file, or from :meth:`as_entry`."""
        return cls(
            name=name,
            filter=_filter(entry),
            analyses=tuple(Analysis(**{**one, "filter": _filter(one)}) for one in entry["analyses"]),
            levels=tuple(entry.get("levels", ())),
            labels=dict(entry.get("labels", {})),
            constant=tuple(
                column for column in entry.get("constant", ("training", "task", "data")) if column != entry["factor"]
            ),
            **{key: entry[key] for key in ("title", "factor", "reference", "confounds", "figure") if key in entry},
        )

    def as_entry(self) -> dict:
        """Plain data in fixed order, for job parameters."""
        return {
            "title": self.title,
            "factor": self.factor,
            "reference": self.reference,
            "filter": _plain(self.filter),
            "levels": list(self.levels),
            "constant": list(self.constant),
            "confounds": self.confounds,
            "figure": self.figure,
            "labels": dict(self.labels),
            "analyses": [vars(one) | {"filter": _plain(one.filter)} for one in self.analyses],
        }

    def takes(self, row: Mapping[str, object]) -> bool:
        """Whether the filter admits a model, given its row of metadata (with its id as ``model``)."""
        for column, values in self.filter.items():
            inside = str(row.get(column.removeprefix(NOT), "")) in values
            if inside == column.startswith(NOT):
                return False
        return True


def _filter(entry: Mapping) -> dict[str, tuple[str, ...]]:
    given = entry.get("filter", {})
    return {
        column: tuple(map(str, values if isinstance(values, list | tuple) else [values]))
        for column, values in given.items()
    }


def _plain(wanted: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {column: list(values) for column, values in sorted(wanted.items())}


def read_experiments(path: str | Path) -> dict[str, Experiment]:
    """Read and check a file of experiments.

    Raises
    ------
    MenagerieError
        When the file cannot be read, or naming the experiment and key that is wrong: an unknown key or column, a
        reference that is not among the levels, an analysis without formula and pair.
    """
    path = Path(path)
    entries = read_yaml(path, f"Experiments {path}", "Correct it; docs/experiments.md describes the file.") or {}
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    for error in jsonschema.Draft202012Validator(schema).iter_errors(entries):
        where = ".".join(map(str, error.absolute_path)) or "the top level"
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            raise unknown(f"key at {where} of {path}", sorted(set(error.instance) - set(known))[0], known)
        raise MenagerieError(f"Experiments {path}, {where}: {error.message}. docs/experiments.md describes every key.")
    experiments = {name: Experiment.from_entry(name, entry) for name, entry in entries.items()}
    for experiment in experiments.values():
        _check(experiment, path)
    return experiments


def choose_experiments(names: Iterable[str], experiments: Mapping[str, Experiment]) -> dict[str, Experiment]:
    """Experiments that a config lists, without the analyses that need no definition (:data:`RESERVED`).

    Raises
    ------
    MenagerieError
        For a name that is neither.
    """
    for name in names:
        if name not in experiments and name not in RESERVED:
            raise unknown("experiment in config key experiments", name, [*experiments, *RESERVED])
    return {name: experiments[name] for name in names if name in experiments}


def require_models(experiment: Experiment, models: Iterable[Mapping[str, object]]) -> None:
    """Refuse an experiment that no model of the registry can take part in.

    Parameters
    ----------
    experiment
        The experiment.
    models
        One row of metadata per model, with its id as ``model``.

    Raises
    ------
    MenagerieError
        When the filter admits no model, or the reference or a level is no value of the factor.
    """
    if experiment.factor in SCORE_COLUMNS and experiment.factor != "model":
        found = None
    else:
        found = {str(row.get(experiment.factor) or "") for row in models if experiment.takes(row)} - {""}
    if found is not None:
        if not found:
            raise MenagerieError(
                f"Experiment {experiment.name} is empty: no model of the registry passes its filter "
                f"{ {key: list(value) for key, value in experiment.filter.items()} } with a value of "
                f"{experiment.factor}. Compare with config/models.tsv."
            )
        for level in (experiment.reference, *experiment.levels, *experiment.labels):
            if level not in found:
                raise unknown(f"level of {experiment.factor} in experiment {experiment.name}", level, found)


def formula_columns(formula: str) -> set[str]:
    """Columns that a formula names, its random part included; quoted levels and functions are none."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", " ", formula)
    return set(re.findall(r"(?<![\w.])([A-Za-z_]\w*)(?!\w|\s*[(.=])", bare))


def _check(experiment: Experiment, path: Path) -> None:
    name = experiment.name
    if name in RESERVED:
        raise MenagerieError(f"Experiments {path}: '{name}' is the name of a built-in analysis. Choose another.")
    filtered = [column.removeprefix(NOT) for column in experiment.filter]
    named = {"filter": filtered, "factor": [experiment.factor], "constant": experiment.constant}
    for number, one in enumerate(experiment.analyses):
        check_formula(one.formula, f"Experiments {path}, {name}.analyses.{number}, formula")
        inner = [column.removeprefix(NOT) for column in one.filter]
        named[f"analyses.{number}"] = [*inner, *formula_columns(one.formula), *([one.pair] if one.pair else [])]
        if bool(one.formula) == bool(one.pair):
            found = "both" if one.formula else "neither"
            raise MenagerieError(
                f"Experiments {path}, {name}.analyses.{number}: found {found}, give either a formula or a pair."
            )
        if one.formula and "subject" in formula_columns(one.formula) and one.unit == "model":
            raise MenagerieError(
                f"Experiments {path}, {name}.analyses.{number}: the formula names subject, but unit 'model' averages "
                "over subjects. Drop subject from the formula, or say unit: score."
            )
        if one.formula and experiment.factor not in formula_columns(one.formula):
            raise MenagerieError(
                f"Experiments {path}, {name}.analyses.{number}: the formula '{one.formula}' lacks the factor "
                f"{experiment.factor}. Add it to the formula."
            )
    for key, columns in named.items():
        for column in columns:
            if column not in COLUMNS:
                raise unknown(f"column in {name}.{key} of {path}", column, COLUMNS)
    for level in experiment.labels if experiment.levels else ():
        if level not in experiment.levels:
            raise unknown(f"level in {name}.labels of {path}", level, experiment.levels)
    if experiment.levels and experiment.reference not in experiment.levels:
        raise unknown(f"reference of experiment {name}", experiment.reference, experiment.levels)
