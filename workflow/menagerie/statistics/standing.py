"""Where a new model stands among the published 224: rank, percentile, and its nearest neighbours.

``python -m menagerie.statistics.standing <run folder> <published folder> [--model id ...]`` prints it for a run. Scores
compare only on the same benchmark, so anything else is refused, not scaled.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from menagerie.brain.target import read_provenance
from menagerie.errors import MenagerieError, unknown
from menagerie.jobs import command
from menagerie.statistics.benchmark import DATASET, N_IMAGES, REGION, SUBJECTS
from menagerie.statistics.published import Published, read_published
from menagerie.tables import read_table

N_NEIGHBOURS = 5


def standing(
    scores: pd.DataFrame,
    published: Published,
    models: list[str] | None = None,
    *,
    dataset: str = DATASET,
    similarity: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Place models of a run among the published ones.

    Parameters
    ----------
    scores
        Table ``model_scores`` of the run.
    published
        From :func:`~menagerie.statistics.published.read_published`.
    models
        Which; default all that are not among the published.
    dataset
        The run's name for the Natural Scenes Dataset.
    similarity
        Table ``similarity`` of the run's model_to_model, for neighbours in geometry (among the run's models, since the
        published RSMs are not public).

    Returns
    -------
    DataFrame
        One row per model and metric: ``score`` (mean over the four subjects), ``rank`` (1 is best; ties share the
        better rank), ``percentile`` (share of published models below), ``of`` (published models, the model itself not
        counted), ``nearest_in_score``, ``nearest_in_geometry`` and ``calibration``: how far the run's scores lie from
        the published ones for models in both.

    Raises
    ------
    MenagerieError
        When the run's benchmark is not the published one, naming what differs, or a model has no scores on it.
    """
    rows = scores[(scores["dataset"] == dataset) & (scores["status"] == "ok")]
    rows = rows.assign(subject=[_subject(name) for name in rows["subject"]])
    rows = require_benchmark(rows, dataset)
    reference = published.scores.groupby(["metric", "model"])["score"].mean()
    own = rows.groupby(["metric", "model"])["score"].mean()
    wanted = (
        models if models is not None else sorted(set(rows["model"]) - set(reference.index.get_level_values("model")))
    )
    found = []
    for model in wanted:
        if model not in set(rows["model"]):
            raise unknown("model with scores on the published benchmark", model, set(rows["model"]))
        for metric in (m for m in reference.index.get_level_values("metric").unique() if (m, model) in own.index):
            others = reference[metric].drop(model, errors="ignore")
            score = float(own[metric, model])
            found.append(
                {
                    "model": model,
                    "metric": metric,
                    "score": score,
                    "rank": int((others > score).sum()) + 1,
                    "percentile": 100 * float((others < score).mean()),
                    "of": len(others),
                    "nearest_in_score": _nearest(others, score),
                    "nearest_in_geometry": _alike(similarity, model, metric),
                    "calibration": _calibration(own, reference, metric),
                }
            )
    return pd.DataFrame(found)


def require_benchmark(rows: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Rows on the published benchmark: region OTC, subjects 1, 2, 5 and 7, 500 test images.

    Raises
    ------
    MenagerieError
        Naming what differs.
    """
    if rows.empty:
        raise MenagerieError(
            f"The run has no scores of dataset '{dataset}'. The published benchmark is the Natural Scenes Dataset; say "
            "which of your datasets it is."
        )
    rows = rows[rows["region"] == REGION]
    if rows.empty:
        raise MenagerieError(f"Dataset '{dataset}' has no region {REGION}, on which the published scores rest.")
    subjects = rows.groupby(["model", "metric"])["subject"].agg(frozenset)
    if (wrong := subjects[subjects != frozenset(SUBJECTS)]).size:
        model, metric = wrong.index[0]
        raise MenagerieError(
            f"Dataset '{dataset}', model {model}, {metric}: subjects {', '.join(sorted(wrong.iloc[0]))}; the "
            f"published scores are means over {', '.join(SUBJECTS)}. A mean over others is another benchmark."
        )
    if images := set(rows["n_images"]) - {N_IMAGES}:
        raise MenagerieError(
            f"Dataset '{dataset}': scores rest on {', '.join(map(str, sorted(images)))} test images, the published "
            f"ones on {N_IMAGES}. Other images are another benchmark."
        )
    return rows


def require_measured(targets: list[Path]) -> None:
    """Refuse simulated responses (a twin of the dataset has its regions, subjects and images, but not its brains).

    Raises
    ------
    MenagerieError
        Naming the first target that is simulated.
    """
    for path in targets:
        if read_provenance(path).get("simulated") != "no":
            raise MenagerieError(
                f"Target {path} is not marked as measured (simulated: no). Scores on simulated responses do not "
                "compare with published ones."
            )


def _subject(name: str) -> str:
    """subj01, S1 and 1 are the same subject."""
    digits = name.lower().removeprefix("subj").removeprefix("s").lstrip("0")
    return digits if digits.isdigit() else name


def _nearest(others: pd.Series, score: float) -> str:
    close = (others - score).abs().nsmallest(N_NEIGHBOURS).index
    return ", ".join(f"{name} ({others[name]:.3f})" for name in close)


def _alike(similarity: pd.DataFrame | None, model: str, metric: str) -> str:
    if similarity is None:
        return ""
    rows = similarity[(similarity["metric"] == metric) & (similarity["region"] == REGION)]
    rows = rows[(rows["model_a"] == model) | (rows["model_b"] == model)]
    other = rows["model_a"].where(rows["model_a"] != model, rows["model_b"])
    means = rows.groupby(other)["r"].mean().nlargest(N_NEIGHBOURS)
    return ", ".join(f"{name} ({value:.3f})" for name, value in means.items())


def _calibration(own: pd.Series, reference: pd.Series, metric: str) -> str:
    both = sorted(set(own[metric].index) & set(reference[metric].index))
    if not both:
        return "no model of the run is among the published, so the two cannot be checked against each other"
    gaps = own[metric].reindex(both) - reference[metric].reindex(both)
    return (
        f"{len(both)} models in both: ours minus published {gaps.mean():+.3f} ({gaps.min():+.3f} to {gaps.max():+.3f})"
    )


@command
def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m menagerie.statistics.standing", description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="folder of a run")
    parser.add_argument("published", type=Path, help="published tables: a folder with figure_data and source_data")
    parser.add_argument("--model", action="append", dest="models", help="model; default: all that are not published")
    parser.add_argument("--dataset", default=DATASET, help="the run's name for the Natural Scenes Dataset")
    parser.add_argument("--registry", type=Path, default=Path("config/models.tsv"), help="table of models")
    given = parser.parse_args(arguments)
    scores = read_table(given.run / "tables" / "model_scores.parquet").to_pandas()
    require_measured(sorted((given.run / "targets" / given.dataset).glob("*.h5")))
    folder = given.run / "experiments" / "model_to_model" / given.dataset
    parts = [read_table(path).to_pandas() for path in sorted(folder.glob("*/similarity.parquet"))]
    similarity = pd.concat(parts) if parts else None
    published = read_published(given.published, given.registry)
    table = standing(scores, published, given.models, dataset=given.dataset, similarity=similarity)
    print(table.to_string(index=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
