"""Vision networks of Hugging Face transformers, by hub name (``owner/name``) or by the path of a ``config.json``.

Only the configuration is read here, and no code of the repository is run. It comes from the hub once, then from the
local cache.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers
from torch import nn

from menagerie.errors import MenagerieError
from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions

# Configurations that need no network, as class and arguments.
BUILT_IN: dict[str, tuple[str, dict[str, Any]]] = {
    "Intel/dpt-hybrid-midas": (
        "DPTForDepthEstimation",
        {
            "model_type": "dpt",
            "is_hybrid": True,
            "add_projection": False,
            "image_size": 384,
            "readout_type": "project",
            "backbone_out_indices": [2, 5, 8, 11],
            "neck_hidden_sizes": [256, 512, 768, 768],
            "neck_ignore_stages": [0, 1],
            "fusion_hidden_size": 256,
            "use_auxiliary_head": False,
            "backbone_config": {
                "model_type": "bit",
                "global_padding": "same",
                "layer_type": "bottleneck",
                "depths": [3, 4, 9],
                "out_features": ["stage1", "stage2", "stage3"],
                "embedding_dynamic_padding": True,
            },
        },
    )
}


def build(spec: ModelSpec) -> nn.Module:
    """The class that the configuration names, else the bare network of its kind.

    Raises
    ------
    MenagerieError
        When the configuration cannot be read.
    """
    name, _ = parse_builder(spec.builder)
    config, architecture = _config(name, spec.id)
    # Fused attention hands no attention map to any module.
    config._attn_implementation = "eager"
    cls = getattr(transformers, architecture, None) if architecture else None
    network = cls(config) if cls is not None else transformers.AutoModel.from_config(config)
    network.register_forward_pre_hook(_fit_input_size)
    return network


def options(spec: ModelSpec) -> TransformOptions:
    """The configuration's image size, else 224 pixels; values from -1 to 1, bicubic, nothing cut off.

    Raises
    ------
    MenagerieError
        When the configuration cannot be read.
    """
    name, _ = parse_builder(spec.builder)
    config, _ = _config(name, spec.id)
    size = getattr(config, "image_size", 224)
    return TransformOptions(size if isinstance(size, int) else size[0], (0.5,) * 3, (0.5,) * 3, "bicubic", 1.0)


def source(spec: ModelSpec) -> str:
    """The repository on the hub that the configuration comes from.

    Raises
    ------
    MenagerieError
        When it comes from a file, which names no weights.
    """
    name, _ = parse_builder(spec.builder)
    if name.endswith(".json"):
        raise MenagerieError(f"Model '{spec.id}': a configuration file names no weights; give them in the model table.")
    return f"hub:{name}"


def _config(name: str, model: str) -> tuple[transformers.PretrainedConfig, str]:
    if name in BUILT_IN:
        architecture, fields = BUILT_IN[name]
        return transformers.AutoConfig.for_model(**fields), architecture
    if name.endswith(".json") and not Path(name).is_file():
        raise MenagerieError(f"Model '{model}': the configuration {name} does not exist.")
    try:
        config = transformers.AutoConfig.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise MenagerieError(
            f"Model '{model}': transformers cannot read the configuration of '{name}' ({str(error).splitlines()[0]}). "
            "Check the name; where there is no network, give the path of its config.json instead."
        ) from error
    return config, (config.architectures or [""])[0]


def _fit_input_size(network: nn.Module, inputs: tuple) -> None:
    """DPT refuses images of another size than it was trained on, although its position codes can be interpolated."""
    for part in network.modules():
        if type(part).__name__ == "DPTViTHybridEmbeddings":
            part.image_size = tuple(inputs[0].shape[-2:])
