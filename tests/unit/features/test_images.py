"""Images are prepared in order, ahead, and once where they fit into memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.errors import MenagerieError
from menagerie.features.image_loader import ImageLoader

N = 7


@pytest.fixture
def stimuli(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (N, 5, 6, 3), dtype=np.uint8)
    write_stimuli(tmp_path / "seven.h5", pixels, [f"image{number}" for number in range(N)], {})
    return Stimuli(tmp_path / "seven.h5"), pixels


class Counting:
    """A transform that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, image):
        self.calls += 1
        return torch.from_numpy(image).permute(2, 0, 1).float() / 255


def read_all(loader, size):
    return torch.cat([loader[start : start + size] for start in range(0, len(loader), size)])


@pytest.mark.parametrize("size", [1, 3, N, 20])
def test_batches_are_the_transformed_images(stimuli, size):
    source, pixels = stimuli
    loader = ImageLoader(source, Counting())
    expected = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    for _ in range(3):
        assert torch.equal(read_all(loader, size), expected)
    assert len(loader) == N
    assert torch.equal(loader[4:6], expected[4:6])


def test_small_sets_are_prepared_once(stimuli):
    transform = Counting()
    loader = ImageLoader(stimuli[0], transform)
    for _ in range(3):
        read_all(loader, 3)
    assert transform.calls == N


def test_large_sets_are_prepared_anew(stimuli):
    transform = Counting()
    loader = ImageLoader(stimuli[0], transform, cache_bytes=100)
    for _ in range(2):
        read_all(loader, 3)
    assert transform.calls >= 2 * N


def test_images_of_several_sizes_are_named(tmp_path):
    sizes = [(4, 4), (4, 4), (5, 4)]
    write_stimuli(tmp_path / "s.h5", [np.zeros((*size, 3), np.uint8) for size in sizes], ["a", "b", "c"], {})
    loader = ImageLoader(Stimuli(tmp_path / "s.h5"), Counting())
    with pytest.raises(MenagerieError, match=r"image 'c': expected torch.float32 \(3, 4, 4\), found .* \(3, 5, 4\)"):
        loader[0:3]


@pytest.mark.parametrize("cache_bytes", [0, 2**20])
def test_several_workers_prepare_the_same_batches(stimuli, cache_bytes):
    loader = ImageLoader(stimuli[0], Counting(), workers=3, cache_bytes=cache_bytes)
    expected = torch.from_numpy(stimuli[1]).permute(0, 3, 1, 2).float() / 255
    for _ in range(2):
        assert torch.equal(read_all(loader, 3), expected)
