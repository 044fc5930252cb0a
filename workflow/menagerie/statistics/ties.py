"""Which models may be the best? A simultaneous answer from resamples of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from menagerie.linking.bootstrap import LEVEL

PLACE = ("dataset", "region", "metric", "split", "selected_on")
COLUMNS = ("ties_with_best", "ties_with_best_overall")


def may_be_best(scores: np.ndarray, drawn: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Models that cannot be told from the best: a set that holds the truly best one with a stated confidence.

    Multiple comparisons with the best (Hsu 1981, 1996, chapter 4): a model is out where another is better by more than
    the level's quantile, over resamples, of the largest studentised error among its differences from all others. Only
    the truly best model's comparisons have to be right, so no further correction is due.

    Parameters
    ----------
    scores
        ``(m,)``: scores of models.
    drawn
        ``(m, r)``: the same of resamples of images, the same images for all models; NaN where undefined.
    level
        Confidence.

    Returns
    -------
    ``(m,)`` bool; the model with the highest score is always in.
    """
    drawn = drawn[:, np.isfinite(drawn).all(axis=0)]
    found = np.ones(len(scores), dtype=bool)
    for model in range(len(scores)):
        others = np.arange(len(scores)) != model
        difference = scores[others] - scores[model]
        if not (difference > 0).any():
            continue
        errors = drawn[others] - drawn[model]
        errors = errors - errors.mean(axis=1, keepdims=True)
        spread = errors.std(axis=1)
        same = spread <= np.finfo(np.float32).eps  # draws are kept in float32
        if (difference[same] > 1e-6).any():
            found[model] = False
        elif not same.all():
            errors, spread, difference = errors[~same], spread[~same], difference[~same]
            limit = np.quantile((errors / spread[:, None]).max(axis=0), level)
            found[model] = (difference / spread).max() <= limit
    return found


def add_ties(model_scores: pa.Table, resamples: pa.Table) -> pa.Table:
    """Fill the columns :data:`COLUMNS` of a table of model scores.

    Parameters
    ----------
    model_scores
        Table with the schema "model_scores".
    resamples
        Table with the schema "resamples" of the same run.

    Returns
    -------
    Table
        The same rows in the same order. ``ties_with_best``: among the models of the row's subject, in its dataset,
        region, metric, split and way of selecting; ``ties_with_best_overall``: by the mean over subjects, of models
        that have a score in all of them. Empty without resamples, or where fewer than nine in ten are defined for all
        models.
    """
    by_place: dict[tuple, dict[str, dict[str, dict]]] = {}
    for row in resamples.to_pylist():
        of = by_place.setdefault(tuple(row[key] for key in PLACE), {})
        of.setdefault(row["subject"], {})[row["model"]] = row
    single: dict[tuple, dict[str, bool]] = {}
    overall: dict[tuple, dict[str, bool]] = {}
    for place, subjects in by_place.items():
        for subject, of in subjects.items():
            single[place, subject] = _best_of([{model: _numbers(row) for model, row in of.items()}])
        overall[place] = _best_of([{model: _numbers(row) for model, row in of.items()} for of in subjects.values()])
    rows = model_scores.select([*PLACE, "subject", "model"]).to_pylist()
    places = [tuple(row[key] for key in PLACE) for row in rows]
    values = {
        "ties_with_best": [
            single.get((place, row["subject"]), {}).get(row["model"]) for place, row in zip(places, rows, strict=True)
        ],
        "ties_with_best_overall": [
            overall.get(place, {}).get(row["model"]) for place, row in zip(places, rows, strict=True)
        ],
    }
    for name in COLUMNS:
        position = model_scores.schema.get_field_index(name)
        field = model_scores.schema.field(position)
        model_scores = model_scores.set_column(position, field, pa.array(values[name], field.type))
    return model_scores


def _numbers(row: Mapping) -> tuple[float, np.ndarray]:
    return row["score"], np.asarray(row["drawn"], dtype=np.float64)


def _best_of(subjects: Sequence[Mapping[str, tuple[float, np.ndarray]]]) -> dict[str, bool]:
    """Model -> whether it may be the best by its mean over subjects; models that lack one are left out."""
    models = [model for model in subjects[0] if all(model in of for of in subjects)]
    if not models:
        return {}
    scores = np.mean([[of[model][0] for model in models] for of in subjects], axis=0)
    drawn = np.mean([[of[model][1] for model in models] for of in subjects], axis=0)
    if np.isfinite(drawn).all(axis=0).mean() < 0.9:
        return {}
    return dict(zip(models, map(bool, may_be_best(scores, drawn)), strict=True))
