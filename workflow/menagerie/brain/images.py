"""Reading image files of any common kind as 8-bit RGB, or refusing them with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from menagerie.errors import MenagerieError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_PLAIN = {"1", "L", "RGB", "YCbCr", "CMYK"}  # modes whose conversion to RGB asks for no choice
_SIXTEEN_BIT = {"I;16", "I;16B", "I;16L", "I;16N"}


def read_image(source: str | Path | BinaryIO, name: str | None = None) -> tuple[np.ndarray, str]:
    """One image as uint8 ``(h, w, 3)``, turned upright, and what it was before ("RGB", "L", "CMYK", "I;16", ...).

    Grey is repeated in three channels; 16-bit grey is divided by 257, of 16-bit colour the upper byte is kept; palettes
    are looked up; CMYK is converted without ink profile; an alpha channel is dropped where it is opaque.

    Raises
    ------
    MenagerieError
        When the file is no image, is damaged or animated, is transparent somewhere (what was seen there is unknown),
        or holds 32-bit values (whose range is unknown). ``name`` stands for the source in the message.
    """
    name = name or str(source)
    try:
        with Image.open(source) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise MenagerieError(
                    f"Image {name} has {image.n_frames} frames; a stimulus has one. Save the frame that was shown."
                )
            mode = image.mode
            return _to_rgb(ImageOps.exif_transpose(image), name), mode
    except MenagerieError:
        raise
    except Exception as error:  # Pillow raises many kinds for a damaged file
        raise MenagerieError(
            f"Image {name} is damaged or no image (found: {error}), expected one of a common kind "
            f"({', '.join(SUFFIXES)}). Save it again, or remove it."
        ) from error


def _to_rgb(image: Image.Image, name: str) -> np.ndarray:
    mode = image.mode
    if mode in _SIXTEEN_BIT:
        grey = (np.asarray(image).astype(np.uint16) / 257).round().astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return _drop_alpha(image.convert("RGBA"), name)
    if mode == "P" or mode in _PLAIN:
        return np.array(image.convert("RGB"))
    raise MenagerieError(
        f"Image {name}: found pixels of kind '{mode}', whose range cannot be known, expected 8-bit or 16-bit grey or "
        "colour. "
        "Save it as 8-bit RGB, as it was shown."
    )


def _drop_alpha(image: Image.Image, name: str) -> np.ndarray:
    pixels = np.array(image)
    transparent = np.count_nonzero(pixels[:, :, 3] < 255)
    if transparent:
        raise MenagerieError(
            f"Image {name} is transparent in {transparent} of {pixels[:, :, 3].size} pixels, expected opaque ones: "
            "what was seen there is unknown. Save it on the background that the subjects saw."
        )
    return np.ascontiguousarray(pixels[:, :, :3])
