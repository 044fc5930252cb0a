"""Features of one pass over the images, and layers whose slices come in pass by pass."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from menagerie.features.accumulate import (
    MOST_NOISE,
    NEARLY_CONSTANT,
    RawGram,
    effective_dimensionality,
    standardised_gram,
)
from menagerie.features.planner import Unit
from menagerie.features.rounding_errors import Errors, sums_of_changes
from menagerie.files.geometry import OK, LayerGeometry, fold
from menagerie.files.inventory import LayerInfo

logger = logging.getLogger(__name__)

_EMPTY = np.empty(0, dtype=np.float32)


@dataclass
class Buffers:
    """Features of one pass for all images, by layer index.

    What is projected is the difference from the first image: standardising takes off any reference, and differences
    stay accurate in single precision where images have most of their pattern in common.

    Attributes
    ----------
    raw, projected
        float32 ``(n, width)`` and ``(n, k)``: a slice of the raw features, and the SRP.
    references
        float32 ``(p,)``: what is taken off before projecting.
    errors, changes
        What random rounding does to some images: sums of squares and sums of the changes of the raw features, float64
        ``(m, 2)``, and changes of the SRP, float32 ``(m, k)``. Empty where it was not measured.
    """

    raw: dict[int, Tensor]
    projected: dict[int, Tensor]
    references: dict[int, Tensor]
    errors: dict[int, Tensor] = field(default_factory=dict)
    changes: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def allocate(cls, units: list[Unit], n_images: int, n_projections: int, device: torch.device) -> Buffers:
        """Room for these units."""

        def empty(*shape: int) -> Tensor:
            return torch.empty(shape, dtype=torch.float32, device=device)

        projected = [unit.info for unit in units if unit.project]
        return cls(
            raw={unit.info.index: empty(n_images, unit.width) for unit in units},
            projected={info.index: empty(n_images, n_projections) for info in projected},
            references={info.index: empty(info.n_features) for info in projected},
        )

    def note_changes(self, index: int, changes: Tensor) -> None:
        """Take in what random rounding changed in the raw features of some images, ``(m, width)``."""
        sums = sums_of_changes(changes)
        self.errors[index] = torch.cat([self.errors[index], sums]) if index in self.errors else sums

    def note_projected(self, index: int, changes: Tensor) -> None:
        """The same in their SRP, ``(m, k)``."""
        self.changes[index] = torch.cat([self.changes[index], changes]) if index in self.changes else changes


class OpenLayer:
    """A layer whose slices are coming in."""

    def __init__(self, info: LayerInfo, n_images: int, device: torch.device):
        self.info = info
        self._raw = RawGram(n_images, device)
        self._errors: Errors | None = None
        self._srp_dimensionality = self._srp_noise = float("nan")
        self._gram_triu = _EMPTY

    def take_in(self, buffers: Buffers, train: Tensor) -> None:
        """Take a slice of raw features out of the buffers and, with the first one, the SRP."""
        index = self.info.index
        raw = buffers.raw.pop(index)
        self._raw.add(raw)
        if index in buffers.errors:
            self._errors = self._errors or Errors()
            self._errors.add(buffers.errors.pop(index), raw.shape[1])
        projected = buffers.projected.pop(index, None)
        if projected is not None:
            srp = RawGram(len(projected), projected.device)
            srp.add(projected)
            self._srp_dimensionality = effective_dimensionality(srp.centred())
            gram, self._srp_noise = standardised_gram(projected, train, buffers.changes.pop(index, None))
            self._gram_triu = fold(gram.cpu().numpy(), with_diagonal=True)

    def geometry(self) -> LayerGeometry:
        """What is known of the layer once all slices are in."""
        info, flaw = self.info, self._flaw()
        if flaw:
            logger.warning("layer %s cannot be scored: %s", info.layer, flaw)
            return LayerGeometry(info.layer, info.index, info.n_features, _EMPTY, _EMPTY, {}, flaw)
        measured = {"raw": self._raw.noise(self._errors), "srp": self._srp_noise} if self._errors else {}
        return LayerGeometry(
            layer=info.layer,
            index=info.index,
            n_features=info.n_features,
            rdm_triu=fold(self._raw.rdm().cpu().numpy(), with_diagonal=False),
            gram_triu=self._gram_triu,
            effective_dimensionality={
                "raw": effective_dimensionality(self._raw.centred()),
                "srp": self._srp_dimensionality,
            },
            status=OK,
            rounding=measured,
        )

    def _flaw(self) -> str:
        """Why the layer has no geometry, or ''."""
        flaw = self._raw.flaw(self._errors)
        if not flaw and not (np.isfinite(self._gram_triu).all() and self._gram_triu.any()):
            return "sparse random projection is constant over the training images, or overflows"
        return flaw or (NEARLY_CONSTANT if self._errors and not self._srp_noise <= MOST_NOISE else "")
