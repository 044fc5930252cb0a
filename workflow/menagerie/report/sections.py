"""The report's numbers: what ran, what was measured, what could not be scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from menagerie.figures.tidy import METRICS, in_order, metrics_in, model_metadata
from menagerie.files.layer_counts import LayerCount
from menagerie.report.findings import number
from menagerie.statistics.contrasts import MEAN

# Columns of the page's table: key, heading, explanation, kind ("text" or "number").
TABLE_COLUMNS = (
    ("rank", "Rank", "by score, within dataset, region and metric", "number"),
    ("display_name", "Model", "", "text"),
    (
        "score",
        "Score",
        "Pearson r on the test images: mean over subjects, layer selected on the train images",
        "number",
    ),
    ("interval", "95 % interval", "over images, subjects fixed", "number"),
    ("range", "Subjects", "lowest to highest subject", "number"),
    ("explained", "Explained", "share of the explainable variance", "number"),
    ("training", "Weights", "trained, or random (never trained)", "text"),
    ("layer", "Selected layer", "by most subjects", "text"),
    ("depth", "Depth", "relative: 0 first layer, 1 last layer; mean over subjects", "number"),
    ("architecture_class", "Architecture", "", "text"),
    ("task", "Task", "that the model was trained on", "text"),
    ("data", "Training data", "", "text"),
)


DOWNLOADED = (
    *("rank", "display_name", "training", "score", "ci_low", "ci_high", "score_min", "score_max", "n_subjects"),
    *("explained", "explained_low", "explained_high", "layer", "layer_votes", "depth", "architecture_class"),
    *("task", "data"),
)
"""Columns of the page's CSV, which holds numbers where the page shows text."""


def with_pooled(board: pd.DataFrame, model_scores: pd.DataFrame) -> pd.DataFrame:
    """Leaderboard whose rows know whether they rest on a mean over subjects that was all there was (``pooled``).

    Such a row counts the subjects of its dataset, region and metric, over which the mean was taken.
    """
    good = model_scores[model_scores["status"] == "ok"]
    singles = good[good["subject"] != MEAN]
    subjects = singles.groupby("dataset")["subject"].nunique()
    known = set(map(tuple, singles[["dataset", "region", "metric", "model"]].drop_duplicates().to_numpy()))
    keys = map(tuple, board[["dataset", "region", "metric", "model"]].to_numpy())
    pooled = pd.Series([key not in known for key in keys], index=board.index)
    counts = board["n_subjects"].where(~pooled, board["dataset"].map(subjects).fillna(1)).astype(int)
    return board.assign(pooled=pooled, n_subjects=counts)


def shown_columns(board: pd.DataFrame) -> tuple[tuple[str, str, str, str], ...]:
    """Columns of the page's table that hold anything: the published tables know no layers."""
    source = {"interval": "ci_low", "range": "score_min"}
    filled = {key: board[source.get(key, key)].replace("", np.nan).notna().any() for key, *_ in TABLE_COLUMNS}
    return tuple(column for column in TABLE_COLUMNS if filled[column[0]])


def counts(scores: pd.DataFrame, models: pd.DataFrame) -> dict[str, int]:
    """Sizes of the run, for the page's opening; ``scores`` are those of layers or, without such, of models."""
    good = scores[scores["status"] == "ok"]
    metadata = model_metadata(models).set_index("model")["training"]
    scored_models = [model for model in in_order(good["model"]) if model in metadata.index]
    random = sum(metadata[model] == "random" for model in scored_models)
    return {
        "models": len(scored_models),
        "trained": len(scored_models) - random,
        "random": random,
        "layers": len(good.loc[good["layer_index"].notna(), ["model", "layer_index"]].drop_duplicates()),
        "datasets": good["dataset"].nunique(),
        "subjects": len(good.loc[good["subject"] != MEAN, ["dataset", "subject"]].drop_duplicates()),
        "scores": len(good),
    }


