"""The public bucket: unsigned requests over HTTPS, sizes, resumed downloads, and a check of every file."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import h5py

from menagerie.errors import MenagerieError
from menagerie.files.download import PATIENCE, Patience, download
from menagerie.files.web import DownloadError, read_range, read_text

_BLOCK = 1 << 20
# Part sizes that uploaders use, in MiB: an ETag of many parts is the MD5 of the MD5s of the parts.
_PART_SIZES = (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Remote:
    """One file of the bucket: its key, size in bytes, and ETag."""

    key: str
    size: int
    etag: str


class Bucket:
    """Read access to an S3 bucket without credentials: plain requests, as the service answers them for public data.

    Parameters
    ----------
    name, region
        Of the bucket.
    endpoint
        URL of an S3 server; empty for the public one.
    patience
        How long to try a request.
    """

    def __init__(self, name: str, region: str, endpoint: str = "", patience: Patience = PATIENCE):
        self.where = f"bucket {name} at {endpoint or 'the public S3 server'}"
        self.url = f"{endpoint.rstrip('/')}/{name}" if endpoint else f"https://{name}.s3.{region}.amazonaws.com"
        self.patience = patience

    def find(self, keys: Iterable[str]) -> tuple[list[Remote], list[str]]:
        """The files that are there, and the keys that are not; one listing a folder.

        Raises
        ------
        MenagerieError
            When the server cannot be reached, or does not answer as S3 does.
        """
        keys = list(keys)
        there: dict[str, Remote] = {}
        for folder in sorted({"".join(key.rpartition("/")[:2]) for key in keys}):
            there |= {remote.key: remote for remote in self.list(folder)}
        return [there[key] for key in keys if key in there], [key for key in keys if key not in there]

    def list(self, folder: str, *, deep: bool = False) -> list[Remote]:
        """Files of a folder (``deep``: of those below it too), by operation ListObjectsV2: a thousand a page.

        Raises
        ------
        MenagerieError
            As :meth:`find`.
        """
        found: list[Remote] = []
        query = {"list-type": "2", "prefix": folder} | ({} if deep else {"delimiter": "/"})
        while query:
            try:
                page = ElementTree.fromstring(read_text(f"{self.url}/?{urlencode(query)}", patience=self.patience))
                found += [
                    Remote(_field(item, "Key"), int(_field(item, "Size")), _field(item, "ETag").strip('"'))
                    for item in page.iterfind("{*}Contents")
                ]
                more = page.findtext("{*}IsTruncated") == "true"
                query = query | {"continuation-token": _field(page, "NextContinuationToken")} if more else {}
            except DownloadError as error:
                raise self._refused(f"list {folder}", error) from error
            except (ElementTree.ParseError, ValueError) as error:
                raise self._refused(f"list {folder}", f"the answer is no listing of S3 ({error})") from error
        return found

    def _refused(self, what: str, reason: object) -> MenagerieError:
        return MenagerieError(
            f"Cannot {what} in {self.where}: {reason} Check the network and option endpoint; then run the command "
            "again: it goes on where it stopped."
        )

    def url_of(self, remote: Remote) -> str:
        """Address of a file."""
        return f"{self.url}/{quote(remote.key)}"

    def read(self, remote: Remote, start: int, length: int) -> bytes:
        """Bytes from ``start``.

        Raises
        ------
        MenagerieError
            When the server cannot be reached, or the file changed since it was listed.
        """
        return read_range(self.url_of(remote), start, length, remote.etag, self.patience)

    def download(self, remote: Remote, path: Path, *, replace: bool = False) -> str:
        """Download one file, going on with a part that is there, and check it. Returns how it was checked.

        Raises
        ------
        MenagerieError
            When the connection breaks (the part is kept), the check fails (the part is deleted), or another file is at
            ``path`` that must not be replaced.
        """
        checks = []
        download(
            self.url_of(remote),
            path,
            n_bytes=remote.size,
            etag=remote.etag,
            check=lambda part: checks.append(check_file(part, remote, path.name)),
            replace=replace,
            advice="run the command again: it goes on where it stopped",
            patience=self.patience,
        )
        return checks[-1]


def _field(item: ElementTree.Element, name: str) -> str:
    text = item.findtext(f"{{*}}{name}")
    if text is None:
        raise ValueError(f"no {name}")
    return text


def check_file(path: Path, remote: Remote, name: str | None = None) -> str:
    """Compare a file with the bucket's size and ETag; where the ETag says nothing, read the file through.

    Returns
    -------
    str
        "md5", "md5 of parts", or "size and format" where the ETag is of no known kind.

    Raises
    ------
    MenagerieError
        When they differ.
    """
    size = path.stat().st_size
    if size != remote.size:
        raise MenagerieError(f"{remote.key}: {size} bytes arrived, expected {remote.size}. Run the command again.")
    if "-" not in remote.etag and len(remote.etag) == 32:
        if _digest(path, size) != remote.etag:
            raise MenagerieError(f"{remote.key}: the MD5 of the file is not that of the bucket. Run the command again.")
        return "md5"
    count = int(remote.etag.rpartition("-")[2]) if remote.etag.rpartition("-")[2].isdigit() else 0
    for part_size in (mib << 20 for mib in _PART_SIZES):
        if count and math.ceil(size / part_size) == count and _digest(path, part_size, parts=True) == remote.etag:
            return "md5 of parts"
    _read_through(path, name or path.name)
    return "size and format"


def _digest(path: Path, part_size: int, *, parts: bool = False) -> str:
    """MD5 as hex; with ``parts`` the ETag of an upload in parts of that size."""
    digests = []
    with path.open("rb") as file:
        while True:
            md5, left = hashlib.md5(usedforsecurity=False), part_size
            while left and (block := file.read(min(_BLOCK, left))):
                md5.update(block)
                left -= len(block)
            if left == part_size and digests:
                break
            digests.append(md5)
            if left:
                break
    if not parts:
        return digests[0].hexdigest()
    joined = hashlib.md5(b"".join(md5.digest() for md5 in digests), usedforsecurity=False)
    return f"{joined.hexdigest()}-{len(digests)}"


def _read_through(path: Path, name: str) -> None:
    """Read a compressed file to its end, or open an HDF5 file, which notices that its end is missing."""
    try:
        if name.endswith(".gz"):
            with gzip.open(path) as file:
                while file.read(_BLOCK):
                    pass
        elif name.endswith("hdf5"):
            h5py.File(path, "r").close()
    except (OSError, EOFError, zlib.error) as error:
        raise MenagerieError(f"{name}: the file arrived damaged ({error}). Run the command again.") from error


class RemoteFile(io.RawIOBase):
    """A file of the bucket that h5py can read: only the blocks that are asked for travel."""

    def __init__(self, bucket: Bucket, remote: Remote, block: int = _BLOCK, keep: int = 64):
        self.bucket, self.remote, self.block, self.keep = bucket, remote, block, keep
        self.at = 0
        self.blocks: dict[int, bytes] = {}

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.remote.size}[whence]
        return self.at

    def tell(self) -> int:
        """The position."""
        return self.at

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fill the buffer from the position on."""
        end = min(self.at + len(buffer), self.remote.size)
        count = max(end - self.at, 0)
        filled = 0
        while filled < count:
            number, offset = divmod(self.at + filled, self.block)
            piece = self._fetch(number)[offset : offset + count - filled]
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        self.at += count
        return count

    def _fetch(self, number: int) -> bytes:
        if number not in self.blocks:
            start = number * self.block
            length = min(self.block, self.remote.size - start)
            while len(self.blocks) >= self.keep:
                self.blocks.pop(next(iter(self.blocks)))
            self.blocks[number] = self.bucket.read(self.remote, start, length)
        return self.blocks[number]
