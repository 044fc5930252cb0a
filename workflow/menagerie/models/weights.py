"""Weights: from wherever they are published to one safetensors file per model.

Runs where there is a network; jobs that look at images only read what this leaves behind.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

from safetensors.torch import save_file
from torch import nn

from menagerie.errors import MenagerieError
from menagerie.files.download import PATIENCE, Patience, download, is_web_page
from menagerie.files.paths import near_file, user_path
from menagerie.files.storage import atomic, locked
from menagerie.files.web import DownloadError, checked_url
from menagerie.models.absent import AbsentError
from menagerie.models.checkpoints.read import read_checkpoint
from menagerie.models.fit import fit_checkpoint
from menagerie.models.mappings import OF_OBJECTS
from menagerie.models.providers import provider
from menagerie.models.registry import ModelSpec
from menagerie.models.sources import (
    mirror_copy,
    mirror_places,
    package_file,
    source_sha256,
    source_url,
    with_shards,
)
from menagerie.provenance.code import file_sha256

LARGEST_CHECKED = 1_000_000_000
"""Bytes of the largest file of weights that is read before a run."""


def fetch_weights(
    spec: ModelSpec, out_path: str | Path, *, mirror: str | Path | None = None, patience: Patience = PATIENCE
) -> dict:
    """Fetch, verify and convert the weights of one model.

    Writes ``out_path`` (safetensors, with the keys of the network) and beside it a JSON file with the same stem that
    tells where they came from. The SHA-256 of the source is compared with the model table's. Without one there, a
    download must be the file that a JSON file of an earlier run at this path tells of; a file on this machine may be
    replaced at any time.

    Parameters
    ----------
    spec
        The model's row: source, mapping, SHA-256.
    out_path
        The safetensors file to write.
    mirror
        Folder that is searched for the source before the network is asked.
    patience
        How long to try a download.

    Returns
    -------
    dict
        Content of the JSON file: model, source, mapping, part of the file that was taken ('' for all of it),
        source_sha256, sha256, keys, bytes.

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
    with _source_files(source, spec, out_path.parent, mirror, patience) as (files, downloaded):
        stamps, found = _stamps(files), source_sha256(files)
        _verify(spec, source, found, sidecar if downloaded else None)
        checkpoint = read_checkpoint(files[0], objects=spec.mapping in OF_OBJECTS, trusted=bool(spec.trust))
        part, state = fit_checkpoint(spec, source, checkpoint)
        with atomic(out_path) as temporary:
            save_file({key: value.detach().clone().contiguous() for key, value in sorted(state.items())}, temporary)
            facts = {
                "model": spec.id,
                "source": source,
                "mapping": spec.mapping,
                "part": part,
                "source_sha256": found,
                "sha256": file_sha256(temporary),
                "keys": len(state),
                "bytes": temporary.stat().st_size,
            }
            if _stamps(files) != stamps:
                raise MenagerieError(f"Model '{spec.id}': {source} was changed while it was read. Run it again.")
            with atomic(sidecar) as note:
                note.write_text(json.dumps(facts, indent=2) + "\n")
    return facts


def check_file(spec: ModelSpec, module: nn.Module) -> str:
    """Read a user's file of weights and fit it to the network, without writing anything; see ``fetch_weights``.

    Parameters
    ----------
    spec
        A model whose weights are ``file:...``.
    module
        Its network, which may lie on torch's meta device.

    Returns
    -------
    str
        Why the file was not read; '' where it was.

    Raises
    ------
    MenagerieError
        When the file is refused as unsafe, damaged, or does not fit the network key by key.
    """
    with _source_files(spec.weights, spec, Path(), None, PATIENCE) as (files, _):
        size = sum(path.stat().st_size for path in files)
        if size > LARGEST_CHECKED:
            return f"its file of weights ({size / 1e9:.1f} GB) is read by its job only"
        checkpoint = read_checkpoint(files[0], objects=spec.mapping in OF_OBJECTS, trusted=bool(spec.trust))
        try:
            fit_checkpoint(spec, spec.weights, checkpoint, module)
        except MenagerieError:
            # Packages may convert names by values, which the meta device does not have.
            fit_checkpoint(spec, spec.weights, checkpoint)
    return ""


