"""From stimulus to network input."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from menagerie.errors import MenagerieError, unknown

CONVENTIONS = ("model", "paper")
CROP_MODES = ("center", "squash", "border")
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class TransformOptions:
    """Evaluation settings of a checkpoint.

    Attributes
    ----------
    input_size
        Side of the square input in pixels.
    mean, std
        Of each channel, on the scale 0 to 1.
    interpolation
        Filter that resizes: a name of Pillow's.
    crop_pct
        Share of the resized image that the central crop keeps: it is resized to ``floor(input_size / crop_pct)``.
    crop_mode
        What is resized to that: ``center`` the shorter side (aspect ratio kept, the ends are cut off), ``squash`` both
        sides, ``border`` the longer side (aspect ratio kept, the rest is filled). Names are timm's.
    fill
        Colour of the border, 0 to 255.
    """

    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop_pct: float
    crop_mode: str = "center"
    fill: tuple[int, ...] = (0, 0, 0)


@dataclass(frozen=True)
class EvalTransform:
    """Deterministic transform of one image: uint8 ``(h, w, 3)`` to float32 ``(3, size, size)``.

    Equal to the evaluation transforms of timm, torchvision and open_clip for the same settings. Resizing is PIL's,
    which antialiases. Fields are those of ``TransformOptions``.
    """

    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop_pct: float = 1.0
    crop_mode: str = "squash"
    fill: tuple[int, ...] = (0, 0, 0)

    def __call__(self, image: np.ndarray) -> torch.Tensor:
        """Transform one image.

        Raises
        ------
        MenagerieError
            When it is not uint8 ``(h, w, 3)``.
        """
        picture = Image.fromarray(_checked(image))
        picture = picture.resize(self._resized(*picture.size), _FILTERS[self.interpolation])
        pixels = torch.from_numpy(np.array(self._cut(picture))).permute(2, 0, 1).to(torch.float32) / 255
        mean, std = torch.tensor(self.mean)[:, None, None], torch.tensor(self.std)[:, None, None]
        return ((pixels - mean) / std).contiguous()

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        target = math.floor(self.input_size / self.crop_pct)
        if self.crop_mode == "squash":
            return target, target
        if self.crop_mode == "border":
            ratio = max(width / target, height / target)
            return round(width / ratio), round(height / ratio)
        shorter = min(width, height)
        return (
            target if width == shorter else int(target * width / shorter),
            target if height == shorter else int(target * height / shorter),
        )

    def _cut(self, picture: Image.Image) -> Image.Image:
        size, (width, height) = self.input_size, picture.size
        if width < size or height < size:
            canvas = Image.new("RGB", (max(width, size), max(height, size)), self.fill)
            canvas.paste(picture, (max(size - width, 0) // 2, max(size - height, 0) // 2))
            picture, (width, height) = canvas, canvas.size
        left, top = round((width - size) / 2), round((height - size) / 2)
        return picture.crop((left, top, left + size, top + size))


@dataclass(frozen=True)
class LibraryTransform:
    """A library's own transform, called as it is: uint8 ``(h, w, 3)`` to float32 ``(3, size, size)``.

    ``apply`` gets a PIL image and returns an array or tensor.
    """

    input_size: int
    apply: Callable[[Image.Image], torch.Tensor]

    def __call__(self, image: np.ndarray) -> torch.Tensor:
        """Transform one image.

        Raises
        ------
        MenagerieError
            When it is not uint8 ``(h, w, 3)``.
        """
        return torch.as_tensor(self.apply(Image.fromarray(_checked(image)))).to(torch.float32).contiguous()


Transform = EvalTransform | LibraryTransform


def _checked(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise MenagerieError(
            f"An image for a network must be uint8 height x width x 3, found {image.dtype} {image.shape}."
        )
    return image


def crop_share(size: int, resized: int) -> float:
    """The ``crop_pct`` that stands for resizing to ``resized`` and cutting out ``size`` pixels, both exactly."""
    share = size / resized
    # Division rounds: 224 / (224 / 255) is less than 255.
    return share if math.floor(size / share) == resized else math.nextafter(share, 0)


def make_transform(
    options: TransformOptions,
    *,
    convention: str = "model",
    training: str = "trained",
    paper_size: int | None = None,
    paper_mean: tuple[float, ...] | None = None,
    paper_std: tuple[float, ...] | None = None,
) -> EvalTransform:
    """The transform that a model's images go through.

    Parameters
    ----------
    options
        What belongs to the checkpoint.
    convention
        ``model``: the evaluation transform that belongs to the checkpoint. ``paper``: as Conwell et al. 2024, the whole
        image squeezed into the square, the model's normalisation for trained weights and none for random ones, unless
        ``paper_mean`` says otherwise.
    training
        ``trained`` or ``random``.
    paper_size, paper_mean, paper_std
        What the paper fed to this model, where known; None where it is as said above.

    Raises
    ------
    MenagerieError
        For an unknown convention, interpolation or crop mode.
    """
    if convention not in CONVENTIONS:
        raise unknown("image transform (config key transform)", convention, CONVENTIONS)
    if options.interpolation not in _FILTERS:
        raise unknown("interpolation of a model's transform", options.interpolation, _FILTERS)
    if options.crop_mode not in CROP_MODES:
        raise unknown("crop_mode of a model's transform", options.crop_mode, CROP_MODES)
    if convention == "model":
        return EvalTransform(**vars(options))
    mean, std = options.mean, options.std
    if training == "random":
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if paper_mean is not None and paper_std is not None:
        mean, std = paper_mean, paper_std
    return EvalTransform(paper_size or options.input_size, mean, std, options.interpolation)
