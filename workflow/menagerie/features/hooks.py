"""Seeing every output tensor of every module while a network runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn

ROOT = "output"
"""Layer name of what the network itself returns, where no module returned it before."""

Receiver = Callable[[str, nn.Module, Tensor], None]
"""Called with layer name, module and output tensor, the moment the module returns.

The tensor must be used up before the call returns: the next module may change it in place.
"""


class StopForward(Exception):  # noqa: N818 - like StopIteration, it is no error
    """Raised by a receiver that has seen enough; :func:`run` ends the forward pass there."""


def run(model: nn.Module, images: Tensor) -> None:
    """Run a forward pass for the sake of its hooks; the output is thrown away."""
    with suppress(StopForward):
        model(images)


@contextmanager
def observed(model: nn.Module, receive: Receiver, wanted: Container[str] | None = None) -> Iterator[None]:
    """Call ``receive`` for each output tensor of each module, in the order of the forward pass.

    The network is put into evaluation mode without gradients, and its attention into the unfused form, in which the
    attention maps pass through modules; all is put back at the end. Modules that return tuples, lists or dicts are
    opened (``path[0]``, ``path[key]``); a module that fires again within one pass is named ``path#2``, ``path#3``...

    Parameters
    ----------
    model
        The network.
    receive
        See :data:`Receiver`.
    wanted
        Layer names to receive; None for all. Modules without a wanted name are not hooked at all.
    """
    firings: Counter[str] = Counter()
    modules = {name or ROOT: module for name, module in model.named_modules()}
    if wanted is not None:
        paths = {module_path(name) for name in wanted}
        modules = {name: module for name, module in modules.items() if name in paths}

    def hook_for(path: str) -> Callable[[nn.Module, object, object], None]:
        def hook(module: nn.Module, _: object, output: object) -> None:
            firings[path] += 1
            name = path if firings[path] == 1 else f"{path}#{firings[path]}"
            for layer, tensor in _tensors(name, output):
                if wanted is None or layer in wanted:
                    receive(layer, module, tensor)

        return hook

    handles = [module.register_forward_hook(hook_for(path)) for path, module in modules.items()]
    handles.append(model.register_forward_pre_hook(lambda *_: firings.clear()))
    try:
        with _plain_evaluation(model), torch.inference_mode():
            yield
    finally:
        for handle in handles:
            handle.remove()


def module_path(layer: str) -> str:
    """Module path within a layer name: without the number of the firing and the position in the output."""
    return re.sub(r"(#\d+)?(\[[^\]]*\])*$", "", layer)


def _tensors(name: str, output: object) -> Iterator[tuple[str, Tensor]]:
    """All tensors in a module's output, with their names."""
    if isinstance(output, Tensor):
        yield name, output
    elif isinstance(output, dict):
        for key, part in output.items():
            yield from _tensors(f"{name}[{key}]", part)
    elif isinstance(output, (tuple, list)):
        for position, part in enumerate(output):
            yield from _tensors(f"{name}[{position}]", part)


@contextmanager
def _plain_evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode with every step done by its own module; restores the former state."""
    training = {module: module.training for module in model.modules()}
    # timm's modules read the global switch when they are built, so it is their own attribute that counts.
    fused = {module: module.fused_attn for module in model.modules() if hasattr(module, "fused_attn")}
    fast_path = torch.backends.mha.get_fastpath_enabled()
    try:
        model.eval()
        torch.backends.mha.set_fastpath_enabled(False)
        for module in fused:
            module.fused_attn = False
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for module, flag in fused.items():
            module.fused_attn = flag
        for module, flag in training.items():
            module.training = flag


def per_image(output: Tensor, n_images: int) -> Tensor | None:
    """Features as ``(n_images, n_features)``; None where the first axis is no multiple of the images.

    A first axis of ``n_images * k`` (Swin's windows, TNT's inner tokens) is folded image by image.
    """
    if output.dim() == 0 or output.numel() == 0 or output.shape[0] % n_images:
        return None
    return output.reshape(n_images, -1)
