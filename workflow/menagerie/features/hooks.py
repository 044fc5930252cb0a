"""Seeing every output tensor of every module while a network runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress

import torch
from torch import Tensor, nn

from menagerie.features.attention import MAP, fused_attention_seen, offer_projections
from menagerie.features.evaluation import plain_evaluation
from menagerie.features.outputs import tensors
from menagerie.features.work import beside_the_network

ROOT = "output"
"""Layer name of what the network itself returns, where no module returned it before."""

Receiver = Callable[[str, nn.Module, Tensor], None]
"""Called with layer name, module and output tensor, the moment the module returns.

The tensor must be used up before the call returns: the next module may change it in place.
"""


class StopForward(Exception):  # noqa: N818 - like StopIteration, it is no error
    """Raised by a receiver that has seen enough; :func:`run` ends the forward pass there."""


def run(model: nn.Module, images: Tensor) -> None:
    """Run a forward pass for the sake of its hooks, in the network's own float format; the output is thrown away."""
    dtype = next((parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()), images.dtype)
    with suppress(StopForward):
        model(images.to(dtype))


@contextmanager
def observed(model: nn.Module, receive: Receiver, wanted: Collection[str] | None = None) -> Iterator[None]:
    """Call ``receive`` for each output tensor of each module, in the order of the forward pass.

    The network is put into evaluation mode (:func:`menagerie.features.evaluation.plain_evaluation`); all is put back
    at the end. What modules return is opened (:func:`menagerie.features.outputs.tensors`); a module that fires again
    within one pass is named ``path#2``, ``path#3``... Attention maps and projections that no module returns are shown
    beside (:mod:`menagerie.features.attention`).

    Parameters
    ----------
    model
        The network.
    receive
        See :data:`Receiver`.
    wanted
        Layer names to receive; None for all. Modules without a wanted name are not hooked at all.
    """
    watch = _Watch(receive, None if wanted is None else frozenset(wanted), root_of(model))
    modules = named_modules(model)
    with ExitStack() as stack:
        # A map belongs to the innermost module that runs, so that all must be known where maps are wanted.
        if wanted is None or any(f"[{MAP}" in name for name in wanted):
            stack.enter_context(fused_attention_seen(watch.offer))
        elif wanted is not None:
            modules = {path: module for path, module in modules.items() if any(_within(name, path) for name in wanted)}
        for path, module in {**modules, root_of(model): model}.items():
            if not is_scripted(module):
                stack.callback(module.register_forward_pre_hook(watch.entering(path), with_kwargs=True).remove)
                stack.callback(module.register_forward_hook(watch.leaving(path)).remove)
        with plain_evaluation(model):
            yield


def named_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Modules by path, the network itself among them."""
    return {path or root_of(model): module for path, module in model.named_modules()}


def root_of(model: nn.Module) -> str:
    """What the network itself is called: :data:`ROOT`, with an underscore where a child has that name."""
    root, children = ROOT, dict(model.named_children())
    while root in children:
        root += "_"
    return root


def is_scripted(module: nn.Module) -> bool:
    """Whether a module is a TorchScript program, which takes no hooks and shows nothing of its inside."""
    return isinstance(module, torch.jit.RecursiveScriptModule) and not isinstance(
        module, torch.jit.TopLevelTracedModule
    )


def _within(layer: str, path: str) -> bool:
    """Whether a layer is (part of) an output of the module at this path."""
    return layer.startswith(path) and layer[len(path) : len(path) + 1] in ("", "#", "[")


class _Watch:
    """What happens in one forward pass: which modules run, and how often each has run before."""

    def __init__(self, receive: Receiver, wanted: frozenset[str] | None, root: str):
        self._root = root
        self._receive = receive
        self._wanted = wanted
        self._firings: Counter[str] = Counter()
        self._hidden: Counter[str] = Counter()
        self._running: list[tuple[str, str, nn.Module]] = []

    def entering(self, path: str) -> Callable[[nn.Module, tuple, dict], None]:
        def hook(module: nn.Module, args: tuple, kwargs: dict) -> None:
            if path == self._root:
                self._begin()
            self._running.append((path, self._name(path), module))
            if isinstance(module, nn.MultiheadAttention) and hasattr(module, "in_proj_weight"):
                offer_projections(module, args, kwargs, self.offer)

        return hook

    def _begin(self) -> None:
        """Forget the pass before, which may have ended anywhere."""
        self._firings.clear()
        self._hidden.clear()
        self._running.clear()

    def _name(self, path: str) -> str:
        """Name of the next firing of a module."""
        self._firings[path] += 1
        return path if self._firings[path] == 1 else f"{path}#{self._firings[path]}"

    def leaving(self, path: str) -> Callable[[nn.Module, object, object], None]:
        def hook(module: nn.Module, _: object, output: object) -> None:
            # Modules that ended in an exception that the network caught are still there.
            while self._running[-1][0] != path:
                self._running.pop()
            name = self._running.pop()[1]
            for layer, tensor in tensors(name, output):
                if self._wanted is None or layer in self._wanted:
                    self._receive(layer, module, tensor)

        return hook

    def offer(self, key: str, compute: Callable[[], Tensor]) -> None:
        """Take a hidden tensor of the innermost running module, where it is wanted."""
        if not self._running:
            return
        _, name, module = self._running[-1]
        self._hidden[f"{name}[{key}]"] += 1
        number = self._hidden[f"{name}[{key}]"]
        layer = f"{name}[{key}]" if number == 1 else f"{name}[{key}#{number}]"
        if self._wanted is None or layer in self._wanted:
            with beside_the_network():
                tensor = compute()
            self._receive(layer, module, tensor)
