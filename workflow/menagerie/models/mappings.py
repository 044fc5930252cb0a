"""Key mappings: a function per family of checkpoints, from the published key names to those of the network we build.

Each takes what the file holds and ``origin``, which names the checkpoint in messages, and returns key -> tensor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch

from menagerie.errors import MenagerieError, unknown
from menagerie.models.checkpoints.pickle_values import Placeholder
from menagerie.models.checkpoints.problems import printable
from menagerie.models.checkpoints.read import state_dict

State = dict[str, torch.Tensor]

_LITE_STEM_AND_HEAD = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
# timm numbers the parts of a block in the order in which they run, and the first block has no expansion.
_LITE_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LITE_LATER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
# Blocks per stage, by the number of blocks in all: Lite0; Lite1 and Lite2.
_LITE_STAGES = {16: (1, 2, 2, 3, 3, 4, 1), 21: (1, 3, 3, 4, 4, 5, 1)}


def efficientnet_lite(checkpoint: Any, origin: str) -> State:
    """``efficientnet_lite_pytorch`` (blocks numbered through) to timm's ``tf_efficientnet_lite*`` (in stages).

    Raises
    ------
    MenagerieError
        When the number of blocks or a key is not that of an EfficientNet-Lite.
    """
    state = state_dict(checkpoint, origin)
    n_blocks = len({key.split(".")[1] for key in state if key.startswith("_blocks.")})
    if n_blocks not in _LITE_STAGES:
        raise MenagerieError(
            f"{origin}: {n_blocks} blocks, expected those of an EfficientNet-Lite ({sorted(_LITE_STAGES)})."
        )
    places = [f"{stage}.{block}" for stage, length in enumerate(_LITE_STAGES[n_blocks]) for block in range(length)]
    mapped = {}
    for key, value in state.items():
        *block, part, leaf = key.split(".")
        names = _LITE_STEM_AND_HEAD if not block else _LITE_FIRST if block[1] == "0" else _LITE_LATER
        if part not in names:
            raise MenagerieError(f"{origin}: unexpected key '{key}' in an EfficientNet-Lite checkpoint.")
        prefix = f"blocks.{places[int(block[1])]}." if block else ""
        mapped[f"{prefix}{names[part]}.{leaf}"] = value
    return mapped


def ipcl(checkpoint: Any, origin: str) -> State:
    """IPCL: keys of a network that was trained on several cards."""
    return {key.removeprefix("module."): value for key, value in state_dict(checkpoint, origin).items()}


def slip(checkpoint: Any, origin: str) -> State:
    """SLIP, and the CLIP and SimCLR trained beside it: the visual tower, a ViT of timm.

    Raises
    ------
    MenagerieError
        When the checkpoint has no visual tower.
    """
    return _under(state_dict(checkpoint, origin), "module.visual.", origin)


def midas(checkpoint: Any, origin: str) -> State:
    """MiDaS 2.1: all but one unit that never runs."""
    state = state_dict(checkpoint, origin)
    return {key: value for key, value in state.items() if not key.startswith("scratch.refinenet4.resConfUnit1.")}


# Where VISSL's several generations of files keep the trunk, outermost name first.
_VISSL_PLACES = ("classy_state_dict", "base_model", "model", "trunk", "model_state_dict", "state_dict")
_VISSL_HEADS = ("fc.", "projection_head.", "prototypes", "heads.", "head.")


def vissl(checkpoint: Any, origin: str) -> State:
    """VISSL: the trunk, a ResNet-50 of torchvision without its classifier."""
    found = checkpoint
    for place in _VISSL_PLACES:
        if isinstance(found, Mapping) and isinstance(found.get(place), Mapping):
            found = found[place]
    mapped = {}
    for key, value in state_dict(found, origin).items():
        for prefix in ("module.", "trunk.", "base_model.", "_feature_blocks."):
            key = key.removeprefix(prefix)
        if not key.startswith(_VISSL_HEADS):
            mapped[key] = value
    return mapped


def detectron2(checkpoint: Any, origin: str) -> State:
    """Detectron2's R50-FPN models: the backbone, with separate normalisation, for RGB images instead of BGR ones.

    Raises
    ------
    MenagerieError
        When the file has no arrays under ``model``, or none of a backbone.
    """
    arrays = checkpoint.get("model") if isinstance(checkpoint, Mapping) else None
    if not isinstance(arrays, Mapping):
        raise MenagerieError(f"{origin}: expected a file of the Detectron2 model zoo, with its arrays under 'model'.")
    tensors = {
        key: torch.as_tensor(value)
        for key, value in arrays.items()
        if isinstance(key, str) and key.startswith("backbone.")
    }
    mapped = {_detectron2_key(key): value for key, value in _under(tensors, "backbone.", origin).items()}
    if "bottom_up.conv1.weight" in mapped:
        mapped["bottom_up.conv1.weight"] = mapped["bottom_up.conv1.weight"].flip(1)
    return mapped


def _detectron2_key(key: str) -> str:
    key = (
        key.replace(".stem.", ".").replace(".shortcut.norm.", ".downsample.1.").replace(".shortcut.", ".downsample.0.")
    )
    key = re.sub(r"\.res(\d)\.", lambda match: f".layer{int(match[1]) - 1}.", key)
    return re.sub(r"\.conv(\d)\.norm\.", r".bn\1.", key)


def yolov5(checkpoint: Any, origin: str) -> State:
    """YOLOv5: the tensors of a pickled model, single precision, without the boxes' anchors.

    Raises
    ------
    MenagerieError
        When the file has no network under ``model``.
    """
    model = checkpoint.get("model") if isinstance(checkpoint, Mapping) else None
    if isinstance(model, Placeholder):
        model = tensors_inside(model)
    if not isinstance(model, Mapping) or not model:
        raise MenagerieError(f"{origin}: expected a file of the YOLOv5 releases, with its network under 'model'.")
    return {
        key: value.float() if value.is_floating_point() else value
        for key, value in state_dict(model, origin).items()
        if not key.endswith(("anchors", "anchor_grid"))
    }


def tensors_inside(module: Placeholder) -> State:
    """State dictionary of a pickled ``torch.nn.Module`` that was read as a placeholder."""
    state, seen = {}, set()
    todo = [("", module)]
    while todo:
        prefix, part = todo.pop()
        if id(part) in seen:  # a file may nest a module in itself
            continue
        seen.add(id(part))
        for kind in ("_parameters", "_buffers"):
            tensors = _mapping(part.state.get(kind))
            state |= {prefix + name: value for name, value in tensors.items() if isinstance(value, torch.Tensor)}
        modules = _mapping(part.state.get("_modules"))
        todo += [(f"{prefix}{name}.", inner) for name, inner in modules.items() if isinstance(inner, Placeholder)]
    return state


def _mapping(value: Any) -> dict[str, Any]:
    """A dictionary's items with text as keys; none of anything else."""
    return {key: item for key, item in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def bit(checkpoint: Any, origin: str) -> State:
    """BiT in TensorFlow's names (``resnet/block1/unit01/a/...``) to timm's headless ResNet V2.

    Raises
    ------
    MenagerieError
        When no variable has a name of that kind.
    """
    state = state_dict(checkpoint, origin)
    mapped = {}
    for name, value in state.items():
        parts = name.split(":")[0].removeprefix("resnet/").split("/")
        tensor = value.permute(3, 2, 0, 1) if value.ndim == 4 else value
        if parts[0] == "root_block":
            mapped["stem.conv.weight"] = tensor
        elif parts[0].startswith("block"):
            mapped[_bit_key(parts)] = tensor
    if not mapped:
        raise MenagerieError(
            f"{origin}: no variable is called resnet/root_block or resnet/block..., as in a BiT network."
        )
    return mapped


def _bit_key(parts: list[str]) -> str:
    place = f"stages.{int(parts[0][5:]) - 1}.blocks.{int(parts[1][4:]) - 1}."
    number = "abc".index(parts[2]) + 1
    if parts[3] == "proj":
        return f"{place}downsample.conv.weight"
    if parts[3] == "group_norm":
        return f"{place}norm{number}.{'weight' if parts[4] == 'gamma' else 'bias'}"
    return f"{place}conv{number}.weight"


def _under(state: State, prefix: str, origin: str) -> State:
    """The part of a state whose keys start with ``prefix``, without it."""
    found = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    if not found:
        raise MenagerieError(f"{origin}: no key starts with '{prefix}'; found {', '.join(list(state)[:3])}, ...")
    return found


MAPPINGS: dict[str, Callable[[Any, str], State]] = {
    "": state_dict,
    "bit": bit,
    "detectron2": detectron2,
    "efficientnet_lite": efficientnet_lite,
    "ipcl": ipcl,
    "midas": midas,
    "slip": slip,
    "vissl": vissl,
    "yolov5": yolov5,
}

# Mappings whose files hold objects of other packages.
OF_OBJECTS = ("detectron2", "vissl", "yolov5")


def map_keys(mapping: str, checkpoint: Any, origin: str) -> State:
    """Apply the mapping of that name; ``origin`` stands in messages for the checkpoint.

    Raises
    ------
    MenagerieError
        When there is no such mapping, or the checkpoint is not of its kind.
    """
    if mapping not in MAPPINGS:
        raise unknown("key mapping (column 'mapping' of the model table)", mapping, MAPPINGS)
    try:
        return MAPPINGS[mapping](checkpoint, origin)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise MenagerieError(
            f"{origin}: found names or shapes that mapping '{mapping}' does not know ({printable(str(error))}), "
            "expected a checkpoint of that family. Check columns 'weights' and 'mapping' of the model table."
        ) from error
