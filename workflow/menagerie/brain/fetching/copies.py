"""A copy of parts of a bucket in a folder of this workflow: what was fetched, how it was checked, and what is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from menagerie.brain.fetching.bucket import Bucket, Remote, check_file
from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic

NOTE = "fetched.json"


def size_text(n_bytes: float) -> str:
    """A size as people write it: 1.2 GB."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


class Copy:
    """A folder that a fetch command fills; ``fetched.json`` is written last and says that everything is there.

    Parameters
    ----------
    bucket
        Where files come from.
    root
        The folder.
    sign
        File below it by which a tree is known; with it and without a note the tree is somebody else's.
    name, option
        What messages call the dataset, and the option that names a tree of the user's own.

    Raises
    ------
    MenagerieError
        When the folder holds a tree that was not fetched.
    """

    def __init__(self, bucket: Bucket, root: Path, sign: Path, name: str, option: str):
        self.bucket, self.root = bucket, Path(root)
        self._hidden = self.root / f".{NOTE}"
        if not (self.root / NOTE).is_file() and not self._hidden.is_file() and (self.root / sign).is_file():
            raise MenagerieError(
                f"{root} holds {name} tree that this command did not fetch. Set {option} to read it where it is, "
                "or give another folder."
            )
        path = self.root / NOTE if (self.root / NOTE).is_file() else self._hidden
        self.note: dict = json.loads(path.read_text())["files"] if path.is_file() else {}

    def required(self, keys: Sequence[str]) -> list[Remote]:
        """Files of the bucket, by key.

        Raises
        ------
        MenagerieError
            When one is not there.
        """
        found, absent = self.bucket.find(keys)
        if absent:
            raise MenagerieError(
                f"{self.bucket.where} lacks {absent[0]} ({len(absent)} files in all). Check option endpoint."
            )
        return found

    def here(self, remote: Remote) -> str | None:
        """How a file that is there was checked; None where it must be fetched."""
        path = self.root / remote.key
        if not path.is_file() or path.stat().st_size != remote.size:
            return None
        known = self.note.get(remote.key, {})
        if known.get("etag") == remote.etag:
            return known["check"]
        try:
            return check_file(path, remote)
        except MenagerieError:
            return None

    def bring(self, remote: Remote) -> str:
        """Fetch a file unless it is there; returns how it was checked."""
        self.root.mkdir(parents=True, exist_ok=True)
        if not self._hidden.exists():
            self._hidden.write_text(json.dumps({"files": {}}))
        return self.here(remote) or self._download(remote)

    def fetch(self, files: Sequence[Remote], there: dict[str, str], say: Callable[[str], None] = print) -> None:
        """Fetch files; ``there`` holds how those that are there were checked, by key."""
        open_files = [remote for remote in files if remote.key not in there]
        checks = dict(there)
        for count, remote in enumerate(open_files, start=1):
            say(f"[{count}/{len(open_files)}] {remote.key} ({size_text(remote.size)})")
            checks[remote.key] = self._download(remote)
            self._remember([remote], checks)
        self._remember(files, checks)

    def finish(self, summary: dict) -> Path:
        """Write the note that says that everything is there; returns its path."""
        _write(self.root / NOTE, summary | {"files": self.note})
        return self.root / NOTE

    def _remember(self, files: Iterable[Remote], checks: dict[str, str]) -> None:
        self.note |= {r.key: {"size": r.size, "etag": r.etag, "check": checks[r.key]} for r in files}
        _write(self._hidden, {"files": self.note})

    def _download(self, remote: Remote) -> str:
        path = self.root / remote.key
        # A file that is not the bucket's (any more) may be replaced only if this command wrote it.
        is_ours = path.is_file() and self.note.get(remote.key, {}).get("size") == path.stat().st_size
        return self.bucket.download(remote, path, replace=is_ours)


def _write(path: Path, content: dict) -> None:
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
