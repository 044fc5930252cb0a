"""Visual towers of open_clip, by ``architecture``, ``architecture.tag`` (``ViT-B-32.openai``) or ``hf-hub:owner/name``.

A tag brings the activation and the preprocessing that it was trained with. ``ViT-B-32.openai(image_size=384)`` runs at
another size: its positional embeddings are then interpolated, as open_clip does it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import open_clip
import torch
from huggingface_hub import hf_hub_download
from open_clip.model import _build_vision_tower, resize_pos_embed
from open_clip.transform import PreprocessCfg, merge_preprocess_dict
from torch import nn

from menagerie.errors import MenagerieError, unknown
from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions

HUB = "hf-hub:"
CROP_MODES = {"shortest": "center", "longest": "border", "squash": "squash"}  # open_clip's names: timm's
WEIGHTS_FILE = "open_clip_model.safetensors"


def build(spec: ModelSpec) -> nn.Module:
    """The visual tower only, which needs no file of the text tower.

    Raises
    ------
    MenagerieError
        When open_clip does not know the architecture or the training.
    """
    _, keywords = parse_builder(spec.builder)
    if others := set(keywords) - {"image_size"}:
        raise unknown(f"option of the builder of model '{spec.id}'", min(others), ("image_size",))
    config, training = _described(spec)
    return _build_vision_tower(
        config["embed_dim"],
        config["vision_cfg"] | {"timm_model_pretrained": False} | _sized(keywords),
        bool(config.get("quick_gelu") or training.get("quick_gelu")),
    )


def options(spec: ModelSpec) -> TransformOptions:
    """open_clip's evaluation settings: the size of the architecture, all else from the training.

    Raises
    ------
    MenagerieError
        When open_clip does not know the architecture or the training.
    """
    config, training = _described(spec)
    chosen = merge_preprocess_dict(PreprocessCfg(), training)
    _, keywords = parse_builder(spec.builder)
    size = (config["vision_cfg"] | _sized(keywords))["image_size"]
    if not isinstance(size, int) and len(set(size)) > 1:
        raise MenagerieError(
            f"Model '{spec.id}': open_clip shows it images of {size} pixels, expected a square. Choose another, or the "
            "builder's option image_size."
        )
    return TransformOptions(
        size if isinstance(size, int) else size[0],
        tuple(chosen["mean"]),
        tuple(chosen["std"]),
        chosen["interpolation"],
        1.0,
        CROP_MODES[chosen["resize_mode"]],
        (chosen["fill_color"],) * 3,
    )


def source(spec: ModelSpec) -> str:
    """The hub file of the training that the name says.

    Raises
    ------
    MenagerieError
        When the name says no training, or open_clip knows no hub file for it.
    """
    name, _ = parse_builder(spec.builder)
    hub = name.removeprefix(HUB) if name.startswith(HUB) else _config(spec).get("hf_hub")
    if not hub:
        raise MenagerieError(f"Model '{spec.id}': open_clip names no hub file for '{spec.builder}'; give it a row.")
    owner, repository, *name = hub.split("/")
    return f"hub:{owner}/{repository}#{'/'.join(name) or WEIGHTS_FILE}"


def adapt(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of both towers' keys, those of the visual one."""
    visual = {key.removeprefix("visual."): value for key, value in state.items() if key.startswith("visual.")}
    return visual or state


def interpolate(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Positional embeddings at the size of ``module``, as open_clip interpolates them."""
    both = nn.Module()
    both.visual = module
    named = {f"visual.{key}": value for key, value in adapt(module, state).items()}
    resize_pos_embed(named, both)
    return adapt(module, named)


@cache
def _hub(name: str, model: str) -> dict[str, Any]:
    """``open_clip_config.json`` of a repository on the hub; from the hub once, then from its cache."""
    place = name.removeprefix(HUB)
    try:
        config = json.loads(Path(hf_hub_download(place, "open_clip_config.json")).read_text(encoding="utf-8"))
        return {"model_cfg": dict(config["model_cfg"]), "preprocess_cfg": dict(config.get("preprocess_cfg", {}))}
    except Exception as error:  # the hub's client raises many kinds
        raise MenagerieError(
            f"Model '{model}': open_clip_config.json of '{place}' cannot be had from the hub "
            f"({str(error).splitlines()[0]}), expected a repository of an open_clip network. Check the name; where "
            "there is no network, fetch it once elsewhere and copy the hub's cache folder (HF_HOME)."
        ) from error


def _sized(keywords: dict[str, Any]) -> dict[str, Any]:
    return {"image_size": keywords["image_size"]} if "image_size" in keywords else {}


def _described(spec: ModelSpec) -> tuple[dict[str, Any], dict[str, Any]]:
    """Configuration of the architecture, and what the training says of activation and preprocessing."""
    name, _ = parse_builder(spec.builder)
    if name.startswith(HUB):
        hub = _hub(name, spec.id)
        return hub["model_cfg"], hub["preprocess_cfg"]
    architecture, tag = _names(spec)
    return open_clip.get_model_config(architecture), _config(spec) if tag else {}


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
