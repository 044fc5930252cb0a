"""One layer beside one brain: everything that the metrics compare, each part computed at most once.

:class:`Brain` is a target in one fold of a split; :class:`Comparison` adds a layer. Ridge predictions cover the
units of all regions at once, since they share the eigendecomposition and the operators; a region is a slice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from menagerie.brain.folds import Fold, check_parts, even_odd
from menagerie.brain.target import Target
from menagerie.errors import MenagerieError, unknown
from menagerie.files.geometry import OK, LayerGeometry
from menagerie.linking.arrays import Array, cast, host, like, namespace, symmetric
from menagerie.linking.once import Once
from menagerie.linking.ridge import MEMORY_BUDGET, PENALTIES, SLOPE, LooRidge, centre_units, fit_deviations
from menagerie.linking.rsm import pattern_rsm, triangle

Rows = slice | np.ndarray


def match_images(target: Target, image_ids: Sequence[str] | None, fold: Fold) -> dict[str, tuple[Rows, Rows]]:
    """Rows of the geometry, and of the target, of each part of a fold: ``{"train": (rows, rows), "test": ...}``.

    The fold is one of the whole stimulus set, so an image keeps its part in targets that lack other images.

    Raises
    ------
    MenagerieError
        When the target has images that the geometry lacks, or too few in a part.
    """
    own = list(map(str, target.image_ids))
    known = {image: row for row, image in enumerate(map(str, own if image_ids is None else image_ids))}
    where = f"Target {target.dataset}/{target.subject}"
    if missing := [image for image in own if image not in known]:
        raise MenagerieError(
            f"{where}: {len(missing)} of {len(own)} images are not in the layer's geometry "
            f"({', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}), which holds {len(known)}. "
            f"Extract features of the stimulus set '{target.stimuli}' again, or rebuild the target."
        )
    rows = np.array([known[image] for image in own], dtype=np.int64)
    order = np.argsort(rows)
    check_parts(fold.among(own), where)
    parts = {name: order[mask] for name, mask in fold.masks(own[row] for row in order).items()}
    return {name: (_as_slice(rows[part]), _as_slice(part)) for name, part in parts.items()}


def _as_slice(rows: np.ndarray) -> Rows:
    """Evenly spaced rows as a slice, which numpy reads in place; others as they are."""
    steps = np.diff(rows)
    even = len(steps) and steps[0] > 0 and (steps == steps[0]).all()
    return slice(int(rows[0]), int(rows[-1]) + 1, int(steps[0])) if even else rows


def group_numbers(image_ids: Sequence[str], groups: Mapping[str, str]) -> np.ndarray:
    """``(n,)`` number of the group of each image, from 0.

    Raises
    ------
    MenagerieError
        When an image has no group.
    """
    if missing := [image for image in image_ids if image not in groups]:
        raise MenagerieError(
            f"Groups of images: {len(missing)} of {len(image_ids)} images have none ({', '.join(missing[:5])}). Build "
            "the groups of the dataset again."
        )
    return np.unique([groups[image] for image in image_ids], return_inverse=True)[1]


class Brain(Once):
    """A target in one fold: responses, their means and RSMs, region by region, each computed once for all layers.

    Parameters
    ----------
    target
        Responses or RSMs of one subject.
    image_ids
        Images of the geometry's rows; None where they are the target's own.
    fold
        Which images train and which test; None for even and odd positions among ``image_ids``.
    regions
        Names of regions; None for all.
    array
        Puts a numpy array where the work is to happen, for example
        ``functools.partial(torch.asarray, device="cuda")``.
    groups
        Image id -> group (category, near-duplicates) that is drawn and permuted as a whole; None where each image
        stands for itself.

    Raises
    ------
    MenagerieError
        When the target lacks a region, the images do not match (see :func:`match_images`), or an image has no group.
    """

    def __init__(
        self,
        target: Target,
        image_ids: Sequence[str] | None = None,
        fold: Fold | None = None,
        regions: Sequence[str] | None = None,
        array: Callable[[np.ndarray], Array] = np.asarray,
        groups: Mapping[str, str] | None = None,
    ):
        self.target, self.array = target, array
        self.fold = fold or even_odd(target.image_ids if image_ids is None else image_ids)
        self.rows = match_images(target, image_ids, self.fold)
        own = np.arange(len(target.image_ids))
        self.n_images = {part: len(own[rows]) for part, (_, rows) in self.rows.items()}
        self.n_rows = len(target.image_ids if image_ids is None else image_ids)
        self.regions = list(target.region_names if regions is None else regions)
        for region in self.regions:
            if region not in target.region_names:
                raise unknown(f"region of target {target.dataset}/{target.subject}", region, target.region_names)
        self.test_ids = [str(target.image_ids[row]) for row in own[self.rows["test"][1]]]
        self.test_groups = None if groups is None else group_numbers(self.test_ids, groups)
        self._rsms: dict[tuple[str, str], Array] = {}
        self._triangles: dict[tuple[str, str], Array] = {}

    @cached_property
    def units(self) -> np.ndarray:
        """Positions, in the target, of the units of all regions together."""
        return np.flatnonzero(np.any([self.target.regions[region] for region in self.regions], axis=0))

    @cached_property
    def members(self) -> Mapping[str, Array | slice]:
        """Region -> where its units are among ``units``."""
        masks = {region: np.asarray(self.target.regions[region])[self.units] for region in self.regions}
        everything = slice(None)
        return {
            region: everything if mask.all() else self.array(np.flatnonzero(mask)) for region, mask in masks.items()
        }

    @cached_property
    def centred(self) -> dict[str, tuple[Array, Array]]:
        """Part -> ``(v, n)`` deviations of ``units`` from their means over that part, and the ``(v,)`` means."""
        responses = self.target.responses
        if len(self.units) < responses.shape[1]:
            responses = responses[:, self.units]
        return {part: centre_units(self.array(responses[rows]).T) for part, (_, rows) in self.rows.items()}

    @cached_property
    def unit_ceilings(self) -> dict[str, np.ndarray | None]:
        """Part -> ``(v,)`` explainable share of the variance of ``units``; None where unknown."""
        found = {part: self.target.noise_ceilings_of_units(rows) for part, (_, rows) in self.rows.items()}
        return {part: None if of is None else of[self.units] for part, of in found.items()}

    @cached_property
    def measured_test_rows(self) -> tuple[Array, Array]:
        """:func:`centred_rows` of the responses to the test images, with which all layers' predictions correlate."""
        return centred_rows(self.centred["test"][0])

    def rsm(self, region: str, part: str) -> Array:
        """RSM of a region over one part; raises UndefinedError where it is not defined."""
        key = region, part
        if key not in self._rsms:
            if self.target.has_units:
                units = self.members[region]
                deviations, means = self.centred[part]
                self._rsms[key] = pattern_rsm(deviations[units], means[units])
            else:
                rows = self.rows[part][1]
                self._rsms[key] = self.array(self.target.rsms[region][rows][:, rows].astype(np.float64))
        return self._rsms[key]

    def gram(self, region: str, part: str) -> np.ndarray:
        """Gram matrix of a region's responses minus their means over one part, ``(n, n)`` float64, in main memory."""
        patterns = host(self.centred[part][0][self.members[region]]).astype(np.float64)
        return patterns.T @ patterns

    def triangle(self, region: str, part: str) -> Array:
        """Triangle of :meth:`rsm`, which cRSA and veRSA share."""
        key = region, part
        if key not in self._triangles:
            self._triangles[key] = triangle(self.rsm(region, part))
        return self._triangles[key]


