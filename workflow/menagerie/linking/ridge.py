"""Kernel ridge regression with exact leave-one-out (LOO) predictions and one penalty per unit.

For a kernel ``K = X X'`` of the training images, centred (the intercept is not penalised), with eigenvalues
``l``, eigenvectors ``Q`` orthogonal to the constant vector, and a penalty ``a``:

    hat matrix              S = Q diag(l / (l + a)) Q'
    LOO prediction          mean + L (y - mean),  L[i, j] = (S[i, j] + 1/n) / (1 - 1/n - S[i, i]), L[i, i] = 0
    dual coefficients       c = Q diag(1 / (l + a)) Q' y
    prediction              mean + K_new c

``L`` is the usual ``y - c / diag(inverse)`` (Cook 1977; Rifkin & Lippert 2007) written without the
difference, which would cancel where predictions are small. It holds the effect of the left-out image on
the intercept too. All units share ``L``: one matrix product per penalty yields every LOO prediction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from menagerie.errors import MenagerieError
from menagerie.linking.arrays import Array, cast, empty, floating, host, like, namespace

PENALTIES = tuple(float(10**power) for power in range(1, 8))  # logspace(1, 7, 7), the paper's text
MEMORY_BUDGET = 256 << 20  # bytes


@dataclass(frozen=True)
class CentredKernel:
    """Eigendecomposition (float64) of a kernel centred over its ``n`` training images.

    Attributes
    ----------
    eigenvalues
        ``(n - 1,)``, ascending, negative rounding errors set to 0.
    eigenvectors
        ``(n, n - 1)``: orthonormal, orthogonal to the constant vector.
    column_means
        ``(n,)``: means of the uncentred kernel, which centre the kernel of new images.
    """

    eigenvalues: Array
    eigenvectors: Array
    column_means: Array

    @classmethod
    def of(cls, kernel: Array) -> CentredKernel:
        """Decompose an ``(n, n)`` kernel.

        A Householder reflection turns the constant vector into the first axis. Dropping that axis centres the
        kernel and keeps the intercept out of the eigenvectors, whatever other null vectors the kernel has.
        """
        xp = namespace(kernel)
        kernel = cast(kernel, xp.float64)
        n = len(kernel)
        axis = xp.full_like(kernel[0], 1 / math.sqrt(n))
        axis[0] += 1
        beta = 2 / float(axis @ axis)
        moved = beta * (kernel @ axis)
        shift = moved - (beta / 2 * float(axis @ moved)) * axis
        reflected = kernel - axis[:, None] * shift[None, :] - shift[:, None] * axis[None, :]
        eigenvalues, vectors = xp.linalg.eigh(reflected[1:, 1:])
        eigenvectors = -beta * axis[:, None] * (axis[1:] @ vectors)[None, :]
        eigenvectors[1:] += vectors
        return cls(xp.clip(eigenvalues, 0, None), eigenvectors, xp.mean(kernel, axis=0))

    def loo_operator(self, penalty: float, dtype: object) -> Array:
        """``(n, n)`` matrix ``L`` that turns centred responses into centred LOO predictions."""
        xp = namespace(self.eigenvectors)
        n = len(self.eigenvectors)
        shrunk = self.eigenvalues + penalty
        residual = xp.square(self.eigenvectors) @ (penalty / shrunk)  # 1 - 1/n - diag(S), as a sum of positives
        root = cast(self.eigenvectors * xp.sqrt(self.eigenvalues / shrunk), dtype)
        operator = root @ root.T
        operator += 1 / n
        operator /= cast(residual, dtype)[:, None]
        index = xp.arange(n)
        operator[index, index] = 0
        return operator

    def predictor(self, kernel_new: Array, penalty: float, dtype: object) -> Array:
        """``(m, n)`` matrix that turns centred responses into centred predictions for ``m`` new images.

        ``kernel_new`` is ``(m, n)``: inner products of new with training images, not centred.
        """
        xp = namespace(self.eigenvectors)
        projected = (cast(kernel_new, xp.float64) - self.column_means) @ self.eigenvectors
        projected /= self.eigenvalues + penalty
        return cast(projected, dtype) @ cast(self.eigenvectors, dtype).T


@dataclass(frozen=True)
class LooRidge:
    """A fitted ridge: LOO predictions, and what predicts new images.

    Arrays of units by images are stored unit by unit: ``(v, n)`` deviations from the units' means.

    Attributes
    ----------
    kernel
        Decomposed kernel of the ``n`` training images.
    deviations
        ``(v, n)``: responses minus their means.
    means
        ``(v,)`` float64: the units' means over the training images.
    loo_deviations
        ``(v, n)``: LOO predictions minus ``means``, for the penalty chosen.
    loo_r
        ``(v,)`` float64: correlation of LOO predictions and responses; NaN where ``defined`` is False.
    defined
        ``(v,)`` bool: False for a unit whose responses, or predictions at every penalty, are constant. Such a
        unit's predictions are its mean.
    penalties
        The penalties tried.
    choice
        ``(v,)``: which of ``penalties`` was chosen, the first of the best.
    """

    kernel: CentredKernel
    deviations: Array
    means: Array
    loo_deviations: Array
    loo_r: Array
    defined: Array
    penalties: tuple[float, ...]
    choice: Array

    @property
    def penalty(self) -> Array:
        """``(v,)`` penalty chosen for each unit."""
        return like(np.array(self.penalties), self.means)[self.choice]

    @property
    def loo_predictions(self) -> Array:
        """``(n, v)`` LOO predictions of the training images, means included."""
        return self._with_means(self.loo_deviations)

    @property
    def dual_coef(self) -> Array:
        """``(n, v)`` dual coefficients ``c``; predictions are ``means + centred kernel @ c``."""
        vectors = self.kernel.eigenvectors
        return self._by_penalty(
            lambda penalty: cast(
                (vectors / (self.kernel.eigenvalues + penalty)) @ vectors.T,
                self.deviations.dtype,
            ),
            len(vectors),
        ).T

    def predict(self, kernel_new: Array) -> Array:
        """``(m, v)`` predictions, means included, from the kernel ``(m, n)`` of new with training images."""
        return self._with_means(self.predict_deviations(kernel_new))

    def predict_deviations(self, kernel_new: Array) -> Array:
        """``(v, m)`` predictions minus the units' means; arguments as in :meth:`predict`."""
        return self._by_penalty(
            lambda penalty: self.kernel.predictor(kernel_new, penalty, self.deviations.dtype), len(kernel_new)
        )

    def _with_means(self, deviations: Array) -> Array:
        return (deviations + cast(self.means, deviations.dtype)[:, None]).T

    def _by_penalty(self, operator, n_rows: int) -> Array:
        """``(v, n_rows)``: the operator of each unit's own penalty applied to its deviations."""
        chosen = host(self.choice)
        result = empty((len(chosen), n_rows), self.deviations)
        for index in np.unique(chosen):
            units = like(np.flatnonzero(chosen == index), self.deviations)
            result[units] = self.deviations[units] @ operator(self.penalties[index]).T
        return result


