"""Who builds the networks: a module each, imported only when a model asks for it.

A provider is a module with these functions:

``build(spec) -> torch.nn.Module``
    The architecture with the package's default initialisation. The caller seeds, loads weights and sets eval mode.
``options(spec) -> TransformOptions``
    The evaluation transform that belongs to the checkpoint, for what the registry leaves empty.
``source(spec) -> str``
    Where the weights are, in the registry's notation, for a spec whose ``weights`` is ``provider``.
``transform(spec) -> LibraryTransform`` (where needed)
    The library's own transform, where ``TransformOptions`` cannot say it; asked first.
``interpolate(module, state) -> state`` (where needed)
    Positional embeddings at the size that the builder asks for.
``adapt(module, state) -> state`` (where needed)
    Bring a checkpoint that the package itself would have converted while loading to the keys of ``module``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from menagerie.errors import unknown

PROVIDERS = {
    name: f"menagerie.models.providers.{name}"
    for name in ("own", "open_clip", "python", "timm", "torchvision", "transformers")
}


def provider(name: str) -> ModuleType:
    """Import a provider by name.

    Raises
    ------
    MenagerieError
        Naming the nearest provider.
    """
    if name not in PROVIDERS:
        raise unknown("provider in the model table", name, PROVIDERS)
    return import_module(PROVIDERS[name])
