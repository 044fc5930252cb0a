"""Statistics: from score tables to effects. Reads tables, never networks or responses.

Names are looked up when they are asked for, so that a job that needs one part does not load (and does not depend on)
the others.
"""

from importlib import import_module

__all__ = ["fit_effects"]


def __getattr__(name: str) -> object:
    if name == "fit_effects":
        return import_module("menagerie.statistics.effects").fit_effects
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
