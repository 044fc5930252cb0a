"""Names of images, files and columns: their order, their normal form, and which of two are the same.

Order is natural and ignores case: numbers inside names count as numbers, so that ``pic2`` comes before ``Pic10``, and a
name comes before longer ones that begin with it. Names are compared in Unicode's composed form (NFC), because macOS
writes file names in the decomposed one (NFD).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from menagerie.brain.remarks import Remark, plain
from menagerie.errors import MenagerieError

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"})
_SHOWN = 3  # pairs at either end of a list


def normal(name: str) -> str:
    """A name in composed form, without white space around it."""
    return unicodedata.normalize("NFC", name).strip()


def is_system_file(name: str) -> bool:
    """Whether a file or folder was put there by an operating system, an editor or a notebook server."""
    return name.startswith((".", "~$")) or name.casefold() in _SYSTEM_FILES


def natural_key(name: str) -> tuple:
    """Sorting key of a file name: its parts without the ending of an image, numbers as numbers, then that ending."""
    stem, suffix = _split_suffix(normal(name).casefold())
    return _parts(stem), suffix


def _split_suffix(name: str) -> tuple[str, str]:
    suffix = Path(name).suffix
    return (name.removesuffix(suffix), suffix) if suffix.casefold() in IMAGE_SUFFIXES else (name, "")


def _parts(text: str) -> tuple[tuple[int, int, str], ...]:
    pieces = (piece for piece in re.split(r"(\d+)", text) if piece)
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces)


def natural_order(names: Iterable[str], where: str, remedy: str) -> list[str]:
    """Names in natural order.

    Raises
    ------
    MenagerieError
        When two names differ only in case, leading zeros or suffix, so that either could come first.
    """
    ordered = sorted(names, key=natural_key)
    for a, b in pairwise(ordered):
        if natural_key(a)[0] == natural_key(b)[0]:
            raise MenagerieError(
                f"{where}: the order of '{a}' and '{b}' is ambiguous, expected names that differ in more than case, "
                f"leading zeros and ending. {remedy}"
            )
    return ordered


def order_remark(ids: Sequence[str], where: str) -> list[Remark]:
    """A remark where ids in natural order would lie otherwise by the codes of their letters, as Python sorts files."""
    by_code = sorted(ids, key=lambda name: f"{name}.")  # the ending of the file follows
    if list(ids) == by_code or list(ids) != sorted(ids, key=natural_key):
        return []
    mine, other = next((a, b) for a, b in zip(ids, by_code, strict=True) if a != b)
    text = f"{where}: images lie in natural order; by the codes of letters '{other}' would stand where '{mine}' does."
    return [Remark(text, "If rows follow that order, write images.csv with a column 'file' in the order of the rows.")]


def bare_name(name: str) -> str:
    """Last part of a path, without the ending of an image."""
    return _split_suffix(re.split(r"[/\\]", normal(name))[-1])[0]


def positions(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Position of each name among the known ones, -1 where it is not there.

    A name is an id, or the name or path of the image's file.
    """
    exact = {normal(name): position for position, name in enumerate(known)}
    return [exact.get(normal(name), exact.get(bare_name(name), -1)) for name in names]


def pairs_by_order(ids: Sequence[str], where: str, what: str = "row") -> Remark:
    """The first and last pairs of a match that rests on order alone."""
    pairs = [f"{what} {number} {name}" for number, name in enumerate(ids, start=1)]
    shown = pairs if len(pairs) <= 2 * _SHOWN else [*pairs[:_SHOWN], "...", *pairs[-_SHOWN:]]
    text = f"{where}: matched by order alone: {', '.join(shown)}."
    return plain(text, "Check these pairs, or give names.")


def duplicates(names: Iterable[str]) -> list[str]:
    """Names that occur more than once, each once."""
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for name in names:
        if name in seen:
            twice[name] = None
        seen.add(name)
    return list(twice)
