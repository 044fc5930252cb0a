"""Scores of others as a run's input: whether the tables can be read, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow.compute as pc

from menagerie.errors import MenagerieError
from menagerie.statistics.score_tables import read_scores
from menagerie.survey.check.line import FAILURE, OK, WARNING, Line
from menagerie.survey.contents import Survey
from menagerie.survey.score_sources import SURVEY as PUBLISHED

_SHOWN = 3


def score_tables(survey: Survey) -> Iterator[Line]:
    """A line for each dataset whose scores are read from tables; the survey's own files are checked elsewhere."""
    models = [spec.as_row() for spec in survey.models.values()]
    for dataset, entry in survey.config["scores"].items():
        if PUBLISHED not in entry:
            yield _line(dataset, entry, models)


def _line(dataset: str, entry: Mapping, models: list[dict]) -> Line:
    try:
        scores, known, left_out = read_scores(dataset, entry, models)
    except MenagerieError as error:
        return Line(FAILURE, dataset, str(error), "Correct the tables, or what the config says of them.")
    counts = {name: len(pc.unique(scores[name])) for name in ("subject", "region", "metric", "split")}
    found = f"{scores.num_rows:,} scores of {len(known)} models: " + ", ".join(
        f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items()
    )
    if not left_out:
        return Line(OK, dataset, found)
    names = f"{', '.join(left_out[:_SHOWN])}{', ...' if left_out[_SHOWN:] else ''}"
    found = f"{found}; {len(left_out)} names of the tables are no model of the run ({names})"
    return Line(WARNING, dataset, found, "Their scores are left out. Add the models, or give their ids.")
