"""config/README.md: every key of the config, written from the schema that checks it.

Run ``python -m menagerie.configdoc`` after a change of the schema; a test holds the two equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from menagerie.survey import SCHEMA

PAGE = Path(__file__).parents[2] / "config" / "README.md"
HEAD = """# Configuration

`config.yaml` is the demo. Write a file of your own beside it and run it with
`snakemake --profile profiles/default --configfile config/mine.yaml`: it replaces the demo's whole, nothing is merged.
Unknown keys are refused, with the nearest known one. In an editor with a YAML language server the first line of
`config.yaml` gives completion and checks while you type.

`models.tsv` is the table of models, one row each; `docs/add-a-model.md` tells how to add one,
`docs/add-a-dataset.md` how to add your own responses, `docs/nsd.md` what the reader of the Natural Scenes Dataset
takes under `options`.

| key | type | default | meaning | a new value runs again |
| --- | --- | --- | --- | --- |
"""
EFFECTS = {
    "run": "everything, in a new folder",
    "results": "everything, in a new folder",
    "resources": "downloads",
    "registry": "models whose rows differ",
    "models": "the models that came; tables",
    "layers": "geometry, scores",
    "layers_per_job": "scores",
    "metrics": "scores",
    "penalties": "scores",
    "images.transform": "geometry, scores",
    "images.batch_size": "nothing",
    "projection.n_components": "geometry, scores",
    "projection.seed": "geometry, scores",
    "bootstrap.n_resamples": "intervals",
    "bootstrap.seed": "intervals",
    "experiments": "the experiments that came",
    "experiments_file": "experiments whose definitions differ",
    "memory_budget_mb": "nothing",
    "device": "nothing",
    "datasets": "the datasets that came; tables",
    "datasets.<name>.reader": "its targets, geometry, scores",
    "datasets.<name>.subjects": "the subjects that came; tables",
    "datasets.<name>.stimuli": "its stimulus set, geometry, scores",
    "datasets.<name>.regions": "its scores",
    "datasets.<name>.options": "its targets, scores",
}


def page() -> str:
    """The whole page."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return HEAD + "".join(map(_row, keys(schema)))


def keys(schema: Mapping, prefix: str = "") -> Iterator[tuple[str, Mapping, bool]]:
    """Every key of the schema as (dotted name, its schema, whether it is required), in the schema's order."""
    for name, sub in schema.get("properties", {}).items():
        yield prefix + name, sub, name in schema.get("required", ())
        yield from keys(sub, f"{prefix}{name}.")
        if isinstance(sub.get("additionalProperties"), Mapping):
            yield from keys(sub["additionalProperties"], f"{prefix}{name}.<name>.")


def _row(entry: tuple[str, Mapping, bool]) -> str:
    key, sub, required = entry
    if sub.get("type") == "object" and "properties" in sub:
        return ""
    default = "required" if required else json.dumps(sub["default"]) if "default" in sub else ""
    meaning = " ".join(sub["description"].split()).replace("|", "\\|")
    effect = EFFECTS[key]
    return f"| `{key}` | {_kind(sub)} | {default} | {meaning} | {effect} |\n"


def _kind(sub: Mapping) -> str:
    if "enum" in sub:
        return " or ".join(f"`{choice}`" for choice in sub["enum"])
    if "oneOf" in sub:
        return " or ".join(map(_kind, sub["oneOf"]))
    if sub.get("type") == "array":
        return f"list of {_kind(sub['items'])}"
    return str(sub.get("type", "any")).replace("integer", "whole number")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
