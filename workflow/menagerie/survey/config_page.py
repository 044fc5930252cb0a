"""config/README.md: every key of the config, written from the schema that checks it.

Run ``python -m menagerie.survey.config_page`` after a change of the schema or of the table of measures, whose names
it writes into the schema for editors; tests hold them equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from menagerie.errors import MenagerieError, unknown
from menagerie.survey.config import SCHEMA, kind_of, read_schema

PAGE = Path(__file__).parents[3] / "config" / "README.md"
HEAD = """# Configuration

| file | what it runs |
| --- | --- |
| `config.yaml` | the demo |
| `lab.yaml` | your own images and responses, your own network; the one to copy |
| `paper.yaml` | the survey of 2024, measured again: 224 networks, four people of the Natural Scenes Dataset |
| `published.yaml` | the survey's published tables through this workflow's experiments, figures and report |
| `published_laion.yaml` | the same next to published scores of 117 networks on LAION-fMRI |

Copy one, change it, look with `make check CONFIG=config/mine.yaml` what would stop it, and run it with
`snakemake --profile profiles/default --configfile config/mine.yaml`: it replaces the demo's whole, nothing is merged.
Unknown keys are refused, with the nearest known one. In an editor with a YAML language server the first line of these
files gives completion and checks while you type.

`models.tsv` is the table of models, one row each; `docs/add-a-model.md` explains how to add one. `docs/datasets.md` has
what each reader takes under `options`, `docs/add-a-dataset.md` how to add your own responses.

The last column says what a new value makes again; what is made from that (tables, experiments, figures) follows. The
report is made again after every change, because it prints the config. `docs/invalidation.md` has the cases.

| key | type | default | unit | meaning | makes again |
| --- | --- | --- | --- | --- | --- |
"""
# What a new value can make again, in the order of the run, and the rule that makes it. What is made from it follows.
STAGES = {
    "downloads": "fetch_*",
    "weights": "fetch_weights",
    "inventories": "list_layers",
    "stimuli": "build_stimuli",
    "targets": "build_target",
    "geometries": "extract_geometry",
    "scores": "score",
    "selection": "select_layers",
    "experiments": "experiment",
    "standing": "standing",
    "replication": "replication",
    "predictions": "predict",
}


def page() -> str:
    """The whole page."""
    schema = read_schema()
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
    return f"| `{key}` | {kind_of(sub)} | {default} | {sub.get('unit', '')} | {meaning} | {_effect(key, sub)} |\n"


def _effect(key: str, sub: Mapping) -> str:
    if "reruns" not in sub:
        raise MenagerieError(
            f"{SCHEMA}: key {key} does not say what a new value makes again. Add 'reruns', a list of stages."
        )
    for stage in sub["reruns"]:
        if stage not in STAGES:
            raise unknown(f"stage under 'reruns' of key {key} in {SCHEMA}", stage, STAGES)
    return " ".join([", ".join(sub["reruns"]) or "nothing", *([sub["of"]] if "of" in sub else [])])


def schema_text() -> str:
    """Text of the schema with the names of all metrics, for editors that complete them; configs are checked against
    the table of measures itself."""
    names = ", ".join(read_schema()["properties"]["metrics"]["items"]["enum"])
    text, place = SCHEMA.read_text(encoding="utf-8"), r"(?<=\n  metrics:\n)((?:    .*\n)*?    items: \{ enum: \[)[^\]]*"
    return re.sub(place, lambda found: found[1] + names, text)


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
