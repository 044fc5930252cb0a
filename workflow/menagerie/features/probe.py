"""One forward pass over images of noise: every tensor that modules return, reduced to what comparing passes takes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor, nn

from menagerie.features.hooks import observed, run
from menagerie.features.layout import Layout, layouts, per_image, shape_of_image
from menagerie.features.randomness import RandomOrigin

N_SAMPLES = 64
"""Features sampled, and sums over all features, of each image and tensor."""

_PERIOD = 8191

NOT_REAL = "no real numbers"
NOT_DENSE = "empty, or no dense tensor"
NOT_ALWAYS = "does not come with every number of images"
FIXED = "does not grow with the number of images"
NO_AXIS = "no axis runs over the images"


@dataclass(frozen=True)
class Sketch:
    """What is kept of a tensor of ``n`` images.

    Attributes
    ----------
    layout
        Where its images lie.
    values
        float64 ``(n, k)``: features at fixed places, then sums of all features of a stretch with random signs over the
        root of their number, so that a single feature that changes shows in one of them.
    scale
        float64 ``(n, k)``: what rounding errors of ``values`` are in proportion to; absolute sizes of the features.
    digest
        Of all bytes in float32, image by image.
    unit
        Rounding error of one number, in proportion to it: of the tensor's own format.
    """

    layout: Layout
    values: Tensor
    scale: Tensor
    digest: bytes
    unit: float


@dataclass(frozen=True)
class Seen:
    """One output tensor of a pass.

    ``sketch`` is None where ``flaw`` says why the tensor has no row for each image. ``shape`` is the whole tensor's,
    ``own_shape`` that of one image.
    """

    layer: str
    class_name: str
    shape: tuple[int, ...]
    own_shape: tuple[int, ...] = ()
    sketch: Sketch | None = None
    flaw: str = ""
    random: bool = False


@dataclass(frozen=True)
class Known:
    """What earlier passes found of a tensor: its shape for ``n`` images, and its layout where that is settled."""

    n: int
    shape: tuple[int, ...]
    layout: Layout | None = None


class Shelf:
    """Keeps small tensors in large blocks.

    Thousands of small ones, each between large ones that come and go, would keep the C library from giving memory back:
    several gigabytes for a large network.
    """

    BLOCK = 1 << 18

    def __init__(self) -> None:
        self._free = torch.empty(0, dtype=torch.float64)

    def keep(self, values: Tensor) -> Tensor:
        """A copy of a float64 tensor."""
        count = values.numel()
        if count > len(self._free):
            self._free = torch.empty(max(self.BLOCK, count), dtype=torch.float64)
        kept, self._free = self._free[:count], self._free[count:]
        return kept.view(values.shape).copy_(values)


def probe(
    model: nn.Module,
    images: Tensor,
    known: Mapping[str, Known] | None = None,
    same: tuple[int, int] | None = None,
    origin: RandomOrigin | None = None,
) -> dict[str, Seen]:
    """Show images to a network and look at each tensor.

    Parameters
    ----------
    model
        The network.
    images
        ``(n, c, h, w)``.
    known
        Layer -> what is known of it. None for a pass that looks at shapes only.
    same
        Positions of two equal images. Of the layouts that a tensor's shapes allow, the first that gives both the same
        features is taken, else the one that comes closest.
    origin
        Where it is entered around the pass: tensors that come from random numbers are named so.

    Returns
    -------
    dict
        Layer -> tensor, in the order of the pass.
    """
    found: dict[str, Seen] = {}
    shelf = Shelf()

    def receive(layer: str, module: nn.Module, output: Tensor) -> None:
        random = origin is not None and origin.made(output)
        seen = Seen(layer, type(module).__name__, tuple(output.shape), random=random)
        if known is not None:
            seen = _look_at(seen, output, len(images), same, known.get(layer), shelf)
        # Dictionaries with the keys 0 and "0": only the first of two tensors with one name can be asked for.
        found.setdefault(layer, seen)

    with observed(model, receive):
        run(model, images)
    return found


def _look_at(
    seen: Seen, output: Tensor, n: int, same: tuple[int, int] | None, known: Known | None, shelf: Shelf
) -> Seen:
    if not (output.is_floating_point() or output.is_quantized):
        return replace(seen, flaw=f"{NOT_REAL}: {str(output.dtype).removeprefix('torch.')}")
    if output.layout is not torch.strided or output.is_nested or not output.numel():
        return replace(seen, flaw=NOT_DENSE)
    if known is None:
        return replace(seen, flaw=NOT_ALWAYS)
    found = [known.layout] if known.layout else layouts(seen.shape, n, known.shape, known.n)
    rows = [(layout, per_image(output, n, layout)) for layout in found[:1]]
    if not found or rows[0][1] is None:
        fixed = seen.shape == known.shape and n != known.n
        return replace(seen, flaw=FIXED if fixed else NO_AXIS)
    if len(found) > 1 and same:
        rows = sorted(((layout, per_image(output, n, layout)) for layout in found), key=lambda row: _miss(row[1], same))
    layout, features = rows[0]
    return replace(seen, own_shape=shape_of_image(seen.shape, n, layout), sketch=_sketch(features, layout, shelf))


def _miss(features: Tensor, same: tuple[int, int]) -> float:
    """Largest difference between two rows that should be equal."""
    one, other = features[same[0]].double(), features[same[1]].double()
    return float((one - other).abs().nan_to_num(0.0).max())


def _sketch(features: Tensor, layout: Layout, shelf: Shelf) -> Sketch:
    # Image by image, since double precision of a whole batch takes more memory than the network's own activations.
    rows = [_sketch_row(row.double()) for row in features]
    digest = hashlib.blake2b(features.float().cpu().contiguous().numpy().data, digest_size=16).digest()
    values, scale = (shelf.keep(torch.stack(part)) for part in zip(*rows, strict=True))
    return Sketch(layout, values, scale, digest, torch.finfo(features.dtype).eps / 2)


def _sketch_row(row: Tensor) -> tuple[Tensor, Tensor]:
    """``values`` and ``scale`` of one image."""
    count = len(row)
    picks = torch.linspace(0, count - 1, min(N_SAMPLES, count), dtype=torch.float64).long().to(row.device)
    samples, mean = row[picks], row.abs().mean()
    stretch = -(-count // N_SAMPLES)
    padded = torch.nn.functional.pad(row, (0, stretch * N_SAMPLES - count)).view(N_SAMPLES, stretch)
    sums = padded @ _signs(stretch).to(row.device) / stretch**0.5
    sizes = padded.square_().mean(dim=1).sqrt()
    return torch.cat([samples, sums]), torch.cat([samples.abs(), sizes]) + mean


@lru_cache(maxsize=8)
def _signs(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    signs = torch.randint(0, 2, (min(count, _PERIOD),), generator=generator).double() * 2 - 1
    return signs.repeat(-(-count // len(signs)))[:count]
