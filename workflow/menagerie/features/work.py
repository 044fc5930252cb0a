"""Counting the arithmetic of a forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Dispatcher(TorchDispatchMode):
    """Sees each elementary operation of a forward pass while it is entered; those made of others are taken apart."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Take an operation apart, or hand it to :meth:`operate`."""
        kwargs = kwargs or {}
        if func._overloadpacket not in flop_registry and func is not torch.ops.prim.device.default:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        return self.operate(func, args, kwargs)

    def operate(self, func: Any, args: tuple, kwargs: dict) -> Any:
        """Run one elementary operation."""
        raise NotImplementedError


class MultiplyAdds(Dispatcher):
    """Counts multiply-adds of convolutions and matrix products while it is entered.

    ``torch.utils.flop_counter.FlopCounterMode`` also follows modules through autograd, which fails where modules are
    handed parameters under inference mode; its formulas are the same.

    Attributes
    ----------
    count
        Multiply-adds so far.
    """

    paused = False

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def operate(self, func: Any, args: tuple, kwargs: dict) -> Any:
        """Run one operation and count it."""
        out = func(*args, **kwargs)
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None and not MultiplyAdds.paused:
            self.count += formula(*args, **kwargs, out_val=out) // 2  # which counts products and sums
        return out


@contextmanager
def beside_the_network() -> Iterator[None]:
    """What runs in this block is no work of the network's: it is computed for whoever looks on."""
    MultiplyAdds.paused = True
    try:
        yield
    finally:
        MultiplyAdds.paused = False