def merged_about(subjects: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Provenance of a dataset's targets as one: entries that differ between subjects name whose they are."""
    found: dict[str, str] = {}
    for key in dict.fromkeys(key for entries in subjects.values() for key in entries):
        by_text: dict[str, list[str]] = {}
        for subject, entries in subjects.items():
            by_text.setdefault(str(entries.get(key, "not said")), []).append(subject)
        if len(by_text) == 1:
            found[key] = next(iter(by_text))
        else:
            found[key] = "; ".join(f"{', '.join(names)}: {text}" for text, names in by_text.items())
    return found


def _ceiling(rows: pd.DataFrame) -> str:
    """Mean noise ceiling of a region, its interval, and subjects that have none, so that nothing is "explained"."""
    by_subject = rows.groupby("subject", sort=False)["noise_ceiling"].first()
    known = by_subject.dropna()
    if known.empty:
        return "unknown"
    if len(known) == len(by_subject):
        low, high = (rows.groupby("subject")[f"ceiling_{end}"].first().mean(skipna=False) for end in ("low", "high"))
        sure = not np.isfinite(low) or low == high  # unknown, or known exactly
        return number(known.mean()) + ("" if sure else f" ({number(low)} to {number(high)})")
    missing = ", ".join(map(str, by_subject.index[by_subject.isna()]))
    return (
        f"{number(known.mean())} ({', '.join(map(str, known.index))}); unknown in {missing}, so no share is explained"
    )


def dataset_facts(rows: pd.DataFrame, selected: pd.DataFrame, about: Mapping[str, str]) -> dict[str, object]:
    """One dataset in a few words.

    Parameters
    ----------
    rows
        Rows of layer_scores (model_scores, where layers are not known) with a score, of this dataset.
    selected
        Rows of model_scores with a score on RSMs, of this dataset.
    about
        Provenance of its targets (:func:`merged_about`).
    """
    rows = rows[rows["subject"] != MEAN]
    part = rows["part"] if "part" in rows else pd.Series("test", index=rows.index)
    parts = rows["n_images"].groupby(part).max().dropna()
    regions = []
    for region in in_order(rows["region"]):
        units = rows.loc[rows["region"] == region, "n_units"]
        regions.append(
            {
                "region": region,
                "units": _units(units.dropna()),
                "ceiling": _ceiling(selected[selected["region"] == region]),
                "metrics": ", ".join(
                    METRICS[m].label for m in metrics_in(rows.loc[rows["region"] == region, "metric"])
                ),
            }
        )
    return {
        "simulated": is_simulated(about),
        "subjects": in_order(rows["subject"]),
        "train_images": int(parts.get("train", 0)),
        "test_images": int(parts.get("test", 0)),
        "regions": regions,
        "about": {key.replace("_", " "): value for key, value in about.items()},
    }


def is_simulated(about: Mapping[str, str]) -> bool:
    """True where a target's provenance says that its responses were simulated."""
    return str(about.get("simulated", "no")).lower() in {"yes", "true"}


def models_left_out(left_out: Mapping[str, str]) -> list[dict[str, object]]:
    """Models whose weights could not be had, as rows like those of :func:`not_scored`."""
    return [
        {"dataset": "all", "reason": reason, "metrics": "", "layers": None, "models": model}
        for model, reason in left_out.items()
    ]


def models_without_layers(layers: Sequence[LayerCount]) -> list[dict[str, object]]:
    """Models of whose layers the config selects none, as a row like those of :func:`not_scored`."""
    empty = [count.model for count in layers if not count.selected]
    reason = "no layer fits the patterns of config key layers"
    row = {"dataset": "all", "reason": reason, "metrics": "", "layers": None, "models": _named(empty)}
    return [row] if empty else []


def layer_facts(layers: Sequence[LayerCount]) -> list[dict[str, object]]:
    """Rows of the page's table of layers: how many, and what is none."""
    return [
        {
            "model": count.model,
            "layers": count.layers,
            "selected": count.selected,
            "skipped": "; ".join(f"{number} {kind}" for kind, number in count.skipped.items()),
            "unmatched": ", ".join(count.unmatched),
        }
        for count in layers
    ]


def not_scored(
    layer_scores: pd.DataFrame, model_scores: pd.DataFrame, models: pd.DataFrame, told: Collection[str] = ()
) -> list[dict[str, object]]:
    """Reasons for missing scores, with how many layers and models each concerns; models in ``told`` are left out."""
    bad = layer_scores[layer_scores["status"] != "ok"]
    reasons = []
    for (dataset, status), rows in bad.groupby(["dataset", "status"], sort=False):
        layers = rows[["model", "layer_index"]].drop_duplicates()
        reasons.append(
            {
                "dataset": dataset,
                "reason": status,
                "metrics": ", ".join(METRICS[m].label for m in metrics_in(rows["metric"])),
                "layers": len(layers),
                "models": _named(in_order(layers["model"])),
            }
        )
    lost = model_scores[model_scores["status"] != "ok"]
    for (dataset, status), rows in lost.groupby(["dataset", "status"], sort=False):
        known = any(reason["dataset"] == dataset and reason["reason"] == status for reason in reasons)
        if not known:
            metrics = ", ".join(METRICS[m].label for m in metrics_in(rows["metric"]))
            names = _named(in_order(rows["model"]))
            reasons.append({"dataset": dataset, "reason": status, "metrics": metrics, "layers": None, "models": names})
    tried = set((layer_scores if len(layer_scores) else model_scores)["model"])
    silent = [model for model in model_metadata(models)["model"] if model not in tried and model not in told]
    if silent:
        reason = "in the list of models, but without any score"
        reasons.append({"dataset": "all", "reason": reason, "metrics": "", "layers": None, "models": _named(silent)})
    return reasons


def table_data(board: pd.DataFrame, columns: Sequence[tuple[str, str, str, str]] = TABLE_COLUMNS) -> dict[str, list]:
    """Leaderboard for the page's script: a row is [dataset, region, metric, model, values, cells, download].

    Values are for sorting (None where empty), cells for showing, and the last for the CSV (:data:`DOWNLOADED`).
    """
    downloaded = board.reindex(columns=DOWNLOADED).to_dict("records")
    rows = []
    for row, saved in zip(board.to_dict("records"), downloaded, strict=True):
        values, cells = [], []
        for key, _, _, kind in columns:
            value = _sort_value(row, key, kind)
            values.append(value)
            cells.append(_cell(row, key))
        place = [row["dataset"], row["region"], row["metric"], row["model"]]
        rows.append([*place, values, cells, [_plain(value) for value in saved.values()]])
    return {"rows": rows, "downloaded": list(DOWNLOADED)}


def _plain(value: object) -> object:
    """Text, or a number of six digits; None where empty."""
    if isinstance(value, str):
        return value
    return float(f"{value:.6g}") if pd.notna(value) else None


def _sort_value(row: Mapping, key: str, kind: str) -> object:
    if kind == "text":
        return str(row[key])
    if key == "range" and row.get("pooled"):
        return None
    value = {"interval": row["ci_low"], "range": row["score_min"]}.get(key, row.get(key))
    return round(float(value), 6) if np.isfinite(value) else None


def _cell(row: Mapping, key: str) -> str:
    if key == "interval":
        return _span(row["ci_low"], row["ci_high"])
    if key == "range":
        if row.get("pooled"):
            return "mean only"
        return _span(row["score_min"], row["score_max"]) if row["n_subjects"] > 1 else "only one"
    if key == "score":
        return number(row["score"], 3)
    if key == "explained":
        return _share(row["explained"], row["explained_low"], row["explained_high"])
    if key == "depth":
        return number(row["depth"])
    if key == "layer" and row["n_subjects"] > 1:
        return f"{row['layer']} ({row['layer_votes']} of {row['n_subjects']})"
    return str(row[key])


def _share(share: float, low: float, high: float) -> str:
    """A share in per cent with its interval, as far as it is known."""
    if not np.isfinite(share):
        return number(np.nan)
    span = f" ({100 * low:.0f} to {100 * high:.0f})" if np.isfinite(high) else f" (above {100 * low:.0f})"
    return f"{100 * share:.0f} %" + (span if np.isfinite(low) else "")


def _units(units: pd.Series) -> str:
    if units.empty:
        return "unknown"
    low, high = int(units.min()), int(units.max())
    if not high:
        return "RSM only"
    return f"{low:,}" if low == high else f"{low:,} to {high:,} per subject"


def _span(low: float, high: float) -> str:
    return f"{number(low, 3)} to {number(high, 3)}" if np.isfinite(low) and np.isfinite(high) else number(np.nan)


def _named(names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
