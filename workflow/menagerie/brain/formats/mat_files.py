"""MATLAB files of version 4 to 7, parsed in a child process (:mod:`menagerie.brain.formats.child`).

A value inside structs and cells is named by its path, as MATLAB writes it but counted from 0: ``RDMs[3].name``. Files
of version 7.3 are HDF5 (:mod:`menagerie.brain.formats.hdf5_files`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from menagerie.brain.formats.child import parse_in_child
from menagerie.errors import MenagerieError


def read_mat(path: str | Path, variables: Sequence[str] = ()) -> dict[str, np.ndarray | list[str]]:
    """Arrays of numbers, and texts as lists, of a MATLAB file; of all variables, or of some.

    Raises
    ------
    MenagerieError
        When the file is missing, damaged, or of version 7.3.
    """
    return parse_in_child(path, "mat", variables=list(variables))


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
            f"{path} has no variable '{variable}' with fields {', '.join(fields)}, expected one. Save or fetch the "
            "file again."
        )
    return found


def parse(stream: BinaryIO, variables: Sequence[str] = ()) -> Iterator[tuple[str, np.ndarray | list[str]]]:
    """Every array of numbers or text, by its path; for the child process only, since scipy may crash."""
    from scipy.io import loadmat

    content = loadmat(stream, variable_names=list(variables) or None, chars_as_strings=True, squeeze_me=True)
    for variable, value in content.items():
        if not variable.startswith("__"):
            yield from _flatten(value, variable)


def _flatten(value: object, name: str) -> Iterator[tuple[str, np.ndarray | list[str]]]:
    array = np.asarray(value)
    if array.dtype.names:
        for place, element in enumerate(np.atleast_1d(array).ravel()):
            for field in array.dtype.names:
                yield from _flatten(element[field], f"{name}[{place}].{field}")
    elif array.dtype == object:
        cells = [np.asarray(cell) for cell in array.ravel()]
        if cells and all(cell.dtype.kind == "U" for cell in cells):
            yield name, ["".join(cell.ravel()) for cell in cells]
        else:
            for place, cell in enumerate(cells):
                yield from _flatten(cell, f"{name}[{place}]")
    elif array.dtype.kind == "U":
        yield name, [str(text) for text in np.atleast_1d(array).ravel()]
    elif array.dtype.kind in "biuf":
        yield name, array.astype(array.dtype.newbyteorder("="))
