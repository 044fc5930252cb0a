"""Files with RSMs or RDMs: npy, csv, parquet, MATLAB, HDF5 and those of rsatoolbox, as one list of matrices.

What a file itself says is kept with each matrix: names of images, subject, region, session, and whether it holds
similarities or dissimilarities. What it does not say, the reader takes from where the file lies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from menagerie.brain.formats.array_files import as_float, open_array, read_header
from menagerie.brain.names import normal, positions
from menagerie.brain.rsms.rsm_tables import read_rsm_table
from menagerie.brain.rsms.rsm_values import DISSIMILARITY, SIMILARITY, n_from_pairs, square
from menagerie.brain.user_files.not_responses import is_symmetric
from menagerie.errors import MenagerieError, unknown
from menagerie.files.paths import refuse_special

_HDF5 = b"\x89HDF\r\n\x1a\n"
_MATLAB_7_3 = b"MATLAB 7.3"
_SUBJECTS = ("subject", "subj", "sub", "participant", "subjectid", "animal", "monkey")
_REGIONS = ("roi", "region", "area", "rois", "regions")
_SESSIONS = ("session", "ses", "sess", "run", "day")
_TOOLBOX_NAME = re.compile(r"\s*\|\s*")  # "hIT | BE | Session: 1", as the RSA toolbox for MATLAB names RDMs


@dataclass(frozen=True)
class Matrix:
    """One matrix of a file.

    Attributes
    ----------
    values
        float64 ``(n, n)``; NaN on the diagonal of a condensed vector.
    where
        The file, and the place in it.
    images
        Names of the images, None where the file has none.
    kind
        "similarity" or "dissimilarity" where the file says so, else empty.
    subject, region, session
        As the file names them, else empty.
    """

    values: np.ndarray
    where: str
    images: tuple[str, ...] | None = None
    kind: str = ""
    subject: str = ""
    region: str = ""
    session: str = ""


def read_matrices(path: Path, ids: Sequence[str], variable: str = "") -> list[Matrix]:
    """Every matrix of a file.

    Parameters
    ----------
    path
        The file.
    ids
        Ids of the images: they say how many rows a matrix has, and which lists of names are those of images.
    variable
        Of MATLAB and HDF5 files, the variable or dataset that holds the matrices; empty where there is one only.

    Raises
    ------
    MenagerieError
        When the file cannot be read, or holds no matrices of images, or several of which none is named.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _from_array(open_array(path), path, str(path), len(ids))
    if suffix in (".csv", ".parquet"):
        values, images = read_rsm_table(path)
        return [replace(matrix, images=images) for matrix in _from_array(values, path, str(path), len(images or ids))]
    values = _read_values(path)
    if "dissimilarities" in values and not variable:
        return _from_rsatoolbox(values, path, ids)
    if toolbox := _from_structs(values, path, variable):
        return toolbox
    name = _choose(values, path, len(ids), variable)
    n = _dimension(np.shape(values[name]), len(ids))
    images = _image_names(values, path, ids, n)
    return [replace(matrix, images=images) for matrix in _from_array(values[name], path, f"{path}, {name}", n)]


