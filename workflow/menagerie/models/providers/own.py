"""Networks of this package, for checkpoints whose architecture no maintained package builds."""

from __future__ import annotations

from torch import nn

from menagerie.errors import MenagerieError, unknown
from menagerie.models.builders import parse_builder
from menagerie.models.networks.alexnet_gn import AlexNetGN
from menagerie.models.networks.bit_expert import bit_expert
from menagerie.models.networks.midas import MiDaS
from menagerie.models.networks.resnet50_fpn import ResNet50FPN
from menagerie.models.networks.taskonomy import TaskonomyEncoder
from menagerie.models.networks.yolov5 import YOLOv5
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions

NETWORKS = {
    "alexnet_gn": AlexNetGN,
    "bit_expert": bit_expert,
    "midas": MiDaS,
    "resnet50_fpn": ResNet50FPN,
    "taskonomy": TaskonomyEncoder,
    "yolov5": YOLOv5,
}


def build(spec: ModelSpec) -> nn.Module:
    """The network of that name; options go to its class.

    Raises
    ------
    MenagerieError
        When there is no such network.
    """
    name, options = parse_builder(spec.builder)
    if name not in NETWORKS:
        raise unknown(f"network of this package, model '{spec.id}'", name, NETWORKS)
    return NETWORKS[name](**options)


def options(spec: ModelSpec) -> TransformOptions:
    """None: these networks have no evaluation settings of their own.

    Raises
    ------
    MenagerieError
        Always, naming the columns that the model's row must fill.
    """
    raise MenagerieError(
        f"Model '{spec.id}': its transform depends on the checkpoint; fill the columns input_size, mean, std, "
        "interpolation and crop_pct of the model table."
    )


def source(spec: ModelSpec) -> str:
    """None: these networks come without weights.

    Raises
    ------
    MenagerieError
        Always, saying how to name weights.
    """
    raise MenagerieError(
        f"Model '{spec.id}': name its weights in the model table, or ask for 'own/{spec.builder}:random'."
    )
