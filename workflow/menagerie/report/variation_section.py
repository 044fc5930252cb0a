"""Variation over all models, and model to model, on the page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from menagerie.figures.tidy import in_order, model_metadata
from menagerie.report.effect_section import PLACE, in_places, metric_label, p_value
from menagerie.report.findings import number, plural
from menagerie.statistics.variation import FACTORS

GROUPS = {"all": "all models", "trained": "trained", "random": "untrained"}
NAMES = {
    "ImageNet top-1": "ImageNet top-1 accuracy",
    "parameters": "the number of parameters",
    "ED": "effective dimensionality",
    "ED of the SRP": "effective dimensionality after random projection",
}
KINDS = (("trained", "trained"), ("trained", "random"), ("random", "random"))


def overall_facts(effects: pd.DataFrame) -> dict[str, object]:
    """Sentences by dataset, and every row for the table.

    Parameters
    ----------
    effects
        Table of :func:`menagerie.statistics.variation.overall_effects`.
    """
    effects = in_places(effects)
    findings: dict[str, list[str]] = {}
    correlations = []
    for (dataset, region, metric), rows in effects.groupby(PLACE, sort=False):
        where = f"{metric_label(metric)}, {region}"
        by_term = {term: part.to_dict("records") for term, part in rows.groupby("term", sort=False)}
        known = _correlations(by_term)
        told = [*_related(known), _breakpoint(by_term), _stability(by_term)]
        told = [f"{where}: {text}" for text in told if text]
        if told:
            findings.setdefault(dataset, []).extend(told)
        correlations += [
            {
                "dataset": dataset,
                "where": where,
                "factor": NAMES[label],
                "cells": [_rho_cell(found.get(one)) for one in GROUPS],
            }
            for label, found in known.items()
        ]
    return {
        "findings": findings,
        "correlations": correlations,
        "groups": list(GROUPS.values()),
        "rows": [_row(row) for row in effects.to_dict("records")],
        "links": {name: f"experiments/overall/{name}.parquet" for name in ("data", "effects")},
    }


def similarity_facts(similarity: pd.DataFrame, models: pd.DataFrame) -> dict[str, object]:
    """How alike the selected layers of models are, by the training of the two.

    Parameters
    ----------
    similarity
        Tables ``similarity`` of all subjects, put together; a pair's r is averaged over subjects.
    models
        Table of models.
    """
    metadata = model_metadata(models).set_index("model")
    training, names = metadata["training"], metadata["display_name"]
    pairs = similarity.groupby([*PLACE, "model_a", "model_b"], sort=False)["r"].mean().reset_index()
    first, second = (pairs[name].map(training) for name in ("model_a", "model_b"))
    kinds = [tuple(sorted(both, key="trained random".index)) for both in zip(first, second, strict=True)]
    pairs = pairs.assign(kind=kinds)
    rows, findings = [], {}
    for (dataset, region, metric), part in in_places(pairs).groupby(PLACE, sort=False):
        by_kind = {kind: part[part["kind"] == kind] for kind in KINDS}
        rows += [
            {"dataset": dataset, "region": region, "metric": metric_label(metric), **_spread(kind, group)}
            for kind, group in by_kind.items()
            if len(group)
        ]
        findings.setdefault(dataset, []).append(_likeness(f"{metric_label(metric)}, {region}", by_kind, names))
    return {"findings": findings, "rows": rows, "subjects": in_order(similarity["subject"])}


def _spread(kind: tuple[str, str], group: pd.DataFrame) -> dict[str, object]:
    r = group["r"]
    return {
        "kind": " with ".join("untrained" if one == "random" else one for one in kind),
        "pairs": len(r),
        "mean": number(r.mean()),
        "sd": number(r.std()) if len(r) > 1 else number(np.nan),
        "range": f"{number(r.min())} to {number(r.max())}",
    }


def _likeness(where: str, by_kind: Mapping[tuple, pd.DataFrame], names: pd.Series) -> str:
    parts = []
    for kind, group in by_kind.items():
        if len(group):
            facts = _spread(kind, group)
            spread = f"SD {facts['sd']} over {plural(facts['pairs'], 'pair')}" if len(group) > 1 else "one pair"
            parts.append(f"{facts['kind']} models {facts['mean']} ({spread})")
    known = pd.concat(group for group in by_kind.values() if len(group))
    top = known.loc[known["r"].idxmax()]
    return (
        f"{where}: the RSMs of two models' selected layers correlate with a mean r of {', '.join(parts)}. Most "
        f"alike are {names[top['model_a']]} and {names[top['model_b']]} ({number(top['r'])})."
    )


def _correlations(by_term: Mapping[str, list[dict]]) -> dict[str, dict[str, dict]]:
    """Factor -> group of models -> row, for correlations that could be estimated."""
    found: dict[str, dict[str, dict]] = {}
    for label in FACTORS.values():
        for group in GROUPS:
            for row in by_term.get(f"Spearman, {label}, {group}", []):
                if np.isfinite(row["estimate"]):
                    found.setdefault(label, {})[group] = row
    return found


def _related(known: Mapping[str, Mapping[str, dict]]) -> list[str]:
    """Which factors scores go along with among trained models, and which relations are those of training alone."""
    clear = {label: {group for group, row in rows.items() if _is_clear(row)} for label, rows in known.items()}
    trained = [label for label, rows in known.items() if "trained" in rows]
    firm = [label for label in trained if "trained" in clear[label]]
    loose = [label for label in trained if label not in firm]
    told = []
    if firm:
        given = ", ".join(f"{NAMES[label]} ({_rho(known[label]['trained'])})" for label in firm)
        told.append(f"among trained models the score goes along with {given}.")
    if loose:
        given = ", ".join(f"{NAMES[label]} ({_rho(known[label]['trained'])})" for label in loose)
        told.append(f"among trained models there is no firm rank correlation with {given}.")
    apart = [label for label in loose if "all" in clear[label] and not clear[label] & {"trained", "random"}]
    if apart:
        given = " and ".join(f"{NAMES[label]} ({_rho(known[label]['all'])})" for label in apart)
        told.append(f"over all models it goes along with {given}, but within neither trained nor untrained models.")
    return told


def _is_clear(row: Mapping) -> bool:
    return bool(row["ci_low"] > 0 or row["ci_high"] < 0)


def _rho_cell(row: Mapping | None) -> dict[str, str] | None:
    if row is None:
        return None
    interval = f"{number(row['ci_low'])} to {number(row['ci_high'])}"
    return {"rho": number(row["estimate"]), "interval": interval, "n": number(row["n"], 0)}


def _rho(row: Mapping) -> str:
    return f"{number(row['estimate'])}, {number(row['ci_low'])} to {number(row['ci_high'])}, n = {row['n']:.0f}"


def _breakpoint(by_term: Mapping[str, list[dict]]) -> str:
    rows = [row for row in by_term.get("rank breakpoint 1", []) if np.isfinite(row["ci_low"])]
    if not rows:
        return ""
    methods = {row["note"].split(";")[0]: row for row in rows}
    given = ", ".join(
        f"{name} {number(row['ci_low'], 1)} to {number(row['ci_high'], 1)}" for name, row in methods.items()
    )
    return (
        f"in order of rank, scores bend first at rank {number(rows[0]['estimate'], 1)} of {rows[0]['n']:.0f} "
        f"(95 % intervals: {given})."
    )


def _stability(by_term: Mapping[str, list[dict]]) -> str:
    for row in by_term.get("subject stability", []):
        if np.isfinite(row["estimate"]):
            return (
                f"two subjects rank {plural(int(row['n']), 'model')} alike with a Spearman correlation of "
                f"{number(row['estimate'])} ({row['note']})."
            )
    return ""


def _row(row: Mapping) -> dict[str, str]:
    known = np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"])
    return {
        **{name: row[name] for name in ("dataset", "region", "term", "analysis")},
        "metric": metric_label(row["metric"]),
        "estimate": number(row["estimate"], 3),
        "interval": f"{number(row['ci_low'], 3)} to {number(row['ci_high'], 3)}" if known else number(np.nan),
        "p": p_value(row["p"]),
        "n": number(row["n"], 0),
        "note": row["note"] or "",
    }
