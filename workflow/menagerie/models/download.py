"""One file from the network, whole or not at all."""

from __future__ import annotations

import os
import shutil
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlparse

from menagerie.errors import MenagerieError

HUB = "https://huggingface.co"
_CHUNK = 1 << 20
# Answers after which asking again is useless.
_FINAL = (400, 401, 403, 404, 410)


def hub_url(reference: str) -> str:
    """Address of ``owner/repository[@revision][#file]`` on the Hugging Face hub.

    The environment variable ``HF_ENDPOINT`` names another server with the same layout.
    """
    reference, _, name = reference.partition("#")
    repository, _, revision = reference.partition("@")
    endpoint = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    return f"{endpoint}/{repository}/resolve/{quote(revision or 'main')}/{name or 'model.safetensors'}"


def mirrored(kind: str, reference: str, mirror: str | Path | None) -> Path | None:
    """The file in a mirror folder that stands for a source of this kind (``url``, ``hub``); None without one."""
    if mirror is None or kind not in ("url", "hub"):
        return None
    path = PurePosixPath(urlparse(hub_url(reference) if kind == "hub" else reference).path)
    # Files on a hub are all called model.safetensors: owner and repository tell them apart.
    name = "/".join(path.parts[1:3] + path.parts[-1:]) if kind == "hub" else path.name
    found = Path(mirror).expanduser() / name
    return found if found.is_file() else None


def download(url: str, path: str | Path, *, attempts: int = 5, pause: float = 2.0, timeout: float = 60.0) -> Path:
    """Fetch ``url`` into ``path``; an interrupted download goes on where it stopped, also in the next run.

    Proxies are taken from the usual environment variables (``https_proxy`` and so on).

    Parameters
    ----------
    url, path
        From where, and the file to write; until it is whole it is called ``<path>.part``.
    attempts, pause
        Number of tries, and seconds before the second one; each further wait is twice as long.
    timeout
        Seconds without an answer after which a try counts as failed.

    Raises
    ------
    MenagerieError
        When the server has no such file, all tries fail, or a web page comes instead of a file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    reason = "the connection ended early"
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            if _fetch(url, part, timeout):
                refuse_web_page(part, url)
                part.replace(path)
                return path
        except urllib.error.HTTPError as error:
            reason = f"the server answered {error.code} {error.reason}"
            if error.code == 416:
                # The part is not shorter than the file: it belongs to another version of it.
                part.unlink(missing_ok=True)
            elif error.code in _FINAL:
                break
        except (HTTPException, OSError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        except ValueError as error:
            reason = str(error)
            break
    raise MenagerieError(
        f"{url} could not be downloaded: {reason} (tries: {attempt + 1}). Check the address and the network (proxy: "
        "https_proxy), or put the file into the mirror folder."
    )


def refuse_web_page(path: Path, origin: str) -> None:
    """Refuse and delete a file that holds HTML, as login and error pages do.

    Raises
    ------
    MenagerieError
        Naming ``origin``, where the file came from.
    """
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        path.unlink()
        raise MenagerieError(
            f"{origin} gave a web page instead of a file of weights. Open the address in a browser to see what it says."
        )


def _fetch(url: str, part: Path, timeout: float) -> bool:
    """One try; True when the part is whole."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    request.add_header("User-Agent", "menagerie")
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        resumed = answer.status == 206
        length = answer.headers.get("Content-Length")
        total = int(length) + (have if resumed else 0) if length is not None else None
        with part.open("ab" if resumed else "wb") as file:
            shutil.copyfileobj(answer, file, _CHUNK)
    return total is None or part.stat().st_size == total
