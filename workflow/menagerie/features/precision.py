"""Number formats of the forward pass. Everything after it is in single and double precision throughout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from menagerie.errors import unknown

FORMATS: dict[str, torch.dtype | None] = {
    "float32": None,
    "tf32": None,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
"""``tf32`` concerns NVIDIA GPUs only; elsewhere it is float32."""


def check_precision(precision: str) -> None:
    """Refuse a name that is not among :data:`FORMATS`.

    Raises
    ------
    MenagerieError
        Naming the nearest format.
    """
    if precision not in FORMATS:
        raise unknown("precision", precision, FORMATS)


@contextmanager
def forward_precision(precision: str, device: torch.device) -> Iterator[None]:
    """Run a forward pass in this format.

    PyTorch lets convolutions on a GPU use TF32 unless told otherwise, which would make results depend on the device.
    """
    operations = (torch.backends.cudnn.conv, torch.backends.cuda.matmul)
    former = [operation.fp32_precision for operation in operations]
    dtype = FORMATS[precision]
    try:
        for operation in operations:
            operation.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            yield
    finally:
        for operation, value in zip(operations, former, strict=True):
            operation.fp32_precision = value
