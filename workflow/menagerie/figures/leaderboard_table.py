"""The leaderboard as a table: one row a dataset, region, metric and model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from menagerie.figures.tidy import METRICS, NUMBERS, in_order, metrics_in, scored

KEYS = ["dataset", "region", "metric"]
# Column -> (unit, meaning), in the order of the table.
COLUMNS = {
    "dataset": ("", "brain dataset, as named in the config"),
    "region": ("", "brain region"),
    "metric": ("", "name of the metric (docs/measures.md)"),
    "rank": ("", "by score, within dataset, region and metric; equal scores share the better rank"),
    "model": ("", "model id, as in config/models.tsv"),
    "display_name": ("", "name for figures; unique"),
    "training": ("", "trained, or random (never trained)"),
    "score": ("Pearson r", "test score of the selected layers, mean over subjects"),
    "ci_low": ("Pearson r", "lower end of the 95 % interval over images, mean over subjects; subjects are fixed"),
    "ci_high": ("Pearson r", "upper end of that interval"),
    "ties_with_best": ("", "whether the model may be the best by that mean (95 %, simultaneous over models)"),
    "n_ties": ("subjects", "subjects in whom it may be the best"),
    "score_min": ("Pearson r", "score of the lowest subject"),
    "score_max": ("Pearson r", "score of the highest subject"),
    "n_subjects": ("subjects", "subjects that the mean rests on"),
    "noise_ceiling": ("Pearson r", "mean over subjects; empty unless every subject has one"),
    "ceiling_low": ("Pearson r", "lower end of the ceiling's 95 % interval, mean over subjects"),
    "ceiling_high": ("Pearson r", "upper end of that interval"),
    "ceiling_min": ("Pearson r", "ceiling of the lowest subject"),
    "ceiling_max": ("Pearson r", "ceiling of the highest subject"),
    "explained": ("fraction", "score^2 / noise_ceiling^2; 0 where the score is negative, empty without a ceiling"),
    "explained_low": ("fraction", "ci_low^2 / ceiling_high^2, lower end of it"),
    "explained_high": ("fraction", "ci_high^2 / ceiling_low^2, upper end; empty where the ceiling may be 0"),
    "layer": ("", "layer selected for most subjects; the earlier one of a tie"),
    "layer_votes": ("subjects", "subjects for whom that layer was selected"),
    "depth": ("fraction", "relative depth of the selected layers, mean over subjects"),
    "train_score": ("Pearson r", "score of the selected layers on what it was selected on, mean over subjects"),
    "n_images": ("images", "test images, fewest over subjects"),
    "architecture_class": ("", "from config/models.tsv"),
    "task": ("", "what the model was trained on, from config/models.tsv"),
    "data": ("", "what it was trained with, from config/models.tsv"),
    "parameters": ("parameters", "from config/models.tsv"),
    "top1": ("%", "ImageNet top-1 accuracy, from config/models.tsv"),
}


_MEANS = ("ci_low", "ci_high", "noise_ceiling", "ceiling_low", "ceiling_high")
_SHARES = (
    ("explained", "score", "noise_ceiling"),
    ("explained_low", "ci_low", "ceiling_high"),
    ("explained_high", "ci_high", "ceiling_low"),
)


def leaderboard_table(model_scores: pd.DataFrame, models: pd.DataFrame, dataset: str | None = None) -> pd.DataFrame:
    """Models in order of their mean score over subjects.

    Parameters
    ----------
    model_scores
        Table with the schema "model_scores".
    models
        Models table, see :func:`menagerie.figures.tidy.model_metadata`.
    dataset
        Name of a dataset, or None for all.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, sorted by dataset, region, metric (as they come in) and rank.

        - ``score``: test score, mean over subjects; ``score_min``, ``score_max``: lowest and highest subject.
        - ``ci_low``, ``ci_high``: mean over subjects of the ends of their 95 % intervals over images. Subjects
          are fixed: the interval speaks about other images, not about other subjects. It is exact where the
          subjects' sampling errors rise and fall together, and too wide otherwise (the quantile of a sum
          is at most the sum of the quantiles for errors of elliptical shape). Empty unless every subject has one.
        - ``noise_ceiling``: mean over subjects, empty unless every subject has one; ``ceiling_min``,
          ``ceiling_max``: lowest and highest subject. ``explained``: ``score^2 / noise_ceiling^2``, 0 where
          the score is negative. ``ceiling_low``, ``ceiling_high``, ``explained_low``, ``explained_high``: as
          :func:`menagerie.statistics.explained.add_explained` has it.
        - ``layer``: the layer selected for most subjects (the earlier one of a tie), ``layer_votes``: for how many;
          ``depth``, ``train_score``: means over subjects.
        - ``ties_with_best``, ``n_ties``: :mod:`menagerie.statistics.ties`, over subjects and in each; empty where the
          table does not say.
        - equal scores share the better rank.

    Raises
    ------
    MenagerieError
        As :func:`menagerie.figures.tidy.scored`.
    """
    rows = scored(model_scores, models, dataset, schema="model_scores")
    orders = {name: in_order(rows[name]) for name in ("dataset", "region")} | {"metric": metrics_in(rows["metric"])}
    metadata = ["display_name", "training", "architecture_class", "task", "data", *NUMBERS]
    groups = rows.groupby([*KEYS, "model"], sort=False)
    table = groups.agg(
        score=("score", "mean"),
        score_min=("score", "min"),
        score_max=("score", "max"),
        n_subjects=("subject", "nunique"),
        depth=("depth", "mean"),
        train_score=("train_score", "mean"),
        n_images=("n_images", "min"),
        ties_with_best=("ties_with_best_overall", "first"),
        n_ties=("ties_with_best", _count),
        ceiling_min=("noise_ceiling", "min"),
        ceiling_max=("noise_ceiling", "max"),
        **{name: (name, _mean_of_all) for name in _MEANS},
        **{name: (name, "first") for name in metadata},
    )
    votes = [_elected(group) for _, group in groups]
    table["layer"], table["layer_votes"] = zip(*votes, strict=True)
    table = table.reset_index()
    for name, score, ceiling in _SHARES:
        table[name] = (table[score].clip(lower=0) / table[ceiling].where(table[ceiling] > 0)) ** 2
    table["rank"] = table.groupby(KEYS, sort=False)["score"].rank(ascending=False, method="min").astype(int)
    for name, order in orders.items():
        table[f"_{name}"] = table[name].map({value: position for position, value in enumerate(order)})
    table = table.sort_values(["_dataset", "_region", "_metric", "rank", "model"], kind="stable")
    return table[list(COLUMNS)].reset_index(drop=True)


def model_order(table: pd.DataFrame) -> list[str]:
    """Models of one dataset, best first, by the first region and metric; models without that score come last."""
    first = table.iloc[0]
    leading = table[(table["region"] == first["region"]) & (table["metric"] == first["metric"])]
    rest = table.groupby("model")["score"].mean().sort_values(ascending=False, kind="stable")
    return in_order([*leading["model"], *rest.index])


def ordering_label(table: pd.DataFrame) -> str:
    """What :func:`model_order` sorts by, in words."""
    return f"{METRICS[table.iloc[0]['metric']].label} in {table.iloc[0]['region']}"


def _count(flags: pd.Series) -> float:
    """Number of True; NaN where nothing is known."""
    known = flags.dropna()
    return float(known.astype(bool).sum()) if len(known) else np.nan


def _mean_of_all(values: pd.Series) -> float:
    return values.mean(skipna=False)


def _elected(group: pd.DataFrame) -> tuple[str, int]:
    if group["layer_index"].isna().all():
        return "", 0  # the published tables do not tell
    counts = group.groupby(["layer_index", "layer"]).size().reset_index(name="votes")
    winner = counts.sort_values(["votes", "layer_index"], ascending=[False, True]).iloc[0]
    return winner["layer"], int(winner["votes"])
