"""A model looked at without memory or weights: does its network build, do its transform and source exist?"""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from menagerie.errors import MenagerieError
from menagerie.files.paths import user_path
from menagerie.models.registry import ModelSpec

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Examined:
    """What was found.

    Attributes
    ----------
    modules
        Paths of the network's modules; empty where it could not be built.
    problem
        What will stop the model's jobs; '' for nothing.
    doubt
        Why the network could not be looked at here; '' where it could.
    warning
        What deserves a look before a run; '' for nothing.
    """

    modules: tuple[str, ...] = ()
    problem: str = ""
    doubt: str = ""
    warning: str = ""


def offline() -> None:
    """Keep the hub's client from asking the network in this process; to be called before it is imported."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def examine(spec: ModelSpec, transform: str = "model") -> Examined:
    """Build a network on torch's meta device, which allocates nothing, and ask for its transform and weights' source.

    A user's file of weights is read, and held against the network.

    Parameters
    ----------
    spec
        The model's row.
    transform
        Convention of the image transform, see ``make_transform``.
    """
    import torch

    from menagerie.models.build import build_module, model_transform
    from menagerie.models.providers import provider

    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model_transform(spec, transform)
            if spec.weights == "provider":
                provider(spec.provider).source(spec)
            with torch.device("meta"):
                module = build_module(spec)
            return Examined(tuple(name for name, _ in module.named_modules() if name), doubt=_weights(spec, module))
    except MenagerieError as error:
        on_hub = spec.provider == "transformers" and not spec.builder.endswith(".json")
        if on_hub or "hf-hub:" in spec.builder:
            return Examined(doubt=f"its configuration is not in the hub's cache on this machine ({error})")
        if _needs_values(error):
            return Examined(doubt="building it needs values, which the meta device does not have")
        return Examined(problem=str(error))
    except (NotImplementedError, RuntimeError) as error:
        told = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        return Examined(doubt=f"it cannot be built on the meta device ({told})")


def _weights(spec: ModelSpec, module: nn.Module) -> str:
    """Why a user's file of weights was not read; '' where it was, and for other sources."""
    from menagerie.models.weights import check_file

    kind, _, reference = spec.weights.partition(":")
    if kind != "file" or not user_path(reference).is_file():  # a missing file is told with the other sources
        return ""
    return check_file(spec, module)


def _needs_values(error: MenagerieError) -> bool:
    """Whether code of a user or a package asked a tensor of the meta device for its values."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NotImplementedError | RuntimeError) and "meta" in str(cause).lower():
            return True
        cause = cause.__cause__
    return False
