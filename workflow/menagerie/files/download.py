"""The one downloader: a file over HTTP or HTTPS, checked, renamed into place when it is complete.

A download that was interrupted goes on where it stopped, in the next try or the next run, if its server names versions
(a strong ``ETag``): the rest is asked for with ``Range`` and ``If-Range`` (RFC 9110, section 13.1.5) and taken only if
it comes with the same ETag, so that two versions of a file are never joined.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.files.storage import exit_on_sigterm, locked
from menagerie.files.web import (
    DownloadError,
    Patience,
    TryError,
    attempt,
    checked_url,
    etag_of,
    open_url,
    range_of,
    read,
)

_CHUNK = 1 << 20
_MARKUP = (b"<!doctype", b"<html", b"<?xml")
PATIENCE = Patience()


class _Part:
    """The beginning of a file, in the same folder, and a note of the version that it belongs to."""

    def __init__(self, path: Path, url: str):
        self.path = path.with_name(f".{path.name}.part")
        self.note = path.with_name(f".{path.name}.part.json")
        self.url, self.etag, self.total = url, "", None
        try:
            facts = json.loads(self.note.read_text(encoding="utf-8"))
            if facts["url"] == url and self.path.is_file():
                self.etag, self.total = str(facts["etag"]), facts["total"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        if not self.etag:
            self.discard()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def discard(self) -> None:
        self.etag, self.total = "", None
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def begin(self, etag: str, total: int | None) -> None:
        """Start anew. The note is written first, so that no part is ever with the note of another version."""
        self.discard()
        self.etag, self.total = etag, total
        if etag:
            facts = {"url": self.url, "etag": etag, "total": total}
            self.note.write_text(json.dumps(facts), encoding="utf-8")
        self.path.touch()

    def finish(self, path: Path) -> None:
        self.path.replace(path)
        self.note.unlink(missing_ok=True)


def download(
    url: str,
    path: str | Path,
    *,
    n_bytes: int | None = None,
    sha256: str = "",
    etag: str = "",
    check: Callable[[Path], object] | None = None,
    replace: bool = False,
    advice: str = "",
    patience: Patience = PATIENCE,
) -> Path:
    """Fetch ``url`` into ``path``; what is there already is kept if it is the file, and not overwritten unasked.

    Parameters
    ----------
    url, path
        From where, and the file to write. Until it is complete it is called ``.<name>.part``.
    n_bytes, sha256, etag
        Size, SHA-256 (or its first digits) and ETag that the file must have, where they are known.
    check
        Called with the path of the complete file before it is renamed; raises when the file is not the right one.
        Without ``check`` and ``sha256`` a web page is refused.
    replace
        Whether ``path`` belongs to the caller, so that another file there may be overwritten.
    advice
        What else the user can do, for the message.
    patience
        How long to try.

    Raises
    ------
    DownloadError
        When the server has no such file, all tries fail, or a web page comes instead of a file.
    MenagerieError
        When another file comes than was expected, another one is at ``path``, or it cannot be written.
    """
    path, url = Path(path), checked_url(url)
    advice = advice or f"download it by hand to {path}"
    with locked(path), exit_on_sigterm():
        if path.exists() and _is_there(path, n_bytes, sha256, replace):
            return path
        part = _Part(path, url)
        try:
            # A file that an earlier run began and that turns out wrong is fetched once more from the start.
            for resumed in (bool(part.etag), False):
                _complete(part, n_bytes, etag, bool(sha256), patience, advice)
                try:
                    _examine(part.path, url, sha256, check)
                    break
                except MenagerieError:
                    part.discard()
                    if not resumed:
                        raise
            part.finish(path)
        finally:
            if not part.etag:  # nobody could go on with it
                part.discard()
    return path


def is_web_page(path: str | Path) -> bool:
    """Whether a file starts as HTML or XML does, such as login and error pages."""
    with Path(path).open("rb") as file:
        return file.read(512).lstrip().lower().startswith(_MARKUP)


def check_file(path: str | Path, *, n_bytes: int | None = None, sha256: str = "") -> None:
    """Refuse a file unless it has this size in bytes and this SHA-256 (hexadecimal, or its first digits).

    Raises
    ------
    MenagerieError
        When the file does not exist, or is another one.
    """
    path = Path(path)
    advice = "It was cut short or is another file than the published one. Put that in its place, or move it away."
    if not path.is_file():
        raise MenagerieError(f"{path} does not exist. Give the path of a local copy, or leave it out to download it.")
    if n_bytes is not None and (found := path.stat().st_size) != n_bytes:
        raise MenagerieError(f"{path}: expected {n_bytes} bytes, found {found}. {advice}")
    if sha256 and not (digest := _sha256(path)).startswith(sha256):
        raise MenagerieError(f"{path}: expected SHA-256 {sha256}, found {digest}. {advice}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_there(path: Path, n_bytes: int | None, sha256: str, replace: bool) -> bool:
    """Whether the file that is at ``path`` is the one to fetch; raises if it is another one that must stay."""
    if replace and not sha256:
        return False
    if not sha256:
        raise MenagerieError(f"{path}: found a file where one was to be downloaded, expected none. Move it away.")
    try:
        check_file(path, n_bytes=n_bytes, sha256=sha256)
    except MenagerieError:
        if replace:
            return False
        raise
    return True


def _examine(part: Path, url: str, sha256: str, check: Callable[[Path], object] | None) -> None:
    """Refuse a complete file that is not the right one."""
    if sha256 and not (found := _sha256(part)).startswith(sha256):
        raise MenagerieError(
            f"{url}: expected SHA-256 {sha256}, found {found}. The published file was changed, or another one came in "
            "its place; it was not kept. If the new one is right, change the expected value."
        )
    if check is not None:
        check(part)
    elif not sha256 and is_web_page(part):
        raise DownloadError(
            f"{url} could not be downloaded: expected a file, found a web page. Open the address in a browser to see "
            "what it says."
        )


def _complete(part: _Part, n_bytes: int | None, etag: str, verifiable: bool, patience: Patience, advice: str) -> None:
    """Bring the part to its full length."""
    if part.etag and (part.etag == etag if etag else True) and part.size == part.total:
        return

    def once() -> None:
        _fetch(part, n_bytes, etag, verifiable, patience.timeout)

    attempt(part.url, once, patience, advice, lambda: part.size)


def _fetch(part: _Part, n_bytes: int | None, etag: str, verifiable: bool, timeout: float) -> None:
    """One try to bring the part to its full length."""
    have = part.size if part.etag else 0
    headers = {"Range": f"bytes={have}-", "If-Range": f'"{part.etag}"'} if have else {}
    try:
        answer = open_url(part.url, headers, timeout)
    except TryError as error:
        if error.code == 416:  # the part is not shorter than the file
            part.discard()
        raise
    with answer:
        if answer.status == 206 and (not have or range_of(answer)[0] != have or etag_of(answer) != part.etag):
            part.discard()
            raise TryError("the server sent another part than it was asked for")
        total = _total(answer, have, verifiable or n_bytes is not None)
        if n_bytes is not None and total not in (None, n_bytes):
            raise TryError(f"the server announces {total} bytes, expected {n_bytes}", final=True)
        if etag and etag_of(answer) != etag:
            raise TryError(f"the server has version {etag_of(answer) or 'without name'}, expected {etag}", final=True)
        if answer.status != 206:
            part.begin(etag_of(answer), total)
        _append(answer, part.path)
    size, total = part.size, n_bytes if total is None else total
    if total is not None and size != total:
        if size > total:
            part.discard()
        raise TryError(f"the connection ended after {size} of {total} bytes")


def _append(answer: HTTPResponse, part: Path) -> None:
    """What comes, to the end of the part."""
    while block := read(answer, _CHUNK):
        try:
            with part.open("ab") as file:
                file.write(block)
        except OSError as error:
            raise MenagerieError(
                f"{part} cannot be written: {error.strerror}, expected room for the download. Make room, or choose "
                "another folder; then run the same command again."
            ) from error


def _total(answer: HTTPResponse, have: int, verifiable: bool) -> int | None:
    """Length of the whole file as the server announces it; None where the transfer itself marks its end."""
    if answer.status == 206 and range_of(answer)[1] is not None:
        return range_of(answer)[1]
    length = answer.headers.get("Content-Length", "")
    if length.isdigit():
        return int(length) + (have if answer.status == 206 else 0)
    if not verifiable and not answer.chunked:
        raise TryError("the server does not tell the length, so that a file cut short would not be noticed", final=True)
    return None
