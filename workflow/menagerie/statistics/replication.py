"""Findings of one dataset, looked for in others: every experiment's effects in each, and a verdict a finding.

docs/replication.md says what is compared; :mod:`menagerie.statistics.verdicts` has the rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from menagerie.errors import MenagerieError
from menagerie.statistics.benchmark import MEAN
from menagerie.statistics.contrasts import experiment_data, experiment_effects, left_out
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.orders import LEAST, order
from menagerie.statistics.persons import IMAGES, MODELS, PERSON, Draws, person_effects
from menagerie.statistics.verdicts import Found, order_outcome, outcome, verdict

DIFFERENCE, ORDER = "difference", "order"
ORIGINAL, REPLICATION, GENERALISATION = "original", "replication", "generalisation"
ALL, SHARED = "all", "shared"
RANKING = Experiment("ranking", "Order of all networks", "model", "", (), {})
"""Not an experiment of the config: do two datasets rank the networks alike?"""


@dataclass(frozen=True)
class Comparison:
    """Config key ``replication``: views (:mod:`menagerie.files.views`) by what they are to the findings."""

    original: str
    replications: tuple[str, ...]
    generalisations: tuple[str, ...] = ()
    margin: float = 0.05

    @classmethod
    def from_entry(cls, entry: Mapping) -> Comparison:
        """Comparison from the config key, with its defaults filled in."""
        lists = (tuple(entry[key]) for key in ("replications", "generalisations"))
        return cls(entry["original"], *lists, entry["margin"])

    @property
    def others(self) -> dict[str, str]:
        """View -> its role, the original left out."""
        return dict.fromkeys(self.replications, REPLICATION) | dict.fromkeys(self.generalisations, GENERALISATION)


def replication_table(
    comparison: Comparison, experiments: Mapping[str, Experiment], joined: pd.DataFrame, draws: Draws
) -> pd.DataFrame:
    """Effects of every experiment in every view, what each person says of the finding, and the verdicts.

    Parameters
    ----------
    comparison
        Which views are compared.
    experiments
        Experiments of the config; with :data:`RANKING`, which needs none.
    joined
        From :func:`~menagerie.statistics.contrasts.join_metadata`, its column ``dataset`` naming views.
    draws
        As for :func:`~menagerie.statistics.persons.person_effects`; where a view has them, persons are judged over
        images, else over models.

    Returns
    -------
    DataFrame
        Table ``replication``. Rows of other views rest on the networks that they share with the original; the
        original's own rows are there for all its networks and for those.

    Raises
    ------
    MenagerieError
        When a view has no scores, or shares no region with the original.
    """
    parts = _parts(comparison, joined)
    rows: list[pd.DataFrame] = []
    for experiment in [*experiments.values(), RANKING]:
        finding = _Finding(experiment, comparison, parts, draws)
        rows += [frame.assign(finding=experiment.name, title=experiment.title) for frame in finding.rows()]
    return pd.concat([frame for frame in rows if len(frame)], ignore_index=True)


def _parts(comparison: Comparison, joined: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """View -> its rows, in the regions that the original has too."""
    parts = {view: joined[joined["dataset"] == view] for view in (comparison.original, *comparison.others)}
    regions = set(parts[comparison.original]["region"])
    for view, rows in parts.items():
        if rows.empty:
            raise MenagerieError(f"Config key replication: found no score in {view}, expected some. Take it out.")
        if not regions & set(rows["region"]):
            raise MenagerieError(
                f"Config key replication: found no region of {view} ({', '.join(sorted(set(rows['region'])))}) in "
                f"{comparison.original} ({', '.join(sorted(regions))}), expected one name for one region. Rename it "
                f"(scores.{view}.levels.region)."
            )
    return {view: rows[rows["region"].isin(regions)] for view, rows in parts.items()}


class _Finding:
    """Rows of one experiment."""

    def __init__(self, experiment: Experiment, comparison: Comparison, parts: dict[str, pd.DataFrame], draws: Draws):
        self.experiment, self.comparison, self.parts, self.draws = experiment, comparison, parts, draws

    def rows(self) -> Iterator[pd.DataFrame]:
        """The original's rows, then those of every other view."""
        original, reason = self._data(self.parts[self.comparison.original])
        yield self._known(self._effects(original, persons=True), reason, self.comparison.original, ORIGINAL, ALL)
        for view, role in self.comparison.others.items():
            yield from self._compared(original, view, role)
        if self.experiment is not RANKING and original[self.experiment.factor].nunique() < LEAST:
            return
        yield from self._orders(original)

    def _compared(self, original: pd.DataFrame, view: str, role: str) -> Iterator[pd.DataFrame]:
        keys = ["model", "metric", "region"]
        theirs = self.parts[view]
        shared = theirs.merge(self.parts[self.comparison.original][keys].drop_duplicates(), on=keys)
        data, reason = self._data(shared)
        ours = original.merge(data[keys].drop_duplicates(), on=keys) if len(data) else original.iloc[:0]
        expected = self._effects(ours, persons=False)
        found = self._effects(data, persons=True)
        yield self._known(expected, "", self.comparison.original, ORIGINAL, f"those of {view}")
        yield _judged(self._known(found, reason, view, role, SHARED), expected, self.comparison.margin)

    def _data(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
        """Data of the experiment; none, and why, where the networks do not allow it."""
        if self.experiment is RANKING:
            return rows, ""
        if self.experiment.factor == "metric" and self.experiment.levels:
            rows = _complete(rows, self.experiment.levels)
        try:
            return experiment_data(self.experiment, rows), left_out(self.experiment, rows)
        except MenagerieError as error:
            return rows.iloc[:0], str(error)

    def _effects(self, data: pd.DataFrame, *, persons: bool) -> pd.DataFrame:
        if data.empty or self.experiment is RANKING:
            return pd.DataFrame(columns=["metric", "region", "term", "analysis", "subject", "sample", "p"])
        found = [experiment_effects(self.experiment, data)]
        found += [person_effects(self.experiment, data, self.draws)] if persons else []
        frame = pd.concat([one for one in found if len(one)], ignore_index=True)
        return frame[frame["term"].str.startswith(f"{self.experiment.factor}[T.") & ~frame["term"].str.contains(":")]

    def _known(self, frame: pd.DataFrame, reason: str, view: str, role: str, networks: str) -> pd.DataFrame:
        about = {"dataset": view, "role": role, "networks": networks, "kind": DIFFERENCE}
        if frame.empty and reason:
            return pd.DataFrame([about | {"note": reason, "verdict": verdict([])}])
        return frame.assign(**about)

    def _orders(self, original: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Rank correlations of level means: of the original's persons with each other, of other persons with it."""
        factor = self.experiment.factor
        for (metric, region), rows in original.groupby(["metric", "region"], observed=True, sort=True):
            about = {"metric": metric, "region": region, "kind": ORDER, "term": f"order of {factor}"}
            about |= {"analysis": PERSON, "sample": MODELS}
            means = rows.groupby(factor, observed=True)["score"].mean()
            own = list(_agreement(rows, factor))
            where = {"dataset": self.comparison.original, "role": ORIGINAL, "networks": ALL}
            yield pd.DataFrame([about | where | one for one in own])
            among = pd.Series([one.get("estimate") for one in own], dtype=float).mean()
            for view, role in self.comparison.others.items():
                data, _ = self._data(self.parts[view])
                here = data[(data["metric"] == metric) & (data["region"] == region)]
                found = pd.DataFrame(list(_persons_order(here, factor, means)))
                if found.empty:
                    continue
                found["outcome"] = [
                    order_outcome(_found(row), row.get("p_opposite", math.nan), among) for _, row in found.iterrows()
                ]
                where = {"dataset": view, "role": role, "networks": SHARED, "expected": among}
                yield found.assign(**about, **where, verdict=verdict(found["outcome"].tolist()))


def _agreement(rows: pd.DataFrame, factor: str) -> Iterator[dict]:
    """Every person's order against the mean of the others."""
    rows = rows[rows["subject"] != MEAN]
    subjects = sorted(set(rows["subject"]))
    for subject in subjects if len(subjects) > 1 else ():
        inside = rows["subject"] == subject
        one, others = (part.groupby(factor, observed=True)["score"].mean() for part in (rows[inside], rows[~inside]))
        yield {"subject": subject} | order(one, others)


def _persons_order(rows: pd.DataFrame, factor: str, means: pd.Series) -> Iterator[dict]:
    for subject, own in rows[rows["subject"] != MEAN].groupby("subject", sort=True):
        yield {"subject": subject} | order(own.groupby(factor, observed=True)["score"].mean(), means)


def _judged(frame: pd.DataFrame, expected: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Rows with the original's estimate, the outcome in each person, and the verdict of each finding."""
    if "term" not in frame:
        return frame
    known = _stated(expected)
    frame = frame.assign(expected=math.nan, outcome=None, verdict=None)
    for key, rows in frame.groupby(["metric", "region", "term"], sort=False):
        if key not in known:
            continue
        persons = persons_of(rows)
        said = [outcome(_found(row), known[key], margin) for _, row in persons.iterrows()]
        frame.loc[rows.index, ["expected", "verdict"]] = [known[key].estimate, verdict(said)]
        frame.loc[persons.index, "outcome"] = said
    return frame


def _stated(effects: pd.DataFrame) -> dict[tuple, Found]:
    """What the original says of each finding: its first published analysis that has an estimate, else a sound one."""
    known: dict[tuple, Found] = {}
    for analysis in ("published", "sound"):
        for _, row in effects[effects["analysis"] == analysis].iterrows():
            if pd.notna(row["estimate"]):
                known.setdefault((row["metric"], row["region"], row["term"]), _found(row))
    return known


def _complete(rows: pd.DataFrame, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Rows of networks that have every metric: scores of one network are compared with each other."""
    inside = rows[rows["metric"].isin(metrics)]
    return inside[inside.groupby(["model", "region"])["metric"].transform("nunique") == len(metrics)]


def persons_of(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a person: over images where every person has that test, else over models."""
    persons = rows[rows["analysis"] == PERSON]
    images = persons[(persons["sample"] == IMAGES) & persons["p"].notna()]
    complete = set(images["subject"]) == set(persons["subject"])
    return images if len(images) and complete else persons[persons["sample"] == MODELS]


def _found(row: Mapping) -> Found:
    values = (row.get(name) for name in ("estimate", "ci_low", "ci_high", "p"))
    return Found(*(math.nan if value is None else float(value) for value in values))
