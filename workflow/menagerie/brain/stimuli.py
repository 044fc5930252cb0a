"""The stimulus set: images and their ids in one file, in the order that fixes the train/test split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np

from menagerie.brain.folds import Fold, folds_or_default
from menagerie.brain.remarks import Remark
from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic

FORMAT = "menagerie-stimuli/1"
NEW = "new/"
# What h5py raises for a damaged file, a missing entry, or an entry of another kind.
DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError)


def pixel_digest(pixels: np.ndarray) -> str:
    """Digest of an image's size and pixels."""
    return sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def duplicate_remarks(digests: Sequence[str], ids: Sequence[str], folds: Sequence[Fold] = ()) -> list[Remark]:
    """Remarks on images with identical pixels: in both parts of a fold (by default, of even_odd), or elsewhere.

    ``digests`` are those of the images' pixels, in the order of ``ids``.
    """
    groups: dict[str, list[str]] = {}
    for image, digest in zip(ids, digests, strict=True):
        groups.setdefault(digest, []).append(image)
    same = [group for group in groups.values() if len(group) > 1]
    divided: dict[str, list[list[str]]] = {}
    for fold in folds_or_default(folds, ids):
        train, test = set(fold.train), set(fold.test)
        divided[fold.key] = [group for group in same if train.intersection(group) and test.intersection(group)]
    both = [group for group in same if any(group in found for found in divided.values())]
    remarks = [
        _same_photograph(found, f"in both parts of fold {key}", "The parts are then not independent: keep one of them.")
        for key, found in divided.items()
        if found
    ]
    if rest := [group for group in same if group not in both]:
        remarks.append(_same_photograph(rest, "in one part", "Keep one of them, or average their responses."))
    return remarks


def _same_photograph(groups: Sequence[Sequence[str]], where: str, advice: str) -> Remark:
    names = ", ".join(groups[0][:3])
    more = f" (and {len(groups) - 1} more such groups)" if len(groups) > 1 else ""
    return Remark(f"images {names} are the same photograph, pixel by pixel, {where}{more}.", advice)


def write_stimuli(
    path: str | Path, images: Iterable[np.ndarray], image_ids: Iterable[str], provenance: dict[str, str]
) -> None:
    """Write RGB images, uint8 ``(h, w, 3)`` each, sizes may differ; the file appears only when whole.

    Raises
    ------
    MenagerieError
        When an image is not uint8 RGB, ids repeat, or counts differ.
    """
    ids = [str(image_id) for image_id in image_ids]
    if len(set(ids)) != len(ids):
        raise MenagerieError(f"Stimulus set {path}: image ids repeat; each image needs its own id.")
    shapes, digest = [], sha256()
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update({"format": FORMAT, **provenance})
        pixels = file.create_dataset(
            "pixels", shape=(0,), maxshape=(None,), dtype="u1", chunks=(1 << 18,), compression="lzf", fletcher32=True
        )
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise MenagerieError(
                    f"Stimulus set {path}, image {len(shapes)}: expected uint8 height x width x 3, "
                    f"found {image.dtype} {image.shape}. Convert it to 8-bit RGB."
                )
            start = pixels.shape[0]
            pixels.resize((start + image.size,))
            pixels[start:] = image.ravel()
            digest.update(np.ascontiguousarray(image))
            shapes.append(image.shape[:2])
        if len(shapes) != len(ids):
            raise MenagerieError(f"Stimulus set {path}: {len(shapes)} images but {len(ids)} ids.")
        file["shapes"] = np.array(shapes, dtype=np.int64).reshape(-1, 2)
        file.create_dataset("image_ids", data=np.array(ids, dtype=object), dtype=h5py.string_dtype())
        digest.update(str([ids, shapes]).encode())
        file.attrs["fingerprint"] = digest.hexdigest()[:16]


def read_provenance(path: str | Path) -> dict[str, str]:
    """Provenance of a stimulus set, without reading its images."""
    with h5py.File(path, "r") as file:
        return {key: str(value) for key, value in file.attrs.items() if key != "format"}


class Stimuli:
    """Read access to a stimulus set: a sequence of uint8 ``(h, w, 3)`` arrays.

    Raises
    ------
    MenagerieError
        When the file cannot be opened or is no stimulus set.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self._file = h5py.File(self.path, "r")
            if self._file.attrs.get("format") != FORMAT:
                raise MenagerieError(f"{path} is not a stimulus set of format '{FORMAT}'. Delete it and rerun.")
            self.fingerprint = str(self._file.attrs.get("fingerprint", ""))  # of pixels and ids
            self.made_from = str(self._file.attrs.get("made_from", ""))
            self.image_ids: np.ndarray = self._file["image_ids"].asstr()[:]
            self._shapes = self._file["shapes"][:]
            self._ends = np.cumsum(self._shapes.prod(axis=1) * 3)
        except DAMAGE as error:
            raise MenagerieError(f"Stimulus set {path} cannot be read ({error}). Delete it and rerun.") from error

    @property
    def origin(self) -> tuple[str, dict]:
        """Name, and what files made from this set say of it (:mod:`menagerie.provenance.lineage`)."""
        return f"Stimulus set {self.path}", {"made_from": self.made_from, "images": {self.path.stem: self.fingerprint}}

    def __len__(self) -> int:
        return len(self.image_ids)

    def __getitem__(self, index: int) -> np.ndarray:
        """Pixels of an image.

        Raises
        ------
        IndexError
            Beyond the last image.
        MenagerieError
            When the file is damaged there.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        height, width = self._shapes[index]
        end = self._ends[index]
        try:
            return self._file["pixels"][end - height * width * 3 : end].reshape(height, width, 3)
        except DAMAGE as error:
            raise MenagerieError(f"Stimulus set {self.path} cannot be read ({error}). Delete it and rerun.") from error

    def digests(self) -> list[str]:
        """:func:`pixel_digest` of every image."""
        return [pixel_digest(self[index]) for index in range(len(self))]

    def require(self, image_ids: Sequence[str]) -> None:
        """Refuse a set that lacks some images, or holds them in another order.

        Raises
        ------
        MenagerieError
            When an image is not in the set, or they are in another order.
        """
        positions = {image_id: position for position, image_id in enumerate(self.image_ids)}
        missing = [image_id for image_id in image_ids if image_id not in positions]
        if missing:
            raise MenagerieError(
                f"Stimulus set {self.path} lacks {len(missing)} of the {len(image_ids)} photographs (first: "
                f"{missing[0]}). Give the dataset a stimulus set of its own reader."
            )
        order = np.array([positions[image_id] for image_id in image_ids])
        if np.any(np.diff(order) < 0):
            raise MenagerieError(
                f"Stimulus set {self.path}: its photographs are not in the published order. Rebuild it."
            )


class JoinedStimuli:
    """A stimulus set followed by another: ``len()`` and single images, as :class:`Stimuli`.

    Parameters
    ----------
    first, second
        The sets. Ids of the second begin with :data:`NEW`, so that they cannot be those of the first.
    """

    def __init__(self, first: Stimuli, second: Stimuli):
        self._sets = first, second
        self.image_ids = [*map(str, first.image_ids), *(f"{NEW}{image}" for image in second.image_ids)]

    def __len__(self) -> int:
        return len(self.image_ids)

    def __getitem__(self, index: int) -> np.ndarray:
        """Pixels of an image, as :meth:`Stimuli.__getitem__`."""
        first, second = self._sets
        return first[index] if index < len(first) else second[index - len(first)]
