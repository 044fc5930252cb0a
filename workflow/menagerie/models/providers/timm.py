"""Networks of timm, by the name that timm lists (``architecture`` or ``architecture.tag``), or ``hf-hub:owner/name``.

Names that timm has given up stand for those that timm maps them to.

Options of the builder go to ``timm.create_model``: ``vit_small_patch16_224(num_heads=12, num_classes=0)``.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

import timm
import torch
from timm.data import resolve_data_config
from timm.layers import set_fused_attn
from timm.models import (
    get_arch_pretrained_cfgs,
    get_deprecated_models,
    get_pretrained_cfg,
    is_model,
    load_model_config_from_hf,
    model_entrypoint,
)
from torch import nn

from menagerie.errors import MenagerieError, unknown
from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions

HUB = "hf-hub:"


def build(spec: ModelSpec) -> nn.Module:
    """The architecture with timm's own initialisation.

    Fused attention is switched off, because the fused kernel never hands the softmax attention map to a module
    (ViT-B: 138 instead of 150 layers).

    Raises
    ------
    MenagerieError
        When timm does not know the architecture, the tag or an option.
    """
    name, keywords = _names(spec)
    set_fused_attn(False)
    # ``adapt`` needs to know which of timm's modules the architecture comes from.
    architecture = _hub(name, spec)["architecture"] if name.startswith(HUB) else name
    try:
        module = timm.create_model(name, pretrained=False, **keywords)
    except TypeError as error:
        raise MenagerieError(
            f"Model '{spec.id}': timm's '{name}' does not take the options {keywords} ({error!s:.150}), expected "
            "options of that architecture. Correct the builder."
        ) from error
    module.timm_name = architecture
    return module


def options(spec: ModelSpec) -> TransformOptions:
    """timm's own evaluation settings of this checkpoint, at the size that the builder's ``img_size`` asks for.

    Raises
    ------
    MenagerieError
        When timm does not know the name, or the network takes images that are not square.
    """
    _, keywords = _names(spec)
    size = keywords.get("img_size")
    if isinstance(size, (list, tuple)) and len(set(size)) == 1:
        size = size[0]
    given = {"img_size": size} if isinstance(size, int) else {"input_size": (3, *size)} if size else {}
    config = resolve_data_config(given, pretrained_cfg=_config(spec))
    _, height, width = config["input_size"]
    if height != width:
        raise MenagerieError(
            f"Model '{spec.id}': timm shows it images of {width} x {height} pixels, expected a square. Choose one with "
            f"the builder's option img_size, as in {spec.builder.partition('(')[0]}(img_size={min(width, height)})."
        )
    mean = tuple(config["mean"])
    return TransformOptions(
        height,
        mean,
        tuple(config["std"]),
        config["interpolation"],
        config["crop_pct"],
        config["crop_mode"],
        # timm fills the border with the mean colour, but with black where a central crop is larger than the image.
        tuple(round(255 * value) for value in mean) if config["crop_mode"] == "border" else (0, 0, 0),
    )


def source(spec: ModelSpec) -> str:
    """The checkpoint of the tag in the name, else of timm's default tag.

    Raises
    ------
    MenagerieError
        When timm does not know the name, or no weights for it.
    """
    config = _config(spec)
    if config.get("hf_hub_id"):
        # timm takes the safetensors file of a repository, by this name.
        return f"hub:{config['hf_hub_id']}"
    if config.get("url"):
        return f"url:{config['url']}"
    raise MenagerieError(
        f"Model '{spec.id}': timm knows no trained weights for '{spec.builder}'. "
        f"Name a tag (see timm.list_pretrained), or ask for the untrained network: 'timm/{spec.builder}:random'."
    )


def adapt(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Apply the conversion that timm itself applies to older checkpoints of this architecture."""
    origin = sys.modules[model_entrypoint(module.timm_name.partition(".")[0]).__module__]
    convert = getattr(origin, "checkpoint_filter_fn", None)
    shapes = {key: value.shape for key, value in module.state_dict().items()}
    if convert is None or {key: value.shape for key, value in state.items()} == shapes:
        return state
    return convert(state, module) if len(inspect.signature(convert).parameters) > 1 else convert(state)


def _config(spec: ModelSpec) -> dict[str, Any]:
    name, _ = _names(spec)
    if name.startswith(HUB):
        return _hub(name, spec)
    config = get_pretrained_cfg(name, allow_unregistered=False)
    return config.to_dict() if config is not None else {}


def _hub(name: str, spec: ModelSpec) -> dict[str, Any]:
    """Configuration of a repository on the hub; from the hub once, then from its cache."""
    place = name.removeprefix(HUB)
    try:
        config, architecture, _ = load_model_config_from_hf(place)
    except Exception as error:  # the hub's client raises many kinds
        raise MenagerieError(
            f"Model '{spec.id}': timm cannot read config.json of '{place}' on the hub ({str(error).splitlines()[0]}), "
            "expected a repository of a timm network. Check the name; where there is no network, fetch it once "
            "elsewhere and copy the hub's cache folder (HF_HOME)."
        ) from error
    return config | {"architecture": architecture}


def _names(spec: ModelSpec) -> tuple[str, dict]:
    name, keywords = parse_builder(spec.builder)
    if name.startswith(HUB):
        return name, keywords
    architecture, _, tag = name.partition(".")
    if architecture in (deprecated := get_deprecated_models()):
        current = deprecated[architecture]
        if current is None:
            raise MenagerieError(
                f"Model '{spec.id}': timm has removed '{architecture}', expected a network of today. Choose another."
            )
        architecture, _, default = current.partition(".")
        tag = tag or default
    if not is_model(architecture):
        raise unknown(f"timm architecture of model '{spec.id}'", architecture, timm.list_models())
    known = get_arch_pretrained_cfgs(architecture)
    tags = [name.partition(".")[2] for name, config in known.items() if config.has_weights and "." in name]
    if tag and tag not in tags:
        raise unknown(f"timm tag of model '{spec.id}' ({architecture})", tag, tags)
    return f"{architecture}.{tag}" if tag else architecture, keywords
