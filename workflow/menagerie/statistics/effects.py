"""Linear and mixed models of scores, and paired comparisons, as tables of effects.

The models are those of Conwell et al. (2024): ``lm`` with Wald t intervals, and mixed models fitted by restricted
maximum likelihood (REML). Estimates agree with R (stats, lme4, parameters); see tests/parity.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import patsy
import pyarrow as pa
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.regression.mixed_linear_model import MixedLM

from menagerie.errors import MenagerieError, unknown
from menagerie.statistics.formula import check_formula

COLUMNS = ("term", "estimate", "ci_low", "ci_high", "p", "df", "n", "formula", "analysis", "note")
LEVEL = 0.95
# REML stops at absolute tolerances, which suit scores in percent better than fractions of 1.
SCALE = 100.0
RANDOM_PART = re.compile(r"\(\s*([^()|]+?)\s*\|\s*([A-Za-z_]\w*)\s*\)")


@dataclass(frozen=True)
class MixedFit:
    """A mixed model: its effects, and the spread that they are measured against.

    Attributes
    ----------
    effects
        Table of the fixed effects.
    sd_group
        Standard deviation of each random effect, by name.
    sd_residual
        Standard deviation of the residuals.
    reml_criterion
        Minus twice the restricted log likelihood.
    """

    effects: pd.DataFrame
    sd_group: dict[str, float]
    sd_residual: float
    reml_criterion: float


def fit_effects(
    data: pd.DataFrame | pa.Table, formula: str, kind: str = "lm", groups: str | None = None
) -> pd.DataFrame:
    """Fit one model and return its fixed effects.

    Parameters
    ----------
    data
        One row per observation. A categorical column's first category is the reference level; other text columns take
        the first level in alphabetical order.
    formula
        As in R: ``score ~ contrast * size + subject``. A mixed model may carry its random part,
        ``score ~ size + subject + (1 | architecture)``; a slope that varies between groups is ``(metric | model)``.
    kind
        "lm": ordinary least squares, Wald t. "lmm": mixed model, REML, Wald t with the residual degrees of freedom
        that R's parameters package uses (rows minus all parameters, those of the random part among them).
    groups
        Column of the random intercept, where the formula has no random part.

    Returns
    -------
    DataFrame
        Columns ``term`` (``contrast[T.CNN]``: level CNN minus the reference level), ``estimate``, ``ci_low``,
        ``ci_high`` (95 %), ``p``, ``df``, ``n``, ``formula``, ``analysis`` ("sound" unless the caller says
        otherwise) and ``note``.

    Raises
    ------
    MenagerieError
        When a column is unknown or has gaps, when effects cannot be told apart, or when nothing is left to estimate
        the error from.
    """
    table = data.to_pandas() if isinstance(data, pa.Table) else data
    if kind == "lm":
        if groups is not None or RANDOM_PART.search(formula):
            raise MenagerieError(f"Formula '{formula}': kind 'lm' takes no random part or groups; use kind 'lmm'.")
        return _fit_lm(table, formula)
    if kind == "lmm":
        return fit_mixed(table, formula, groups).effects
    raise unknown("kind of model", kind, ("lm", "lmm"))


def _fit_lm(data: pd.DataFrame, formula: str) -> pd.DataFrame:
    outcome, design = design_matrices(data, formula)
    fit = OLS(outcome, design.to_numpy()).fit()
    if fit.df_resid < 1:
        raise MenagerieError(f"Formula '{formula}': {len(outcome)} rows leave no degrees of freedom for the error.")
    return effects_table(list(design), fit.params, fit.bse, fit.df_resid, len(outcome), formula)


def fit_mixed(data: pd.DataFrame, formula: str, groups: str | None = None) -> MixedFit:
    """Fit a mixed model with one grouping factor by REML; arguments as :func:`fit_effects`.

    Raises
    ------
    MenagerieError
        As :func:`fit_effects`; also when there is one group, every group has one row, or REML does not converge.
    """
    check_formula(formula)  # the random part too goes to patsy
    fixed, slope, group = split_random(formula, groups)
    outcome, design = design_matrices(data, fixed)
    labels = _column(data, group, formula).to_numpy()
    if len(set(labels)) < 2 or len(set(labels)) == len(labels):
        raise MenagerieError(
            f"Formula '{formula}': column {group} has {len(set(labels))} groups in {len(labels)} rows. A random effect "
            "needs at least two groups, and groups of more than one row."
        )
    random = patsy.dmatrix(slope, data, return_type="dataframe") if slope != "1" else None
    with warnings.catch_warnings():
        # Its boundary warning is an absolute threshold, which the spread of scores trips.
        warnings.simplefilter("ignore")
        fit = MixedLM(SCALE * outcome, design.to_numpy(), labels, None if random is None else random.to_numpy()).fit(
            reml=True
        )
    if not fit.converged:
        raise MenagerieError(f"Formula '{formula}': REML did not converge on {len(labels)} rows. Simplify the model.")
    n, p = design.shape
    covariance = np.atleast_2d(fit.cov_re)
    q = len(covariance)
    df = n - p - q * (q + 1) // 2 - 1
    if df < 1:
        raise MenagerieError(f"Formula '{formula}': {n} rows leave no degrees of freedom for the error.")
    estimates, errors = np.asarray(fit.fe_params) / SCALE, np.asarray(fit.bse_fe) / SCALE
    shown = formula if RANDOM_PART.search(formula) else f"{formula} + (1 | {group})"
    names = ["Intercept"] if random is None else list(random)
    return MixedFit(
        effects=effects_table(list(design), estimates, errors, df, n, shown),
        sd_group=dict(zip(names, np.sqrt(np.diag(covariance)) / SCALE, strict=True)),
        sd_residual=float(np.sqrt(fit.scale)) / SCALE,
        # Scores in percent shift the log likelihood by log(100) for each residual degree of freedom.
        reml_criterion=float(-2 * fit.llf - 2 * (n - p) * np.log(SCALE)),
    )


def paired_effects(
    data: pd.DataFrame, factor: str, pair: str, reference: str, *, outcome: str = "score", distribution: str = "t"
) -> pd.DataFrame:
    """Each level of a factor minus the reference level, within pairs.

    Rows of the same pair and level are averaged first. Only pairs with both levels count.

    Parameters
    ----------
    data
        One row per observation.
    factor, reference
        Column of the levels, and the level that the others are compared with.
    pair
        Column that says which rows belong together (architecture, subject, model).
    outcome
        Column of the scores.
    distribution
        "t": paired t test. "z": the normal approximation, as in the published mixed models with a slope per pair,
        whose estimate and standard error these are in balanced data.

    Returns
    -------
    DataFrame
        As :func:`fit_effects`, one row per level besides the reference; ``n`` counts pairs.

    Raises
    ------
    MenagerieError
        When a column is unknown or has gaps, or when fewer than two pairs are complete.
    """
    shown = f"{outcome} ~ {factor}, paired by {pair}"
    for name in (factor, pair, outcome):
        _column(data, name, shown)
    wide = data.pivot_table(index=pair, columns=factor, values=outcome, aggfunc="mean", observed=True)
    if reference not in wide:
        raise unknown(f"reference level of {factor}", reference, wide)
    if wide.shape[1] < 2:
        raise MenagerieError(f"All scores belong to {factor} {reference}; there is nothing to compare it with.")
    rows = []
    for level in (name for name in wide if name != reference):
        differences = (wide[level] - wide[reference]).dropna().to_numpy()
        n = len(differences)
        if n < 2:
            raise MenagerieError(
                f"Comparison of {factor} {level} with {reference}: {n} complete pairs (by {pair}); two are needed."
            )
        error = differences.std(ddof=1) / np.sqrt(n)
        df = n - 1 if distribution == "t" else np.inf
        row = effects_table([f"{factor}[T.{level}]"], [differences.mean()], [error], df, n, shown)
        dropped = len(wide) - n
        rows.append(row.assign(note=f"{dropped} of {len(wide)} pairs incomplete, left out" if dropped else ""))
    return pd.concat(rows, ignore_index=True)


def split_random(formula: str, groups: str | None) -> tuple[str, str, str]:
    """Fixed part, random part and grouping column of a mixed model's formula.

    Raises
    ------
    MenagerieError
        When there is not exactly one random part.
    """
    parts = RANDOM_PART.findall(formula)
    if len(parts) + (groups is not None) != 1:
        raise MenagerieError(
            f"Formula '{formula}': a mixed model needs one random part, '(1 | column)' in the formula or the argument "
            f"groups; found {len(parts) + (groups is not None)}."
        )
    if not parts:
        return formula, "1", str(groups)
    slope, group = parts[0]
    fixed = re.sub(r"\s*\+?\s*\([^()|]+\|[^()]+\)", "", formula)
    return re.sub(r"~\s*\+", "~", fixed).strip(), slope, group


def design_matrices(data: pd.DataFrame, formula: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Outcome ``(n,)`` and design ``(n, p)`` of a fixed-effects formula.

    Raises
    ------
    MenagerieError
        When the formula cannot be read, its outcome is not one column of numbers, a column is unknown or has gaps, or
        effects cannot be told apart.
    """
    check_formula(formula)
    try:
        description = patsy.ModelDesc.from_formula(formula)
    except Exception as error:  # patsy raises many kinds
        raise _unreadable(formula, error) from error
    variables = {code for term in description.lhs_termlist + description.rhs_termlist for code in _names(term)}
    for name in sorted(variables):
        _column(data, name, formula)
    try:
        outcome, design = patsy.dmatrices(formula, _used_levels(data, variables), return_type="dataframe")
    except Exception as error:
        raise _unreadable(formula, error) from error
    if design.shape[1] == 0:
        raise MenagerieError(f"Formula '{formula}': found no term to estimate, expected some. Write it as: score ~ a.")
    if outcome.shape[1] != 1:
        raise MenagerieError(f"Formula '{formula}': the outcome must be one column of numbers.")
    _require_rank(design, formula)
    return outcome.to_numpy(dtype=float)[:, 0], design


