"""Where in a checkpoint the weights of a network lie: under which keys of the file, behind which prefix of the names.

Training scripts save more than one network (a moving average, a teacher, a momentum encoder) and wrap them
(``module.``, ``model.``, ``encoder_q.``). A part of a file counts when every tensor of the network is found in it with
its shape after one prefix is removed; nothing is loaded in part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from menagerie.errors import MenagerieError

State = dict[str, torch.Tensor]

# Keys under which files keep networks, the one to take first: moving averages before what they average, as timm does,
# teachers before students, as DINO does.
PLACES = (
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema_model",
    "params_ema",
    "ema",
    "teacher",
    "state_dict",
    "model_state_dict",
    "model",
    "network",
    "net",
    "backbone",
    "encoder",
    "student",
    "module",
    "params",
)
# Of several prefixes that all fit, the one with the first of these parts: MoCo evaluates encoder_q, BYOL online_*.
_PREFERRED = (*PLACES[:7], "encoder_q", "online_encoder", "online_network", "base_encoder", "backbone", "model")
# Wrappers that say nothing of the network inside.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.")
# What training adds to a network and evaluation leaves out, by the first part of its name.
_OF_TRAINING = (
    *("fc", "head", "heads", "classifier", "mask_token", "queue", "queue_ptr", "n_averaged"),
    *("projector", "projection_head", "projection", "predictor", "prediction_head", "prototypes", "mlp_head"),
)


def parts(checkpoint: Any, place: str = "") -> Iterator[tuple[str, State]]:
    """The named tensors of every place in a checkpoint, with the place (``teacher``, ``ema/state_dict``, '')."""
    if not isinstance(checkpoint, Mapping):
        return
    for key in PLACES:
        if isinstance(checkpoint.get(key), Mapping) and place.count("/") < 2:
            yield from parts(checkpoint[key], f"{place}/{key}".strip("/"))
    tensors = {key: value for key, value in checkpoint.items() if isinstance(value, torch.Tensor)}
    if tensors and all(isinstance(key, str) for key in tensors):
        yield place, tensors


def unwrapped(state: State) -> State:
    """Without the wrappers that all names share."""
    while prefix := next((p for p in _WRAPPERS if all(key.startswith(p) for key in state)), ""):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def behind_prefix(expected: State, state: State, origin: str) -> tuple[str, State] | None:
    """The prefix behind which a whole network lies in ``state``, and its tensors; None where there is none.

    Names behind the prefix that the network lacks must belong to training alone (classifiers, projectors, decoders,
    queues).

    Raises
    ------
    MenagerieError
        When there are several such prefixes, and none is known to be the one to evaluate.
    """
    needed = [key for key in expected if not key.endswith("num_batches_tracked")]
    if not needed:
        return None
    whole = [
        prefix
        for prefix in _prefixes(needed[0], state)
        if all(_fits(expected[key], state.get(prefix + key)) for key in needed) and not _more(prefix, expected, state)
    ]
    if not whole:
        return None
    ranks = {prefix: 0 if not prefix else 1 + _rank(prefix) for prefix in whole}
    best = [prefix for prefix in whole if ranks[prefix] == min(ranks.values())]
    if len(best) > 1:
        raise MenagerieError(
            f"{origin}: found the network {len(best)} times, behind {', '.join(best)}, expected it once. Save the one "
            "that you mean alone, or give a key mapping (column 'mapping' of the model table)."
        )
    return best[0], {key: state[best[0] + key] for key in expected if best[0] + key in state}


def nearest(expected: State, state: State) -> tuple[str, State]:
    """The prefix behind which most names of a network lie, and the names behind it without the prefix; for messages."""
    prefixes = {"": 0} | {prefix: 0 for key in list(expected)[:50] for prefix in _prefixes(key, state)}
    best = max(prefixes, key=lambda prefix: sum(prefix + key in state for key in expected))
    return best, {key.removeprefix(best): value for key, value in state.items() if key.startswith(best)}


def _prefixes(key: str, state: State) -> list[str]:
    return [name[: -len(key)] for name in state if name == key or name.endswith(f".{key}")]


def _fits(expected: torch.Tensor, found: torch.Tensor | None) -> bool:
    if found is None or found.shape != expected.shape:
        return False
    return found.is_floating_point() or not expected.is_floating_point()


def _more(prefix: str, expected: State, state: State) -> bool:
    """Whether names behind the prefix are neither the network's nor of training only."""
    inside = (key.removeprefix(prefix) for key in state if key.startswith(prefix))
    return any(
        key not in expected and not key.startswith("decoder") and key.split(".")[0] not in _OF_TRAINING
        for key in inside
    )


def _rank(prefix: str) -> int:
    named = prefix.split(".")
    return min((_PREFERRED.index(part) for part in named if part in _PREFERRED), default=len(_PREFERRED))
