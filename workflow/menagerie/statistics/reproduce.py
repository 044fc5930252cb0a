"""Every printed number of Conwell et al. (2024) beside its value from the published tables, and ours.

``python -m menagerie.statistics.reproduce <folder of published tables> [--registry config/models.tsv]
[--experiments config/experiments.yaml] [--out results/paper]`` prints the table and writes it as Markdown and Parquet.
It ends with an error when a disagreement has no explanation.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

from menagerie.errors import MenagerieError
from menagerie.files.storage import atomic
from menagerie.files.tables import write_table
from menagerie.provenance.jobs import command
from menagerie.statistics.benchmark import CEILINGS, SUBJECTS
from menagerie.statistics.breakpoints import delta_interval, fit_breakpoints, profile_interval
from menagerie.statistics.claims import CLAIMS, Claim
from menagerie.statistics.contrasts import experiment_data, experiment_effects, join_metadata, level_means
from menagerie.statistics.effects import paired_effects
from menagerie.statistics.experiments import read_experiments
from menagerie.statistics.intervals import bootstrap_mean, spearman
from menagerie.statistics.published import UNTRAINED_TASKONOMY, model_rsm, read_published
from menagerie.statistics.similarity import upper_values

NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
# A bootstrap interval of the text is one run of 1,000 resamples: its ends vary from run to run.
BOOTSTRAPPED = frozenset({"ceiling", "level", "model", "factor"})
N_TOP = 124


@dataclass(frozen=True)
class Value:
    """A number with its interval and p, where it has them."""

    estimate: float
    low: float | None = None
    high: float | None = None
    p: float | None = None

    def __str__(self) -> str:
        text = f"{self.estimate:.4g}"
        text += f" [{self.low:.4g}, {self.high:.4g}]" if self.low is not None else ""
        return text + (f", p = {self.p:.2g}" if self.p is not None else "")


class Paper:
    """The published tables, and what is computed from them when a claim asks.

    Every method that a claim names returns (value as published, our value, remark).
    """

    def __init__(self, folder: str | Path, registry: str | Path, experiments: str | Path):
        self.folder, self.registry = folder, registry
        self.published = read_published(folder, registry)
        self.experiments = read_experiments(experiments)
        self.joined = join_metadata(self.published.scores, self.published.models)
        self._effects: dict[str, pd.DataFrame] = {}

    @cached_property
    def means(self) -> pd.DataFrame:
        """Mean score over subjects: models by metrics."""
        return self.joined.pivot_table(index="model", columns="metric", values="score")

    @cached_property
    def models(self) -> pd.DataFrame:
        """Metadata by model; ``as_published`` counts the untrained Taskonomy encoder among the trained."""
        models = self.published.models.set_index("id", drop=False)
        as_published = models["training"].where(models["id"] != UNTRAINED_TASKONOMY, "trained")
        return models.assign(as_published=as_published)

    def data(self, name: str) -> pd.DataFrame:
        """Data of an experiment."""
        return experiment_data(self.experiments[name], self.joined)

    def effects(self, name: str) -> pd.DataFrame:
        """Effects of an experiment."""
        if name not in self._effects:
            self._effects[name] = experiment_effects(self.experiments[name], self.data(name))
        return self._effects[name]

    def effect(self, name: str, metric: str, level: str) -> tuple[Value, Value, str]:
        """First published and last sound analysis of an effect."""
        table = self.effects(name)
        rows = table[(table["metric"] == metric) & table["term"].str.endswith(f"[T.{level}]")]
        rows = rows[~rows["term"].str.contains(":")]
        published, sound = (rows[rows["analysis"] == one] for one in ("published", "sound"))
        return _value(published.iloc[0]), _value(sound.iloc[-1]), str(sound.iloc[-1]["note"])

    def metric_effect_trained(self) -> tuple[Value, Value, str]:
        """veRSA minus cRSA over the 160 models that counted as trained, and over the 159 that are."""
        models = self.models.index[self.models["as_published"] == "trained"]
        rows = self.joined[self.joined["model"].isin(models) & self.joined["metric"].isin(["crsa", "versa"])]
        published = paired_effects(rows, "metric", "model", "crsa", distribution="z")
        ours = self.effects("metric_effect_trained").query("analysis == 'sound'")
        return _value(published.iloc[0]), _value(ours.iloc[0]), f"N = {len(models)}; ours {ours.iloc[0]['n']}"

    def count(self, which: str) -> tuple[Value, Value, str]:
        """Models in all, trained, untrained."""
        found = []
        for column in ("as_published", "training"):
            rows = self.models if which == "all" else self.models[self.models[column] == which]
            found.append(Value(len(rows)))
        return (found[0], found[1], "")

    def ceiling(self) -> tuple[Value, Value, str]:
        """Noise ceiling, mean over subjects."""
        value = _mean(self.published.ceilings.groupby("subject")["ceiling"].mean().to_numpy())
        return value, value, "all 256 resamples of 4 subjects"

    def level(self, name: str, metric: str, level: str) -> tuple[Value, Value, str]:
        """Mean over the models of a level."""
        rows = [
            r
            for r in level_means(self.experiments[name], self.data(name))
            if (r["metric"], r["level"]) == (metric, level)
        ]
        value = Value(rows[0]["mean"], rows[0]["ci_low"], rows[0]["ci_high"])
        return value, value, ""

    def model(self, name: str, metric: str) -> tuple[Value, Value, str]:
        """A model's mean over subjects."""
        rows = self.joined[(self.joined["model"] == name) & (self.joined["metric"] == metric)]
        value = _mean(rows.loc[rows["subject"].isin(SUBJECTS), "score"].to_numpy())
        return value, value, "all 256 resamples of 4 subjects"

    def taskonomy_t(self) -> tuple[Value, Value, str]:
        """Paired t of the best Taskonomy encoder against ResNet50."""
        row = _value(self.effects("taskonomy_resnet50").query("metric == 'versa'").iloc[-1])
        error = (row.high - row.low) / 2 / stats.t(len(SUBJECTS) - 1).ppf(0.975)
        value = Value(row.estimate / error, p=row.p)
        return value, value, ""

    def pairs(self) -> tuple[Value, Value, str]:
        """Architectures trained on both sizes of ImageNet."""
        value = Value(self.data("imagenet_size")["architecture"].nunique())
        return value, value, ""

    def near_best(self) -> tuple[Value, Value, str]:
        """Models whose veRSA is less than 0.1 below the best."""
        scores = self.means["versa"]
        value = Value(int((scores.max() - scores < 0.1).sum()))
        return value, value, ""

    def breakpoint(self) -> tuple[Value, Value, str]:
        """First breakpoint of veRSA against rank."""
        scores = np.sort(self.means["versa"].to_numpy())[::-1]
        fit = fit_breakpoints(np.arange(1, len(scores) + 1), scores)
        ours = Value(float(fit.breakpoints[0]), *profile_interval(fit))
        return Value(ours.estimate, *delta_interval(fit)), ours, "interval: delta method; ours: profile likelihood"

    def score_at(self, rank: int) -> tuple[Value, Value, str]:
        """veRSA of the model at a rank."""
        value = Value(float(np.sort(self.means["versa"].to_numpy())[::-1][rank - 1]))
        return value, value, ""

    def factor(self, column: str, metric: str, group: str) -> tuple[Value, Value, str]:
        """Rank correlation of a model property with the score; ours with fixed labels and the registry's values."""
        fixed = {"published_top1": "published_top1", "published_count": "parameters"}.get(column, column)
        found = []
        for name, training in ((column, "as_published"), (fixed, "training")):
            rows = self.models if group == "all" else self.models[self.models[training] == group]
            rows = self._varying(rows) if column == "published_count" else rows
            rows = rows[rows[name].notna()]
            result = spearman(rows[name].to_numpy(float), self.means[metric].reindex(rows.index).to_numpy())
            found.append((Value(*(result[key] for key in ("estimate", "ci_low", "ci_high", "p"))), result["n"]))
        return found[0][0], found[1][0], f"N = {found[0][1]}; ours {found[1][1]}"

    @staticmethod
    def _varying(rows: pd.DataFrame) -> pd.DataFrame:
        """Without the sets that share one architecture: Taskonomy, VISSL and IPCL."""
        return rows[~rows["published_id"].str.contains("ResNet50-|taskonomy|ipcl")]

    def n_factor(self, column: str) -> tuple[Value, Value, str]:
        """Models with a value."""
        value = Value(int(self.models[column].notna().sum()))
        return value, value, ""

    def pairs_of_models(self, metric: str, what: str) -> tuple[Value, Value, str]:
        """Similarity of the best layers of the 124 models with the highest veRSA."""
        top = self.means["versa"].nlargest(N_TOP).index
        values = upper_values(model_rsm(self.folder, self.registry, metric).loc[top, top].to_numpy())
        summary: dict[str, Callable] = {
            "mean": np.mean,
            "sd": lambda v: np.std(v, ddof=1),
            "min": np.min,
            "max": np.max,
        }
        value = Value(float(summary[what](values)))
        return value, value, f"{len(values)} pairs of models"


