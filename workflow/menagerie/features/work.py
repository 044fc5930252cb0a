"""Counting the arithmetic of a forward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class MultiplyAdds(TorchDispatchMode):
    """Counts multiply-adds of convolutions and matrix products while it is entered.

    ``torch.utils.flop_counter.FlopCounterMode`` also follows modules through autograd, which fails where modules are
    handed parameters under inference mode; its formulas are the same.

    Attributes
    ----------
    count
        Multiply-adds so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Run one operation and count it; operations made of others are taken apart first."""
        kwargs = kwargs or {}
        formula = flop_registry.get(func._overloadpacket)
        if formula is None and func is not torch.ops.prim.device.default:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        out = func(*args, **kwargs)
        if formula is not None:
            self.count += formula(*args, **kwargs, out_val=out) // 2  # which counts products and sums
        return out
