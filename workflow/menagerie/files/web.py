"""Requests over HTTP and HTTPS: tries with growing pauses, ranges of one version, proxies from the environment."""

from __future__ import annotations

import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import TypeVar
from urllib.parse import quote, urlsplit

from menagerie.errors import MenagerieError

_PROGRESS = 1 << 20  # bytes that a try must bring so that it was not in vain
_LONGEST_WAIT = 60.0  # seconds between two tries
# Answers after which asking again is useless.
_FINAL = (400, 401, 403, 404, 405, 410, 412)
# What may stand in an address as it is; a percent sign too, since addresses come quoted or not.
_ALLOWED = "%/:?#[]@!$&'()*+,;=~"
T = TypeVar("T")


class DownloadError(MenagerieError):
    """The file cannot be had: the server does not have it, does not answer, or sends something else."""


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Attributes
    ----------
    attempts
        Tries in a row that bring nothing new.
    pause
        Seconds before the second try; each further wait is twice as long, up to a minute.
    timeout
        Seconds without an answer after which a try counts as failed.
    """

    attempts: int = 5
    pause: float = 2.0
    timeout: float = 60.0


class TryError(Exception):
    """One try failed.

    Attributes
    ----------
    final
        Whether another try would fail too.
    wait
        Seconds that the server asks to wait.
    code
        Status of the answer; 0 without one.
    """

    def __init__(self, reason: str, *, final: bool = False, wait: float = 0.0, code: int = 0):
        super().__init__(reason)
        self.final, self.wait, self.code = final, wait, code


def attempt(
    url: str, once: Callable[[], T], patience: Patience, advice: str, progress: Callable[[], int] = lambda: 0
) -> T:
    """Call ``once`` until it works, its failure is final, or too many tries in a row brought nothing.

    Parameters
    ----------
    url, advice
        What was asked for, and what the user can do, for the message.
    once
        Raises :class:`TryError` when a try fails.
    patience
        How long to try.
    progress
        Bytes that have come so far.

    Raises
    ------
    DownloadError
        With the reason of the last failure.
    """
    tries, in_vain, most = 0, 0, progress()
    while True:
        tries, in_vain = tries + 1, in_vain + 1
        try:
            return once()
        except TryError as error:
            if progress() >= most + _PROGRESS:
                most, in_vain = progress(), 1
            if error.final or in_vain >= patience.attempts:
                raise DownloadError(
                    f"{url} could not be downloaded: {error} (tries: {tries}). Check the address and the network "
                    f"(proxy: https_proxy), or {advice}."
                ) from error
            time.sleep(min(max(patience.pause * 2 ** (in_vain - 1), error.wait), _LONGEST_WAIT))


def read_range(url: str, start: int, length: int, etag: str, patience: Patience = Patience()) -> bytes:
    """``length`` bytes of a file from ``start`` on, of the version that ``etag`` names.

    Raises
    ------
    DownloadError
        When the server cannot be reached, cannot send parts, or has another version.
    """
    url = checked_url(url)
    headers = {"Range": f"bytes={start}-{start + length - 1}", "If-Match": f'"{etag}"'}

    def once() -> bytes:
        with open_url(url, headers, patience.timeout) as answer:
            if answer.status != 206 or range_of(answer)[0] != start or etag_of(answer) != etag:
                raise TryError("the server sent another part or another version than it was asked for", final=True)
            content = read(answer, length)
        if len(content) != length:
            raise TryError(f"the connection ended after {len(content)} of {length} bytes")
        return content

    return attempt(url, once, patience, "run the command again")


def read_text(url: str, limit: int = 16 << 20, patience: Patience = Patience()) -> str:
    """A short text, such as a listing, of at most ``limit`` bytes.

    Raises
    ------
    DownloadError
        When the server cannot be reached, or sends more.
    """
    url = checked_url(url)

    def once() -> str:
        with open_url(url, {}, patience.timeout) as answer:
            return answer_text(answer, limit)

    return attempt(url, once, patience, "run the command again")


def answer_text(answer: HTTPResponse, limit: int) -> str:
    """Text of an answer.

    Raises
    ------
    TryError
        When it is longer than ``limit`` bytes, or the connection breaks.
    """
    blocks, count = [], 0
    while block := read(answer, 1 << 16):
        blocks.append(block)
        count += len(block)
        if count > limit:
            raise TryError(f"the answer has more than {limit} bytes", final=True)
    announced = answer.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) != count:
        raise TryError(f"the connection ended after {count} of {announced} bytes")
    return b"".join(blocks).decode("utf-8", "replace")


def checked_url(url: str) -> str:
    """The address, with characters quoted that no address may have; only http and https are spoken.

    Raises
    ------
    DownloadError
        When it is no such address.
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    if not known:
        raise DownloadError(
            f"{url} could not be downloaded: expected an address that starts with http:// or https:// and a host. "
            "Correct the address."
        )
    return quote(url, safe=_ALLOWED)


def open_url(url: str, headers: dict[str, str], timeout: float) -> HTTPResponse:
    """The answer to a request; redirects are followed, to http and https only.

    Raises
    ------
    TryError
        When the server does not answer, or answers with an error.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "menagerie", "Accept-Encoding": "identity"} | headers)
    try:
        answer = _opener().open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            wait = str(error.headers.get("Retry-After", ""))
            raise TryError(
                f"the server answered {error.code} {error.reason}",
                final=error.code in _FINAL,
                wait=float(wait) if re.fullmatch(r"\d{1,6}", wait) else 0.0,
                code=error.code,
            ) from error
    except (HTTPException, OSError, ValueError) as error:
        raise _failure(error) from error
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        answer.close()
        raise TryError("the server sent it compressed, although it was asked not to", final=True)
    return answer


def _opener() -> urllib.request.OpenerDirector:
    """An opener that speaks http and https only: urllib's own would open ``file:`` and ``ftp:`` too."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _failure(error: Exception) -> TryError:
    reason = getattr(error, "reason", error)
    final = isinstance(reason, ssl.SSLCertVerificationError) or type(error) is ValueError
    return TryError(str(reason) or type(error).__name__, final=final)


def read(answer: HTTPResponse, count: int) -> bytes:
    """The next bytes of an answer, at most ``count``; none at its end.

    Raises
    ------
    TryError
        When the connection breaks.
    """
    try:
        return answer.read(count)
    except (HTTPException, OSError) as error:
        raise _failure(error) from error


def etag_of(answer: HTTPResponse) -> str:
    """The version that the server names, if byte for byte (a weak ETag is not); else empty."""
    named = re.fullmatch(r'"([^"]+)"', answer.headers.get("ETag", ""))
    return named[1] if named else ""


def range_of(answer: HTTPResponse) -> tuple[int, int | None]:
    """First byte of a part, and length of the whole file where it is told, from Content-Range; -1 without one."""
    told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if not told:
        return -1, None
    return int(told[1]), None if told[2] == "*" else int(told[2])