def loo_ridge(
    kernel_train: Array | CentredKernel,
    responses: Array,
    penalties: Sequence[float] = PENALTIES,
    *,
    memory_budget: int = MEMORY_BUDGET,
) -> LooRidge:
    """Ridge regression of every unit, with the penalty whose LOO predictions correlate best with the unit.

    Parameters
    ----------
    kernel_train
        ``(n, n)`` inner products of the training images' features; need not be centred. Or its decomposition.
    responses
        ``(n, v)``: images by units, float32 or float64; products run in this precision. An array stored unit
        by unit (the transpose of a contiguous ``(v, n)``) is used without a copy.
    penalties
        Positive ridge penalties ``a``, added to the eigenvalues of the centred kernel.
    memory_budget
        Bytes for working memory, beside inputs and results; sets the number of units in a block.

    Raises
    ------
    MenagerieError
        When shapes disagree, a penalty is not positive, or a value is not finite.
    """
    responses = floating(responses)
    _check(kernel_train, responses, penalties)
    kernel = kernel_train if isinstance(kernel_train, CentredKernel) else CentredKernel.of(kernel_train)
    xp = namespace(responses)
    v, n = responses.shape[1], responses.shape[0]
    operators = xp.concatenate([kernel.loo_operator(float(a), responses.dtype) for a in penalties])  # (a n, n)

    means = xp.mean(responses, axis=0, dtype=xp.float64)
    deviations = empty((v, n), responses)
    loo_deviations = empty((v, n), responses)
    loo_r = empty((v,), means)
    choice = empty((v,), like(np.zeros(1, dtype=np.int64), means))
    step = block_size(n, len(penalties), responses.dtype.itemsize, memory_budget)
    for start in range(0, v, step):
        block = slice(start, start + step)
        deviations[block] = responses[:, block].T
        deviations[block] -= cast(means[block], responses.dtype)[:, None]
        loo_deviations[block], loo_r[block], choice[block] = _choose(
            deviations[block], means[block], operators, len(penalties)
        )
    defined = xp.isfinite(loo_r)
    return LooRidge(
        kernel, deviations, means, loo_deviations, loo_r, defined, tuple(float(a) for a in penalties), choice
    )


