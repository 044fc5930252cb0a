"""Synthetic data of experiments: what the rule `experiment` writes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from menagerie.statistics.experiments import Experiment


def experiment(figure: str = "levels", factor: str = "kind", pair: str = "") -> Experiment:
    one = {"analysis": "sound", "pair": pair} if pair else {"analysis": "sound", "formula": f"score ~ {factor}"}
    entry = {"title": "One kind against another", "factor": factor, "figure": figure, "analyses": [one]}
    levels = ["crsa", "versa"] if factor == "metric" else ["plain", "fancy"]
    if figure == "models":
        return Experiment.from_entry("test", entry | {"reference": "task_00"})
    return Experiment.from_entry("test", entry | {"reference": levels[0], "levels": levels})


def data(
    n_models: int = 6,
    *,
    figure: str = "levels",
    subjects=("A", "B", "C", "D"),
    regions=("IT",),
    ceiling: float | None = 0.8,
    dataset: str = "nsd",
) -> pd.DataFrame:
    """Half of the models are plain and half fancy; model i and i + n / 2 are a pair."""
    rng = np.random.default_rng(n_models)
    rows = []
    for i in range(n_models):
        fancy = i >= n_models // 2
        level = f"task_{i:02d}" if figure == "models" else ("fancy" if fancy else "plain")
        for region in regions:
            for metric, base in (("crsa", 0.3), ("versa", 0.6), ("encoding_r", 0.2)):
                for s, subject in enumerate(subjects):
                    score = base + 0.04 * s + 0.05 * fancy + rng.normal(0, 0.03)
                    top = np.nan if ceiling is None or metric == "encoding_r" else ceiling + 0.01 * s
                    rows.append((dataset, region, metric, subject, f"m{i:02d}", level, score, top))
    columns = ["dataset", "region", "metric", "subject", "model", "kind", "score", "noise_ceiling"]
    table = pd.DataFrame(rows, columns=columns)
    number = table["model"].str[1:].astype(int)
    table["architecture"] = "net" + (number % (n_models // 2)).astype(str)
    table["display_name"] = "Network-" + number.astype(str) + "-P16-Large"
    table["kind"] = pd.Categorical(table["kind"])
    return table
