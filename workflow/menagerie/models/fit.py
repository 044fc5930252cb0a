"""A checkpoint brought to the keys of its network, as the network's package would; whole or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from menagerie.errors import MenagerieError
from menagerie.models.build import build_module, misfits
from menagerie.models.builders import parse_builder
from menagerie.models.checkpoints.read import state_dict
from menagerie.models.layouts import State, behind_prefix, nearest, parts, unwrapped
from menagerie.models.mappings import map_keys
from menagerie.models.providers import provider
from menagerie.models.registry import ModelSpec

# Options of builders that set the size of the input, and with it the number of positions.
SIZES = ("img_size", "image_size")
_POSITIONS = ("pos_embed", "position")


def fit_checkpoint(
    spec: ModelSpec, source: str, checkpoint: Any, module: torch.nn.Module | None = None
) -> tuple[str, State]:
    """The part of a checkpoint that was taken (a place and a prefix, '' for all of it), and the network's state.

    ``module`` is the network, where it is there already; of its state only names, shapes and types count.

    Raises
    ------
    MenagerieError
        When no part holds every tensor of the network, or positional embeddings are of another size and the builder
        does not ask for one.
    """
    module = build_module(spec) if module is None else module
    expected = module.state_dict()
    # Older checkpoints do not count batches; the number plays no part in looking at images.
    counts = {key: value for key, value in expected.items() if key.endswith("num_batches_tracked")}
    origin = f"Model '{spec.id}': {source}"
    said = _Problems()
    for place, state, prefix in _candidates(spec, expected, checkpoint, origin):
        converted = _converted(spec, module, state, said)
        if converted is None:
            continue
        complete = counts | converted
        problems = misfits(expected, complete)
        if not problems:
            _check_positions(spec, state, complete, origin)
            return " ".join(filter(None, (place, prefix and f"without '{prefix}'"))), complete
        said.note(problems, sum(key in expected for key in converted), place, prefix)
    raise MenagerieError(
        f"{origin} does not fit {spec.provider}/{spec.builder}: {said.text()}. {_advice(spec, said.text())}"
    )


class _Problems:
    """What keeps parts of a checkpoint from loading; the part that came nearest is told of."""

    def __init__(self) -> None:
        self._best: tuple[int, str] = (-1, "")

    def note(self, problems: list[str], n_fitting: int, place: str = "", prefix: str = "") -> None:
        where = [f"under '{place}'"] if place else []
        where += [f"behind '{prefix}'"] if prefix else []
        told = "; ".join(problems) + (f" ({' '.join(where)})" if where else "")
        if n_fitting > self._best[0]:
            self._best = (n_fitting, told)

    def text(self) -> str:
        return self._best[1]


def _candidates(spec: ModelSpec, expected: State, checkpoint: Any, origin: str) -> Iterator[tuple[str, State, str]]:
    """Place, state and removed prefix of what may be the network, the likeliest first."""
    if spec.mapping:
        yield "", map_keys(spec.mapping, checkpoint, origin), ""
        return
    found = list(parts(checkpoint))
    if [place for place, _ in found] in ([], [""]):
        # Says what is wrong with a file without named tensors, or with other things among them.
        found = [("", state_dict(checkpoint, origin))]
    for place, state in found:
        yield place, state, ""
        if (plain := unwrapped(state)) is not state:
            prefix = next(iter(state)).removesuffix(next(iter(plain)))
            yield place, plain, prefix
        if (behind := behind_prefix(expected, state, origin)) is not None:
            prefix, inside = behind
            yield place, inside, prefix
        else:
            prefix, inside = nearest(expected, state)
            yield place, inside, prefix


def _converted(spec: ModelSpec, module: torch.nn.Module, state: State, said: _Problems) -> State | None:
    """A state with its package's own conversions; None where these fail."""
    _, keywords = parse_builder(spec.builder)
    steps: list[Callable] = []
    if any(size in keywords for size in SIZES):
        steps.append(getattr(provider(spec.provider), "interpolate", None))
    steps.append(getattr(provider(spec.provider), "adapt", None))
    try:
        for step in filter(None, steps):
            state = step(module, state)
    except Exception as error:  # packages take for granted that names and shapes are theirs
        told = f"its package cannot convert it ({error!r:.200}), expected its own names and shapes"
        said.note([told], 0)
        return None
    return state


def _check_positions(spec: ModelSpec, before: State, after: State, origin: str) -> None:
    """Refuse positional embeddings that a package has interpolated unasked, but for its own weights."""
    _, keywords = parse_builder(spec.builder)
    if spec.weights == "provider" or any(size in keywords for size in SIZES):
        return
    for key, value in after.items():
        if key in before and before[key].numel() != value.numel() and any(part in key for part in _POSITIONS):
            raise MenagerieError(
                f"{origin}: its positional embeddings are those of another image size: {key} has shape "
                f"{tuple(before[key].shape)}, expected {tuple(value.shape)}. {_ON_REQUEST}"
            )


_ON_REQUEST = (
    "They are interpolated only on request: name the size that the network is to run at in the builder, as in "
    "timm/vit_small_patch16_224(img_size=384) or torchvision/vit_b_16(image_size=384), or choose the architecture of "
    "that size."
)


def _advice(spec: ModelSpec, told: str) -> str:
    if "wrong shapes" in told and any(part in told for part in _POSITIONS) and "missing" not in told:
        return _ON_REQUEST
    return "Choose the builder that these weights were trained in, or give a key mapping (column 'mapping')."
