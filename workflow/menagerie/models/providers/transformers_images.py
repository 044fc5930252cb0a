"""Image processors of transformers: the checkpoint's own, or the one of that kind of network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from torch import nn
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING, get_image_processor_config

from menagerie.errors import MenagerieError
from menagerie.models.transforms import TransformOptions, crop_share, make_transform

# Files that hold the settings of a processor, next to a local configuration.
FILES = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
# Shapes of images that a processor must bring to one.
_SHAPES = ((300, 400), (400, 300), (350, 350))
# Parts of architectures' names, and tables of transformers, that tell what a network is for.
_TASKS = {"ObjectDetection": "detection", "Segmentation": "segmentation", "DepthEstimation": "depth estimation"}
_TABLES = {
    "detection": ("OBJECT_DETECTION", "ZERO_SHOT_OBJECT_DETECTION"),
    "segmentation": ("UNIVERSAL_SEGMENTATION", "INSTANCE_SEGMENTATION", "SEMANTIC_SEGMENTATION", "IMAGE_SEGMENTATION"),
    "depth estimation": ("DEPTH_ESTIMATION",),
}
_TOLERANCE = 2.0  # grey levels; torchvision and Pillow round filters differently


@dataclass(frozen=True)
class Processor:
    """A processor whose outputs all have one shape ``(3, size, size)``."""

    own: Any
    size: int
    model: str

    def __call__(self, picture: Image.Image) -> torch.Tensor:
        """Pixels of one image."""
        return _pixels(self.own, picture)

    def options(self, *, exact: bool) -> TransformOptions:
        """The nearest settings of ``EvalTransform``.

        Raises
        ------
        MenagerieError
            When ``exact`` is set and they do not give the same pixels.
        """
        settings = self.own.to_dict()
        normalised = settings.get("do_normalize", False)
        mean = tuple(settings["image_mean"]) if normalised else (0.0, 0.0, 0.0)
        std = tuple(settings["image_std"]) if normalised else (1.0, 1.0, 1.0)
        filters = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
        interpolation = filters.get(int(settings.get("resample") or 2), "bilinear")
        resized = self.size
        asked = settings.get("size") or {}
        for key in ("shortest_edge", "height"):
            resized = asked.get(key) or resized if settings.get("do_center_crop") else resized
        share = crop_share(self.size, max(resized, self.size))
        if settings.get("crop_pct") and self.size < 384:
            share = settings["crop_pct"]
        probe = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
        picture = Image.fromarray(probe).resize((400, 300), Image.Resampling.BICUBIC)
        for mode in ("squash", "center"):
            found = TransformOptions(self.size, mean, std, interpolation, share, mode)
            gap = make_transform(found)(np.asarray(picture)) - self(picture).to(torch.float32)
            if float((gap.abs() * torch.tensor(std)[:, None, None]).mean()) * 255 < _TOLERANCE:
                return found
        if not exact:
            return found
        raise MenagerieError(
            f"Model '{self.model}': {type(self.own).__name__} does more than resize, cut and scale, so some of the "
            "columns input_size, mean, std, interpolation and crop_pct cannot replace part of it; expected all five "
            "or none. Fill them all in."
        )


def stored_processor(name: str, config: transformers.PretrainedConfig, model: str) -> Processor | None:
    """The processor that is published with a network; None without one.

    Raises
    ------
    MenagerieError
        When it cannot be read.
    """
    place = str(Path(name).expanduser().parent) if name.endswith(".json") else name
    if name.endswith(".json") and not any((Path(place) / file).is_file() for file in FILES):
        return None
    try:
        if not get_image_processor_config(place):
            return None
        own = transformers.AutoImageProcessor.from_pretrained(place, config=config, trust_remote_code=False)
    except Exception as error:  # transformers and the hub's client raise many kinds
        raise MenagerieError(
            f"Model '{model}': the image processor of '{place}' cannot be read ({str(error).splitlines()[0]:.200}), "
            f"expected {FILES[0]}. Where there is no network, put this file next to a local config.json and name that."
        ) from error
    return _checked(own, config, model)


def default_processor(config: transformers.PretrainedConfig, model: str, build: Callable[[], nn.Module]) -> Processor:
    """The processor of that kind of network with its own defaults.

    Raises
    ------
    MenagerieError
        When transformers has none.
    """
    kind = type(config)
    classes = IMAGE_PROCESSOR_MAPPING.get(kind, {})
    cls = classes.get("torchvision") or classes.get("pil")
    try:
        if cls is None:
            raise ValueError("transformers has no image processor of that kind")
        found = _checked(cls(), config, model)
    except (TypeError, ValueError) as error:
        raise MenagerieError(
            f"Model '{model}': no {FILES[0]} comes with it, and there is no default for '{config.model_type}' "
            f"({error}); expected a transform. Put this file next to config.json, or fill the columns input_size, "
            "mean, std, interpolation and crop_pct of the model table."
        ) from error
    size = _image_size(config)
    if size is None or size == found.size or _takes(build, found.size):
        return found
    return _checked(cls(**_resized(found, size)), config, model)


def _image_size(config: transformers.PretrainedConfig) -> int | None:
    for part in (config, getattr(config, "vision_config", None), getattr(config, "image_config", None)):
        size = getattr(part, "image_size", None)
        if size is not None:
            return size if isinstance(size, int) else size[0]
    return None


def _takes(build: Callable[[], nn.Module], size: int) -> bool:
    """Whether a network runs on images of that size; seen on torch's meta device, where nothing is computed."""
    try:
        with torch.device("meta"), torch.no_grad():
            build().eval()(torch.zeros(1, 3, size, size))
    except Exception:  # networks say so in many ways
        return False
    return True


def _resized(found: Processor, size: int) -> dict[str, Any]:
    settings = found.own.to_dict()
    asked = {key: round(value * size / found.size) for key, value in (settings.get("size") or {}).items() if value}
    cut = {"crop_size": {"height": size, "width": size}} if settings.get("do_center_crop") else {}
    return {"size": asked} | cut


def _task(config: transformers.PretrainedConfig) -> str:
    """What a network is for, where such networks are often shown images in shapes of their own."""
    architecture = (config.architectures or [""])[0]
    for part, kind in _TASKS.items():
        if part in architecture:
            return f", of a {kind} network,"
    for kind, names in _TABLES.items():
        if any(type(config) in getattr(transformers, f"MODEL_FOR_{name}_MAPPING") for name in names):
            return f", of a {kind} network,"
    return ""


def _checked(own: Any, config: transformers.PretrainedConfig, model: str) -> Processor:
    who = f"Model '{model}': {type(own).__name__}{_task(config)}"
    try:
        shapes = {tuple(_pixels(own, Image.new("RGB", (width, height))).shape) for height, width in _SHAPES}
    except Exception as error:  # processors of pairs, of texts and of prompts raise many kinds
        raise MenagerieError(
            f"{who} gives no pixel values for an image alone ({error!s:.150}), expected a network of images. Choose "
            "another."
        ) from error
    shape = min(shapes)
    if len(shapes) > 1 or len(shape) != 3 or shape[0] != 3 or shape[1] != shape[2]:
        what = "images of their own shapes" if len(shapes) > 1 else f"an array of shape {shape}"
        raise MenagerieError(
            f"{who} makes of each image {what}, expected one square for all images. Fill the columns input_size, mean, "
            "std, interpolation and crop_pct of the model table, or choose another network."
        )
    return Processor(own, shape[1], model)


def _pixels(own: Any, picture: Image.Image) -> torch.Tensor:
    return own(images=picture, return_tensors="pt")["pixel_values"][0]