class Comparison(Once):
    """A layer and a brain, and what the metrics need of both.

    Parameters
    ----------
    geometry
        The layer.
    brain
        The subject.
    penalties, training, memory_budget
        As in :func:`menagerie.linking.ridge.loo_ridge`.

    Raises
    ------
    MenagerieError
        When the matrices of the layer do not fit the number of images.
    """

    def __init__(
        self,
        geometry: LayerGeometry,
        brain: Brain,
        penalties: Sequence[float] | str = PENALTIES,
        training: str = SLOPE,
        memory_budget: int = MEMORY_BUDGET,
    ):
        self.geometry, self.brain = geometry, brain
        self.penalties, self.training, self.memory_budget = penalties, training, memory_budget
        self._layer_triangles: dict[str, Array] = {}
        n = brain.n_rows
        if geometry.status == OK and (len(geometry.rdm_triu), len(geometry.gram_triu)) != (
            n * (n - 1) // 2,
            n * (n + 1) // 2,
        ):
            raise MenagerieError(
                f"Layer {geometry.layer}: its matrices hold {len(geometry.rdm_triu)} and {len(geometry.gram_triu)} "
                f"values, which do not fit {n} images. The geometry belongs to another stimulus set; extract it again."
            )

    def layer_rsm(self, part: str) -> Array:
        """RSM of the layer's raw features over one part."""
        rows = self.brain.rows[part][0]
        return self._part(self._layer_rsm, rows, rows)

    @cached_property
    def _layer_rsm(self) -> Array:
        """RSM over all images, float64, unfolded where the work happens: a triangle is half as much to bring there."""
        triangle = self.brain.array(self.geometry.rdm_triu)
        if isinstance(triangle, np.ndarray):
            return self.geometry.rsm()
        # In float64 before the difference: similarities close to 1 would lose their digits.
        return 1 - cast(symmetric(triangle, self.brain.n_rows, 0.0), namespace(triangle).float64)

    def layer_gram(self, part: str) -> np.ndarray:
        """Gram matrix of the layer's standardised SRP over one part, ``(n, n)`` float64, in main memory."""
        rows = self.brain.rows[part][0]
        return host(self.kernel(rows, rows)).astype(np.float64)

    def layer_triangle(self, part: str) -> Array:
        """Triangle of :meth:`layer_rsm`, which all regions share."""
        if part not in self._layer_triangles:
            self._layer_triangles[part] = triangle(self.layer_rsm(part))
        return self._layer_triangles[part]

    @cached_property
    def ridge(self) -> LooRidge:
        """The ridge from the layer to the units of all regions."""
        rows = self.brain.rows["train"][0]
        return fit_deviations(
            self.kernel(rows, rows),
            *self.brain.centred["train"],
            self.penalties,
            training=self.training,
            memory_budget=self.memory_budget,
        )

    def kernel(self, rows: Rows, columns: Rows) -> Array:
        """Part of the Gram matrix, as a copy: the whole is shared by all folds and cannot be written to."""
        return self._part(self._layer_gram, rows, columns)

    @cached_property
    def _layer_gram(self) -> Array:
        triangle = self.brain.array(self.geometry.gram_triu)
        if isinstance(triangle, np.ndarray):
            return self.geometry.gram()
        return symmetric(triangle, self.brain.n_rows, None)

    @staticmethod
    def _part(matrix: Array, rows: Rows, columns: Rows) -> Array:
        """Copy of some rows and columns."""
        rows, columns = (which if isinstance(which, slice) else like(which, matrix) for which in (rows, columns))
        part = matrix[rows][:, columns]
        return part.copy() if isinstance(part, np.ndarray) else part.clone()

    @cached_property
    def predicted(self) -> dict[str, Array]:
        """Part -> ``(v, n)`` predictions (LOO for train) minus the units' training means."""
        rows = self.brain.rows
        crossed = self.kernel(rows["test"][0], rows["train"][0])
        return {"train": self.ridge.loo_deviations, "test": self.ridge.predict_deviations(crossed)}

    def predicted_rsm(self, region: str, part: str) -> Array:
        """RSM of the predictions for a region's units over one part."""
        units = self.brain.members[region]
        return pattern_rsm(self.predicted[part][units], self.ridge.means[units])

    @cached_property
    def unit_r(self) -> dict[str, np.ndarray]:
        """Part -> ``(v,)`` correlation of predicted and measured responses; NaN for units without variance."""
        return {
            "train": host(self.ridge.loo_r),
            "test": row_correlation(centred_rows(self.predicted["test"]), self.brain.measured_test_rows),
        }

    def _host_members(self, region: str) -> np.ndarray | slice:
        members = self.brain.members[region]
        return members if isinstance(members, slice) else host(members)

    def defined_units(self, region: str, part: str) -> np.ndarray:
        """Positions among ``brain.units`` of a region's units whose ``unit_r`` is defined in that part.

        The other part has no say: otherwise the training score, which selects layers, would know the test part.
        """
        units = np.arange(len(self.brain.units))[self._host_members(region)]
        return units[np.isfinite(self.unit_r[part][units])]

    def edge_shares(self, region: str) -> tuple[float | None, float | None]:
        """Shares of a region's units whose penalty is the smallest, and the largest, of several; None without such.

        Where many are, the grid of penalties bounds the score, and not the layer.
        """
        chosen = host(self.ridge.choice)[self.defined_units(region, "train")]
        if len(self.ridge.penalties) < 2 or not chosen.size:
            return None, None
        order = np.argsort(self.ridge.penalties)
        return float(np.mean(chosen == order[0])), float(np.mean(chosen == order[-1]))


def centred_rows(rows: Array) -> tuple[Array, Array]:
    """Rows of a ``(v, n)`` array centred and scaled to a largest deviation of 1, and their ``(v,)`` float64 powers.

    A row without variance is NaN in both.
    """
    xp = namespace(rows)
    centred = rows - xp.mean(rows, axis=1)[:, None]
    scale, size = (xp.maximum(xp.amax(values, axis=1), -xp.amin(values, axis=1)) for values in (centred, rows))
    scale[scale <= 2 * xp.finfo(rows.dtype).eps * size] = math.nan
    centred /= scale[:, None]
    return centred, cast(xp.linalg.vecdot(centred, centred), xp.float64)


def row_correlation(a: tuple[Array, Array], b: tuple[Array, Array]) -> np.ndarray:
    """``(v,)`` Pearson correlation, float64, of rows as :func:`centred_rows` gives them; NaN where one is constant."""
    (x, xx), (y, yy) = a, b
    xp = namespace(x)
    return host(cast(xp.linalg.vecdot(x, y), xp.float64) / xp.sqrt(xx * yy))
