"""Reading image files of any common kind as 8-bit RGB, or refusing them with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from menagerie.brain.names import IMAGE_SUFFIXES
from menagerie.errors import MenagerieError

# Pillow would hand files of other formats to other programs (EPS to Ghostscript), whatever their ending.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # MPO files open as JPEG
_ONE_SHOWN = {"MPO"}  # its further pictures are previews, depth maps or other views of a camera; the first is shown
_PLAIN = {"1", "L", "RGB", "YCbCr", "CMYK"}  # modes whose conversion to RGB asks for no choice
_WITH_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
_SIXTEEN_BIT = {"I;16", "I;16B", "I;16L", "I;16N"}


def read_image(source: str | Path | BinaryIO, name: str | None = None) -> tuple[np.ndarray, str]:
    """One image as uint8 ``(h, w, 3)``, turned upright, and what it was before ("RGB", "L", "CMYK", "I;16", ...).

    Grey is repeated in three channels; 16-bit grey is divided by 257, of 16-bit colour the upper byte is kept; palettes
    are looked up; CMYK is converted without ink profile; an alpha channel is dropped where it is opaque; of the several
    pictures in a camera's MPO file the first is taken.

    Raises
    ------
    MenagerieError
        When the file is no image, is damaged or animated, is transparent somewhere (what was seen there is unknown),
        or holds 32-bit values (whose range is unknown). ``name`` stands for the source in the message.
    """
    name = name or str(source)
    with opened(source, name) as image:
        mode = image.mode
        return _to_rgb(ImageOps.exif_transpose(image), name), mode


@contextmanager
def opened(source: str | Path | BinaryIO, name: str) -> Iterator[Image.Image]:
    """An image of which only the header has been read; every failure inside the block names the image.

    Raises
    ------
    MenagerieError
        When it is no image, is animated, or is found damaged inside the block.
    """
    try:
        with Image.open(source, formats=FORMATS) as image:
            if getattr(image, "n_frames", 1) > 1 and image.format not in _ONE_SHOWN:
                raise MenagerieError(
                    f"Image {name} has {image.n_frames} frames; a stimulus has one. Save the frame that was shown."
                )
            yield image
    except MenagerieError:
        raise
    except Exception as error:  # Pillow raises many kinds for a damaged file
        raise MenagerieError(
            f"Image {name} is damaged or no image (found: {error}), expected one of a common kind "
            f"({', '.join(IMAGE_SUFFIXES)}). Save it again, or remove it."
        ) from error


def check_mode(image: Image.Image, name: str) -> None:
    """Refuse pixels whose range cannot be known.

    Raises
    ------
    MenagerieError
        For 32-bit values, and for colours that depend on a profile.
    """
    if image.mode not in _PLAIN | _SIXTEEN_BIT | _WITH_ALPHA | {"P"}:
        raise MenagerieError(
            f"Image {name}: found pixels of kind '{image.mode}', whose range cannot be known, expected 8-bit or 16-bit "
            "grey or colour. Save it as 8-bit RGB, as it was shown."
        )


def _to_rgb(image: Image.Image, name: str) -> np.ndarray:
    check_mode(image, name)
    mode = image.mode
    if mode in _SIXTEEN_BIT:
        grey = (np.asarray(image).astype(np.uint16) / 257).round().astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if mode in _WITH_ALPHA or "transparency" in image.info:
        return _drop_alpha(image.convert("RGBA"), name)
    return np.array(image.convert("RGB"))


def _drop_alpha(image: Image.Image, name: str) -> np.ndarray:
    pixels = np.array(image)
    transparent = np.count_nonzero(pixels[:, :, 3] < 255)
    if transparent:
        raise MenagerieError(
            f"Image {name} is transparent in {transparent} of {pixels[:, :, 3].size} pixels, expected opaque ones: "
            "what was seen there is unknown. Save it on the background that the subjects saw."
        )
    return np.ascontiguousarray(pixels[:, :, :3])
