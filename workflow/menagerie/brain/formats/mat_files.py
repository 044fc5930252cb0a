"""MATLAB files, read in a child process: scipy's parser can crash on a damaged file, which must not end a run.

The child sends back plain arrays and texts. A value inside structs and cells is named by its path, as MATLAB writes it
but counted from 0: ``RDMs[3].name``. Files of version 7.3 are HDF5 (:mod:`menagerie.brain.formats.hdf5_files`).
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from menagerie.errors import MenagerieError

if TYPE_CHECKING:  # never imported here, but its code and packages are part of what a result was made with
    from menagerie.brain.formats import mat_child  # noqa: F401

_CHILD = Path(__file__).with_name("mat_child.py")
_SECONDS = 120
_REMEDY = "Save or fetch the file again."


def read_mat(path: str | Path, variables: Sequence[str] = ()) -> dict[str, np.ndarray | list[str]]:
    """Arrays of numbers, and texts as lists, of a MATLAB file of version 4 to 7.

    Parameters
    ----------
    path
        The file.
    variables
        Names of the variables to read; empty for all.

    Raises
    ------
    MenagerieError
        When the file is missing, damaged, or of version 7.3.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MenagerieError(f"{path} cannot be read ({error.strerror}), expected a MATLAB file. {_REMEDY}") from None
    # -P: the child must not find modules of this folder instead of installed ones.
    command = [sys.executable, "-P", str(_CHILD), json.dumps(list(variables))]
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise MenagerieError(f"{path} cannot be read within {_SECONDS} s: the file is damaged. {_REMEDY}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [
            f"the reader ended with {done.returncode}"
        ]
        raise MenagerieError(f"{path} cannot be read ({said[0][:200]}), expected a MATLAB file. {_REMEDY}")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
        names = json.loads(bytes(arrays["names"]).decode())
        return {
            name: arrays[str(number)].tolist() if arrays[str(number)].dtype.kind == "U" else arrays[str(number)]
            for number, name in enumerate(names)
        }


def read_structs(path: str | Path, variable: str, *fields: str) -> list[dict[str, np.ndarray | str]]:
    """Elements of an array of structs that have all of some fields, each as field -> array or text.

    Raises
    ------
    MenagerieError
        As :func:`read_mat`, and when there is no such element.
    """
    elements: dict[str, dict[str, np.ndarray | str]] = {}
    for key, value in read_mat(path, (variable,)).items():
        head, _, field = key.rpartition(".")
        if field in fields:
            elements.setdefault(head, {})[field] = value[0] if isinstance(value, list) else value
    found = [element for element in elements.values() if set(element) == set(fields)]
    if not found:
        raise MenagerieError(
            f"{path} has no variable '{variable}' with fields {', '.join(fields)}, expected one. {_REMEDY}"
        )
    return found
