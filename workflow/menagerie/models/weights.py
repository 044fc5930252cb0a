"""Weights: from wherever they are published to one safetensors file per model.

Runs where there is a network; jobs that look at images only read what this leaves behind.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

from safetensors.torch import save_file

from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic
from menagerie.models.absent import AbsentError
from menagerie.models.build import build_module, misfits
from menagerie.models.checkpoints.read import read_checkpoint
from menagerie.models.download import download, hub_url, mirrored, refuse_web_page
from menagerie.models.mappings import OF_OBJECTS, State, map_keys
from menagerie.models.providers import provider
from menagerie.models.registry import ModelSpec

SUFFIXES = (".safetensors", ".pth", ".pt", ".pth.tar", ".torch", ".bin", ".ckpt", ".pkl", ".npz")


def fetch_weights(
    spec: ModelSpec, out_path: str | Path, *, mirror: str | Path | None = None, attempts: int = 5
) -> dict:
    """Fetch, verify and convert the weights of one model.

    Writes ``out_path`` (safetensors, with the keys of the network) and beside it a JSON file with the same stem that
    tells where they came from. The SHA-256 of the source file is compared with the model table's, or else with the one
    in a JSON file left by an earlier run, or else recorded there for the first time.

    Parameters
    ----------
    spec
        The model's row: source, mapping, SHA-256.
    out_path
        The safetensors file to write.
    mirror
        Folder that is searched for the source's file name before the network is asked.
    attempts
        Tries per download.

    Returns
    -------
    dict
        Content of the JSON file: model, source, mapping, source_sha256, sha256, keys, bytes.

    Raises
    ------
    AbsentError
        When the source has no such file, or does not answer.
    MenagerieError
        When the file has another SHA-256, is refused as unsafe, or does not fit the network key by key.
    """
    if spec.training == "random":
        raise MenagerieError(f"Model '{spec.id}' is untrained: it has no weights to fetch.")
    out_path = Path(out_path)
    sidecar = out_path.with_suffix(".json")
    source = provider(spec.provider).source(spec) if spec.weights == "provider" else spec.weights
    with _local_file(source, spec.id, out_path.parent, mirror, attempts) as file:
        refuse_web_page(file, source)
        source_sha256 = sha256(file)
        _verify(spec, source, source_sha256, sidecar)
        checkpoint = read_checkpoint(file, objects=spec.mapping in OF_OBJECTS)
        state = _fit(spec, source, map_keys(spec.mapping, checkpoint, f"Model '{spec.id}': {source}"))
        with atomic(out_path) as temporary:
            save_file({key: value.detach().clone().contiguous() for key, value in sorted(state.items())}, temporary)
            facts = {
                "model": spec.id,
                "source": source,
                "mapping": spec.mapping,
                "source_sha256": source_sha256,
                "sha256": sha256(temporary),
                "keys": len(state),
                "bytes": temporary.stat().st_size,
            }
            with atomic(sidecar) as note:
                note.write_text(json.dumps(facts, indent=2) + "\n")
    return facts


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(spec: ModelSpec, source: str, found: str, sidecar: Path) -> None:
    expected, told_by = spec.sha256, "the model table"
    if not expected and sidecar.is_file():
        earlier = json.loads(sidecar.read_text())
        if earlier.get("source") == source:
            expected, told_by = earlier.get("source_sha256", ""), str(sidecar)
    if expected and not found.startswith(expected):
        raise MenagerieError(
            f"Model '{spec.id}': {source} has SHA-256 {found}, but {told_by} says {expected}. The file is "
            "damaged or was replaced; if the new one is right, change the expected value."
        )


def _fit(spec: ModelSpec, source: str, state: State) -> State:
    """Bring the state to the keys of the network, as its package would, and check that all are there."""
    module = build_module(spec)
    expected = module.state_dict()
    adapt = getattr(provider(spec.provider), "adapt", None)
    if adapt is not None:
        state = adapt(module, state)
    # Older checkpoints do not count batches; the number plays no part in looking at images.
    state = {key: value for key, value in expected.items() if key.endswith("num_batches_tracked")} | state
    problems = misfits(expected, state)
    if problems:
        network = f"{spec.provider}/{spec.builder}"
        raise MenagerieError(
            f"Model '{spec.id}': {source} does not fit {network}: {'; '.join(problems)}. "
            "Choose the builder that these weights were trained in, or give a key mapping (column 'mapping')."
        )
    return state


@contextmanager
def _local_file(source: str, name: str, folder: Path, mirror: str | Path | None, attempts: int) -> Iterator[Path]:
    """The source as a file on this machine; a download is removed afterwards."""
    kind, _, reference = source.partition(":")
    if kind == "package":
        yield _package_file(reference, name)
    elif kind == "file":
        path = Path(reference).expanduser()
        if not path.is_file():
            raise AbsentError(
                f"Model '{name}': {path} does not exist, expected a file of weights there. Correct the path (column "
                "'weights').",
                source,
            )
        yield path
    else:
        url = hub_url(reference) if kind == "hub" else reference
        copy = mirrored(kind, reference, mirror)
        if copy is not None:
            yield copy
            return
        path = (
            folder
            / "downloads"
            / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{PurePosixPath(urlparse(url).path).name}"
        )
        try:
            yield _downloaded(url, path, attempts, source)
        finally:
            path.unlink(missing_ok=True)


def _downloaded(url: str, path: Path, attempts: int, source: str) -> Path:
    try:
        return download(url, path, attempts=attempts)
    except MenagerieError as error:
        raise AbsentError(str(error), source) from None


def _package_file(reference: str, name: str) -> Path:
    """File inside an installed distribution: ``distribution[==version][#path]``.

    The path may be left out if only one file in it holds weights.
    """
    requirement, _, inside = reference.partition("#")
    distribution, _, version = requirement.partition("==")
    try:
        installed = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        raise MenagerieError(
            f"Model '{name}': its weights come with the package '{requirement}', which is not installed. Install it."
        ) from None
    if version and installed.version != version:
        raise MenagerieError(f"Model '{name}': found {distribution} {installed.version}, expected version {version}.")
    wanted = (inside,) if inside else SUFFIXES
    files = [file for file in installed.files or [] if str(file).endswith(wanted)]
    if len(files) != 1:
        raise MenagerieError(
            f"Model '{name}': the package '{distribution}' holds {len(files)} files of weights"
            f"{f' called {inside}' if inside else ''}, expected one. Name it: "
            f"package:{distribution}#path/in/the/package."
        )
    return Path(str(files[0].locate()))
