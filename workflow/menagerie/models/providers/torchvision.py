"""Networks of torchvision, by the name that torchvision lists; trained weights are the ``IMAGENET1K_V1`` ones."""

from __future__ import annotations

import inspect
import warnings

from torch import nn
from torchvision.models import get_model, get_model_builder, get_model_weights, list_models

from menagerie.errors import unknown
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions


def build(spec: ModelSpec) -> nn.Module:
    """The architecture with torchvision's own initialisation."""
    name = _check_name(spec)
    keywords = {"weights": None}
    if "init_weights" in inspect.signature(get_model_builder(name)).parameters:
        keywords["init_weights"] = True
    with warnings.catch_warnings():
        # GoogLeNet and Inception warn that their initialisation is slow.
        warnings.simplefilter("ignore", FutureWarning)
        return get_model(name, **keywords)


def options(spec: ModelSpec) -> TransformOptions:
    """Settings of the weights' own preset, which resizes to one size and crops to another."""
    preset = _weights(spec).transforms()
    (size,), (resize,) = preset.crop_size, preset.resize_size
    return TransformOptions(size, tuple(preset.mean), tuple(preset.std), preset.interpolation.value, size / resize)


def source(spec: ModelSpec) -> str:
    return f"url:{_weights(spec).url}"


def _weights(spec: ModelSpec):
    versions = get_model_weights(_check_name(spec))
    try:
        return versions["IMAGENET1K_V1"]
    except KeyError:
        return versions.DEFAULT


def _check_name(spec: ModelSpec) -> str:
    # Only the classifiers live in torchvision.models itself; detection and the like return dictionaries.
    names = list_models(module=__import__("torchvision").models)
    if spec.builder not in names:
        raise unknown(f"torchvision architecture of model '{spec.id}'", spec.builder, names)
    return spec.builder