def _unreadable(formula: str, error: Exception) -> MenagerieError:
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return MenagerieError(f"Formula '{formula}' cannot be read ({said}). Write it as: score ~ a + b.")


def effects_table(
    terms: Sequence[str],
    estimates: Sequence[float],
    errors: Sequence[float],
    df: float,
    n: int,
    formula: str,
) -> pd.DataFrame:
    """Table of effects with Wald intervals: t with ``df`` degrees of freedom, normal where ``df`` is infinite.

    Raises
    ------
    MenagerieError
        When a standard error is not positive.
    """
    estimates, errors = np.asarray(estimates, dtype=float), np.asarray(errors, dtype=float)
    if not (errors > 0).all():
        raise MenagerieError(f"Formula '{formula}': the scores do not vary, so effects have no standard error.")
    distribution = stats.norm() if np.isinf(df) else stats.t(df)
    half = distribution.ppf((1 + LEVEL) / 2) * errors
    values = {
        "term": list(terms),
        "estimate": estimates,
        "ci_low": estimates - half,
        "ci_high": estimates + half,
        "p": 2 * distribution.sf(np.abs(estimates / errors)),
        "df": float(df),
        "n": n,
        "formula": formula,
        "analysis": "sound",
        "note": "",
    }
    return pd.DataFrame(values, columns=list(COLUMNS))


