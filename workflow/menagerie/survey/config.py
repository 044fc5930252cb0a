"""Configs: read, checked against their schema, with every default filled in."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import yaml

from menagerie.errors import MenagerieError, unknown
from menagerie.files.yaml_text import read_yaml, require_plain
from menagerie.linking.measures.table import TABLE

HOME = Path(__file__).parents[3]  # of the workflow
SCHEMA = HOME / "workflow" / "schemas" / "config.schema.yaml"
_SHIPPED = tuple(
    f"config/{name}" for name in ("config.yaml", "models.tsv", "experiments.yaml", "nsd_twin.yaml", "laion_twin.yaml")
)
_PATTERNS = {"^[^{}\\x00-\\x1f]+$": "a path without { } and control characters"}


def shipped(path: str) -> str:
    """A file that comes with the workflow: the working directory's where it has one, else the workflow's own."""
    return str(HOME / path) if path in _SHIPPED and not Path(path).exists() else path


def read_config(path: str | Path) -> dict:
    """A config file as it stands, unchecked.

    Raises
    ------
    MenagerieError
        When the file cannot be read (:func:`~menagerie.files.yaml_text.read_yaml`) or has no keys at its top level.
    """
    raw = read_yaml(path, f"Config {path}", "Correct it; the folder config/ has examples.")
    if not isinstance(raw, dict):
        found = "an empty file" if raw is None else f"a {type(raw).__name__}"
        raise MenagerieError(
            f"Config {path}: expected keys at the top level (run, models, datasets), found {found}. "
            "Start from config/config.yaml."
        )
    return raw


def read_schema() -> dict:
    """The schema of configs; the names of metrics are those of the table of measures."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    schema["properties"]["metrics"]["items"]["enum"] = list(TABLE)
    return schema


def load_config(raw: Mapping) -> dict:
    """Validated copy of a config, with every default filled in.

    Raises
    ------
    MenagerieError
        Naming the key, what was found, and what was expected (with the nearest known key).
    """
    require_plain(raw, "Config")
    if "published" in raw:
        raise MenagerieError(
            "Config key published: found a key of an older version, expected scores: {nsd: {survey: {folder: ...}}}. "
            "Write it so (docs/score-tables.md)."
        )
    schema = read_schema()
    config = _whole_numbers(_with_defaults(copy.deepcopy(dict(raw)), schema), schema)
    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(config), key=lambda e: list(map(str, e.absolute_path))):
        raise _explain(error)
    _check_source(config)
    # Sets in one order and numbers of one type, so that another spelling is the same config.
    config["metrics"] = [metric for metric in TABLE if metric in config["metrics"]]
    if config["penalties"] != "auto":
        config["penalties"] = sorted(set(map(float, config["penalties"])))
    return config


def _check_source(config: Mapping) -> None:
    """Raise unless the config names either networks and brains, or tables of scores."""
    named = [key for key in ("models", "datasets", "standing") if key in config]
    if "scores" in config and named:
        raise MenagerieError(
            f"Config key {named[0]} has no place beside scores: tables bring their own models and datasets. Take one "
            "of the two out; scores of a finished run can be one of the tables."
        )
    for name, entry in config.get("scores", {}).items():
        if ("survey" in entry) == ("tables" in entry) or ("tables" in entry) != ("columns" in entry):
            raise MenagerieError(
                f"Config key scores.{name}: found {', '.join(sorted(entry))}, expected tables with columns, or survey. "
                "docs/score-tables.md shows both."
            )
    absent = [key for key in ("models", "datasets") if key not in config]
    if "scores" not in config and absent:
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


def _whole_numbers(value: object, schema: Mapping) -> object:
    """Values in which a whole number that is written as 2.0 is 2 where the schema asks for one."""
    if isinstance(value, dict):
        others = schema.get("additionalProperties")
        for key, entry in value.items():
            sub = schema.get("properties", {}).get(key, others if isinstance(others, Mapping) else {})
            value[key] = _whole_numbers(entry, sub)
    elif isinstance(value, list):
        return [_whole_numbers(entry, schema.get("items", {})) for entry in value]
    elif isinstance(value, float) and value.is_integer() and _asks_for_whole(schema):
        return int(value)
    return value


def _asks_for_whole(schema: Mapping) -> bool:
    return schema.get("type") == "integer" or any(map(_asks_for_whole, schema.get("oneOf", ())))


def _within_choice(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """The error inside the one of several forms that was meant: the only one that the kind of the value fits."""
    others = {p.schema_path[0] for p in error.context if not p.path and p.validator in ("type", "const", "enum")}
    inside = [part for part in error.context if part.schema_path[0] not in others]
    forms = {part.schema_path[0] for part in inside}
    return jsonschema.exceptions.best_match(inside) if len(forms) == 1 else error


def _explain(error: jsonschema.ValidationError, description: str = "") -> MenagerieError:
    description = error.schema.get("description", description)
    if error.validator == "oneOf" and (inner := _within_choice(error)) is not error:
        return _explain(inner, description)
    key = ".".join(map(str, error.absolute_path)) or "the top level"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        extra = sorted(set(error.instance) - set(known))[0]
        return unknown(f"config key (at {key})", extra, known)
    if error.validator == "required":
        filled = {name for name, sub in error.schema.get("properties", {}).items() if "default" in sub}
        found = ", ".join(str(key) for key in error.instance if key not in filled) or "none"
        return MenagerieError(
            f"Config, {key}: {error.message}, found only: {found}. Add it; config/README.md describes every key."
        )
    if error.validator == "enum":
        return unknown(f"value of config key {key}", str(error.instance), error.validator_value)
    meaning = f" Meaning: {' '.join(description.split())}" if description else ""
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
        "pattern": lambda: _PATTERNS.get(
            value, "a plain name: letters, digits, _ and where allowed . and - inside, no slash"
        ),
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
    names = {"integer": "whole number", "object": "mapping of keys", "string": "text", "array": "list"}
    kinds = schema.get("type", "any")
    return " or ".join(names.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _shown(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
