"""The public bucket: unsigned requests, sizes, resumable downloads, and a check of every file."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import h5py

from menagerie.errors import MenagerieError

BUCKET = "natural-scenes-dataset"
REGION = "us-east-2"
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
    """Read access to a bucket without credentials.

    Parameters
    ----------
    endpoint
        URL of an S3 server; empty for the public one.
    name
        Name of the bucket.

    Raises
    ------
    MenagerieError
        When boto3 is missing, or the server cannot be reached or refuses.
    """

    def __init__(self, endpoint: str = "", name: str = BUCKET):
        try:
            import boto3
            from botocore import UNSIGNED
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as error:
            raise MenagerieError(f"Fetching NSD needs boto3 ({error}). Install the extra: pip install .[nsd]") from None
        self.name = name
        self.where = f"bucket {name} at {endpoint or 'the public S3 server'}"
        self._failures = (BotoCoreError, ClientError)
        style = {"addressing_style": "path"} if endpoint else {}
        config = Config(
            signature_version=UNSIGNED, s3=style, retries={"max_attempts": 8, "mode": "standard"}, read_timeout=120
        )
        self._client = boto3.client("s3", endpoint_url=endpoint or None, region_name=REGION, config=config)

    def find(self, keys: Iterable[str]) -> tuple[list[Remote], list[str]]:
        """The files that are there, and the keys that are not; one listing a folder.

        Raises
        ------
        MenagerieError
            When the server cannot be reached.
        """
        keys = list(keys)
        there: dict[str, Remote] = {}
        for folder in sorted({key.rpartition("/")[0] + "/" for key in keys}):
            there |= {remote.key: remote for remote in self._list(folder)}
        return [there[key] for key in keys if key in there], [key for key in keys if key not in there]

    def _list(self, folder: str) -> list[Remote]:
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=folder, Delimiter="/"
            )
            return [
                Remote(item["Key"], int(item["Size"]), item["ETag"].strip('"'))
                for page in pages
                for item in page.get("Contents", [])
            ]
        except self._failures as error:
            raise self._refused(f"list {folder}", error) from error

    def _refused(self, what: str, error: Exception) -> MenagerieError:
        return MenagerieError(
            f"Cannot {what} in {self.where}: {error}. Check the network and option endpoint; then run the command "
            "again: it goes on where it stopped."
        )

    def read(self, remote: Remote, start: int, length: int | None = None) -> Iterable[bytes]:
        """Bytes from ``start``, block by block; up to ``length`` of them, or to the end.

        Raises
        ------
        MenagerieError
            When the server cannot be reached, or the file changed since it was listed.
        """
        last = "" if length is None else str(start + length - 1)
        try:
            reply = self._client.get_object(
                Bucket=self.name, Key=remote.key, Range=f"bytes={start}-{last}", IfMatch=f'"{remote.etag}"'
            )
            yield from reply["Body"].iter_chunks(_BLOCK)
        except (*self._failures, OSError) as error:
            raise self._refused(f"read {remote.key}", error) from error

    def download(self, remote: Remote, path: Path) -> str:
        """Download one file, going on with a part that is there, and check it. Returns how it was checked.

        Raises
        ------
        MenagerieError
            When the connection breaks (the part is kept) or the check fails (the part is deleted).
        """
        part = path.with_name(f".{path.name}.part")
        note = path.with_name(f".{path.name}.part.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        start = _part_size(part, note, remote)
        note.write_text(json.dumps({"etag": remote.etag}))
        if start < remote.size:
            with part.open("ab") as file:
                for block in self.read(remote, start):
                    file.write(block)
        elif not remote.size:
            part.touch()
        try:
            how = check_file(part, remote, path.name)
        except MenagerieError:
            part.unlink(missing_ok=True)
            note.unlink(missing_ok=True)
            raise
        part.replace(path)
        note.unlink(missing_ok=True)
        return how


def _part_size(part: Path, note: Path, remote: Remote) -> int:
    """Bytes of a part that belongs to this version of the file; any other part is deleted."""
    try:
        same = json.loads(note.read_text())["etag"] == remote.etag and part.stat().st_size <= remote.size
    except (OSError, ValueError, KeyError):
        same = False
    if not same:
        part.unlink(missing_ok=True)
        return 0
    return part.stat().st_size


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
            self.blocks[number] = b"".join(self.bucket.read(self.remote, start, length))
        return self.blocks[number]
