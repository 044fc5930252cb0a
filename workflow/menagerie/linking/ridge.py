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

A LOO prediction is the mean of the other images, ``mean - (y_i - mean) / (n - 1)``, plus a slope part

    slope part              M (y - mean),  M[i, j] = S[i, j] / r_i,  M[i, i] = -S[i, i] / ((n - 1) r_i)
                            with r_i = 1 - 1/n - S[i, i]

which does not depend on ``y_i``. The mean does: where the penalty outweighs the fit, predictions are the responses
with the opposite sign, and an RSM of them, blind to sign and scale, is that of the responses, whatever the layer.
Scores take the slope part alone as the prediction of a training image (docs/splits.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from menagerie.errors import MenagerieError
from menagerie.linking.arrays import Array, cast, empty, floating, host, like, namespace
from menagerie.linking.rsm import BLOCK

PENALTIES = tuple(float(10**power) for power in range(1, 8))  # logspace(1, 7, 7), the paper's text
MEMORY_BUDGET = 256 << 20  # bytes
AUTO = "auto"
FREEDOM = 0.8
"""Share of degrees of freedom that the smallest penalty of an automatic grid leaves (docs/splits.md)."""
SLOPE, WHOLE = "slope", "whole"
"""What stands for the prediction of a training image: the slope part of its LOO prediction, or the whole of it."""


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

        Centring makes the constant vector a null vector, maybe one of several. Adding twice the trace along it
        makes it the eigenvector of the largest eigenvalue, by far, so that it is dropped and nothing else.
        """
        xp = namespace(kernel)
        kernel = cast(kernel, xp.float64)
        column_means = xp.mean(kernel, axis=0)
        centred = kernel - column_means[None, :]
        centred -= column_means[:, None]
        centred += xp.mean(column_means)
        trace = float(xp.linalg.diagonal(centred).sum())
        # Without variance all that is left is the rounding error of centring, which must not predict anything.
        varies = trace > len(kernel) * xp.finfo(xp.float64).eps * float(xp.abs(xp.linalg.diagonal(kernel)).sum())
        centred += (2 * trace if varies else 1.0) / len(kernel)
        eigenvalues, eigenvectors = xp.linalg.eigh(centred)
        return cls(xp.clip(eigenvalues[:-1], 0, None) * varies, eigenvectors[:, :-1], column_means)

    def grid(self) -> tuple[float, ...]:
        """Penalties, a decade apart or less, from little shrinkage to the point beyond which more of it only scales.

        The smallest leaves :data:`FREEDOM` of the ``n - 1`` degrees of freedom (the sum of ``l / (l + a)`` over
        eigenvalues ``l``), since with more of them predictions of noisy units explode; it is at least a thousandth of
        the mean eigenvalue, which layers of few dimensions reach. The largest is ten times the largest eigenvalue.
        """
        values = np.asarray(host(self.eigenvalues), dtype=np.float64)
        mean, high = float(values.mean()), 10 * float(values[-1])
        if not mean > 0:
            return PENALTIES
        low = _penalty_leaving(FREEDOM * len(values), values, mean / 1000, high)
        return tuple(np.geomspace(low, high, math.ceil(math.log10(high / low)) + 1).tolist())

    def loo_operators(self, penalties: Sequence[float], like_: Array, training: str) -> Array:
        """``(a n, n)``: for each of ``a`` penalties the matrix ``M`` (or ``L``): centred responses to predictions."""
        xp = namespace(self.eigenvectors)
        n = len(self.eigenvectors)
        power = xp.square(self.eigenvectors)
        operators = empty((len(penalties) * n, n), like_)
        index = xp.arange(n)
        for position, penalty in enumerate(penalties):
            shrunk = self.eigenvalues + penalty
            residual = power @ (penalty / shrunk)  # 1 - 1/n - diag(S), as a sum of positive numbers
            root = self.eigenvectors * xp.sqrt(self.eigenvalues / shrunk)
            operator = root @ root.T  # float64, since a small residual multiplies its error
            if training == WHOLE:
                operator += 1 / n
                operator[index, index] = 0
            else:
                operator[index, index] /= 1 - n
            operator /= residual[:, None]
            operators[position * n : (position + 1) * n] = operator
        return operators

    def project(self, kernel_new: Array) -> Array:
        """``(m, n - 1)``: the kernel of new with training images, centred, in the eigenvectors' coordinates."""
        return (cast(kernel_new, namespace(kernel_new).float64) - self.column_means) @ self.eigenvectors


def _penalty_leaving(freedom: float, eigenvalues: np.ndarray, low: float, high: float) -> float:
    """Penalty between two others that leaves some degrees of freedom; ``low`` where that leaves fewer already."""
    from scipy.optimize import brentq  # here, because jobs with a given grid need not wait

    def excess(log: float) -> float:
        return float((eigenvalues / (eigenvalues + math.exp(log))).sum()) - freedom

    return low if excess(math.log(low)) <= 0 else math.exp(brentq(excess, math.log(low), math.log(high)))


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
        ``(v, n)``: slope parts of the LOO predictions, or LOO predictions minus ``means``, for the penalty chosen.
    loo_r
        ``(v,)`` float64: correlation of these and the responses; NaN where ``defined`` is False.
    defined
        ``(v,)`` bool: False for a unit whose responses, or predictions at every penalty, are constant. Such a
        unit's predictions are its mean.
    penalties
        The penalties tried.
    choice
        ``(v,)``: which of ``penalties`` was chosen, the first of the best.
    training
        What ``loo_deviations`` hold: :data:`SLOPE` or :data:`WHOLE`.
    """

    kernel: CentredKernel
    deviations: Array
    means: Array
    loo_deviations: Array
    loo_r: Array
    defined: Array
    penalties: tuple[float, ...]
    choice: Array
    training: str

    @property
    def penalty(self) -> Array:
        """``(v,)`` penalty chosen for each unit."""
        return like(np.array(self.penalties), self.means)[self.choice]

    @property
    def dual_coef(self) -> Array:
        """``(n, v)``: weights of the training images, with which :meth:`predict` weighs a centred kernel."""
        return self._apply(self.kernel.eigenvectors).T

    @property
    def loo_predictions(self) -> Array:
        """``(n, v)`` LOO predictions of the training images, means included."""
        lost = 0.0 if self.training == WHOLE else self.deviations / (self.deviations.shape[1] - 1)
        return self._with_means(self.loo_deviations - lost)

    def predict(self, kernel_new: Array) -> Array:
        """``(m, v)`` predictions, means included, from the kernel ``(m, n)`` of new with training images."""
        return self._with_means(self.predict_deviations(kernel_new))

    def predict_deviations(self, kernel_new: Array) -> Array:
        """``(v, m)`` predictions minus the units' means; arguments as in :meth:`predict`."""
        return self._apply(self.kernel.project(kernel_new))

    def _with_means(self, deviations: Array) -> Array:
        return (deviations + cast(self.means, deviations.dtype)[:, None]).T

    def _apply(self, left: Array) -> Array:
        """``(v, m)``: ``left @ diag(1 / (l + a)) Q' y`` for every unit ``y`` with its own penalty ``a``."""
        dtype = self.deviations.dtype
        vectors = cast(self.kernel.eigenvectors, dtype)
        chosen = host(self.choice)
        result = empty((len(chosen), len(left)), self.deviations)
        for index in np.unique(chosen):
            units = np.flatnonzero(chosen == index)
            weighted = cast(left / (self.kernel.eigenvalues + self.penalties[index]), dtype)
            # One operator costs as much as bringing len(left) units into the eigenvectors' coordinates.
            operator = weighted @ vectors.T if len(units) > len(left) else None
            for start in range(0, len(units), BLOCK):
                block = like(units[start : start + BLOCK], self.deviations)
                unit = self.deviations[block]
                result[block] = unit @ vectors @ weighted.T if operator is None else unit @ operator.T
        return result


def loo_ridge(
    kernel_train: Array | CentredKernel,
    responses: Array,
    penalties: Sequence[float] | str = PENALTIES,
    *,
    training: str = WHOLE,
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
        Positive ridge penalties ``a``, added to the eigenvalues of the centred kernel; "auto" for
        :meth:`CentredKernel.grid`.
    training
        :data:`WHOLE` or :data:`SLOPE`: what stands for predictions of training images, by which penalties are chosen.
    memory_budget
        Bytes for working memory, beside inputs and results; sets the number of units in a block.

    Raises
    ------
    MenagerieError
        When shapes disagree, a penalty is not positive, or a value is not finite.
    """
    responses = floating(responses)
    deviations, means = centre_units(responses.T)
    return fit_deviations(kernel_train, deviations, means, penalties, training=training, memory_budget=memory_budget)


def centre_units(responses: Array) -> tuple[Array, Array]:
    """``(v, n)`` contiguous deviations of units from their means, and the ``(v,)`` float64 means.

    The means are rounded to the precision of the responses first, so that deviation plus mean is the response.
    """
    xp = namespace(responses)
    means = cast(xp.mean(responses, axis=1, dtype=xp.float64), responses.dtype)
    return xp.subtract(responses, means[:, None], out=empty(tuple(responses.shape), responses)), cast(means, xp.float64)


def fit_deviations(
    kernel_train: Array | CentredKernel,
    deviations: Array,
    means: Array,
    penalties: Sequence[float] | str = PENALTIES,
    *,
    training: str,
    memory_budget: int = MEMORY_BUDGET,
) -> LooRidge:
    """:func:`loo_ridge` for responses that are centred already, as ``(v, n)`` deviations and ``(v,)`` means.

    Raises
    ------
    MenagerieError
        As :func:`loo_ridge`.
    """
    _check(kernel_train, deviations, penalties)
    kernel = kernel_train if isinstance(kernel_train, CentredKernel) else CentredKernel.of(kernel_train)
    xp = namespace(deviations)
    v, n = deviations.shape
    penalties = kernel.grid() if penalties == AUTO else penalties
    operators = kernel.loo_operators(penalties, deviations, training)
    column_sums = xp.sum(operators.reshape(len(penalties), n, n), axis=1)
    loo_deviations = xp.empty_like(deviations)
    loo_r = xp.empty_like(means)
    choice = xp.empty_like(means, dtype=xp.int64)
    step = block_size(n, len(penalties), deviations.dtype.itemsize, memory_budget)
    buffer = empty((min(step, v), len(operators)), deviations)
    for start in range(0, v, step):
        block = slice(start, start + step)
        unit, scale = _scaled(deviations[block], means[block])
        loo = xp.matmul(unit, operators.T, out=buffer[: len(unit)]).reshape(len(unit), len(penalties), n)
        loo_r[block], choice[block] = _choose(loo, unit, unit @ column_sums.T)
        loo_deviations[block] = loo[xp.arange(len(unit)), choice[block]]
        loo_deviations[block] *= scale[:, None]
    tried = tuple(float(a) for a in penalties)
    return LooRidge(kernel, deviations, means, loo_deviations, loo_r, xp.isfinite(loo_r), tried, choice, training)


def _scaled(deviations: Array, means: Array) -> tuple[Array, Array]:
    """Units scaled to a largest deviation of 1, so that squares neither overflow nor vanish, and the scales.

    Units that vary by no more than the rounding error of their mean become exactly 0.
    """
    xp = namespace(deviations)
    scale = xp.maximum(xp.amax(deviations, axis=1), -xp.amin(deviations, axis=1))
    constant = cast(scale, xp.float64) <= 8 * xp.finfo(deviations.dtype).eps * xp.abs(means)
    unit = deviations / xp.where(constant, math.inf, scale)[:, None]
    return unit, scale


def _choose(loo: Array, unit: Array, sums: Array) -> tuple[Array, Array]:
    """Best correlation ``(b,)`` and its penalty ``(b,)`` of LOO deviations ``(b, a, n)``, their ``(b, a)`` sums known.

    The correlation is NaN where the unit, or its LOO prediction at every penalty, is constant.
    """
    xp = namespace(loo)
    squares, products, power = (
        cast(xp.linalg.vecdot(x, y), xp.float64) for x, y in ((loo, loo), (loo, unit[:, None, :]), (unit, unit))
    )
    variance = squares - xp.square(cast(sums, xp.float64)) / loo.shape[2]
    valid = (variance > xp.finfo(loo.dtype).eps * squares) & (power > 0)[:, None]
    r = xp.where(valid, products, -math.inf) / xp.sqrt(xp.where(valid, variance * power[:, None], 1.0))
    choice = xp.argmax(r, axis=1)
    best = r[xp.arange(len(r)), choice]
    return xp.where(xp.isfinite(best), best, math.nan), choice


def block_size(n: int, n_penalties: int, itemsize: int, memory_budget: int) -> int:
    """Units in a block, so that LOO predictions of all penalties and the operators fit the budget."""
    operators = n_penalties * n * n * itemsize
    per_unit = (n_penalties + 2) * n * itemsize
    fitting = (memory_budget - operators) // per_unit
    return int(min(max(fitting, 16), BLOCK))


def _check(kernel: Array | CentredKernel, deviations: Array, penalties: Sequence[float] | str) -> None:
    decomposed = isinstance(kernel, CentredKernel)
    n = len(kernel.eigenvectors if decomposed else kernel)
    if deviations.ndim != 2 or deviations.shape[1] != n or n < 3:
        raise MenagerieError(
            f"Ridge: expected responses of the kernel's {n} training images (at least 3) as images x units, "
            f"found shape {tuple(deviations.shape)[::-1]}."
        )
    if penalties != AUTO and not (len(penalties) and all(math.isfinite(a) and a > 0 for a in penalties)):
        raise MenagerieError(f"Ridge: penalties must be positive numbers, found {list(penalties)}.")
    for name, array in {"responses": deviations, "kernel": kernel.eigenvalues if decomposed else kernel}.items():
        # A sum is finite only if its terms are, unless it overflows: look closer then.
        if not math.isfinite(float(array.sum())) and not bool(namespace(array).isfinite(array).all()):
            raise MenagerieError(f"Ridge: the {name} hold NaN or infinite values. Fix or drop them first.")
