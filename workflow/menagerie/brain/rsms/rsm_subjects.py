"""RSMs of all subjects of a user's folder: which file is whose, and each matrix in the order of the images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menagerie.brain.names import is_system_file, natural_key, order_remark, pairs_by_order, positions
from menagerie.brain.remarks import Remark, plain
from menagerie.brain.rsms.rsm_values import AUTO, to_rsm
from menagerie.brain.user_files.image_folder import MIN_IMAGES, ORDER
from menagerie.errors import MenagerieError, unknown

SUFFIXES = (".npy", ".csv", ".parquet", ".mat", ".h5", ".hdf5")
_SESSION = re.compile(r"(?P<region>.+?)[_-](?:session|ses|sess)[_-]?(?P<number>\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class RsmFile:
    """One file.

    Attributes
    ----------
    path
        The file.
    subject
        Whose folder it lies in; empty for a file of several subjects.
    region, session
        As its name says.
    """

    path: Path
    subject: str
    region: str
    session: str = ""


@dataclass(frozen=True)
class Rsm:
    """One RSM of one subject, region and session.

    Attributes
    ----------
    values
        float64 ``(n, n)``, in the order of the stimulus set.
    rows
        int ``(n,)``: position of each image in the stimulus set, ascending.
    session
        Name of the session, may be empty.
    kind
        What the file holds: "similarity" or "dissimilarity".
    where
        The file, and the place in it.
    """

    values: np.ndarray
    rows: np.ndarray
    session: str
    kind: str
    where: str


Rsms = Mapping[str, Mapping[str, list[Rsm]]]  # region -> subject -> sessions


def list_files(folder: Path) -> list[RsmFile]:
    """Files of RSMs: ``<subject>/<region>.*``, or ``<region>.*`` with several subjects each; in fixed order.

    Raises
    ------
    MenagerieError
        When there are none, both ways are used, or a file is of an unknown kind.
    """
    shared = [RsmFile(path, "", *_region(path)) for path in _data_files(folder)]
    single = [
        RsmFile(path, place.name, *_region(path))
        for place in sorted(folder.iterdir())
        if place.is_dir() and place.name != "images" and not is_system_file(place.name)
        for path in _data_files(place)
    ]
    if shared and single:
        raise MenagerieError(
            f"{folder} holds {shared[0].path.name} and {single[0].subject}/{single[0].path.name}, expected either one "
            "file a region with all subjects, or folders of subjects. Move the files."
        )
    if not shared and not single:
        found = (
            ", ".join(sorted(path.name for path in folder.iterdir() if not is_system_file(path.name))[:5]) or "nothing"
        )
        raise MenagerieError(
            f"{folder} has no RSMs, found {found}, expected files such as anna/IT.npy ({', '.join(SUFFIXES)}). See "
            "docs/add-a-dataset.md."
        )
    return shared or single


def _data_files(place: Path) -> list[Path]:
    files = [
        path for path in place.iterdir() if path.is_file() and not is_system_file(path.name) and path.name != ORDER
    ]
    if pickled := [path for path in files if path.suffix.lower() in (".pkl", ".pickle", ".npz")]:
        raise MenagerieError(
            f"{pickled[0]}: found a file that may hold code or is packed, expected {', '.join(SUFFIXES)}. Save it as "
            "hdf5 (rsatoolbox: rdms.save(path, file_type='hdf5')) or npy."
        )
    return sorted((path for path in files if path.suffix.lower() in SUFFIXES), key=lambda path: natural_key(path.name))


def _region(path: Path) -> tuple[str, str]:
    """Region and session of a file's name: ``IT.npy``, ``IT_session2.npy``."""
    found = _SESSION.fullmatch(path.stem)
    return (found["region"], found["number"]) if found else (path.stem, "")


def list_subjects(files: Sequence[RsmFile], ids: Sequence[str], variable: str) -> tuple[str, ...]:
    """Names of all subjects, without reading matrices where the format allows.

    Raises
    ------
    MenagerieError
        When a file with several subjects cannot be read.
    """
    if files[0].subject:
        return tuple(dict.fromkeys(file.subject for file in files))
    from menagerie.brain.rsms.rsm_files import subject_names

    return tuple(dict.fromkeys(name for file in files for name in subject_names(file.path, ids, variable)))


