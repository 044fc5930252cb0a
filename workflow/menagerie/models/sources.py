"""Where a model's weights come from: addresses, files on this machine, copies in the mirror folder.

Read whenever the workflow starts: neither torch nor the providers' packages are imported here.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from menagerie.errors import MenagerieError
from menagerie.files.paths import user_path
from menagerie.models.checkpoints.shards import INDEX, shard_names
from menagerie.models.provider_source import provider_source
from menagerie.models.registry import ModelSpec
from menagerie.provenance.code import file_sha256

HUB = "https://huggingface.co"
SUFFIXES = (".safetensors", ".pth", ".pt", ".pth.tar", ".torch", ".bin", ".ckpt", ".pkl", ".npz")
# The rules of the hub for names of owners and repositories.
_REPOSITORY = re.compile(r"(?!.*(?:--|\.\.))\w[\w.-]*(?:/\w[\w.-]*)?", re.ASCII)


@dataclass(frozen=True)
class HubFile:
    """``owner/repository[@revision][#file]`` on the Hugging Face hub."""

    repository: str
    revision: str
    name: str

    @classmethod
    def parse(cls, reference: str) -> HubFile:
        """Take a reference apart; the revision may hold slashes (``refs/pr/1``), the file lies in folders or not.

        Raises
        ------
        MenagerieError
            When it is no such reference.
        """
        place, _, name = reference.partition("#")
        repository, _, revision = place.partition("@")
        inside = PurePosixPath(name or "model.safetensors")
        parts = (*inside.parts, *revision.split("/"))
        if not _REPOSITORY.fullmatch(repository) or inside.is_absolute() or ".." in parts:
            raise MenagerieError(
                f"Weights 'hub:{reference}': expected hub:owner/repository, with @revision and #file where needed, as "
                "in hub:timm/resnet18.a1_in1k@main#model.safetensors. Correct column 'weights'."
            )
        return cls(repository, revision, str(inside))

    @property
    def url(self) -> str:
        """Its address, quoted as huggingface_hub does; ``HF_ENDPOINT`` names another server with the same layout."""
        endpoint = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
        return f"{endpoint}/{self.repository}/resolve/{quote(self.revision or 'main', safe='')}/{quote(self.name)}"


def source_url(source: str) -> str:
    """Address of a source ``url:...`` or ``hub:...``."""
    kind, _, reference = source.partition(":")
    return HubFile.parse(reference).url if kind == "hub" else reference


def mirror_places(source: str, sha256: str = "") -> list[str]:
    """Where in a mirror folder a file may lie that stands for ``url:...`` or ``hub:...``, the preferred place first.

    A file is known by more than its last name, which many have in common (``model.safetensors``): ``url:`` by its host
    and path or the end of its path, ``hub:`` by owner, repository, revision and file. Only where the model table has
    the SHA-256, which is checked, the last name is enough, and for ``hub:`` a copy of any revision.
    """
    kind, _, reference = source.partition(":")
    if kind == "hub":
        file = HubFile.parse(reference)
        places = [f"{file.repository}/{file.revision or 'main'}/{file.name}"]
        if sha256 or not file.revision:
            places.append(f"{file.repository}/{file.name}")
        parts: tuple[str, ...] = (PurePosixPath(file.name).name,)
    elif kind == "url":
        try:
            address = urlsplit(reference)
        except ValueError:  # the downloader says so
            return []
        if address.scheme not in ("http", "https") or not address.hostname:
            return []
        parts = tuple(part for part in unquote(address.path).split("/") if part)
        whole = (address.hostname, *parts)
        places = ["/".join(whole[start:]) for start in range(len(whole) - 1)]
    else:
        return []
    if sha256 and parts:
        places.append(parts[-1])
    return [place for place in dict.fromkeys(places) if place and ".." not in place.split("/") and "\0" not in place]


def mirror_copy(source: str, mirror: str | Path | None, sha256: str = "") -> Path | None:
    """The file in the mirror folder that stands for a source; None without one.

    Raises
    ------
    MenagerieError
        When there are two.
    """
    if mirror is None:
        return None
    folder = user_path(mirror)
    found = [path for place in mirror_places(source, sha256) if (path := folder / place).is_file()]
    others = [path for path in found[1:] if not path.samefile(found[0])]
    if others:
        raise MenagerieError(
            f"Weights '{source}': found {found[0]} and {others[0]} in the mirror folder, expected one file. Remove the "
            "wrong one."
        )
    return found[0] if found else None


def package_file(reference: str, name: str) -> Path:
    """File inside an installed distribution: ``distribution[==version][#path]``.

    The path may be left out if only one file in it holds weights.

    Raises
    ------
    MenagerieError
        When the distribution is not installed, has another version, or another number of such files; ``name`` is the
        model's.
    """
    requirement, _, inside = reference.partition("#")
    distribution, _, version = requirement.partition("==")
    try:
        installed = metadata.distribution(distribution)
    except (metadata.PackageNotFoundError, ValueError):
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


def with_shards(path: Path) -> list[Path]:
    """A file of weights, and those that it lists if it is an index.

    Raises
    ------
    MenagerieError
        When the index cannot be read.
    """
    return [path, *(path.with_name(name) for name in shard_names(path))] if path.name.endswith(INDEX) else [path]


def source_sha256(files: Sequence[Path], sha256: Callable[[Path], str] = file_sha256) -> str:
    """SHA-256 of a file; of an index and its files, that of their sums as ``sha256sum`` lists them.

    ``sha256`` gives the sum of one file, where sums are remembered.
    """
    if len(files) == 1:
        return sha256(files[0])
    lines = "".join(f"{sha256(path)}  {path.name}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def weight_files(spec: ModelSpec, mirror: str | Path | None = None, cache: str | Path | None = None) -> list[Path]:
    """Files on this machine that the weights of a model come from, as far as they are here; none for a download.

    Parameters
    ----------
    spec
        The model's row.
    mirror
        Folder that is searched before the network is asked.
    cache
        File that remembers what providers said (``weights`` is ``provider``); without it their models have none.

    Raises
    ------
    MenagerieError
        When the mirror folder has two files for one source, or an index cannot be read.
    """
    source = spec.weights
    if source == "provider":
        source = provider_source(spec, cache) if mirror is not None and cache is not None else ""
    kind, _, reference = source.partition(":")
    path: Path | None = None
    if kind == "file":
        path = user_path(reference)
    elif kind == "package":
        try:
            path = package_file(reference, spec.id)
        except MenagerieError:  # told by the job that fetches it
            return []
    elif kind in ("url", "hub"):
        path = mirror_copy(source, mirror, spec.sha256)
    if path is None or not path.is_file():
        return []
    return [file for file in with_shards(path) if file.is_file()]
