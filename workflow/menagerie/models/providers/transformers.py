"""Vision networks of Hugging Face transformers, by hub name (``owner/name``) or by the path of a ``config.json``.

Only configurations are read here, and no code of the repository is run. They come from the hub once, then from the
local cache. Networks of images and text run their vision tower.
"""

from __future__ import annotations

import inspect
import re
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from menagerie.errors import MenagerieError
from menagerie.models.builders import parse_builder
from menagerie.models.providers.transformers_images import Processor, default_processor, stored_processor
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import LibraryTransform, TransformOptions

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


# What the configurations of networks have that take several frames at once.
_FRAMES = ("num_frames", "frames_per_clip", "tubelet_size")


def build(spec: ModelSpec) -> nn.Module:
    """The class that the configuration names, else the bare network of its kind; of two towers the one for images.

    Raises
    ------
    MenagerieError
        When the configuration cannot be read, or the network does not take images.
    """
    _, found = _config(_name(spec), spec.id)
    network = _network(*found)
    network.register_forward_pre_hook(_fit_input_size)
    return network


def transform(spec: ModelSpec) -> LibraryTransform:
    """The image processor of the checkpoint, as ``AutoImageProcessor`` loads it.

    Without one in the repository or next to the configuration, the processor of that kind of network with its own
    defaults; its size is the configuration's ``image_size`` where the network takes no other.

    Raises
    ------
    MenagerieError
        When the configuration or the processor cannot be read, or it gives every image a shape of its own.
    """
    processor = _processor(spec)
    return LibraryTransform(processor.size, processor)


def options(spec: ModelSpec) -> TransformOptions:
    """Settings of the image processor, for what a spec's own columns leave open.

    Raises
    ------
    MenagerieError
        As ``transform``, and when some of the columns are filled in but cannot replace part of what the processor does.
    """
    columns = (spec.input_size, spec.mean, spec.std, spec.interpolation, spec.crop_pct)
    return _processor(spec).options(exact=any(column is not None for column in columns))