def read_rsms(files: Sequence[RsmFile], ids: Sequence[str], stated: str, variable: str) -> tuple[Rsms, list[Remark]]:
    """RSMs of all files by region and subject, and what deserves a look.

    Parameters
    ----------
    files
        As :func:`list_files` lists them.
    ids
        Ids of the stimulus set, in its order.
    stated
        "similarity", "dissimilarity" or "auto".
    variable
        Of MATLAB and HDF5 files, the variable with the matrices; may be empty.

    Raises
    ------
    MenagerieError
        When a file cannot be read, or a matrix is no RSM of these images.
    """
    found: dict[str, dict[str, list[Rsm]]] = {}
    remarks: list[Remark] = []
    for file in files:
        by_order = _read_file(file, ids, stated, variable, found)
        if by_order:
            remarks += [pairs_by_order(ids, str(file.path)), *order_remark(ids, str(file.path))]
    kinds = {rsm.kind: rsm.where for subjects in found.values() for rsms in subjects.values() for rsm in rsms}
    for kind, where in kinds.items() if stated == AUTO else ():
        held = "similarities" if kind == "similarity" else "dissimilarities"
        remarks.append(plain(f"{where} is read as {held}.", "Set option kind if it is not so."))
    return found, remarks


def _read_file(
    file: RsmFile, ids: Sequence[str], stated: str, variable: str, found: dict[str, dict[str, list[Rsm]]]
) -> bool:
    """Add the matrices of a file to what was found; whether they were matched with images by order alone."""
    from menagerie.brain.rsms.rsm_files import numbered_subjects, read_matrices

    matrices = read_matrices(file.path, ids, variable)
    named = [matrix.subject for matrix in matrices]
    if file.subject and len(set(named)) > 1:
        raise MenagerieError(
            f"{file.path}: found RSMs of {', '.join(dict.fromkeys(named))}, expected those of {file.subject} only. "
            f"Move a file with several subjects to {file.path.parents[1]}."
        )
    numbered = numbered_subjects(len(matrices))
    for number, matrix in enumerate(matrices):
        subject = file.subject or (matrix.subject if all(named) else numbered[number])
        if stated != AUTO and matrix.kind and matrix.kind != stated:
            raise MenagerieError(
                f"{matrix.where}: the file says that it holds {matrix.kind} values, option kind says {stated}, "
                "expected the same. Leave the option out."
            )
        rows = _rows(matrix.images, ids, file.path)
        order = np.argsort(rows)
        values, kind = to_rsm(matrix.values[np.ix_(order, order)], matrix.kind or stated, matrix.where)
        rsm = Rsm(values, rows[order], matrix.session or file.session, kind, matrix.where)
        found.setdefault(matrix.region or file.region, {}).setdefault(subject, []).append(rsm)
    return any(matrix.images is None for matrix in matrices)


def _rows(images: Sequence[str] | None, ids: Sequence[str], path: Path) -> np.ndarray:
    """Position in the stimulus set of every row of a matrix."""
    if images is None:
        return np.arange(len(ids))
    rows = positions(images, ids)
    if -1 in rows:
        raise MenagerieError(
            f"{unknown(f'image in {path}', images[rows.index(-1)], ids)} {rows.count(-1)} of {len(rows)} names are no "
            "images of the stimulus set."
        )
    if len(set(rows)) < len(rows):
        raise MenagerieError(f"{path}: two rows name the same image, expected each once. Correct the names.")
    if len(rows) < MIN_IMAGES:
        raise MenagerieError(f"{path} names {len(rows)} images; at least {MIN_IMAGES} are needed. Add images.")
    return np.array(rows)


def common_rows(rsms: Sequence[Rsm]) -> np.ndarray:
    """Rows of matrices that must be of the same images.

    Raises
    ------
    MenagerieError
        When two matrices are of different images.
    """
    for rsm in rsms[1:]:
        if not np.array_equal(rsm.rows, rsms[0].rows):
            raise MenagerieError(
                f"{rsm.where}: found {len(rsm.rows)} images, expected the {len(rsms[0].rows)} of {rsms[0].where}: one "
                "subject's regions and sessions must be of the same images. Leave out those that are not in all."
            )
    return rsms[0].rows


def sub_rsm(rsm: np.ndarray, rows: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """Part of an RSM over ``rows`` that is over the ``wanted`` ones; None where one is missing."""
    if not np.isin(wanted, rows).all():
        return None
    places = np.searchsorted(rows, wanted)
    return rsm[np.ix_(places, places)]
