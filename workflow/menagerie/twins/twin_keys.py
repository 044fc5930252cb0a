"""Spec files of twins: read and checked against their schema, with every default filled in.

Read while Snakemake parses the workflow, so it imports nothing heavy.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import yaml

from menagerie.errors import MenagerieError, unknown
from menagerie.files.yaml_text import read_yaml

SCHEMAS = Path(__file__).parents[2] / "schemas"
# Kind of twin -> its schema; the page that describes every key has the name of the dataset.
NSD_TWIN, LAION_TWIN = "nsd", "laion"
_FILES = {NSD_TWIN: "twin.schema.yaml", LAION_TWIN: "laion_twin.schema.yaml"}


def read_keys(path: str | Path, kind: str, what: str = "") -> dict:
    """All keys of a spec file of a kind of twin, with the defaults filled in; ``what`` names the file in messages.

    Raises
    ------
    MenagerieError
        When the file cannot be read, or naming the key that is unknown or has another value than the schema allows.
    """
    what = what or f"Twin spec {path}"
    then = f"Correct it; docs/{kind}.md describes every key."
    given = read_yaml(path, what, then)
    schema = yaml.safe_load((SCHEMAS / _FILES[kind]).read_text(encoding="utf-8"))
    keys = {} if given is None else given
    errors = jsonschema.Draft202012Validator(schema).iter_errors(keys)
    for error in sorted(errors, key=lambda one: list(map(str, one.absolute_path))):
        raise _explain(error, what, then)
    keys = _filled(keys, schema)
    return {name: _whole(value, schema["properties"][name]) for name, value in keys.items()}


def _explain(error: jsonschema.ValidationError, what: str, then: str) -> MenagerieError:
    key = ".".join(map(str, error.absolute_path)) or "the top level"
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        return unknown(f"key of {what} (at {key})", sorted(set(error.instance) - set(known))[0], known)
    found = repr(error.instance)
    expected = error.schema.get("description", error.message) if error.absolute_path else "keys and values"
    return MenagerieError(f"{what}, {key}: found {found[:60]}, expected {expected}. {then}")


def _filled(given: Mapping, schema: Mapping) -> dict:
    defaults = {name: copy.deepcopy(sub["default"]) for name, sub in schema["properties"].items()}
    keys = defaults | dict(given)
    if "voxels" in keys:
        keys["voxels"] = _filled(keys["voxels"], schema["properties"]["voxels"])
    return keys


def _whole(value: object, schema: Mapping) -> object:
    """Whole numbers that are written as 2.0, as 2 where the schema asks for them."""
    if isinstance(value, dict):
        return {key: _whole(entry, schema.get("properties", {}).get(key, {})) for key, entry in value.items()}
    if isinstance(value, list):
        items = next((one["items"] for one in [schema, *schema.get("oneOf", ())] if "items" in one), {})
        return [_whole(entry, items) for entry in value]
    return int(value) if schema.get("type") == "integer" else value
