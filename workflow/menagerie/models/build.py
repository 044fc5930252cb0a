"""From a spec to a network that is ready to look at images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from menagerie.errors import MenagerieError
from menagerie.models.providers import provider
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import Transform, TransformOptions, make_transform

_COLUMNS = ("input_size", "mean", "std", "interpolation", "crop_pct")


@dataclass(frozen=True)
class LoadedModel:
    """A network in eval mode, the transform of its images, and the side of its square input in pixels."""

    module: nn.Module
    transform: Transform
    input_size: int


def build_model(spec: ModelSpec, weights: str | Path | None = None, *, transform: str = "model") -> LoadedModel:
    """Build the network of ``spec``.

    Parameters
    ----------
    spec
        The model's row.
    weights
        A safetensors file written by ``menagerie.models.weights.fetch_weights``; None for an untrained network.
    transform
        Convention of the image transform, see ``make_transform``.

    Raises
    ------
    MenagerieError
        When trained weights are missing, cannot be read, or do not fit the network key by key.
    """
    if spec.training == "trained" and weights is None:
        raise MenagerieError(f"Model '{spec.id}' is a trained one: give the path of its weights.")
    if spec.training == "random" and weights is not None:
        raise MenagerieError(f"Model '{spec.id}' is untrained, but weights were given: {weights}.")
    module = build_module(spec)
    if weights is not None:
        load_weights(module, weights, spec.id)
    chosen = model_transform(spec, transform)
    return LoadedModel(module, chosen, chosen.input_size)


def model_transform(spec: ModelSpec, convention: str = "model") -> Transform:
    """The image transform of a model under a convention, see ``make_transform``; needs no weights.

    A provider that has a transform of its own for the checkpoint is asked for it, unless the spec says otherwise.

    Raises
    ------
    MenagerieError
        For an unknown convention, or when the provider knows no transform for the network.
    """
    own = getattr(provider(spec.provider), "transform", None)
    if convention == "model" and own is not None and not _given(spec):
        return own(spec)
    return make_transform(
        transform_options(spec),
        convention=convention,
        training=spec.training,
        paper_size=spec.paper_size,
        paper_mean=spec.paper_mean,
        paper_std=spec.paper_std,
    )


def build_module(spec: ModelSpec) -> nn.Module:
    """The network in eval mode with its package's default initialisation, drawn from ``spec.seed``.

    The caller's random state stays as it was.

    Raises
    ------
    MenagerieError
        When the provider or its package does not know the network, or an option of the builder is wrong.
    """
    build = provider(spec.provider).build
    # The fast path of torch's attention skips the modules inside, so that hooks on them never fire.
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        return build(spec).eval().requires_grad_(False)


def transform_options(spec: ModelSpec) -> TransformOptions:
    """Evaluation settings of the spec; what it leaves open is asked of the provider.

    Raises
    ------
    MenagerieError
        When the provider knows no settings for the network.
    """
    given = _given(spec)
    if len(given) == len(_COLUMNS):
        return TransformOptions(**given)
    return replace(provider(spec.provider).options(spec), **given)


def _given(spec: ModelSpec) -> dict[str, Any]:
    """What the spec itself says of the transform."""
    return {name: value for name in _COLUMNS if (value := getattr(spec, name)) is not None}


def load_weights(module: nn.Module, path: str | Path, name: str) -> None:
    """Load a safetensors file into ``module``, key by key.

    Raises
    ------
    MenagerieError
        When the file is missing or damaged, a key is missing or too many, or a shape differs; ``name`` is the model's.
    """
    path = Path(path)
    if not path.is_file():
        raise MenagerieError(
            f"Model '{name}': the weights {path} do not exist. Run the rule that fetches weights first."
        )
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise MenagerieError(
            f"Model '{name}': {path} is no whole safetensors file ({error}). Delete it and rerun."
        ) from error
    problems = misfits(module.state_dict(), state)
    if problems:
        raise MenagerieError(f"Model '{name}': the weights {path} do not fit the network: {'; '.join(problems)}.")
    module.load_state_dict(state, strict=True)


def misfits(expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor]) -> list[str]:
    """What keeps ``found`` from loading into a network with the state ``expected``, in words; empty when all fits."""
    shapes = [
        f"{key} has shape {tuple(found[key].shape)}, expected {tuple(expected[key].shape)}"
        for key in expected
        if key in found and found[key].shape != expected[key].shape
    ]
    # Quantised weights have the right names and shapes, but mean nothing without their scales.
    whole = [
        key
        for key in expected
        if key in found and expected[key].is_floating_point() and not found[key].is_floating_point()
    ]
    lists = {
        "missing keys": [key for key in expected if key not in found],
        "keys too many": [key for key in found if key not in expected],
        "wrong shapes": shapes,
        "keys of whole numbers": whole,
    }
    return [f"{len(items)} {what} ({_some(items)})" for what, items in lists.items() if items]


def _some(items: list[str], limit: int = 5) -> str:
    return ", ".join(items[:limit]) + (", ..." if len(items) > limit else "")
