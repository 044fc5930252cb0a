"""From stimulus to network input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from menagerie.errors import MenagerieError, unknown

CONVENTIONS = ("model", "paper")
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class TransformOptions:
    """Evaluation settings of a checkpoint.

    Input size in pixels, channel mean and SD on the scale 0 to 1, the filter that resizes, and the share of the
    resized image that the central crop keeps.
    """

    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop_pct: float


@dataclass(frozen=True)
class EvalTransform:
    """Deterministic transform of one image: uint8 ``(h, w, 3)`` to float32 ``(3, size, size)``.

    With ``crop_pct`` the shorter side becomes ``floor(input_size / crop_pct)`` and the centre is cut out, as timm and
    torchvision do it; without it (None) the whole image is squeezed into the square. Resizing is PIL's, which
    antialiases.
    """

    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop_pct: float | None

    def __call__(self, image: np.ndarray) -> torch.Tensor:
        """Transform one image.

        Raises
        ------
        MenagerieError
            When it is not uint8 ``(h, w, 3)``.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise MenagerieError(
                f"An image for a network must be uint8 height x width x 3, found {image.dtype} {image.shape}."
            )
        picture = Image.fromarray(image)
        picture = self._squeeze(picture) if self.crop_pct is None else self._crop(picture)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).to(torch.float32) / 255
        mean, std = torch.tensor(self.mean)[:, None, None], torch.tensor(self.std)[:, None, None]
        return ((pixels - mean) / std).contiguous()

    def _squeeze(self, picture: Image.Image) -> Image.Image:
        return picture.resize((self.input_size, self.input_size), _FILTERS[self.interpolation])

    def _crop(self, picture: Image.Image) -> Image.Image:
        shorter, size = min(picture.size), self.input_size
        # The tiny addend keeps 224 / (224 / 256) at 256 and not at 255.
        target = int(size / self.crop_pct + 1e-6)
        width, height = (target if side == shorter else int(target * side / shorter) for side in picture.size)
        picture = picture.resize((width, height), _FILTERS[self.interpolation])
        left, top = round((width - size) / 2), round((height - size) / 2)
        return picture.crop((left, top, left + size, top + size))


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
        For an unknown convention or interpolation.
    """
    if convention not in CONVENTIONS:
        raise unknown("image transform (config key transform)", convention, CONVENTIONS)
    if options.interpolation not in _FILTERS:
        raise unknown("interpolation of a model's transform", options.interpolation, _FILTERS)
    if convention == "model":
        return EvalTransform(options.input_size, options.mean, options.std, options.interpolation, options.crop_pct)
    mean, std = options.mean, options.std
    if training == "random":
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if paper_mean is not None and paper_std is not None:
        mean, std = paper_mean, paper_std
    return EvalTransform(paper_size or options.input_size, mean, std, options.interpolation, None)
