"""Visual towers of open_clip, by ``architecture`` or ``architecture.tag`` (``RN50-quickgelu.openai``).

OpenAI's own weights need the architectures called ``-quickgelu``.
"""

from __future__ import annotations

import open_clip
import torch
from torch import nn

from menagerie.errors import MenagerieError, unknown
from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions

WEIGHTS_FILE = "open_clip_model.safetensors"


def build(spec: ModelSpec) -> nn.Module:
    """The visual tower only; the text tower is built and let go.

    Raises
    ------
    MenagerieError
        When open_clip does not know the architecture or the training.
    """
    architecture, _ = _names(spec)
    return open_clip.create_model(architecture, pretrained=None, device=torch.get_default_device()).visual


def options(spec: ModelSpec) -> TransformOptions:
    """open_clip's evaluation settings: the size of the architecture, the scaling of the training; nothing is cut off.

    Raises
    ------
    MenagerieError
        When open_clip does not know the architecture or the training.
    """
    architecture, _ = _names(spec)
    config = _config(spec) if _names(spec)[1] else {}
    size = open_clip.get_model_config(architecture)["vision_cfg"]["image_size"]
    return TransformOptions(
        size if isinstance(size, int) else size[0],
        tuple(config.get("mean", open_clip.OPENAI_DATASET_MEAN)),
        tuple(config.get("std", open_clip.OPENAI_DATASET_STD)),
        config.get("interpolation", "bicubic"),
        1.0,
    )


def source(spec: ModelSpec) -> str:
    """The hub file of the training that the name says.

    Raises
    ------
    MenagerieError
        When the name says no training, or open_clip knows no hub file for it.
    """
    hub = _config(spec).get("hf_hub")
    if not hub:
        raise MenagerieError(f"Model '{spec.id}': open_clip names no hub file for '{spec.builder}'; give it a row.")
    owner, repository, *name = hub.split("/")
    return f"hub:{owner}/{repository}#{'/'.join(name) or WEIGHTS_FILE}"


def adapt(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of both towers' keys, those of the visual one."""
    visual = {key.removeprefix("visual."): value for key, value in state.items() if key.startswith("visual.")}
    return visual or state


def _names(spec: ModelSpec) -> tuple[str, str]:
    name, _ = parse_builder(spec.builder)
    architecture, _, tag = name.partition(".")
    if architecture not in open_clip.list_models():
        raise unknown(f"open_clip architecture of model '{spec.id}'", architecture, open_clip.list_models())
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if tag and tag not in tags:
        raise unknown(f"open_clip tag of model '{spec.id}' ({architecture})", tag, tags)
    return architecture, tag


def _config(spec: ModelSpec) -> dict:
    architecture, tag = _names(spec)
    if not tag:
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        raise MenagerieError(
            f"Model '{spec.id}': open_clip has several trainings of an architecture; name one: {architecture}.<tag>, "
            f"tags: {', '.join(tags)}."
        )
    return open_clip.get_pretrained_cfg(architecture, tag)
