"""Networks of torchvision, by the name that torchvision lists; trained weights are the ``IMAGENET1K_V1`` ones."""

from __future__ import annotations

import inspect
import re
import warnings

import torch
import torchvision
from torch import nn
from torchvision.models import get_model, get_model_builder, get_model_weights, list_models

from menagerie.errors import unknown
from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions

# Networks whose auxiliary classifiers take no part in looking at images.
_WITH_AUXILIARY = ("googlenet", "inception_v3")
_OLD_DENSE_KEY = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..+)")


def build(spec: ModelSpec) -> nn.Module:
    """The architecture with torchvision's own initialisation.

    ``resnet50(num_classes=0)`` has no classifier; other options go to torchvision's function.

    Raises
    ------
    MenagerieError
        When torchvision does not know the architecture.
    """
    name, keywords = _names(spec)
    headless = keywords.get("num_classes") == 0
    keywords = {key: value for key, value in keywords.items() if not (headless and key == "num_classes")}
    if "init_weights" in inspect.signature(get_model_builder(name)).parameters:
        keywords.setdefault("init_weights", True)
    if name in _WITH_AUXILIARY:
        # The trained weights come from TensorFlow and want its scaling of the input, done inside the network.
        keywords = {"aux_logits": False, "transform_input": spec.training == "trained"} | keywords
    with warnings.catch_warnings():
        # GoogLeNet and Inception warn that their initialisation is slow.
        warnings.simplefilter("ignore", FutureWarning)
        module = get_model(name, weights=None, **keywords)
    if headless:
        head = next(part for part in ("fc", "classifier", "heads", "head") if hasattr(module, part))
        setattr(module, head, nn.Identity())
    return module


def options(spec: ModelSpec) -> TransformOptions:
    """Settings of the weights' own preset, which resizes to one size and crops to another.

    Raises
    ------
    MenagerieError
        When torchvision does not know the architecture.
    """
    preset = _weights(spec).transforms()
    (size,), (resize,) = preset.crop_size, preset.resize_size
    return TransformOptions(size, tuple(preset.mean), tuple(preset.std), preset.interpolation.value, size / resize)


def source(spec: ModelSpec) -> str:
    """The address of the ``IMAGENET1K_V1`` weights; of the default ones where there are none of that name.

    Raises
    ------
    MenagerieError
        When torchvision does not know the architecture.
    """
    return f"url:{_weights(spec).url}"


def adapt(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leave out auxiliary classifiers, and rename the keys of the DenseNets' first release."""
    expected = module.state_dict()
    renamed = {_OLD_DENSE_KEY.sub(r"\1\2", key): value for key, value in state.items()}
    return {key: value for key, value in renamed.items() if key in expected or not key.startswith(("aux", "AuxLogits"))}


def _weights(spec: ModelSpec):
    versions = get_model_weights(_names(spec)[0])
    try:
        return versions["IMAGENET1K_V1"]
    except KeyError:
        return versions.DEFAULT


def _names(spec: ModelSpec) -> tuple[str, dict]:
    name, keywords = parse_builder(spec.builder)
    # Only the classifiers live in torchvision.models itself; detection and the like return dictionaries.
    names = list_models(module=torchvision.models)
    if name not in names:
        raise unknown(f"torchvision architecture of model '{spec.id}'", name, names)
    return name, keywords