def reproduce(paper: Paper, claims: tuple[Claim, ...] = CLAIMS) -> pd.DataFrame:
    """One row per claim: quantity, printed, from_data, ours, verdict, reason.

    Raises
    ------
    MenagerieError
        When a value disagrees with print and the claim has no explanation.
    """
    rows = []
    for claim in claims:
        name, *arguments = claim.source
        if name == "ceiling" and paper.published.ceilings.empty:
            rows.append((claim.what, claim.printed, "", "", "not checked", f"the published tables lack {CEILINGS}"))
            continue
        data, ours, remark = getattr(paper, name)(*arguments)
        wrong = disagreements(claim.printed, data, slack=name in BOOTSTRAPPED)
        if wrong and not claim.why:
            raise MenagerieError(
                f"{claim.what}: printed {claim.printed}, from the data {data}; {', '.join(wrong)} disagree and the "
                "claim has no explanation. Add one to menagerie.statistics.claims."
            )
        verdict = f"differs: {', '.join(wrong)}" if wrong else "agrees"
        reason = "; ".join(text for text in (claim.why if wrong else "", remark) if text)
        rows.append((claim.what, claim.printed, str(data), str(ours), verdict, reason))
    return pd.DataFrame(rows, columns=["quantity", "printed", "from_data", "ours", "verdict", "reason"])


