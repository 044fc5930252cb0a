"""Experiments and formulas."""

from pathlib import Path

import pandas as pd
import yaml

from menagerie.brain.voxels.expression import evaluate
from menagerie.statistics.effects import fit_effects
from menagerie.statistics.experiments import choose_experiments, read_experiments, require_models

from .case import Case

ENTRY = {
    "title": "t",
    "factor": "task",
    "reference": "a",
    "analyses": [{"analysis": "sound", "formula": "score ~ task"}],
}
DATA = pd.DataFrame({"score": [0.1, 0.2, 0.4, 0.3], "task": list("abab"), "gap": [1.0, None, 2.0, 3.0]})


def file(text: str | None = None, **changes: object):
    """Read a file of experiments: this text, or one sound entry with changes."""

    def act(folder: Path):
        path = folder / "experiments.yaml"
        path.write_text(yaml.safe_dump({"mine": ENTRY | changes}) if text is None else text)
        return read_experiments(path)

    return act


def formula(text: str):
    return file(analyses=[{"analysis": "sound", "formula": text}])


def empty(folder: Path):
    experiment = file(filter={"task": "flying"})(folder)["mine"]
    require_models(experiment, [{"model": "m", "task": "classification"}])


def fit(text: str, kind: str = "lm"):
    return lambda folder: fit_effects(DATA, text, kind)


def region(text: str):
    return lambda folder: evaluate(text, {"ncsnr": DATA["score"].to_numpy()}, where="region 'OTC'")


HERE = "experiments.yaml"
CASES = [
    Case("a file that is no YAML", file("mine: [x"), HERE, "on line", "expected YAML", "docs/experiments.md"),
    Case(
        "an experiment that does not exist",
        lambda at: choose_experiments(["traning"], file()(at)),
        "config key experiments",
        "'traning'",
        "Known:",
        "Known: ",
    ),
    Case("a key misspelt", file(filtr={}), "key at mine of", "'filtr'", "Known:", "Did you mean 'filter'"),
    Case("no analysis", file(analyses=[]), "mine.analyses", "[]", "docs/experiments.md", "describes every key"),
    Case(
        "a column that does not exist",
        file(filter={"taks": "x"}),
        f"mine.filter of mine/{HERE}",
        "'taks'",
        "Known:",
        "Did you mean 'task'",
    ),
    Case(
        "a formula and a pair",
        file(analyses=[{"analysis": "sound", "formula": "score ~ task", "pair": "subject"}]),
        "mine.analyses.0",
        "found both",
        "either a formula or a pair",
        "give either",
    ),
    Case(
        "a formula without its factor",
        formula("score ~ data"),
        "mine.analyses.0",
        "'score ~ data'",
        "lacks the factor task",
        "Add",
    ),
    Case(
        "a formula with a misspelt column",
        formula("score ~ task + subjct"),
        "mine.analyses.0",
        "'subjct'",
        "Known:",
        "Did you mean 'subject'",
    ),
    Case(
        "subjects in a model over networks",
        formula("score ~ task + subject"),
        "mine.analyses.0",
        "names subject",
        "averages over subjects",
        "Drop subject",
    ),
    Case(
        "Python in a formula",
        formula("score ~ task + open('x')"),
        "mine.analyses.0",
        "found '('x')'",
        "only column names",
        "compute what you need as a column",
    ),
    Case(
        "a reference that is no level",
        file(levels=["b", "c"]),
        "reference of experiment mine",
        "'a'",
        "Known: b, c",
        "Known:",
    ),
    Case(
        "a filter that lets no model through",
        empty,
        "Experiment mine",
        "no model of the registry",
        "passes its filter",
        "Compare with config/models.tsv",
    ),
    Case(
        "a formula that does not parse",
        fit("score ~ task +* 2"),
        "Formula 'score ~ task +* 2'",
        "cannot be read",
        "Write it as: score ~ a + b",
        "Write it as",
    ),
    Case(
        "a column with gaps",
        fit("score ~ gap"),
        "column gap",
        "empty in 1 of 4 rows",
        "Formula",
        "Leave those rows out",
    ),
    Case(
        "no group for a mixed model",
        fit("score ~ task", "lmm"),
        "Formula 'score ~ task'",
        "found 0",
        "needs one random part",
        "(1 | column)",
    ),
    Case(
        "a region expression that is Python", region("open('x')"), "region 'OTC'", "'open('x')'", "Allowed:", "Allowed:"
    ),
    Case(
        "a region expression with an unknown name",
        region("ncsrn > 0.2"),
        "region 'OTC'",
        "'ncsrn'",
        "Known:",
        "Did you mean 'ncsnr'",
    ),
    Case(
        "a region expression left open",
        region("(ncsnr > 0.2"),
        "region 'OTC'",
        "was never closed",
        "not an expression",
        "Allowed:",
    ),
]
