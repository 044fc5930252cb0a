"""How far rounding errors of a forward pass reach, by random rounding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import filterfalse

import torch
from torch import Tensor, nn

from menagerie.features.hooks import is_scripted


@contextmanager
def rounded_at_random(model: nn.Module, seed: int = 0) -> Iterator[None]:
    """Change every number that a module returns by its last bit, up or down at random, in this block.

    The difference from a plain pass estimates what rounding errors add up to at any layer, whatever the network
    (CESTAC, the stochastic arithmetic of Vignes 2004, https://doi.org/10.1023/B:NUMA.0000049483.75679.ce): an error of
    one last bit at every step, here every module, in place of the unknown ones. Against forward passes in double
    precision it is right to a factor of three for nine in ten layers (docs/benchmarks.md).

    Parameters
    ----------
    model
        The network. Numbers in its own float format are rounded; the caller's random numbers are left alone.
    seed
        Seed of the directions.
    """
    generators: dict[torch.device, torch.Generator] = {}

    def rounded(value: object) -> object:
        if not isinstance(value, Tensor) or not value.is_floating_point() or value.layout is not torch.strided:
            return value
        if value.device not in generators:
            generators[value.device] = torch.Generator(value.device).manual_seed(seed)
        return nudged(value, generators[value.device])

    def hook(_: nn.Module, __: object, output: object) -> object:
        return tuple(map(rounded, output)) if type(output) is tuple else rounded(output)

    with ExitStack() as stack:
        for module in filterfalse(is_scripted, model.modules()):
            stack.callback(module.register_forward_hook(hook).remove)
        yield


def nudged(values: Tensor, generator: torch.Generator) -> Tensor:
    """Values changed by their last bit, up or down at random; zeros, which are exact more often than not, stay."""
    up = torch.randint(0, 2, values.shape, generator=generator, device=values.device, dtype=torch.bool)
    if values.dtype in (torch.float32, torch.float64):
        return torch.where(values == 0, values, values.nextafter(torch.where(up, torch.inf, -torch.inf).to(values)))
    eps = torch.finfo(values.dtype).eps
    return values * torch.where(up, 1 + eps, 1 - eps).to(values.dtype)