def adapt(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Convert a checkpoint's names as transformers does while loading, and leave other towers and heads out."""
    # Its report of what was not used is ours to make.
    transformers.utils.logging.set_verbosity_error()
    with torch.device("cpu"):
        loaded, found = type(module).from_pretrained(
            None,
            config=module.config,
            state_dict=dict(state),
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    wrong = {key: torch.empty(shape, device="meta") for key, shape, _ in found["mismatched_keys"]}
    absent = {*found["missing_keys"], *wrong}
    fitting = {key: value for key, value in loaded.state_dict().items() if key not in absent}
    # Blocks that the network lacks are no head: the network is another one.
    own = {_container(key) for key in module.state_dict()} - {""}
    prefixes = ("vision_model.", f"{type(module).base_model_prefix}.")
    more = {
        key: torch.empty(0)
        for key in found["unexpected_keys"]
        if own & {_container(key), *(_container(key.removeprefix(prefix)) for prefix in prefixes)}
    }
    return fitting | wrong | more


def _container(key: str) -> str:
    """What stands before the last number of a key; '' without one."""
    return key[: numbers[-1].start()] if (numbers := list(re.finditer(r"\.\d+\.", key))) else ""


def source(spec: ModelSpec) -> str:
    """The repository on the hub that the configuration comes from.

    Raises
    ------
    MenagerieError
        When it comes from a file, which names no weights.
    """
    name = _name(spec)
    if name.endswith(".json"):
        raise MenagerieError(f"Model '{spec.id}': a configuration file names no weights; give them in the model table.")
    return f"hub:{name}"


def _name(spec: ModelSpec) -> str:
    name, keywords = parse_builder(spec.builder)
    if keywords:
        raise MenagerieError(
            f"Model '{spec.id}': found the options {keywords} after '{name}', expected none: networks of transformers "
            "are as their configuration says. Change a copy of config.json and name its path."
        )
    return name


def _network(cls: type[nn.Module], config: transformers.PretrainedConfig) -> nn.Module:
    # Fused attention hands no attention map to any module.
    config._attn_implementation = "eager"
    return cls(config)


def _class(config: transformers.PretrainedConfig) -> tuple[type[nn.Module], transformers.PretrainedConfig] | None:
    """The class that takes images, with its own configuration; None where there is none."""
    architecture = _architecture(config)
    cls = getattr(transformers, architecture, None) if architecture else None
    if cls is None:
        cls = _mapped(config)
    if cls is not None and _first_input(cls) == "pixel_values" and not hasattr(config, "text_config"):
        return cls, config
    tower = getattr(config, "vision_config", None) or getattr(config, "image_config", None)
    cls = _tower_class(tower) if tower is not None else None
    return None if cls is None else (cls, tower)


def _checked(config: transformers.PretrainedConfig, model: str) -> tuple[transformers.PretrainedConfig, tuple]:
    """A configuration and what ``_class`` says; networks of other inputs or without plain weights are refused."""
    found = None if _of_frames(config) else _class(config)
    if found is None:
        name = _architecture(config) or config.model_type
        what = "a video network: it takes clips of frames" if _of_frames(config) else "no network that takes images"
        raise MenagerieError(
            f"Model '{model}': {name} of transformers is {what}; expected one that takes images one by one, or has a "
            "vision tower that does. Choose another network."
        )
    if getattr(config, "quantization_config", None):
        raise MenagerieError(
            f"Model '{model}': its configuration is of a quantised network (quantization_config): its weights are "
            "small numbers with scales; expected weights in floating point. Choose the network that it was made from."
        )
    return config, found


def _architecture(config: transformers.PretrainedConfig) -> str:
    return (config.architectures or [""])[0]


def _of_frames(config: transformers.PretrainedConfig) -> bool:
    parts = (config, getattr(config, "vision_config", None))
    # Perceiver's is a setting of one of its decoders.
    return config.model_type != "perceiver" and any(hasattr(part, name) for part in parts for name in _FRAMES)


def _mapped(config: transformers.PretrainedConfig) -> type[nn.Module] | None:
    mapping = transformers.MODEL_MAPPING
    found = mapping.get(type(config), None)
    return found[0] if isinstance(found, (tuple, list)) else found


def _tower_class(config: transformers.PretrainedConfig) -> type[nn.Module] | None:
    """The bare network of a vision configuration; not all are in transformers' table of models."""
    if (found := _mapped(config)) is not None:
        return found if _first_input(found) == "pixel_values" else None
    place = type(config).__module__.replace(".configuration_", ".modeling_")
    if find_spec(place) is None:  # some kinds combine networks of others
        return None
    for name, cls in vars(import_module(place)).items():
        own = isinstance(cls, type) and getattr(cls, "config_class", None) is type(config)
        if own and name.endswith(("VisionModel", "ImageModel")) and _first_input(cls) == "pixel_values":
            return cls
    return None


def _first_input(cls: type[nn.Module]) -> str:
    return list(inspect.signature(cls.forward).parameters)[1]


@cache
def _processor(spec: ModelSpec) -> Processor:
    name = _name(spec)
    config, network = _config(name, spec.id)
    found = None if name in BUILT_IN else stored_processor(name, config, spec.id)
    return found or default_processor(config, spec.id, partial(_network, *network))


def _config(name: str, model: str) -> tuple[transformers.PretrainedConfig, tuple]:
    """A configuration, and the class to build with the part of it that this class takes."""
    if name in BUILT_IN:
        architecture, fields = BUILT_IN[name]
        return _checked(transformers.AutoConfig.for_model(architectures=[architecture], **fields), model)
    if name.endswith(".json") and not Path(name).is_file():
        raise MenagerieError(f"Model '{model}': the configuration {name} does not exist.")
    try:
        config = transformers.AutoConfig.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise MenagerieError(
            f"Model '{model}': transformers cannot read the configuration of '{name}' ({str(error).splitlines()[0]}). "
            "Check the name; where there is no network, give the path of its config.json instead."
        ) from error
    return _checked(config, model)


def _fit_input_size(network: nn.Module, inputs: tuple) -> None:
    """DPT refuses images of another size than it was trained on, although its position codes can be interpolated."""
    for part in network.modules():
        if type(part).__name__ == "DPTViTHybridEmbeddings":
            part.image_size = tuple(inputs[0].shape[-2:])
