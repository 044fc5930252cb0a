"""Where the models of a run stand among the published 224: rank, percentile, and nearest neighbours.

Scores compare on the same benchmark only. What is measured on another is refused with the reason, not scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from menagerie.statistics.benchmark import IMAGES, N_IMAGES, N_UNITS, REGION, SUBJECTS, SURVEY_SETTINGS
from menagerie.statistics.published import Published

N_NEIGHBOURS = 5
PLACE = ["dataset", "region", "metric", "model"]


@dataclass(frozen=True)
class Origin:
    """What a dataset's scores rest on, as its files say.

    Attributes
    ----------
    targets
        Provenance of each subject's target.
    stimuli
        Provenance of the stimulus set.
    """

    targets: tuple[Mapping[str, str], ...]
    stimuli: Mapping[str, str]


def standing(
    scores: pd.DataFrame, published: Published, origins: Mapping[str, Origin], settings: Mapping[str, object]
) -> pd.DataFrame:
    """Place the models of a run among the published ones.

    Parameters
    ----------
    scores
        Table ``model_scores`` of the run.
    published
        From :func:`~menagerie.statistics.published.read_published`.
    origins
        Dataset -> what its scores rest on.
    settings
        The run's config keys of :data:`~menagerie.statistics.benchmark.SURVEY_SETTINGS`; where they differ, ``note``
        says so.

    Returns
    -------
    DataFrame
        Table ``standing``: one row per dataset, region, metric and model; one without a model where a dataset or region
        is another benchmark, with the reason as its ``status``.
    """
    reference = published.scores.groupby(["metric", "model"])["score"].mean()
    note = other_settings(settings)
    rows: list[dict] = []
    for dataset, here in scores[scores["status"] == "ok"].groupby("dataset", sort=False):
        if reason := other_benchmark(here, origins[dataset]):
            rows.append({"dataset": dataset, "status": reason})
            continue
        for region, part in here.groupby("region", sort=False):
            where = {"dataset": dataset, "region": region}
            if region != REGION:
                rows.append(where | {"status": f"published are scores of region {REGION} only"})
                continue
            rows += [where | row | {"note": note} for row in _stand(part, reference)]
    columns = [*PLACE, "score", "ci_low", "ci_high", "published_score", "rank", "rank_best", "rank_worst"]
    table = pd.DataFrame(rows, columns=[*columns, "percentile", "n_published", "note", "status"])
    return table.sort_values(["dataset", "region", "metric", "rank", "model"], kind="stable", ignore_index=True)


def other_benchmark(rows: pd.DataFrame, origin: Origin) -> str:
    """Why scores of a dataset do not compare with the published ones, in a clause; empty where they do.

    Parameters
    ----------
    rows
        Its rows of ``model_scores`` with a score.
    origin
        What they rest on.
    """
    for about in (*origin.targets, origin.stimuli):
        if about.get("reader") != "nsd":
            return "published are scores of the Natural Scenes Dataset, read by the reader nsd"
        if about.get("simulated") != "no":
            return "its responses are not marked as measured (simulated: no)"
    if (images := origin.stimuli.get("images")) != IMAGES:
        return f"its images are '{images}', those of the published scores {IMAGES}"
    if any(about.get("zscore") != "within session" for about in origin.targets):
        return "its responses are not z-scored within session, as those of the published scores are"
    subjects = rows["subject"].map(subject_number)
    if absent := sorted(set(SUBJECTS) - set(subjects)):
        return f"it lacks subject {', '.join(absent)}; published scores are means over subjects {', '.join(SUBJECTS)}"
    if other := sorted(set(rows["n_images"]) - {N_IMAGES}):
        return f"its scores rest on {other[0]} test images, the published ones on {N_IMAGES}"
    return _other_voxels(rows[rows["region"] == REGION])


def _other_voxels(rows: pd.DataFrame) -> str:
    """A region of the same name may be defined in another way, but then it has other voxels."""
    for name, units in rows.groupby("subject")["n_units"].max().items():
        expected = N_UNITS.get(subject_number(name))
        if expected and abs(units - expected) > 0.01 * expected:
            return f"its region {REGION} has {units:,} voxels in subject {name}, the published one {expected:,}"
    return ""


def other_settings(settings: Mapping[str, object]) -> str:
    """Config keys in which a run differs from the survey, as text; empty where there are none."""
    differ = {key: value for key, value in settings.items() if value != SURVEY_SETTINGS[key]}
    return "; ".join(f"{key}: {value} (survey: {SURVEY_SETTINGS[key]})" for key, value in differ.items())


def subject_number(name: str) -> str:
    """subj01, S1 and 1 are the same subject."""
    digits = name.lower().removeprefix("subj").removeprefix("s").lstrip("0")
    return digits if digits.isdigit() else name


def _stand(rows: pd.DataFrame, reference: pd.Series) -> Iterable[dict]:
    """Rows of one region, one per metric and model."""
    rows = rows.assign(number=rows["subject"].map(subject_number))
    rows = rows[rows["number"].isin(SUBJECTS)]
    for (metric, model), own in rows.groupby(["metric", "model"], sort=False):
        where = {"metric": metric, "model": model}
        if absent := sorted(set(SUBJECTS) - set(own["number"])):
            yield where | {"status": f"no score of subject {', '.join(absent)}"}
            continue
        means = {name: float(own[name].mean(skipna=False)) for name in ("score", "ci_low", "ci_high")}
        others = reference[metric].drop(model, errors="ignore")
        yield {
            **where,
            **means,
            "published_score": reference[metric].get(model, np.nan),
            "rank": rank(others, means["score"]),
            "rank_best": rank(others, means["ci_high"]),
            "rank_worst": rank(others, means["ci_low"]),
            "percentile": 100 * float((others < means["score"]).mean()),
            "n_published": len(others),
            "status": "ok",
        }


def rank(others: pd.Series, score: float) -> float:
    """1 is best, ties share the better rank; NaN without a score."""
    return float((others > score).sum()) + 1 if np.isfinite(score) else np.nan


def neighbours(
    table: pd.DataFrame,
    published: Published,
    similarity: pd.DataFrame | None,
    published_similarity: pd.DataFrame,
    names: Mapping[str, str],
) -> pd.DataFrame:
    """The nearest models in score and in geometry.

    Parameters
    ----------
    table
        From :func:`standing`.
    published
        As there.
    similarity
        Tables ``similarity`` of the run's model_to_model, put together; None where the run has none.
    published_similarity
        The published ones. They know published models only, since RSMs were not published: a new model has neighbours
        in geometry among the run's models.
    names
        Model -> name to show.

    Returns
    -------
    DataFrame
        Table ``neighbours``: up to five rows per model, metric, kind (score, geometry) and source (published, run).
    """
    scores = published.scores.groupby(["metric", "model"])["score"].mean()
    maps = {"published": _mirrored(published_similarity)}
    if similarity is not None:
        maps["run"] = _mirrored(similarity)
    found: list[dict] = []
    for row in table[table["status"] == "ok"].to_dict("records"):
        where = {key: row[key] for key in PLACE}
        others = scores[row["metric"]].drop(row["model"], errors="ignore")
        nearest = others.loc[(others - row["score"]).abs().sort_values(kind="stable").index[:N_NEIGHBOURS]]
        found += _ranked(where | {"kind": "score", "among": "published"}, nearest)
        for among, alike in maps.items():
            here = (row["dataset"] if among == "run" else published_similarity["dataset"].iloc[0], row["region"])
            if (place := (*here, row["metric"], row["model"])) in alike.index:
                nearest = alike.loc[place].nlargest(N_NEIGHBOURS)
                found += _ranked(where | {"kind": "geometry", "among": among}, nearest)
    frame = pd.DataFrame(found, columns=[*PLACE, "kind", "among", "place", "neighbour", "value"])
    shown = frame["neighbour"].map(lambda model: names.get(model, model))
    return frame.assign(neighbour_name=shown.astype(str))


def _mirrored(similarity: pd.DataFrame) -> pd.Series:
    """Mean r over subjects by dataset, region, metric, model and the other model; each pair from both its ends."""
    turned = similarity.rename(columns={"model_a": "model_b", "model_b": "model_a"})
    both = pd.concat([similarity, turned]).rename(columns={"model_a": "model", "model_b": "neighbour"})
    return both.groupby([*PLACE, "neighbour"])["r"].mean()


def _ranked(where: Mapping[str, object], values: pd.Series) -> list[dict]:
    return [
        {**where, "place": place, "neighbour": name, "value": float(value)}
        for place, (name, value) in enumerate(values.items(), start=1)
    ]
