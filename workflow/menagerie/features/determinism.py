"""Whether a tensor is a function of its image: the same in every pass, at every place and in every batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from menagerie.features.probe import Known, Seen, probe
from menagerie.features.randomness import seeded
from menagerie.features.rounding import nudged, rounded_at_random

RANDOM = "random: computed from random numbers in evaluation mode"
DIFFERS = "random: two passes over the same images differ"
BATCH = "an image's values depend on the other images of its batch"

ROUNDING = 16
"""Rounding errors by which two computations of a feature may differ without a second look."""

CAUTION = 16
"""How much more than the change that follows from random rounding is still taken for rounding."""

MOST_ROUNDING = 2.0**-10
"""Share of a feature's size beyond which no difference is taken for rounding."""


class Batches:
    """Passes over an image at three places in two batches; further ones where these differ.

    Parameters
    ----------
    model
        The network.
    three
        ``(3, c, h, w)``: images of which the first and the last are the same.
    two
        ``(2, c, h, w)``: an image that is not in ``three``, and the first of ``three``.
    first, n
        Tensors of an earlier pass over ``n`` images.
    """

    def __init__(self, model: nn.Module, three: Tensor, two: Tensor, first: dict[str, Seen], n: int):
        self._model, self._three = model, three
        known = {layer: Known(n, seen.shape) for layer, seen in first.items()}
        self.first = first
        self.three = self._pass(1, three, known, same=(0, 2))
        self._known = {
            layer: Known(3, seen.shape, seen.sketch.layout) for layer, seen in self.three.items() if seen.sketch
        }
        self.two = self._pass(2, two, self._known)
        self._again: dict[str, Seen] | None = None
        self._rounded: dict[str, Seen] | None = None

    def _pass(self, seed: int, images: Tensor, known: dict[str, Known], same: tuple[int, int] | None = None) -> dict:
        with seeded(seed):
            return probe(self._model, images, known, same)

    def flaw(self, seen: Seen) -> str:
        """Why a tensor is no layer, whatever earlier ones were; or ''."""
        if seen.random or (seen.layer in self.first and self.first[seen.layer].random):
            return RANDOM
        if seen.flaw:
            return seen.flaw
        other = self.two.get(seen.layer)
        if other is None or other.sketch is None or other.sketch.values.shape[1] != seen.sketch.values.shape[1]:
            return other.flaw if other and other.flaw else "its size differs from batch to batch"
        ours = seen.sketch.values
        differences = (torch.stack([other.sketch.values[1], ours[2]]) - ours[0]).abs().nan_to_num(0.0)
        least = ROUNDING * seen.sketch.unit
        if not (differences > least * seen.sketch.scale[0]).any():
            return ""
        if self._differs(ours, self._repeat().get(seen.layer), least * seen.sketch.scale):
            return DIFFERS
        most = (CAUTION * self._sensitivity(seen)).clamp(least, max(MOST_ROUNDING, least))
        return BATCH if (differences > most * seen.sketch.scale[0]).any() else ""

    def _repeat(self) -> dict[str, Seen]:
        """The batch of three once more, with other random numbers."""
        if self._again is None:
            self._again = self._pass(3, self._three, self._known)
        return self._again

    def _sensitivity(self, seen: Seen) -> Tensor:
        """Largest change of the tensor's values, in proportion to their size, when all it is computed from is rounded.

        With the random numbers of the first pass.
        """
        if self._rounded is None:
            generator = torch.Generator(self._three.device).manual_seed(4)
            with rounded_at_random(self._model):
                self._rounded = self._pass(1, nudged(self._three, generator), self._known)
        other = self._rounded.get(seen.layer)
        if other is None or other.sketch is None or other.sketch.values.shape != seen.sketch.values.shape:
            return torch.tensor(0.0, dtype=torch.float64)
        return ((other.sketch.values - seen.sketch.values).abs() / seen.sketch.scale).nan_to_num(0.0).max()

    @staticmethod
    def _differs(ours: Tensor, other: Seen | None, allowed: Tensor) -> bool:
        if other is None or other.sketch is None or other.sketch.values.shape != ours.shape:
            return True
        return bool(((ours - other.sketch.values).abs().nan_to_num(0.0) > allowed).any())
