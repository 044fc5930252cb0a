"""Segmented regression with unknown breakpoints: where the curve of ranked scores bends.

The model of Muggeo (2003), ``y = a + b x + sum_k c_k (x - psi_k)+``. Its error as a function of the breakpoints has
many valleys, and an iteration from one start stops in the nearest; so the search starts from the best cells of a grid
over all pairs of positions, and the deepest valley wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import optimize, stats

from menagerie.errors import MenagerieError

LEVEL = 0.95
N_STARTS = 12
GRID = 60


@dataclass(frozen=True)
class Segmented:
    """A fitted broken line.

    Attributes
    ----------
    breakpoints
        ``(k,)`` positions, ascending.
    coefficients
        ``(k + 2,)``: intercept, first slope, and the change of slope at each breakpoint.
    rss
        Residual sum of squares.
    x, y
        The data.
    n_optima
        Different valleys that the starts ended in.
    """

    breakpoints: np.ndarray
    coefficients: np.ndarray
    rss: float
    x: np.ndarray
    y: np.ndarray
    n_optima: int

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Height of the broken line at ``x``."""
        return _basis(np.asarray(x, dtype=float), self.breakpoints) @ self.coefficients


def fit_breakpoints(
    x: np.ndarray, y: np.ndarray, n_breakpoints: int = 2, n_starts: int = N_STARTS, grid: int = GRID
) -> Segmented:
    """Broken line with the least squared error over all starts.

    Parameters
    ----------
    x, y
        ``(n,)``; ``x`` with distinct values.
    n_breakpoints
        Breakpoints, 1 or more.
    n_starts
        Cells of the grid that are followed downhill.
    grid
        Positions along ``x`` whose combinations are the cells.

    Raises
    ------
    MenagerieError
        When there are too few points for so many breakpoints, or values are not finite.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    needed = 2 * n_breakpoints + 4
    if len(x) < needed or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise MenagerieError(
            f"Breakpoints: {len(x)} points, or values that are not finite; {n_breakpoints} breakpoints need {needed}."
        )
    order = np.argsort(x)
    x, y = x[order], y[order]
    positions = np.unique(np.linspace(2, len(x) - 3, grid).round().astype(int))
    cells = [np.asarray(cell) for cell in combinations(x[positions], n_breakpoints)]
    errors = np.array([_rss(cell, x, y) for cell in cells])
    fits = [_descend(cells[index], x, y) for index in _spread_starts(errors, cells, n_starts, x)]
    best = min(fits, key=lambda fit: fit[1])
    tolerance = 1e-3 * (x[-1] - x[0])
    optima = {tuple(np.round(psi / tolerance).astype(int)) for psi, _ in fits}
    psi = best[0]
    coefficients = np.linalg.lstsq(_basis(x, psi), y, rcond=None)[0]
    return Segmented(psi, coefficients, best[1], x, y, len(optima))


def delta_interval(fit: Segmented, which: int = 0, level: float = LEVEL) -> tuple[float, float]:
    """Wald interval of a breakpoint by the delta method (Muggeo 2003; R's ``confint.segmented(method="delta")``).

    Raises
    ------
    MenagerieError
        When no point lies between two breakpoints, or beyond one, so that it has no standard error.
    """
    half = _t(fit, level) * _standard_errors(fit)[which]
    return float(fit.breakpoints[which] - half), float(fit.breakpoints[which] + half)


def score_interval(fit: Segmented, which: int = 0, level: float = LEVEL) -> tuple[float, float]:
    """Positions that a score test does not reject (Muggeo 2017, without smoothing).

    At a fixed position the line is refitted, with the other breakpoints at their estimates' best, and a step at the
    position is added; its t statistic is the score. The interval spans all positions where ``|t|`` is below the
    critical value, so it may be lopsided.
    """
    return _invert(fit, which, lambda at: abs(_step_statistic(fit, which, at)) <= _t(fit, level))


def profile_interval(fit: Segmented, which: int = 0, level: float = LEVEL) -> tuple[float, float]:
    """Positions whose best fit is not worse than an F test allows (profile likelihood)."""
    df = _df(fit)
    bound = fit.rss * (1 + stats.f(1, df).ppf(level) / df)
    return _invert(fit, which, lambda at: _profile(fit, which, at)[1] <= bound)


def bootstrap_intervals(
    scores: np.ndarray, n_breakpoints: int = 2, n_resamples: int = 200, seed: int = 0, level: float = LEVEL
) -> np.ndarray:
    """Percentile intervals of the breakpoints in the curve of ranked scores, over resampled models.

    Every resample is ranked anew and fitted with restarts. Unlike the other intervals, which take the curve as given
    and ask where a line through it bends, these ask where the curve of other models would.

    Parameters
    ----------
    scores
        ``(m,)`` scores of the models.
    n_breakpoints
        ``k``: bends of the curve.
    n_resamples, seed
        Of the bootstrap over models.
    level
        Share of the resamples inside.

    Returns
    -------
    ``(k, 2)``: lower and upper end for each breakpoint.
    """
    scores = np.asarray(scores, dtype=float)
    generator = np.random.default_rng(seed)
    ranks = np.arange(1, len(scores) + 1, dtype=float)
    found = []
    for _ in range(n_resamples):
        drawn = np.sort(generator.choice(scores, size=len(scores)))[::-1]
        found.append(fit_breakpoints(ranks, drawn, n_breakpoints, n_starts=2, grid=25).breakpoints)
    return np.quantile(found, [(1 - level) / 2, (1 + level) / 2], axis=0).T


def _basis(x: np.ndarray, psi: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones_like(x), x, *(np.maximum(x - one, 0) for one in psi)])


def _rss(psi: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    basis = _basis(x, psi)
    gram = basis.T @ basis
    gram[np.diag_indices_from(gram)] *= 1 + 1e-13
    weights = basis.T @ y
    try:
        return float(np.sum((y - basis @ np.linalg.solve(gram, weights)) ** 2))
    except np.linalg.LinAlgError:
        return np.inf


def _spread_starts(errors: np.ndarray, cells: list[np.ndarray], number: int, x: np.ndarray) -> list[int]:
    """The best cells that are not neighbours of a better one."""
    apart = (x[-1] - x[0]) / 20
    chosen: list[int] = []
    for index in np.argsort(errors, kind="stable"):
        if all(np.abs(cells[index] - cells[other]).max() > apart for other in chosen):
            chosen.append(int(index))
        if len(chosen) == number:
            break
    return chosen


def _descend(start: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    low, high = x[1], x[-2]

    def error(psi: np.ndarray) -> float:
        psi = np.sort(psi)
        inside = psi[0] > low and psi[-1] < high and (np.diff(psi) > 0).all()
        return _rss(psi, x, y) if inside else np.inf

    step = np.vstack([start, *(start + 2 * row for row in np.eye(len(start)))])
    options = {"xatol": 1e-9 * (high - low), "fatol": 1e-15, "maxiter": 2000, "initial_simplex": step}
    found = optimize.minimize(error, start, method="Nelder-Mead", options=options)
    return np.sort(found.x), float(found.fun)


def _df(fit: Segmented) -> int:
    return len(fit.x) - 2 - 2 * len(fit.breakpoints)


def _t(fit: Segmented, level: float) -> float:
    return float(stats.t(_df(fit)).ppf((1 + level) / 2))


def _standard_errors(fit: Segmented) -> np.ndarray:
    """From the linearised model ``y ~ x, (x - psi)+, I(x > psi)``, whose last coefficients are 0 at the optimum."""
    changes = fit.coefficients[2:]
    steps = (fit.x[:, None] > fit.breakpoints[None, :]).astype(float)
    design = np.column_stack([_basis(fit.x, fit.breakpoints), steps])
    coefficients, rss, rank, _ = np.linalg.lstsq(design, fit.y, rcond=None)
    if rank < design.shape[1]:
        raise MenagerieError(
            f"Breakpoints at {', '.join(f'{place:.1f}' for place in fit.breakpoints)}: there is no point between them "
            "or beyond one of them, so they have no standard error. The curve has fewer bends than were asked for."
        )
    variance = (float(rss[0]) if len(rss) else fit.rss) / _df(fit)
    # The diagonal of the inverse of X'X as sums of squares: of a nearly singular X'X, inv's may come out negative.
    inverse = np.sum(np.linalg.pinv(design) ** 2, axis=1)
    return np.sqrt(variance * inverse)[-len(changes) :] / np.abs(coefficients[2 : 2 + len(changes)])


def _profile(fit: Segmented, which: int, at: float) -> tuple[np.ndarray, float]:
    """Best fit with one breakpoint held: all breakpoints, and the error."""
    others = np.delete(fit.breakpoints, which)
    if not len(others):
        return np.array([at]), _rss(np.array([at]), fit.x, fit.y)
    found = optimize.minimize(
        lambda psi: _rss(np.insert(psi, which, at), fit.x, fit.y), others, method="Nelder-Mead", options={"xatol": 1e-6}
    )
    return np.insert(found.x, which, at), float(found.fun)


def _step_statistic(fit: Segmented, which: int, at: float) -> float:
    psi = _profile(fit, which, at)[0]
    step = (fit.x > at).astype(float)
    design = np.column_stack([_basis(fit.x, psi), step])
    coefficients, rss = np.linalg.lstsq(design, fit.y, rcond=None)[:2]
    if not len(rss):
        return np.inf
    variance = float(rss[0]) / (len(fit.x) - design.shape[1])
    return float(coefficients[-1] / np.sqrt(variance * np.sum(np.linalg.pinv(design)[-1] ** 2)))


def _invert(fit: Segmented, which: int, accepted: Callable[[float], bool], n_steps: int = 24) -> tuple[float, float]:
    """Ends of the accepted stretch around the estimate, by steps that double and then halve."""
    centre = float(fit.breakpoints[which])
    ends = []
    for sign, limit in ((-1, fit.x[1]), (1, fit.x[-2])):
        inside, step = 0.0, (fit.x[-1] - fit.x[0]) / 2000
        reach = abs(limit - centre)
        outside = None
        while outside is None and inside < reach:
            trial = min(inside + step, reach)
            if accepted(centre + sign * trial):
                inside, step = trial, 2 * step
            else:
                outside = trial
        for _ in range(n_steps if outside is not None else 0):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if accepted(centre + sign * middle) else (inside, middle)
        ends.append(centre + sign * inside)
    return float(ends[0]), float(ends[1])
