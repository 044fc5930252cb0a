"""A look at image files before a run: the header and the end of every file, the pixels of as many as time allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from menagerie.brain.images import check_mode, opened, read_image
from menagerie.brain.remarks import FAILURE, Remark, refusal
from menagerie.brain.stimuli import duplicate_remarks, pixel_digest
from menagerie.brain.user_files.image_folder import ImageFolder
from menagerie.errors import MenagerieError

SECONDS = 3.0  # for decoding; headers take about a second for 1,000 images
_DARK = 16  # 12-bit values in 16 bits become no brighter than this
_BIG = 40e6  # bytes of a file that is not compared whole with others
_SHOWN = 3
_END = 4096  # bytes at the end of a file that are looked at
# Whether a file is complete, from its first bytes, its last ones, and its size; other formats are decoded.
_COMPLETE: dict[str, Callable[[bytes, bytes, int], bool]] = {
    "JPEG": lambda head, tail, size: tail.rstrip(b"\0\r\n ").endswith(b"\xff\xd9"),
    "PNG": lambda head, tail, size: b"IEND\xaeB`\x82" in tail,
    "GIF": lambda head, tail, size: tail.rstrip(b"\0").endswith(b";"),
    "WEBP": lambda head, tail, size: size >= 8 + int.from_bytes(head[4:8], "little"),
}
_COMPLETE["MPO"] = _COMPLETE["JPEG"]


def examine_images(images: ImageFolder) -> Iterator[Remark]:
    """Look at every image; one that a run would refuse is a failure, as far as header, end or pixels show it."""
    refused: dict[Path, Remark] = {}
    decoded: dict[Path, tuple[str, bool]] = {}

    def look(path: Path, *, decode: bool) -> None:
        try:
            if decode or not _is_complete(path):
                decoded[path] = _decode(path)
        except MenagerieError as error:
            refused[path] = refusal(error)

    for path in images.paths:
        look(path, decode=False)
    until = time.monotonic() + SECONDS
    for path in _spread(images.paths):
        if time.monotonic() < until and path not in decoded and path not in refused:
            look(path, decode=True)
    if refused:
        yield from list(refused.values())[:_SHOWN]
        yield Remark(
            f"{len(refused)} of {len(images.paths)} images cannot be used.", "Correct or remove them.", FAILURE
        )
        return
    if dark := [path for path, (_, is_dark) in decoded.items() if is_dark]:
        text = f"{len(dark)} images of 16 bits hold no value above a sixteenth of white (first: {dark[0]})."
        yield Remark(text, "If they hold 12 bits, save them as 8-bit grey as they were shown.")
    same = _same_content(images.paths, {path: digest for path, (digest, _) in decoded.items()})
    yield from duplicate_remarks([same[path] for path in images.paths], images.ids)


def _is_complete(path: Path) -> bool:
    """Whether the header is in order and the file ends as its format asks; where not, its pixels show the truth."""
    with opened(path, str(path)) as image:
        check_mode(image, str(path))
        complete = _COMPLETE.get(image.format or "")
    if complete is None:
        return False
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(max(0, size - _END))
        return complete(head, file.read(), size)


def _spread(paths: Sequence[Path]) -> list[Path]:
    """All paths, those that lie far apart first, so that any beginning of the list is a fair sample."""
    order = np.argsort([int(f"{number:024b}"[::-1], 2) for number in range(len(paths))])
    return [paths[position] for position in order]


def _decode(path: Path) -> tuple[str, bool]:
    """Digest of the pixels of an image, and whether it is a 16-bit one that is nearly black."""
    pixels, mode = read_image(path)
    return pixel_digest(pixels), mode.startswith("I;16") and 0 < int(pixels.max()) <= _DARK


def _same_content(paths: Sequence[Path], decoded: dict[Path, str]) -> dict[Path, str]:
    """A digest of each image: of its pixels where they were decoded, else of the file where another is as long."""
    sizes: dict[int, list[Path]] = {}
    for path in paths:
        sizes.setdefault(path.stat().st_size, []).append(path)
    digests = dict(decoded)
    for size, alike in sizes.items():
        for path in alike:
            if path not in digests:
                compared = len(alike) > 1 and size < _BIG
                digests[path] = f"file {sha256(path.read_bytes()).hexdigest()}" if compared else f"alone {path}"
    return digests
