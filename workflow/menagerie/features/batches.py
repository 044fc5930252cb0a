"""How many images a network sees at once."""

from __future__ import annotations

CPU_BATCH = 8
"""Larger activations exceed the 32 MB above which glibc maps, and the system clears, every block anew."""
GPU_BATCH = 32


def images_per_batch(batch_size: int | None, device: str) -> int:
    """Images of a forward pass: config key ``images.batch_size``, or what suits the kind of device ("cpu", others)."""
    return batch_size or (CPU_BATCH if device == "cpu" else GPU_BATCH)