def _choose(deviations: Array, means: Array, operators: Array, n_penalties: int) -> tuple[Array, Array, Array]:
    """LOO deviations ``(b, n)``, their r ``(b,)`` and the chosen penalty ``(b,)`` of a block of ``b`` units."""
    xp = namespace(deviations)
    b, n = deviations.shape
    scale = xp.amax(xp.abs(deviations), axis=1)
    # The mean of a constant unit is exact up to rounding; what is left of the unit then is no signal.
    constant = cast(scale, xp.float64) <= 2 * xp.finfo(deviations.dtype).eps * xp.abs(means)
    scale[constant] = 1.0
    unit = deviations / scale[:, None]  # so that squares neither overflow nor vanish
    unit[constant] = 0.0
    loo = (unit @ operators.T).reshape(b, n_penalties, n)
    sums, squares, products = (
        cast(x, xp.float64)
        for x in (xp.sum(loo, axis=2), xp.linalg.vecdot(loo, loo), xp.linalg.vecdot(loo, unit[:, None, :]))
    )
    power = cast(xp.linalg.vecdot(unit, unit), xp.float64)[:, None]
    variance = squares - xp.square(sums) / n
    valid = (variance > xp.finfo(deviations.dtype).eps * squares) & (power > 0)
    r = xp.where(valid, products, 0.0) / xp.sqrt(xp.where(valid, variance * power, 1.0))
    choice = xp.argmax(xp.where(valid, r, -math.inf), axis=1)
    rows = xp.arange(b)
    chosen = loo[rows, choice]
    chosen *= scale[:, None]
    return chosen, xp.where(valid, r, math.nan)[rows, choice], choice


def block_size(n: int, n_penalties: int, itemsize: int, memory_budget: int) -> int:
    """Units in a block, so that LOO predictions of all penalties and the operators fit the budget."""
    operators = n_penalties * n * n * itemsize
    per_unit = (n_penalties + 2) * n * itemsize
    fitting = (memory_budget - operators) // per_unit
    return int(min(max(fitting, 16), 1024))  # more than 1,024 gains nothing and leaves the caches


def _check(kernel: Array | CentredKernel, responses: Array, penalties: Sequence[float]) -> None:
    n = len(kernel.eigenvectors) if isinstance(kernel, CentredKernel) else len(kernel)
    if responses.ndim != 2 or len(responses) != n or n < 3:
        raise MenagerieError(
            f"Ridge: expected responses of the kernel's {n} training images (at least 3) as images x units, "
            f"found an array of shape {tuple(responses.shape)}."
        )
    if not len(penalties) or not all(math.isfinite(a) and a > 0 for a in penalties):
        raise MenagerieError(f"Ridge: penalties must be positive numbers, found {list(penalties)}.")
    decomposed = isinstance(kernel, CentredKernel)
    for name, array in {"responses": responses, "kernel": kernel.eigenvalues if decomposed else kernel}.items():
        if not bool(namespace(array).all(namespace(array).isfinite(array))):
            raise MenagerieError(f"Ridge: the {name} hold NaN or infinite values. Mend or drop them first.")
