"""Values that several metrics share, computed at most once by the object that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class Once:
    """Base of what keeps such values as long as it lives."""

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of ``make``, called the first time that ``key`` is asked for; what it raises is not kept."""
        kept: dict = self.__dict__.setdefault("_kept", {})
        if key not in kept:
            kept[key] = make()
        return kept[key]
