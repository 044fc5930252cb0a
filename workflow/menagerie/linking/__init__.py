"""Linking: how well a layer's geometry predicts a brain. Arrays in, tables out; no pandas, no torch import."""

from menagerie.linking.score import score_layer

__all__ = ["score_layer"]
