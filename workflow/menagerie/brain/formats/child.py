"""Parsing in a child process: the libraries for MATLAB and HDF5 files can crash or hang on a damaged one.

The file's content goes in, arrays of numbers and lists of texts come out, each with its name; nothing is pickled. Time
and memory of the child are limited.
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

import menagerie
from menagerie.errors import MenagerieError
from menagerie.files.paths import refuse_special

Values = Mapping[str, "np.ndarray | list[str]"]
_MEMORY = 8 << 30  # bytes of address space: a small file may ask for any size
_SECONDS, _BYTES_A_SECOND = 20.0, 10e6
_MOST = 200_000  # values in nested structs, cells and groups
_REFUSED = 3  # exit code for a problem with a message of its own


def parse_in_child(path: str | Path, kind: str, **options: object) -> dict[str, np.ndarray | list[str]]:
    """Every array of numbers and list of texts in a file, by name.

    Parameters
    ----------
    path
        The file.
    kind
        "mat" or "hdf5".
    options
        Of the parser.

    Raises
    ------
    MenagerieError
        When the file is missing or damaged, or its parser crashes or does not come to an end.
    """
    expected = {"mat": "a MATLAB file", "hdf5": "an HDF5 file"}[kind]
    refuse_special(Path(path), expected, "Correct the path.")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise MenagerieError(
            f"{path} cannot be read ({error.strerror}), expected {expected}. Correct the path."
        ) from None
    environment = os.environ | {"PYTHONPATH": str(Path(menagerie.__file__).parents[1])}
    command = [sys.executable, "-m", __name__, kind, json.dumps(options)]
    seconds = _SECONDS + len(data) / _BYTES_A_SECOND
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=seconds, env=environment)
        lines = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    except subprocess.TimeoutExpired:
        done, lines = None, [f"no end after {seconds:.0f} s"]
    if done is None or done.returncode:
        if done is not None and done.returncode == _REFUSED:
            raise MenagerieError(f"{path}: {lines[0] if lines else 'it was refused. Save it again.'}")
        found = lines[0][:200] if lines else f"its parser ended with {done.returncode}"
        raise MenagerieError(f"{path} cannot be read ({found}), expected {expected}. Save or fetch the file again.")
    return _unpack(done.stdout)


def _pack(values: Values) -> bytes:
    """A npz archive; of an array that repeats one number (:func:`numpy.broadcast_to`) only its shape."""
    packed, names = {}, []
    for number, (name, value) in enumerate(values.items()):
        array = np.asarray(value, dtype=str) if isinstance(value, list) else value
        is_bare = array.size > 1 and not any(array.strides)
        names.append([name, list(array.shape) if is_bare else None])
        packed[str(number)] = array[(0,) * array.ndim] if is_bare else array
    buffer = io.BytesIO()
    np.savez(buffer, names=np.frombuffer(json.dumps(names).encode(), dtype=np.uint8), **packed)
    return buffer.getvalue()


def _unpack(content: bytes) -> dict[str, np.ndarray | list[str]]:
    found: dict[str, np.ndarray | list[str]] = {}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for number, (name, shape) in enumerate(json.loads(bytes(arrays["names"]).decode())):
            value = arrays[str(number)]
            if value.dtype.kind == "U":
                found[name] = [str(text) for text in value.ravel().tolist()]
            else:
                found[name] = value if shape is None else np.broadcast_to(value, shape)
    return found


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return _REFUSED


def main() -> int:
    """The child: a file from standard input, a npz archive to standard output."""
    with suppress(OSError, ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    kind, options = sys.argv[1], json.loads(sys.argv[2])
    if kind == "mat":
        from menagerie.brain.formats.mat_files import parse
    else:
        from menagerie.brain.formats.hdf5_files import parse
    found: dict[str, np.ndarray | list[str]] = {}
    try:
        for name, value in parse(io.BytesIO(sys.stdin.buffer.read()), **options):
            found[name] = value
            if len(found) > _MOST:
                return _refuse(f"found more than {_MOST} values, expected matrices. Save it again.")
    except MenagerieError as error:
        return _refuse(str(error))
    sys.stdout.buffer.write(_pack(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
