"""Linking: how well a layer's geometry predicts a brain. Arrays in, tables out; no pandas, no torch import."""

from typing import Any

__all__ = ["score_layer"]


def __getattr__(name: str) -> Any:
    """Functions of the package's front, imported when asked for: the arithmetic needs numpy alone, tables pyarrow."""
    if name == "score_layer":
        from menagerie.linking.score import score_layer

        return score_layer
    raise AttributeError(f"module 'menagerie.linking' has no attribute '{name}'")
