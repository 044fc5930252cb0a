"""Sparse random projection (SRP): every layer brought to the same number of dimensions.

The matrix follows Li, Hastie & Church (2006) as scikit-learn's ``SparseRandomProjection`` does it: with
``density = 1 / sqrt(n_features)``, each entry is independently 0 or ``+-sqrt(1 / density) / sqrt(n_components)``.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice, repeat

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from menagerie.brain.folds import train_mask

N_PROJECTIONS = 5920
"""Johnson-Lindenstrauss minimum for 1,000 points and a distortion of 0.1."""

STANDARDISE: Mapping[str, Callable[[int], np.ndarray]] = {"even": train_mask, "all": lambda n: np.ones(n, dtype=bool)}
"""Images whose mean and SD standardise each dimension: number of images -> bool ``(n,)``. No response is looked at."""

BLOCK = 16_384
"""Features per block of the matrix. A block of it and a batch's share of the features fit into a core's cache, which
makes the product several times faster. It is part of the matrix's definition: each block has its own random stream."""

DEVICE_BLOCKS = 8
"""Blocks in one sparse product on a GPU, whose cache is larger."""

_BYTES_PER_ENTRY = 8


class SparseProjection:
    """The projection of layers with ``n_features`` features; the same on every machine and device.

    Parameters
    ----------
    n_features
        Features per image before projection.
    n_components
        Dimensions after it.
    seed
        Seed of the survey; the random stream depends on it, on ``n_features`` and on the block.
    keep
        Whether to keep the matrix after its first use, or to generate it anew for each batch.
    """

    def __init__(self, n_features: int, n_components: int = N_PROJECTIONS, seed: int = 0, *, keep: bool = True):
        self.n_features = n_features
        self.n_components = n_components
        self.seed = seed
        self.keep = keep
        self._blocks: list[sparse.csr_matrix] = []
        self._device_blocks: list[Tensor] = []

    def __call__(self, features: Tensor, reference: Tensor | None = None) -> Tensor:
        """Project float32 ``(b, n_features)`` to float32 ``(b, n_components)``, on the same device.

        With a ``reference`` ``(n_features,)``, what is projected is the difference from it.
        """
        if reference is None:
            reference = torch.zeros(self.n_features, dtype=torch.float32, device=features.device)
        if features.device.type == "cpu":
            return torch.from_numpy(self._on_host(features.numpy(), reference.numpy()))
        return self._on_device(features, reference)

    def blocks(self) -> Iterator[sparse.csr_matrix]:
        """Blocks of the matrix, each float32 ``(n_components, <= BLOCK)``, from the first feature to the last."""
        if self._blocks:
            yield from self._blocks
            return
        made = []
        for number in range(self._count):
            block = _random_block(self.n_features, self.n_components, self.seed, number)
            if self.keep:
                made.append(block)
            yield block
        self._blocks = made

    @property
    def _count(self) -> int:
        return math.ceil(self.n_features / BLOCK)

    def matrix(self) -> sparse.csr_matrix:
        """The whole matrix, float32 ``(n_components, n_features)``."""
        return sparse.hstack(list(self.blocks()), format="csr")

    def _on_host(self, features: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Block by block on all cores; the sum runs in the order of the blocks, whatever the number of cores."""
        n_threads = torch.get_num_threads()
        projected = np.zeros((self.n_components, len(features)), dtype=np.float32)
        blocks = self.blocks()
        start = 0
        with ThreadPoolExecutor(n_threads) as pool:
            while group := list(islice(blocks, n_threads)):
                starts = range(start, self.n_features, BLOCK)
                for product in pool.map(_block_product, group, repeat(features), repeat(reference), starts):
                    projected += product
                start += BLOCK * len(group)
        return projected.T

    def _on_device(self, features: Tensor, reference: Tensor) -> Tensor:
        """Groups of blocks, so that a group's share of the features stays within a GPU's cache."""
        projected = torch.zeros((self.n_components, len(features)), dtype=torch.float32, device=features.device)
        start = 0
        for block in self._blocks_on(features.device):
            stop = start + block.shape[1]
            share = features[:, start:stop] - reference[start:stop]
            projected += torch.sparse.mm(block, share.T.contiguous())
            start = stop
        return projected.T

    def _blocks_on(self, device: torch.device) -> Iterator[Tensor]:
        if self._device_blocks:
            yield from self._device_blocks
            return
        made = []
        with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
            for group in self._groups(pool):
                host = sparse.hstack(group, format="csr")
                parts = (torch.from_numpy(part).to(device) for part in (host.indptr, host.indices, host.data))
                block = torch.sparse_csr_tensor(*parts, host.shape, check_invariants=False)
                if self.keep:
                    made.append(block)
                yield block
        self._device_blocks = made

    def _groups(self, pool: ThreadPoolExecutor) -> Iterator[list[sparse.csr_matrix]]:
        """Blocks for one product on a GPU each, generated on all cores; the next group while this one is used."""

        def submit(first: int) -> list[Future[sparse.csr_matrix]]:
            numbers = range(first, min(first + DEVICE_BLOCKS, self._count))
            return [pool.submit(_random_block, self.n_features, self.n_components, self.seed, n) for n in numbers]

        waiting = submit(0)
        for following in range(DEVICE_BLOCKS, self._count + DEVICE_BLOCKS, DEVICE_BLOCKS):
            group, waiting = waiting, submit(following)
            yield [block.result() for block in group]


def _block_product(block: sparse.csr_matrix, features: np.ndarray, reference: np.ndarray, start: int) -> np.ndarray:
    """Product ``(n_components, b)`` of a block with its share of the features ``(b, n_features)``."""
    width = block.shape[1]
    # Rows that lie a multiple of 4 KiB apart compete for the same cache lines, so that transposing is five times
    # slower; a copy with longer rows costs less than that.
    share = np.empty((len(features), width + 16), dtype=np.float32)[:, :width]
    np.subtract(features[:, start : start + width], reference[start : start + width], out=share)
    return block @ np.ascontiguousarray(share.T)


def _random_block(n_features: int, n_components: int, seed: int, number: int) -> sparse.csr_matrix:
    """One block of the matrix.

    Non-zero entries are a Bernoulli process over the block's cells, row by row; the gaps between its successes are
    geometric, so that only the successes cost time.
    """
    width = min(BLOCK, n_features - number * BLOCK)
    density = 1 / math.sqrt(n_features)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, n_features, n_components, number])))
    cells = _successes(n_components * width, density, rng)
    rows = np.searchsorted(cells, np.arange(n_components + 1, dtype=np.int64) * width).astype(np.int32)
    columns = (cells % width).astype(np.int32)
    scale = np.float32(math.sqrt(1 / density) / math.sqrt(n_components))
    bits = np.unpackbits(np.frombuffer(rng.bytes((len(cells) + 7) // 8), dtype=np.uint8), count=len(cells))
    values = bits.astype(np.float32) * (2 * scale) - scale
    return sparse.csr_matrix((values, columns, rows), shape=(n_components, width))


def _successes(n_cells: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Positions of the successes among ``n_cells`` independent trials, ascending, int64."""
    if probability >= 1:
        return np.arange(n_cells, dtype=np.int64)
    # The floor of an exponential variable of this mean is geometric: failures before the next success.
    mean_gap = -1 / math.log1p(-probability)
    positions, last = [], -1
    while last < n_cells:
        left = (n_cells - last) * probability
        gaps = (rng.standard_exponential(int(left + 4 * math.sqrt(left)) + 16) * mean_gap).astype(np.int64)
        gaps += 1
        found = np.cumsum(gaps, out=gaps)
        found += last
        positions.append(found)
        last = int(found[-1])
    cells = np.concatenate(positions) if len(positions) > 1 else positions[0]
    return cells[: np.searchsorted(cells, n_cells)]


def matrix_bytes(n_features: int, n_components: int) -> int:
    """Expected size of a projection matrix in memory."""
    n_blocks = math.ceil(n_features / BLOCK)
    return int(n_components * (math.sqrt(n_features) * _BYTES_PER_ENTRY + n_blocks * 4))


class ProjectionCache:
    """Projections by number of features; forgets those longest unused once they outgrow their share of memory.

    A matrix larger than the whole share is not kept but generated for each batch.
    """

    def __init__(self, n_components: int, seed: int, capacity: int):
        self.n_components = n_components
        self.seed = seed
        self.capacity = capacity
        self._kept: OrderedDict[int, SparseProjection] = OrderedDict()

    def get(self, n_features: int) -> SparseProjection:
        """The projection for layers of this size."""
        if n_features not in self._kept:
            size = matrix_bytes(n_features, self.n_components)
            fits = size <= self.capacity
            while fits and self._kept and self._size() + size > self.capacity:
                self._kept.popitem(last=False)
            if not fits:
                return SparseProjection(n_features, self.n_components, self.seed, keep=False)
            self._kept[n_features] = SparseProjection(n_features, self.n_components, self.seed)
        self._kept.move_to_end(n_features)
        return self._kept[n_features]

    def _size(self) -> int:
        return sum(matrix_bytes(n_features, self.n_components) for n_features in self._kept)

    def shrink(self, capacity: int) -> None:
        """Forget everything and keep to a smaller share from now on."""
        self._kept.clear()
        self.capacity = capacity
