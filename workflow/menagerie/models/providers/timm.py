"""Networks of timm, by the name that timm lists (``architecture`` or ``architecture.tag``).

Options of the builder go to ``timm.create_model``: ``vit_small_patch16_224(num_heads=12, num_classes=0)``.
"""

from __future__ import annotations

import inspect
import sys

import timm
import torch
from timm.layers import set_fused_attn
from timm.models import get_pretrained_cfg, is_model, model_entrypoint
from torch import nn

from menagerie.errors import MenagerieError, unknown
from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions


def build(spec: ModelSpec) -> nn.Module:
    """The architecture with timm's own initialisation.

    Fused attention is switched off, because the fused kernel never hands the softmax attention map to a module
    (ViT-B: 138 instead of 150 layers).

    Raises
    ------
    MenagerieError
        When timm does not know the architecture or the tag.
    """
    name, keywords = _names(spec)
    set_fused_attn(False)
    module = timm.create_model(name, pretrained=False, **keywords)
    # ``adapt`` needs to know which of timm's modules the architecture comes from.
    module.timm_name = name
    return module


def options(spec: ModelSpec) -> TransformOptions:
    """timm's own evaluation settings of this checkpoint.

    Raises
    ------
    MenagerieError
        When timm does not know the name, or cuts images in a way that is not supported.
    """
    config = _config(spec)
    if config.crop_mode != "center":
        raise MenagerieError(
            f"Model '{spec.id}': timm crops with mode '{config.crop_mode}', which is not supported; "
            "give the model a row with its own crop_pct in the model table."
        )
    return TransformOptions(config.input_size[-1], config.mean, config.std, config.interpolation, config.crop_pct)


def source(spec: ModelSpec) -> str:
    """The checkpoint of the tag in the name, else of timm's default tag.

    Raises
    ------
    MenagerieError
        When timm does not know the name, or no weights for it.
    """
    config = _config(spec)
    if config.hf_hub_id:
        return f"hub:{config.hf_hub_id}"
    if config.url:
        return f"url:{config.url}"
    raise MenagerieError(
        f"Model '{spec.id}': timm knows no trained weights for '{spec.builder}'. "
        f"Name a tag (see timm.list_pretrained), or ask for the untrained network: 'timm/{spec.builder}:random'."
    )


def adapt(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Apply the conversion that timm itself applies to older checkpoints of this architecture."""
    origin = sys.modules[model_entrypoint(module.timm_name.partition(".")[0]).__module__]
    convert = getattr(origin, "checkpoint_filter_fn", None)
    if convert is None or set(state) == set(module.state_dict()):
        return state
    return convert(state, module) if len(inspect.signature(convert).parameters) > 1 else convert(state)


def _config(spec: ModelSpec):
    return get_pretrained_cfg(_names(spec)[0], allow_unregistered=False)


def _names(spec: ModelSpec) -> tuple[str, dict]:
    name, keywords = parse_builder(spec.builder)
    architecture, _, tag = name.partition(".")
    if not is_model(architecture):
        raise unknown(f"timm architecture of model '{spec.id}'", architecture, timm.list_models())
    tags = [name.partition(".")[2] for name in timm.list_models(f"{architecture}.*", pretrained=True)]
    if tag and tag not in tags:
        raise unknown(f"timm tag of model '{spec.id}' ({architecture})", tag, tags)
    return name, keywords
