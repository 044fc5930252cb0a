"""What the replication's figure and page show: findings as rows, datasets as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from menagerie.figures.levels import level_name
from menagerie.figures.tidy import METRICS, metrics_in
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.persons import contrast
from menagerie.statistics.replication import DIFFERENCE, ORDER, ORIGINAL, persons_of


@dataclass(frozen=True)
class Finding:
    """One row: a difference or an order, in one metric and region.

    Attributes
    ----------
    name, title
        Experiment.
    label, reference
        Level and metric; what the level is compared with (empty for orders).
    kind
        Difference or order.
    rows
        Rows of table ``replication`` that are about it.
    """

    name: str
    title: str
    label: str
    reference: str
    kind: str
    rows: pd.DataFrame

    def persons(self, dataset: str) -> pd.DataFrame:
        """A row a person of a dataset; of the original, over all its networks."""
        here = self.rows[self.rows["dataset"] == dataset]
        told = here[here["outcome"].notna()]
        return told if len(told) else persons_of(here[here["networks"].isin(("all", "shared"))])

    def original(self) -> pd.Series | None:
        """The original's statement: its first published row with an estimate, else a sound one; none for orders."""
        here = self.rows[(self.rows["role"] == ORIGINAL) & (self.rows["networks"] == "all")]
        for analysis in ("published", "sound"):
            found = here[(here["analysis"] == analysis) & here["estimate"].notna()]
            if len(found):
                return found.iloc[0]
        return None

    def of(self, dataset: str, column: str) -> object:
        """Value that all rows of a dataset share: its verdict, or the original's estimate on its networks."""
        values = self.rows.loc[self.rows["dataset"] == dataset, column].dropna()
        return None if values.empty else values.iloc[0]


def datasets_of(table: pd.DataFrame) -> dict[str, str]:
    """Dataset -> its role, the original first."""
    return {str(row["dataset"]): str(row["role"]) for _, row in table.drop_duplicates("dataset").iterrows()}


def findings_of(experiments: Mapping[str, Experiment], table: pd.DataFrame) -> list[Finding]:
    """Findings in the order of the experiments; of those with an order, differences of single levels are left out.

    Parameters
    ----------
    experiments
        Experiments of the run.
    table
        Table ``replication``.
    """
    found = []
    known = table[table["term"].notna()]
    several = len(set(known["region"])) > 1
    for name in dict.fromkeys(known["finding"]):
        rows = known[known["finding"] == name]
        kind = ORDER if (rows["kind"] == ORDER).any() else DIFFERENCE
        rows = rows[rows["kind"] == kind]
        present = [*metrics_in(rows["metric"]), *(["all"] if (rows["metric"] == "all").any() else [])]
        for region in dict.fromkeys(rows["region"]):
            for term in dict.fromkeys(rows["term"]):
                for metric in present:
                    here = rows[(rows["region"] == region) & (rows["term"] == term) & (rows["metric"] == metric)]
                    if len(here):
                        label, reference = _label(experiments.get(name), term, metric, kind)
                        label += f", {region}" if several else ""
                        found.append(Finding(name, rows["title"].iloc[0], label, reference, kind, here))
    return found


def _label(experiment: Experiment | None, term: str, metric: str, kind: str) -> tuple[str, str]:
    by = METRICS[metric].label if metric in METRICS else ""
    if kind == ORDER or experiment is None:
        return by, ""
    level, reference = level_name(experiment, contrast(term)), level_name(experiment, experiment.reference)
    return level + (f", {by}" if by else ""), reference
