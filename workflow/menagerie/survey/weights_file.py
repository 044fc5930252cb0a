"""Where converted weights lie: a file whose name holds a fingerprint of what it was converted from.

Folders of resources are shared by runs and checkouts. Two checkpoints with one name get two files, and a checkpoint
that was replaced gets a new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from menagerie.files.paths import user_path
from menagerie.models.network_files import network_files
from menagerie.models.registry import ModelSpec
from menagerie.models.sources import source_sha256, weight_files
from menagerie.provenance.code import code_of, value_fingerprint
from menagerie.provenance.sources import Digests

MAPPINGS = Path(__file__).parents[1] / "models" / "mappings.py"
PROVIDERS = MAPPINGS.with_name("providers")


def weights_file(spec: ModelSpec, config: Mapping, digests: Digests) -> str:
    """Path of the converted weights of a trained model.

    Raises
    ------
    MenagerieError
        When a local source cannot be read.
    """
    kind, _, reference = spec.weights.partition(":")
    identity = {
        "provider": spec.provider,
        "builder": spec.builder.rpartition("/")[2] if spec.provider == "python" else spec.builder,
        "network": digests.listing(network_files(spec)),
        "weights": spec.weights,
        "sha256": spec.sha256,
        "mapping": spec.mapping,
        "mappings": code_of(MAPPINGS).fingerprint if spec.mapping else "",
    }
    if kind == "file":
        path, *shards = weights_sources(spec, config) or [user_path(reference)]
        identity["weights"] = digests.listing([path, *shards]) if shards else digests.file(path)
    elif kind == "package":
        identity["version"] = _installed(reference)
    elif kind == "provider":
        identity["version"] = code_of(PROVIDERS / f"{spec.provider}.py").versions  # it knows which file is meant
    plain = _path(config, spec, identity)
    copies = weights_sources(spec, config) if kind not in ("file", "package") else []
    if not copies or (Path(plain).is_file() and _converted_from(plain, source_sha256(copies, digests.sha256))):
        return plain
    held = digests.file(copies[0]) if len(copies) == 1 else digests.listing(copies)
    return _path(config, spec, identity | {"copy": held})


def weights_sources(spec: ModelSpec, config: Mapping) -> list[Path]:
    """Files on this machine that the weights of a model are converted from; none where they are downloaded."""
    if spec.weights.startswith("package:"):
        return []  # its version counts
    return weight_files(spec, config["downloads"]["mirror"], f"{config['resources']}/weights/provider_sources.json")


def _path(config: Mapping, spec: ModelSpec, identity: Mapping) -> str:
    return f"{config['resources']}/weights/{spec.id}-{value_fingerprint(identity)}.safetensors"


def _installed(reference: str) -> str:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(reference.partition("#")[0].partition("==")[0])
    return "absent"


def _converted_from(path: str, sha256: str) -> bool:
    """Whether the note next to converted weights says that their source had this SHA-256."""
    with suppress(OSError, ValueError, AttributeError):
        facts = json.loads(Path(path).with_suffix(".json").read_text(encoding="utf-8"))
        return bool(sha256) and facts.get("source_sha256") == sha256
    return False
