"""Stimuli as a network takes them: decoded, preprocessed and batched in the background."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from menagerie.brain.stimuli import JoinedStimuli, Stimuli
from menagerie.errors import MenagerieError

CACHE_BYTES = 2**30


class ImageLoader:
    """A stimulus set with a network's transform: ``len()`` and slices, float32 ``(b, 3, h, w)``.

    The slice that follows the one asked for is prepared by a thread meanwhile; prepared images stay in memory where all
    of them fit into ``cache_bytes``, since extraction may need several passes.

    Parameters
    ----------
    stimuli
        uint8 ``(h, w, 3)`` images.
    transform
        From such an image to float32 ``(3, h, w)``; all results have one shape.
    cache_bytes
        Memory for prepared images.
    workers
        Threads that prepare the images of a slice. One where the network needs the other cores; a GPU, which takes
        a slice in the time of a few images, needs all that the job has.
    pinned
        Whether slices lie in page-locked memory, from which a GPU copies while it computes.

    Raises
    ------
    MenagerieError
        When the transform does not give float32 ``(3, h, w)``, or not one shape for all images.
    """

    @classmethod
    def on(
        cls, device: torch.device, stimuli: Stimuli | JoinedStimuli, transform: Callable[[np.ndarray], Tensor]
    ) -> ImageLoader:
        """A loader for a network on that device: all cores of the job and page-locked memory where it is a GPU."""
        gpu = device.type == "cuda"
        return cls(stimuli, transform, workers=len(os.sched_getaffinity(0)) if gpu else 1, pinned=gpu)

    def __init__(
        self,
        stimuli: Stimuli | JoinedStimuli,
        transform: Callable[[np.ndarray], Tensor],
        *,
        cache_bytes: int = CACHE_BYTES,
        workers: int = 1,
        pinned: bool = False,
    ):
        self._stimuli = stimuli
        self._transform = transform
        self._cache_bytes = cache_bytes
        self._pinned = pinned
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="image")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="images")
        self._ahead: tuple[int, int, Future[Tensor]] | None = None
        self._cache: Tensor | None = None
        self._cached: np.ndarray = np.zeros(len(stimuli), dtype=bool)
        self._shape: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self._stimuli)

    def __getitem__(self, part: slice) -> Tensor:
        start, stop, step = part.indices(len(self))
        if step != 1:
            raise ValueError("images are read in order: slices need step 1")
        if self._ahead is not None and self._ahead[:2] == (start, stop):
            batch = self._ahead[2].result()
        else:
            batch = self._thread.submit(self._prepare, start, stop).result()
        # After the last images come the first ones again: the next pass.
        following = (stop, min(2 * stop - start, len(self))) if stop < len(self) else (0, stop - start)
        self._ahead = None
        if not self._cached[slice(*following)].all():
            self._ahead = (*following, self._thread.submit(self._prepare, *following))
        return batch

    def _prepare(self, start: int, stop: int) -> Tensor:
        if self._cache is not None and self._cached[start:stop].all():
            return self._cache[start:stop]
        first = self._image(start)  # alone: it opens the file and sets the shape that all others must have
        batch = torch.stack([first, *self._workers.map(self._image, range(start + 1, stop))])
        if self._cache is None and batch[0].nbytes * len(self) <= self._cache_bytes:
            self._cache = torch.empty((len(self), *batch.shape[1:]), dtype=torch.float32, pin_memory=self._pinned)
        if self._cache is None:
            return batch.pin_memory() if self._pinned else batch
        self._cache[start:stop] = batch
        self._cached[start:stop] = True
        return self._cache[start:stop]

    def _image(self, position: int) -> Tensor:
        image = self._transform(self._stimuli[position])
        expected = self._shape or (3, *image.shape[1:])
        if image.dtype != torch.float32 or image.dim() != 3 or tuple(image.shape) != expected:
            raise MenagerieError(
                f"Transform of image '{self._stimuli.image_ids[position]}': expected torch.float32 {expected}, "
                f"found {image.dtype} {tuple(image.shape)}. Resize and crop all images to one size."
            )
        self._shape = expected
        return image
