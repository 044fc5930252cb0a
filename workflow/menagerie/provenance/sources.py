"""What source files hold: digests of their contents, remembered so that a restart takes milliseconds.

A file is looked up by path, size, times of modification and of change, and inode. The time of change cannot be set
from outside, so a file that was replaced by one with a kept or older time of modification is read again. Files above
:data:`LARGE` are not read while planning: a new one is identified by what is known of it, and the first job that reads
it adds its digest (:meth:`Digests.read`). When such a file looks different later, it is read, and keeps its identity
if its content is the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic
from menagerie.provenance.code import file_sha256, short_digest

LARGE = 256 * 2**20
ABSENT = "absent"


@dataclass
class Digests:
    """Digests of files, kept in a folder.

    Attributes
    ----------
    folder
        Where they are kept: ``small.json``, written by :meth:`save`, and one file for each large source.
    """

    folder: Path
    _known: dict[str, list] = field(default_factory=dict)
    _looked: dict[str, str] = field(default_factory=dict)
    _loaded: bool = False
    _changed: bool = False

    def file(self, path: str | Path) -> str:
        """What a file holds, as a short string; ``absent`` where there is none.

        Raises
        ------
        MenagerieError
            When the file cannot be read, or is no regular file.
        """
        place = str(Path(path).absolute())
        if place not in self._looked:
            self._looked[place] = self._look(place)
        return self._looked[place]

    def listing(self, paths: Iterable[str | Path]) -> str:
        """What a list of files holds: their names, their order and their contents."""
        entries = [f"{Path(path).name}\t{self.file(path)}" for path in paths]
        return f"{len(entries)} files {short_digest(chr(10).join(entries))}"

    def sources(self, files: Mapping[str, str | Path | Iterable[str | Path]]) -> dict[str, str]:
        """Digest of every entry: of one file, whatever its name, or of a list of files with their names."""
        return {
            name: self.file(entry) if isinstance(entry, str | Path) else self.listing(entry)
            for name, entry in sorted(files.items())
        }

    def sha256(self, path: str | Path) -> str:
        """SHA-256 of a file, remembered like its identity; ``absent`` where there is none.

        Raises
        ------
        MenagerieError
            As :meth:`file`.
        """
        place = str(Path(path).absolute())
        stamp = _stamp(place)
        if stamp is None:
            return ABSENT
        if stamp[0] <= LARGE:
            return file_sha256(place)
        self.read([place])
        return self._large(place)["sha256"]

    def read(self, paths: Iterable[str | Path]) -> None:
        """Read the large ones among these files once and keep their digests: for the job that reads them anyway.

        Raises
        ------
        MenagerieError
            As :meth:`file`.
        """
        for path in (str(Path(path).absolute()) for path in paths):
            stamp = _stamp(path)
            if stamp and stamp[0] > LARGE and self._large(path).get("stamp") != stamp:
                self._keep_large(path, stamp, file_sha256(path), _identity(stamp))

    def save(self) -> None:
        """Keep what was read; where the folder cannot be written, files are read again next time."""
        if self._changed:
            with suppress(OSError), atomic(self.folder / "small.json") as temporary:
                temporary.write_text(json.dumps(self._known), encoding="utf-8")
            self._changed = False

    def _look(self, path: str) -> str:
        stamp = _stamp(path)
        if stamp is None:
            return ABSENT
        if stamp[0] > LARGE:
            return self._large_identity(path, stamp)
        self._load()
        known = self._known.get(path)
        if known is None or known[:-1] != stamp:
            known = self._known[path] = [*stamp, _content(path)]
            self._changed = True
        return known[-1]

    def _load(self) -> None:
        if not self._loaded:
            self._loaded = True
            with suppress(OSError, ValueError, AttributeError):
                known = json.loads((self.folder / "small.json").read_text(encoding="utf-8"))
                self._known = {path: entry for path, entry in known.items() if isinstance(entry, list)}

    def _large_identity(self, path: str, stamp: list[int]) -> str:
        known = self._large(path)
        if known.get("stamp") == stamp:
            return known["identity"]
        same_size = [entry for entry in self._all_large() if entry["stamp"][0] == stamp[0]]
        if not same_size:
            return _identity(stamp)
        print(f"Reading {path} ({stamp[0] / 1e9:.1f} GB): it looks different from when it was last read.", flush=True)
        digest = file_sha256(path)
        identity = next((entry["identity"] for entry in same_size if entry["sha256"] == digest), _identity(stamp))
        self._keep_large(path, stamp, digest, identity)
        return identity

    def _large(self, path: str) -> dict:
        return _entry(self._large_file(path))

    def _all_large(self) -> list[dict]:
        return [entry for file in sorted(self.folder.glob("large-*.json")) if (entry := _entry(file))]

    def _large_file(self, path: str) -> Path:
        return self.folder / f"large-{short_digest(path)}.json"

    def _keep_large(self, path: str, stamp: list[int], digest: str, identity: str) -> None:
        entry = {"path": path, "stamp": stamp, "sha256": digest, "identity": identity}
        with suppress(OSError), atomic(self._large_file(path)) as temporary:
            temporary.write_text(json.dumps(entry, indent=1), encoding="utf-8")


def remember_sources(snakemake: object) -> None:
    """Keep the digests of the large files that a job read: when they look different later, contents are compared."""
    Digests(Path(snakemake.config["resources"]) / "digests").read(snakemake.input)


def _stamp(path: str) -> list[int] | None:
    """Size, both times in nanoseconds and inode of a regular file; None where there is nothing."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    if not S_ISREG(found.st_mode):
        raise _unreadable(path, "a folder or a special file")
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _content(path: str) -> str:
    try:
        return file_sha256(path)[:16]
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None


def _unreadable(path: str, found: str) -> MenagerieError:
    return MenagerieError(f"{path}: found {found}, expected a file that can be read. Correct the path or its rights.")


def _identity(stamp: list[int]) -> str:
    return short_digest(f"large {stamp}")


def _entry(file: Path) -> dict:
    try:
        entry = json.loads(file.read_text(encoding="utf-8"))
        return entry if {"stamp", "sha256", "identity"} <= entry.keys() else {}
    except (OSError, ValueError, AttributeError):
        return {}
