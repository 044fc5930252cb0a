"""Pictures of a twin, and the simple statistics of them that a twin plants when nothing else is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

_GRID = 9  # corners of the colour patches of a texture


def textures(seed: int, size: int) -> Callable[[int], np.ndarray]:
    """A function that draws the texture of a number, uint8 ``(size, size, 3)``: colour clouds and one grating."""

    def draw(number: int) -> np.ndarray:
        rng = np.random.default_rng([seed, number])
        corners = rng.uniform(30, 225, size=(_GRID, _GRID, 3))
        clouds = _stretch(_stretch(corners, 0, size), 1, size)
        y, x = np.mgrid[:size, :size] / size
        angle, cycles, contrast = rng.uniform(0, np.pi), rng.uniform(4, 40), rng.uniform(5, 60)
        where = np.exp(-((x - rng.uniform()) ** 2 + (y - rng.uniform()) ** 2) / rng.uniform(0.05, 0.5))
        grating = contrast * where * np.sin(2 * np.pi * cycles * (x * np.cos(angle) + y * np.sin(angle)))
        return np.clip(clouds + grating[..., None], 1, 255).astype(np.uint8)

    return draw


def _stretch(values: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Linear interpolation of one axis to the size of a picture."""
    at = np.linspace(0, values.shape[axis] - 1, size)
    low = np.minimum(at.astype(int), values.shape[axis] - 2)
    shape = [-1 if i == axis else 1 for i in range(values.ndim)]
    part = (at - low).reshape(shape)
    return np.take(values, low, axis) * (1 - part) + np.take(values, low + 1, axis) * part


def image_statistics(picture: np.ndarray) -> Mapping[str, np.ndarray]:
    """Region -> features of a square picture: OTC mean colours of 5 x 5 patches (75), EVC contrasts of 8 x 8 (128)."""
    pixels = picture.astype(np.float32) / 255
    side = len(picture) // 5 * 5
    patches = pixels[:side, :side].reshape(5, side // 5, 5, side // 5, 3)
    grey = pixels.mean(axis=2)
    contrast = [_blocks(np.abs(np.diff(grey, axis=axis))) for axis in (0, 1)]
    return {"OTC": patches.mean(axis=(1, 3)).ravel(), "EVC": np.log(np.concatenate(contrast) + 1e-4)}


def _blocks(values: np.ndarray) -> np.ndarray:
    """Means over an 8 x 8 grid, ``(64,)``."""
    size = min(values.shape) // 8
    return values[: 8 * size, : 8 * size].reshape(8, size, 8, size).mean(axis=(1, 3)).ravel()