def subject_names(path: Path, ids: Sequence[str], variable: str = "") -> list[str]:
    """Subjects of a file of several, as it names them, else ``s01``, ``s02``, ...; without its matrices.

    Raises
    ------
    MenagerieError
        As :func:`read_matrices`.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".parquet"):
        return numbered_subjects(1)
    if suffix == ".npy":
        return numbered_subjects(_count(read_header(path).shape, len(ids)))
    values = _read_values(path, shapes_only=True)
    if "dissimilarities" in values and not variable:
        count = len(np.atleast_2d(values["dissimilarities"]))
        named = [_descriptor(values, _SUBJECTS, number) for number in range(count)]
    elif structs := _from_structs(values, path, variable):
        named = [matrix.subject for matrix in structs]
    else:
        named = [""] * _count(np.shape(values[_choose(values, path, len(ids), variable)]), len(ids))
    return list(dict.fromkeys(named)) if all(named) else numbered_subjects(len(named))


def numbered_subjects(count: int) -> list[str]:
    """Names of subjects that a file does not name: ``s01``, ``s02``, ..."""
    return [f"s{number:0{max(2, len(str(count)))}d}" for number in range(1, count + 1)]


def _count(shape: Sequence[int], n: int) -> int:
    """Matrices in an array of a shape."""
    n_pairs = n * (n - 1) // 2
    if len(shape) == 3:
        return shape[0] if shape[1] == shape[2] else shape[2]
    is_stack = len(shape) == 2 and tuple(shape) != (n, n) and n_pairs in shape
    return int(np.prod(shape)) // n_pairs if is_stack else 1


def _dimension(shape: Sequence[int], n: int) -> int:
    """Images of a matrix: ``n`` where it holds vectors of their pairs, else its own number of rows."""
    if n * (n - 1) // 2 in shape or len(shape) < 2:
        return n
    return shape[-1] if shape[-1] == shape[-2] else shape[0]


def _read_values(path: Path, shapes_only: bool = False) -> Mapping[str, np.ndarray | list[str]]:
    refuse_special(path, "RSMs", "Correct the path.")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise MenagerieError(f"{path} cannot be read ({error.strerror}), expected RSMs. Correct the path.") from None
    if head[:8] == _HDF5 or head[:10] == _MATLAB_7_3 or path.suffix.lower() != ".mat":
        from menagerie.brain.formats.hdf5_files import read_hdf5

        return read_hdf5(path, shapes_only=shapes_only)
    from menagerie.brain.formats.mat_files import read_mat

    return read_mat(path)


def _from_array(values: np.ndarray, path: Path, where: str, n: int) -> list[Matrix]:
    """Matrices of an array: ``(n, n)``, a stack of these, a condensed vector, or a stack of vectors."""
    values = np.asarray(values)
    n_pairs = n * (n - 1) // 2
    shape = values.shape
    if values.ndim == 3 and shape[1] == shape[2] and (shape[0] != shape[1] or is_symmetric(values[0])):
        stack = values
    elif values.ndim == 3 and shape[0] == shape[1]:
        stack = np.moveaxis(values, 2, 0)  # as MATLAB stacks
    elif shape == (n, n) or (values.ndim == 2 and shape[0] == shape[1] != n_pairs):
        stack = values[None]
    elif n_pairs and n_pairs in shape and values.ndim <= 2:
        vectors = values.T if values.ndim == 2 and shape[1] != n_pairs else np.atleast_2d(values)
        stack = np.stack([square(as_float(vector, where)) for vector in vectors])
    else:
        raise MenagerieError(f"{where}: found shape {shape}, expected {_expected(n)}.{_hint(shape)}")
    if stack.shape[1] != n:
        raise MenagerieError(f"{where}: found matrices of {stack.shape[1]} images, expected {_expected(n)}.")
    names = [where] if len(stack) == 1 else [f"{where}, matrix {number}" for number in range(len(stack))]
    return [Matrix(as_float(matrix, name), name) for matrix, name in zip(stack, names, strict=True)]


def _expected(n: int) -> str:
    return (
        f"{n} x {n} for the {n} images, vectors of {n * (n - 1) // 2} pairs, or a stack of either. For some of the "
        "images only, save a csv or parquet file with their names"
    )


def _hint(shape: Sequence[int]) -> str:
    found = [n_from_pairs(length) for length in shape]
    return "".join(
        f" {length} values are the pairs of {n} images." for length, n in zip(shape, found, strict=True) if n
    )


def _from_rsatoolbox(values: Mapping[str, np.ndarray | list[str]], path: Path, ids: Sequence[str]) -> list[Matrix]:
    """RDMs of rsatoolbox for Python (``RDMs.save``): condensed, with descriptors of RDMs and of patterns."""
    vectors = np.atleast_2d(values["dissimilarities"])
    n = n_from_pairs(vectors.shape[-1])
    if vectors.ndim != 2 or n is None:
        raise MenagerieError(
            f"{path}: found dissimilarities of shape {vectors.shape}, expected RDMs x pairs. Save it again."
        )
    images = _pattern_names(values, path, ids, n)
    if images is None and n != len(ids):
        raise MenagerieError(
            f"{path}: found RDMs of {n} images without a pattern descriptor that names them, expected {len(ids)} "
            "images. Add pattern_descriptors={'image': names}."
        )
    matrices = []
    for number, vector in enumerate(vectors):
        told = {
            attribute: _descriptor(values, names, number)
            for attribute, names in (("subject", _SUBJECTS), ("region", _REGIONS), ("session", _SESSIONS))
        }
        where = f"{path}, RDM {number}"
        matrices.append(Matrix(square(as_float(vector, where)), where, images, DISSIMILARITY, **told))
    return matrices


def _pattern_names(
    values: Mapping[str, np.ndarray | list[str]], path: Path, ids: Sequence[str], n: int
) -> tuple[str, ...] | None:
    """Names of the images, by the pattern descriptor that holds names of images only."""
    lists = {name: _texts(entry) for name, entry in values.items() if name.startswith("pattern_descriptors/")}
    lists = {name: texts for name, texts in lists.items() if len(texts) == n and not name.endswith("/index")}
    for texts in lists.values():
        if -1 not in positions(texts, ids):
            return tuple(texts)
    _strange(lists, path, ids)
    return None


def _strange(lists: Mapping[str, Sequence[str]], path: Path, ids: Sequence[str]) -> None:
    """Refuse lists of names of which some, but not all, are names of images."""
    for name, texts in lists.items():
        found = positions(texts, ids)
        if any(position >= 0 for position in found):
            error = unknown(f"image in {path}, {name}", texts[found.index(-1)], ids)
            raise MenagerieError(f"{error} {found.count(-1)} of {len(texts)} names are no images of the stimulus set.")


def _descriptor(values: Mapping[str, np.ndarray | list[str]], names: Sequence[str], number: int) -> str:
    """What descriptors say of one RDM: its own, or one of all."""
    for group, place in (("rdm_descriptors", number), ("descriptors", 0)):
        for key, entry in values.items():
            head, _, name = key.rpartition("/")
            if head == group and name.casefold().replace("_", "") in names and len(_texts(entry)) > place:
                return _texts(entry)[place]
    return ""


def _texts(entry: np.ndarray | list[str]) -> list[str]:
    return [normal(str(value)) for value in (entry if isinstance(entry, list) else np.asarray(entry).ravel().tolist())]


def _from_structs(values: Mapping[str, np.ndarray | list[str]], path: Path, variable: str) -> list[Matrix]:
    """RDMs of the RSA toolbox for MATLAB (Nili et al. 2014): structs with the fields RDM (or RSM) and name."""
    matrices = []
    for key, entry in values.items():
        head, _, field = key.rpartition(".")
        if (
            field not in ("RDM", "RSM")
            or isinstance(entry, list)
            or (variable and re.split(r"[.\[]", key)[0] != variable)
        ):
            continue
        told = values.get(f"{head}.name", [""])
        name = told[0] if isinstance(told, list) and told else ""
        parts = [part for part in _TOOLBOX_NAME.split(normal(name)) if part]
        region, subject, session = [*parts, "", "", ""][:3] if len(parts) > 1 else ("", "", "")
        matrix = _one(entry, f"{path}, {key}{f' ({name})' if name else ''}")
        kind = DISSIMILARITY if field == "RDM" else SIMILARITY
        matrices.append(replace(matrix, kind=kind, region=region, subject=subject, session=session))
    return matrices


def _one(entry: np.ndarray, where: str) -> Matrix:
    values = np.squeeze(np.asarray(entry))
    if values.ndim == 1 and n_from_pairs(len(values)):
        return Matrix(square(as_float(values, where)), where)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise MenagerieError(
            f"{where}: found shape {values.shape}, expected a square matrix or a vector of pairs. Correct it."
        )
    return Matrix(as_float(values, where), where)


def _choose(values: Mapping[str, np.ndarray | list[str]], path: Path, n: int, variable: str) -> str:
    """Name of the array that holds the matrices."""
    arrays = {name: entry for name, entry in values.items() if isinstance(entry, np.ndarray) and entry.ndim}
    if variable:
        if variable not in arrays:
            raise unknown(f"variable of {path} (option variable of reader rsm)", variable, arrays)
        return variable
    n_pairs = n * (n - 1) // 2
    fitting = [name for name, entry in arrays.items() if entry.shape.count(n) > 1 or n_pairs in entry.shape]
    if not fitting:  # of other images perhaps, which their names may tell
        fitting = [name for name, entry in arrays.items() if _is_square(entry.shape)]
    if len(fitting) == 1:
        return fitting[0]
    shapes = ", ".join(f"{name} {arrays[name].shape}" for name in (fitting or arrays)) or "no arrays of numbers"
    raise MenagerieError(
        f"{path}: found {shapes}, expected one variable with {_expected(n)}. Name it in the option variable."
    )


def _is_square(shape: Sequence[int]) -> bool:
    """Whether an array may be a matrix, or a stack as Python or as MATLAB stacks, of more than two images."""
    return len(shape) > 1 and (shape[-1] == shape[-2] > 2 or shape[0] == shape[1] > 2)


def _image_names(
    values: Mapping[str, np.ndarray | list[str]], path: Path, ids: Sequence[str], n: int
) -> tuple[str, ...] | None:
    """The list of ``n`` texts that holds names of images only."""
    lists = {name: entry for name, entry in values.items() if isinstance(entry, list) and len(entry) == n}
    for entry in lists.values():
        if -1 not in positions(entry, ids):
            return tuple(map(normal, entry))
    _strange(lists, path, ids)
    return None
