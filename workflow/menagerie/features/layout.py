"""Where the images lie in a tensor: the axis that runs over them, and what of each image follows one another there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from menagerie.files.inventory import LayerInfo


@dataclass(frozen=True)
class Layout:
    """Images lie along one axis, alone (``run`` 1) or together with other entries of theirs.

    An axis of ``outer * n * run`` entries holds ``run`` entries of the first image, ``run`` of the second, and so on,
    and all of that ``outer`` times: Swin's windows are ``run`` of an axis 0, flattened tokens that come first are
    ``outer``.

    Attributes
    ----------
    axis
        The axis; 0 in most networks, 1 where tokens come first.
    run
        Entries of one image that follow one another along it.
    """

    axis: int = 0
    run: int = 1

    @classmethod
    def of(cls, info: LayerInfo) -> Layout:
        """The layout that an inventory has for a layer."""
        return cls(info.axis, info.run)


def per_image(output: Tensor, n_images: int, layout: Layout = Layout()) -> Tensor | None:
    """Features as ``(n_images, n_features)``; None where the tensor has no such layout.

    With one image everything is its own, whichever axes the network has squeezed.
    """
    if output.numel() == 0 or output.is_sparse or output.is_nested:
        return None
    output = output.dequantize() if output.is_quantized else output
    if n_images == 1:
        return output.reshape(1, -1)
    if output.dim() <= layout.axis or output.shape[layout.axis] % (n_images * layout.run):
        return None
    outer = output.shape[layout.axis] // (n_images * layout.run)
    if layout.axis > 0 or outer > 1:
        output = output.unflatten(layout.axis, (outer, n_images, layout.run)).movedim(layout.axis + 1, 0)
    return output.reshape(n_images, -1)


def shape_of_image(shape: Sequence[int], n_images: int, layout: Layout) -> tuple[int, ...]:
    """Shape of what one image has in a tensor of this shape; entries that share the images' axis come as one axis."""
    entries = shape[layout.axis] // n_images
    rest = (*shape[: layout.axis], *shape[layout.axis + 1 :])
    own = (*shape[: layout.axis], entries, *shape[layout.axis + 1 :])
    return tuple(own if entries > 1 or not rest else rest)


def layouts(shape: Sequence[int], n: int, other_shape: Sequence[int], other_n: int) -> list[Layout]:
    """Layouts that fit a tensor's shapes for two numbers of images, the likeliest first.

    A network that squeezes the axis of a single image changes the number of axes; then every axis of several images
    is possible along which they fit.

    Parameters
    ----------
    shape
        Shape for ``n`` images, of whose layouts these are.
    n
        Two or more.
    other_shape, other_n
        The same for another number of images.
    """
    axes = [axis for axis, size in enumerate(shape) if size and size % n == 0]
    if len(shape) == len(other_shape):
        grows = [axis for axis, (size, other) in enumerate(zip(shape, other_shape, strict=True)) if size != other]
        axes = [axis for axis in axes if grows == [axis] and shape[axis] * other_n == other_shape[axis] * n]
    elif other_n > 1 or math.prod(shape) != n * math.prod(other_shape):
        axes = []
    found = []
    for axis in axes:
        entries = shape[axis] // n
        divisors = [run for run in range(entries, 0, -1) if entries % run == 0]
        found += [Layout(axis, run) for run in dict.fromkeys([entries, 1, *divisors])]
    return found
