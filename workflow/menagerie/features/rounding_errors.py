"""Rounding errors of a forward pass, from what random rounding changes of the features."""

from __future__ import annotations

import torch
from torch import Tensor


class Errors:
    """Rounding errors of a layer's features for some images, slice by slice: what random rounding changes."""

    def __init__(self) -> None:
        self._n_features = 0
        self._sums = torch.zeros((1, 2), dtype=torch.float64)

    def add(self, sums: Tensor, n_features: int) -> None:
        """Add a slice of so many features: :func:`sums_of_changes` of ``m`` images."""
        self._n_features += n_features
        self._sums = self._sums.to(sums.device) + sums

    def power(self) -> Tensor:
        """Squared norm of an image's errors, centred over features; float64, the mean of the ``m`` images."""
        squares, sums = self._sums.T
        return (squares - sums**2 / self._n_features).mean()


def sums_of_changes(changes: Tensor) -> Tensor:
    """Sum of squares and sum of each image's changes ``(m, any)``, float64 ``(m, 2)``."""
    exact = changes.double()
    return torch.stack([exact.square().sum(dim=1), exact.sum(dim=1)], dim=1)
