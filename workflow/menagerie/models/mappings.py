"""Key mappings: a function per family of checkpoints, from the published key names to those of the network we build."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from menagerie.errors import MenagerieError, unknown
from menagerie.models.checkpoints import state_dict

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
    """``efficientnet_lite_pytorch`` (blocks numbered through) to timm's ``tf_efficientnet_lite*`` (in stages)."""
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


MAPPINGS: dict[str, Callable[[Any, str], State]] = {
    "": state_dict,
    "efficientnet_lite": efficientnet_lite,
}


def map_keys(mapping: str, checkpoint: Any, origin: str) -> State:
    """Apply the mapping of that name; ``origin`` stands in messages for the checkpoint."""
    if mapping not in MAPPINGS:
        raise unknown("key mapping (column 'mapping' of the model table)", mapping, MAPPINGS)
    return MAPPINGS[mapping](checkpoint, origin)
