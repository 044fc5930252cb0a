"""Networks of torchvision, by the name that torchvision lists, with the name of weights where there are several.

``resnet50`` has the weights ``IMAGENET1K_V1``, ``resnet50.IMAGENET1K_V2`` those, ``resnet50.DEFAULT`` torchvision's
choice. Segmentation networks need a row with a transform; networks that take no single images are refused.
"""

from __future__ import annotations

import inspect
import re
import warnings

import torch
import torchvision
from torch import nn
from torchvision.models import get_model, get_model_builder, get_model_weights, list_models
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings
from torchvision.transforms._presets import ImageClassification

from menagerie.errors import MenagerieError, unknown
from menagerie.models.builders import parse_builder
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions, crop_share

# Kinds of networks that do not map an image to tensors, and what they take instead.
_REFUSED = {
    "detection": "a detection network: it takes lists of images and returns lists of boxes",
    "video": "a video network: it takes clips of frames",
    "optical_flow": "an optical flow network: it takes pairs of images",
    "quantization": "a quantised network: its weights are 8-bit integers with scales",
}
# Networks whose auxiliary classifiers take no part in looking at images.
_WITH_AUXILIARY = ("googlenet", "inception_v3")
_OLD_DENSE_KEY = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..+)")


def build(spec: ModelSpec) -> nn.Module:
    """The architecture with torchvision's own initialisation.

    ``resnet50(num_classes=0)`` has no classifier; other options go to torchvision's function.

    Raises
    ------
    MenagerieError
        When torchvision does not know the architecture, weights or an option.
    """
    name, _, keywords = _names(spec)
    asked = dict(keywords)
    headless = keywords.get("num_classes") == 0
    keywords = {key: value for key, value in keywords.items() if not (headless and key == "num_classes")}
    if "init_weights" in inspect.signature(get_model_builder(name)).parameters:
        keywords.setdefault("init_weights", True)
    if name in _WITH_AUXILIARY:
        # The trained weights come from TensorFlow and want its scaling of the input, done inside the network.
        keywords = {"aux_logits": False, "transform_input": spec.training == "trained"} | keywords
    if name.startswith("vit_"):
        # As torchvision does for weights that were trained at another size.
        keywords = {"image_size": _weights(spec).meta["min_size"][0]} | keywords
    if name in list_models(module=torchvision.models.segmentation):
        keywords = {"weights_backbone": None} | keywords
    try:
        with warnings.catch_warnings():
            # GoogLeNet and Inception warn that their initialisation is slow.
            warnings.simplefilter("ignore", FutureWarning)
            module = get_model(name, weights=None, **keywords)
    except (TypeError, ValueError) as error:
        raise MenagerieError(
            f"Model '{spec.id}': torchvision's '{name}' does not take the options {asked} ({error!s:.150}), "
            "expected options of that architecture. Correct the builder."
        ) from error
    if headless:
        head = next(part for part in ("fc", "classifier", "heads", "head") if hasattr(module, part))
        setattr(module, head, nn.Identity())
    return module


def options(spec: ModelSpec) -> TransformOptions:
    """Settings of the weights' own preset, which resizes to one size and crops to another.

    Raises
    ------
    MenagerieError
        When torchvision does not know the architecture or weights, or for a segmentation network.
    """
    name, _, keywords = _names(spec)
    preset = _weights(spec).transforms()
    if not isinstance(preset, ImageClassification):
        raise MenagerieError(
            f"Model '{spec.id}': '{name}' is a segmentation network, to which torchvision shows each image in its own "
            "shape; expected one shape for all. Fill the columns input_size, mean, std, interpolation and crop_pct of "
            "the model table."
        )
    (size,), (resize,) = preset.crop_size, preset.resize_size
    share = crop_share(size, resize)
    if "image_size" in keywords:
        size, share = keywords["image_size"], size / resize
    return TransformOptions(size, tuple(preset.mean), tuple(preset.std), preset.interpolation.value, share)


def source(spec: ModelSpec) -> str:
    """The address of the weights in the name; else of ``IMAGENET1K_V1``, or of the default ones where there are none.

    Raises
    ------
    MenagerieError
        When torchvision does not know the architecture or weights.
    """
    return f"url:{_weights(spec).url}"


def adapt(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leave out auxiliary classifiers, and rename the keys of the DenseNets' first release."""
    expected = module.state_dict()
    renamed = {_OLD_DENSE_KEY.sub(r"\1\2", key): value for key, value in state.items()}
    auxiliary = ("aux.", "aux1.", "aux2.", "AuxLogits.", "aux_classifier.")
    return {key: value for key, value in renamed.items() if key in expected or not key.startswith(auxiliary)}


def interpolate(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Positional embeddings of a ViT at the size of ``module``, as torchvision interpolates them."""
    if not isinstance(module, VisionTransformer):
        return state
    return dict(interpolate_embeddings(module.image_size, module.patch_size, dict(state)))


def _weights(spec: ModelSpec):
    name, chosen, _ = _names(spec)
    versions = get_model_weights(name)
    if chosen:
        return versions[chosen]
    return versions["IMAGENET1K_V1"] if "IMAGENET1K_V1" in versions.__members__ else versions.DEFAULT


def _names(spec: ModelSpec) -> tuple[str, str, dict]:
    """Architecture, weights ('' where the name says none) and options of the builder."""
    whole, keywords = parse_builder(spec.builder)
    name, _, chosen = whole.partition(".")
    for kind, what in _REFUSED.items():
        if name in list_models(module=getattr(torchvision.models, kind)):
            raise MenagerieError(
                f"Model '{spec.id}': torchvision's '{name}' is {what}; expected a network that takes images one by "
                "one. Choose a classifier, for example its backbone."
            )
    names = list_models(module=torchvision.models) + list_models(module=torchvision.models.segmentation)
    if name not in names:
        raise unknown(f"torchvision architecture of model '{spec.id}'", name, names)
    known = [*get_model_weights(name).__members__]
    if chosen and chosen not in known:
        raise unknown(f"torchvision weights of model '{spec.id}' ({name})", chosen, known)
    return name, chosen, keywords
