"""The child process of :mod:`menagerie.brain.formats.mat_files`: a MATLAB file comes in, plain arrays go out.

It imports nothing of this package, so that it starts fast wherever the package lies.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from scipy.io import loadmat

_MEMORY = 8 << 30  # bytes of address space: a small file may ask for any size
_MOST = 200_000  # values in nested structs and cells


def flatten(value: object, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Every array of numbers or text inside a value, by its path."""
    array = np.asarray(value)
    if array.dtype.names:
        for place, element in enumerate(np.atleast_1d(array).ravel()):
            for field in array.dtype.names:
                yield from flatten(element[field], f"{name}[{place}].{field}")
    elif array.dtype == object:
        cells = [np.asarray(cell) for cell in array.ravel()]
        if cells and all(cell.dtype.kind == "U" for cell in cells):
            yield name, np.array(["".join(cell.ravel()) for cell in cells], dtype=str)
        else:
            for place, cell in enumerate(cells):
                yield from flatten(cell, f"{name}[{place}]")
    elif array.dtype.kind == "U":
        yield name, np.atleast_1d(array).ravel()
    elif array.dtype.kind in "biuf":
        yield name, array.astype(array.dtype.newbyteorder("="))


def main() -> None:
    """Read a file from standard input; write a npz archive to standard output."""
    with suppress(OSError, ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    wanted = json.loads(sys.argv[1]) or None
    content = loadmat(
        io.BytesIO(sys.stdin.buffer.read()), variable_names=wanted, chars_as_strings=True, squeeze_me=True
    )
    names, arrays = [], []
    for variable, value in content.items():
        if not variable.startswith("__"):
            for name, array in flatten(value, variable):
                names.append(name)
                arrays.append(array)
                if len(names) > _MOST:
                    raise ValueError(f"more than {_MOST} values")
    packed = {str(number): array for number, array in enumerate(arrays)}
    buffer = io.BytesIO()
    np.savez(buffer, names=np.frombuffer(json.dumps(names).encode(), dtype=np.uint8), **packed)
    sys.stdout.buffer.write(buffer.getvalue())


if __name__ == "__main__":
    main()