def disagreements(printed: str, value: Value, slack: bool = False) -> list[str]:
    """Parts of a printed result that are not the value rounded to the printed digits.

    Parameters
    ----------
    printed
        As :class:`~menagerie.statistics.claims.Claim`.
    value
        What it should be.
    slack
        Allow the ends of an interval to vary as those of a bootstrap do: by a tenth of its width, and a last digit.
    """
    head, _, tail = printed.partition("p ")
    numbers = re.findall(NUMBER, head)
    wrong = [] if _rounds(numbers[0], value.estimate) else ["estimate"]
    if len(numbers) == 3 and value.low is not None:
        width = abs(value.high - value.low)
        for name, text, own in (("lower limit", numbers[1], value.low), ("upper limit", numbers[2], value.high)):
            if not _rounds(text, own, (0.1 * width + _digit(text)) if slack else 0.0):
                wrong.append(name)
    if tail and value.p is not None:
        sign, text = tail[0], re.findall(NUMBER, tail)[0]
        if not (value.p < float(text) if sign == "<" else _rounds(text, value.p)):
            wrong.append("p")
    return wrong


def _digit(text: str) -> float:
    mantissa, _, power = text.partition("e")
    return 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))


def _rounds(text: str, value: float, slack: float = 0.0) -> bool:
    return abs(float(text) - value) <= 0.5 * _digit(text) * (1 + 1e-9) + slack


def _value(row: pd.Series) -> Value:
    return Value(*(float(row[name]) for name in ("estimate", "ci_low", "ci_high", "p")))


def _mean(values: np.ndarray) -> Value:
    return Value(float(np.mean(values)), *bootstrap_mean(values))


def as_markdown(table: pd.DataFrame) -> str:
    """Table as Markdown."""
    lines = [list(table), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines) + "\n"


def as_text(table: pd.DataFrame) -> str:
    """Table for a terminal, and how many numbers agree."""
    agreed = int((table["verdict"] == "agrees").sum())
    end = f"{agreed} of {len(table)} printed numbers agree; every other one has its reason in the table."
    return f"{table.to_string(index=False, justify='left')}\n\n{end}"


def write_reproduction(table: pd.DataFrame, markdown: str | Path, parquet: str | Path, provenance: Mapping) -> None:
    """Write the table for people and for programs."""
    with atomic(markdown) as temporary:
        temporary.write_text(as_markdown(table), encoding="utf-8")
    write_table(parquet, pa.Table.from_pandas(table, preserve_index=False), provenance)


@command
def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m menagerie.statistics.reproduce", description=__doc__.split("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="published tables: a folder with figure_data and source_data")
    parser.add_argument("--registry", type=Path, default=Path("config/models.tsv"), help="table of models")
    parser.add_argument("--experiments", type=Path, default=Path("config/experiments.yaml"), help="experiments")
    parser.add_argument("--out", type=Path, help="folder for reproduction.md and reproduction.parquet")
    given = parser.parse_args(arguments)
    table = reproduce(Paper(given.folder, given.registry, given.experiments))
    print(as_text(table))
    if given.out:
        write_reproduction(table, given.out / "reproduction.md", given.out / "reproduction.parquet", {})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