def _stamps(files: list[Path]) -> list[tuple[int, int, int]]:
    """What changes when a file is written or replaced."""
    return [(stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in (path.stat() for path in files)]


def _verify(spec: ModelSpec, source: str, found: str, sidecar: Path | None) -> None:
    """Compare with what the table says; a download without an entry there, with what came the first time."""
    if spec.trust and found != spec.trust:
        raise MenagerieError(
            f"Model '{spec.id}': {source} has SHA-256 {found}, but column 'trust' of the model table trusts "
            f"{spec.trust}. The file is another one; look where it comes from before you change the column."
        )
    if not found.startswith(spec.sha256):
        raise MenagerieError(
            f"Model '{spec.id}': {source} has SHA-256 {found}, but the model table says {spec.sha256}. The file is "
            "damaged or was replaced; if the new one is right, change the expected value."
        )
    if spec.sha256 or sidecar is None or not sidecar.is_file():
        return
    try:
        earlier = json.loads(sidecar.read_text(encoding="utf-8"))
        same_source, before = earlier["source"] == source, str(earlier["source_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # written anew below
    if same_source and found != before:
        raise MenagerieError(
            f"Model '{spec.id}': {source} has SHA-256 {found}, but had {before} when it was fetched before "
            f"({sidecar}). The published file was replaced. If the new one is right, write its SHA-256 into column "
            f"'sha256' of the model table, or delete {sidecar}."
        )


@contextmanager
def _source_files(
    source: str, spec: ModelSpec, folder: Path, mirror: str | Path | None, patience: Patience
) -> Iterator[tuple[list[Path], bool]]:
    """The source as files on this machine, and whether they were downloaded: then they are removed afterwards."""
    kind, _, reference = source.partition(":")
    path = None
    if kind == "package":
        path = package_file(reference, spec.id)
    elif kind == "file":
        path = user_path(reference)
    elif kind in ("url", "hub"):
        path = mirror_copy(source, mirror, spec.sha256)
    if path is None:
        with _downloaded(source, spec, folder / "downloads", mirror, patience) as files:
            yield files, True
        return
    # The file is the user's: it is named and stays as it is.
    if path.is_file() and is_web_page(path):
        raise MenagerieError(
            f"Model '{spec.id}': {path} is a web page, expected a file of weights. Open it in a browser to see what it "
            "says, and put the file of weights in its place."
        )
    files = with_shards(path) if path.is_file() else [path]
    for file in files:
        if not file.is_file():
            raise AbsentError(
                f"Model '{spec.id}': {file} does not exist, expected a file of weights there.{near_file(file)} Correct "
                "the path (column 'weights').",
                source,
            )
    yield files, False


@contextmanager
def _downloaded(
    source: str, spec: ModelSpec, folder: Path, mirror: str | Path | None, patience: Patience
) -> Iterator[list[Path]]:
    """Download into a folder of this model and source, where a later run finds what an interrupted one has left."""
    try:
        url = checked_url(source_url(source))
    except DownloadError as error:
        raise AbsentError(str(error), source) from None
    place = folder / f"{spec.id}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    files: list[Path] = []

    def fetch(address: str, name: str) -> Path:
        places = mirror_places(source)
        advice = "put the file into the mirror folder (config key downloads.mirror)"
        advice += f" as {' or '.join(places[:2])}{_namesake(places[0], mirror)}" if places else ""
        files.append(place / name)
        try:
            return download(address, place / name, replace=True, advice=advice, patience=patience)
        except DownloadError as error:
            raise AbsentError(str(error), source) from None

    with locked(place):
        try:
            first = fetch(url, _file_name(url))
            for shard in with_shards(first)[1:]:
                fetch(urljoin(url, quote(shard.name)), shard.name)
            yield files
        finally:
            for path in files:
                path.unlink(missing_ok=True)
            with suppress(OSError):  # something is left to go on with
                place.rmdir()
    with suppress(OSError):
        folder.rmdir()


def _file_name(url: str) -> str:
    """A name for the download: the last of the address, in characters that every file system takes."""
    last = unquote(urlsplit(url).path).rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", last)[-100:].lstrip(".") or "weights"


def _namesake(place: str, mirror: str | Path | None) -> str:
    """A file of the mirror folder that is not taken, for the message."""
    path = user_path(mirror) / place.rpartition("/")[2] if mirror is not None else None
    if path is None or not path.is_file():
        return ""
    return f" ({path} has only the last name in common: it is taken only if the table has its SHA-256)"
