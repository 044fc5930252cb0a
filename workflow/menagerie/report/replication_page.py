"""The page of a replication: findings, methods, results, generalisation, limitations."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from menagerie.figures.replication_table import Finding, datasets_of, findings_of
from menagerie.report.captions import read_caption
from menagerie.report.figures import ReportFigure, data_uri
from menagerie.report.findings import number
from menagerie.report.templates import templates
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.replication import GENERALISATION, ORDER, ORIGINAL, REPLICATION
from menagerie.statistics.verdicts import REPLICATES, RULE, VERDICTS


def render_replication(
    run: str,
    compared: Mapping[str, object],
    experiments: Mapping[str, Experiment],
    table: pd.DataFrame,
    figure: ReportFigure,
    simulated: Mapping[str, bool] | None = None,
) -> str:
    """The page as text, the same text for the same input.

    Parameters
    ----------
    run
        Name of the run.
    compared
        Config key ``replication``.
    experiments
        Experiments of the run.
    table
        Table ``replication``.
    figure
        From :func:`menagerie.figures.replication.replication_figure`.
    simulated
        Dataset -> whether its responses are simulated; measured where it is not named.

    Raises
    ------
    MenagerieError
        When a figure or its caption is missing.
    """
    found = findings_of(experiments, table)
    roles = datasets_of(table)
    others = [name for name, role in roles.items() if role != ORIGINAL]
    return (
        templates()
        .get_template("replication.html.j2")
        .render(
            run=run,
            original=compared["original"],
            roles=roles,
            simulated=[name for name in roles if (simulated or {}).get(name)],
            findings=[_row(one, compared["original"], others) for one in found],
            counts={name: _counts(found, name) for name in others},
            roles_in_words={REPLICATION: "same question, same method", GENERALISATION: "other images"},
            replications=[name for name in others if roles[name] == REPLICATION],
            generalisations=[name for name in others if roles[name] == GENERALISATION],
            persons={name: _n_persons(table, name) for name in roles},
            samples=sorted(set(table["sample"].dropna())),
            margin=compared["margin"],
            rule=RULE,
            figure={
                "source": data_uri(figure.svg),
                "narrow": data_uri(figure.narrow),
                "caption": read_caption(figure.caption),
            },
            untold=_untold(table),
            limitations=compared["limitations"],
        )
    )


def _row(finding: Finding, original: str, others: list[str]) -> dict:
    stated = finding.original()
    return {
        "title": finding.title,
        "label": finding.label,
        "reference": finding.reference,
        "kind": finding.kind,
        "original": _effect(stated) if stated is not None else "",
        "agreement": number(finding.persons(original)["estimate"].mean()) if finding.kind == ORDER else "",
        "verdicts": {name: _verdict(finding, name) for name in others},
        "persons": [_person(row) for name in [original, *others] for _, row in finding.persons(name).iterrows()],
    }


def _verdict(finding: Finding, dataset: str) -> dict:
    persons = finding.persons(dataset)
    verdict = finding.of(dataset, "verdict") or "not tested"
    agree = int((persons["outcome"] == REPLICATES).sum())
    return {
        "verdict": verdict,
        "rank": VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS),
        "agree": f"{agree} of {len(persons)}" if len(persons) else "",
        "mean": number(persons["estimate"].mean()) if len(persons) else "",
    }


def _person(row: pd.Series) -> dict:
    told = row["outcome"] if isinstance(row["outcome"], str) else ""
    note = row["note"] if isinstance(row["note"], str) else ""
    return {"dataset": row["dataset"], "subject": row["subject"], "effect": _effect(row), "outcome": told, "note": note}


def _effect(row: pd.Series) -> str:
    """Estimate, interval and p; what is missing is left out."""
    text = number(row["estimate"], 3)
    if pd.notna(row["ci_low"]):
        text += f" [{number(row['ci_low'], 3)}, {number(row['ci_high'], 3)}]"
    return text + (f", p {_p(row['p'])}" if pd.notna(row["p"]) else "")


def _p(value: float) -> str:
    return f"= {value:.3f}" if value >= 0.001 else "< .001"


def _counts(found: list[Finding], dataset: str) -> dict[str, int]:
    said = [finding.of(dataset, "verdict") for finding in found]
    return {verdict: said.count(verdict) for verdict in VERDICTS if verdict in said}


def _n_persons(table: pd.DataFrame, dataset: str) -> int:
    return int(table.loc[table["dataset"] == dataset, "subject"].dropna().nunique())


def _untold(table: pd.DataFrame) -> list[dict[str, str]]:
    """Experiments that a dataset cannot be asked about, and why."""
    rows = table[table["term"].isna() & table["note"].notna()]
    return [
        {"title": title, "reason": reason, "datasets": ", ".join(here["dataset"])}
        for (title, reason), here in rows.groupby(["title", "note"], sort=False)
    ]
