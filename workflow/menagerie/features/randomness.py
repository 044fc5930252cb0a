"""Which tensors of a forward pass were computed from random numbers, however seldom these make a difference."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from menagerie.features.work import Dispatcher


class RandomOrigin(Dispatcher):
    """Follows random numbers through a forward pass while it is entered.

    Comparing passes shows what differs between them, but not a coin that falls once in ten passes. So every tensor that
    an operation draws from PyTorch's generator is marked, and every tensor computed from a marked one. Where the values
    of a marked tensor decide on the program's own course, and where Python's or NumPy's generator was used, nobody can
    know what they changed: all that follows counts as random.
    """

    def __init__(self) -> None:
        super().__init__()
        self._all = False
        self._others = _state_of_others()

    def operate(self, func: Any, args: tuple, kwargs: dict) -> Any:
        """Run one operation and hand on the marks of what it reads."""
        may_draw = torch.Tag.nondeterministic_seeded in func.tags
        before = _generators() if may_draw else None
        out = func(*args, **kwargs)
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        drawn = may_draw and any(map(_differ, before, _generators()))
        if drawn or any(map(_marked, given)):
            made = tree_leaves(out)
            self._all |= any(isinstance(value, (bool, int, float, complex)) for value in made)
            for tensor in [*made, *_written(func, args, kwargs)]:
                _mark(tensor)
        return out

    def made(self, output: Tensor) -> bool:
        """Whether this tensor of the present pass was computed from random numbers."""
        self._all |= self._others != _state_of_others()
        return self._all or _marked(output)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """All three generators start from a seed of this block's own; the caller's states come back after it."""
    others = _state_of_others()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the generator that a network may draw from
        try:
            yield
        finally:
            random.setstate(others[0])
            np.random.set_state(("MT19937", np.frombuffer(others[1], dtype=np.uint32), *others[2:]))  # noqa: NPY002


def _generators() -> list[Tensor]:
    on_gpu = [torch.cuda.get_rng_state()] if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    return [torch.get_rng_state(), *on_gpu]


def _differ(before: Tensor, after: Tensor) -> bool:
    return not torch.equal(before, after)


def _state_of_others() -> tuple:
    _, keys, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), keys.tobytes(), *rest


def _marked(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and hasattr(tensor.untyped_storage(), "_menagerie_random")


def _mark(value: object) -> None:
    # The mark is on the storage: views share it, and it goes when the storage does.
    if isinstance(value, Tensor) and value.layout is torch.strided:
        value.untyped_storage()._menagerie_random = True


def _written(func: Any, args: tuple, kwargs: dict) -> list[object]:
    """Arguments that an operation changes in place."""
    named = dict(zip((argument.name for argument in func._schema.arguments), args, strict=False)) | kwargs
    changed = (
        a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write and a.name in named
    )
    return [leaf for name in changed for leaf in tree_leaves(named[name])]