def _names(term: patsy.Term) -> list[str]:
    """Columns that a term uses; functions such as C and Treatment, and quoted levels, are none."""
    code = " ".join(factor.code for factor in term.factors)
    code = re.sub(r"'[^']*'|\"[^\"]*\"", " ", code)
    return re.findall(r"(?<![\w.])([A-Za-z_]\w*)(?!\w|\s*[(.=])", code)


def _column(data: pd.DataFrame, name: str, formula: str) -> pd.Series:
    if name not in data:
        raise unknown(f"column in formula '{formula}'", name, data)
    column = data[name]
    bad = column.isna()
    if pd.api.types.is_float_dtype(column.dtype):
        bad |= ~np.isfinite(column.astype(float).fillna(np.nan))
    if bad.any():
        raise MenagerieError(
            f"Formula '{formula}': column {name} is empty in {int(bad.sum())} of {len(column)} rows. "
            "Leave those rows out, or the column."
        )
    return column


def _used_levels(data: pd.DataFrame, names: set[str]) -> pd.DataFrame:
    """The named columns; categories that no row has would become empty effects."""
    frame = data[sorted(names)].copy()
    for name, column in frame.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            frame[name] = column.cat.remove_unused_categories()
        elif not pd.api.types.is_numeric_dtype(column.dtype):
            frame[name] = column.astype(object)
    return frame


def _require_rank(design: pd.DataFrame, formula: str) -> None:
    """Raise, naming the columns, unless every effect can be told from the others."""
    matrix = design.to_numpy()
    if np.linalg.matrix_rank(matrix) == matrix.shape[1]:
        return
    kept: list[int] = []
    tied = []
    for position, name in enumerate(design):
        if np.linalg.matrix_rank(matrix[:, [*kept, position]]) == len(kept) + 1:
            kept.append(position)
        else:
            tied.append(name)
    raise MenagerieError(
        f"Formula '{formula}': {', '.join(tied)} cannot be told from the other effects (empty cells, or one factor "
        "that determines another). Take a term out, or leave out the levels without data."
    )
