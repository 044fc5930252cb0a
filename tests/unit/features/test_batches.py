"""Images of a forward pass, by device."""

from __future__ import annotations

from menagerie.features.batches import images_per_batch


def test_images_per_batch() -> None:
    assert [images_per_batch(None, "cpu"), images_per_batch(None, "cuda"), images_per_batch(5, "cpu")] == [8, 32, 5]
