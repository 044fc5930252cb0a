"""Networks of timm, by the name that timm lists (``architecture`` or ``architecture.tag``)."""

from __future__ import annotations

import timm
from timm.layers import set_fused_attn
from timm.models import get_pretrained_cfg, is_model
from torch import nn

from menagerie.errors import MenagerieError, unknown
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions


def build(spec: ModelSpec) -> nn.Module:
    """The architecture with timm's own initialisation.

    Fused attention is switched off, because the fused kernel never hands the softmax attention map to a module
    (ViT-B: 138 instead of 150 layers).
    """
    _check_name(spec)
    set_fused_attn(False)
    return timm.create_model(spec.builder, pretrained=False)


def options(spec: ModelSpec) -> TransformOptions:
    """timm's own evaluation settings of this checkpoint."""
    config = _config(spec)
    if config.crop_mode != "center":
        raise MenagerieError(
            f"Model '{spec.id}': timm crops with mode '{config.crop_mode}', which is not supported; "
            "give the model a row with its own crop_pct in the model table."
        )
    return TransformOptions(config.input_size[-1], config.mean, config.std, config.interpolation, config.crop_pct)


def source(spec: ModelSpec) -> str:
    """The checkpoint of the tag in the name, else of timm's default tag."""
    config = _config(spec)
    if config.hf_hub_id:
        return f"hub:{config.hf_hub_id}"
    if config.url:
        return f"url:{config.url}"
    raise MenagerieError(
        f"Model '{spec.id}': timm knows no trained weights for '{spec.builder}'. "
        f"Name a tag (see timm.list_pretrained), or ask for the untrained network: 'timm/{spec.builder}:random'."
    )


def _config(spec: ModelSpec):
    _check_name(spec)
    return get_pretrained_cfg(spec.builder, allow_unregistered=False)


def _check_name(spec: ModelSpec) -> None:
    architecture, _, tag = spec.builder.partition(".")
    if not is_model(architecture):
        raise unknown(f"timm architecture of model '{spec.id}'", architecture, timm.list_models())
    tags = [name.partition(".")[2] for name in timm.list_models(f"{architecture}.*", pretrained=True)]
    if tag and tag not in tags:
        raise unknown(f"timm tag of model '{spec.id}' ({architecture})", tag, tags)
