"""HDF5 files of users, MATLAB's version 7.3 among them: arrays of numbers and texts by path, and nothing else.

A file may hold links to other files, and small files may ask for any amount of memory: neither is followed or granted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

from menagerie.brain.formats.child import parse_in_child
from menagerie.errors import MenagerieError

_BYTES = 4 << 30  # of one array
_REMEDY = "Save it again."


def read_hdf5(path: str | Path, *, shapes_only: bool = False) -> dict[str, np.ndarray | list[str]]:
    """Arrays of numbers, and texts as lists, by path; attributes too. Paths inside MATLAB's structs and cells are as in
    :func:`menagerie.brain.formats.mat_files.read_mat`, its arrays in the order of its file (last axis
    first). With ``shapes_only``, arrays of two dimensions and more have the right shape, and NaN in place of numbers.

    Raises
    ------
    MenagerieError
        When the file is missing or damaged, holds links to other files, or asks for too much memory.
    """
    return parse_in_child(path, "hdf5", shapes_only=shapes_only)


def parse(stream: BinaryIO, shapes_only: bool = False) -> Iterator[tuple[str, np.ndarray | list[str]]]:
    """Every array of numbers or text, by its path; for the child process only, since HDF5 may hang.

    Raises
    ------
    MenagerieError
        When the file holds links to other files, or asks for too much memory.
    """
    with h5py.File(stream, "r") as file:
        yield from _Walk(file, shapes_only).group(file, "", set())


class _Walk:
    """Goes through a file, and yields every array and text by its path."""

    def __init__(self, file: h5py.File, shapes_only: bool):
        self.file = file
        self.shapes_only = shapes_only

    def group(self, group: h5py.Group, prefix: str, seen: set) -> Iterator[tuple[str, np.ndarray | list[str]]]:
        key = (h5py.h5o.get_info(group.id).fileno, h5py.h5o.get_info(group.id).addr)
        if key in seen:
            return  # a link back to a group above
        seen = seen | {key}
        yield from _attributes(group, prefix)
        for name in group:
            if name.startswith("#"):
                continue  # MATLAB keeps there what its cells refer to
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise MenagerieError(
                    f"found a link to another file ('{name}'), expected the matrices themselves. {_REMEDY}"
                )
            item = group.get(name)
            if item is None:
                continue  # a link to nothing
            path = f"{prefix}{name}"
            if isinstance(item, h5py.Group):
                yield from self.group(item, f"{path}/" if "MATLAB_class" not in item.attrs else f"{path}.", seen)
            elif isinstance(item, h5py.Dataset):
                yield from self.values(item, path, seen)

    def values(self, item: h5py.Dataset, path: str, seen: set) -> Iterator[tuple[str, np.ndarray | list[str]]]:
        if item.shape is None:
            return
        if item.is_virtual or item.external:
            raise MenagerieError(f"dataset '{path}' lies in another file, expected the matrices themselves. {_REMEDY}")
        if item.size * max(item.dtype.itemsize, 1) > _BYTES:
            raise MenagerieError(
                f"dataset '{path}' asks for {item.size * item.dtype.itemsize / 1e9:.1f} GB (shape {item.shape}), "
                f"expected RSMs. {_REMEDY}"
            )
        kind = item.attrs.get("MATLAB_class", b"")
        kind = kind.decode() if isinstance(kind, bytes) else str(kind)
        if h5py.check_ref_dtype(item.dtype) is h5py.Reference:
            yield from self.references(item, path, seen)
        elif kind == "char":
            yield path, ["".join(map(chr, np.asarray(item[()]).ravel().tolist()))]
        elif h5py.check_string_dtype(item.dtype) is not None:
            yield path, [text.decode(errors="replace") for text in np.atleast_1d(item[()]).astype("S").ravel().tolist()]
        elif item.dtype.kind in "biuf" and "MATLAB_empty" not in item.attrs:
            is_bare = self.shapes_only and item.ndim > 1
            yield path, np.broadcast_to(np.nan, item.shape) if is_bare else np.asarray(item[()])

    def references(self, item: h5py.Dataset, path: str, seen: set) -> Iterator[tuple[str, np.ndarray | list[str]]]:
        """A MATLAB cell, or one field of an array of structs: ``name[i]``, and for a field ``struct[i].field``."""
        parent, dot, field = path.rpartition(".")
        texts, entries = [], []
        # MATLAB counts down the columns, which are rows here.
        for place, reference in enumerate(np.asarray(item[()]).ravel()):
            if not reference:
                continue
            target = self.file[reference]
            name = f"{parent}[{place}].{field}" if dot else f"{path}[{place}]"
            if isinstance(target, h5py.Group):
                entries += list(self.group(target, f"{name}.", seen))
                continue
            found = list(self.values(target, name, seen))
            entries += found
            texts += [value[0] for _, value in found if isinstance(value, list) and len(value) == 1]
        if not dot and texts and len(texts) == item.size:
            yield path, texts
        else:
            yield from entries


def _attributes(group: h5py.Group, prefix: str) -> Iterator[tuple[str, list[str]]]:
    for name, value in group.attrs.items():
        if not name.startswith("MATLAB") and isinstance(value, str | bytes):
            yield f"{prefix}{name}", [value.decode(errors="replace") if isinstance(value, bytes) else value]
