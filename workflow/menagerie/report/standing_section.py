"""Where the run's models stand among the published ones, on the page."""

from __future__ import annotations

import pandas as pd

from menagerie.figures.tidy import in_order, model_metadata
from menagerie.report.effect_section import PLACE, in_places, metric_label
from menagerie.report.findings import number, plural

SHOWN = 3  # neighbours of each kind


def standing_facts(table: pd.DataFrame, neighbours: pd.DataFrame, models: pd.DataFrame) -> dict[str, object]:
    """Sentences by dataset, and a row per model.

    Parameters
    ----------
    table, neighbours
        Tables ``standing`` and ``neighbours`` of :mod:`menagerie.statistics.standing`.
    models
        Table of models.
    """
    names = model_metadata(models).set_index("model")["display_name"]
    found: dict[str, list[str]] = {}
    for row in table[table["model"].isna()].to_dict("records"):
        where = f"Scores in {row['region']}" if isinstance(row["region"], str) else "Scores"
        told = found.setdefault(row["dataset"], [])
        told.append(f"{where} have no place among the published: {row['status']}.")
    placed = in_places(table[table["status"] == "ok"])
    for (dataset, region, metric), rows in placed.groupby(PLACE, sort=False):
        told = found.setdefault(dataset, [])
        told.append(_best(f"{metric_label(metric)}, {region}", rows, names))
        told.append(f"{metric_label(metric)}, {region}: {_calibration(rows)}")
    for note in in_order(placed.loc[placed["note"].fillna("") != "", "note"]):
        found[placed["dataset"].iloc[0]].append(
            f"This run measures otherwise than the survey, which moves scores too: {note}."
        )
    near = dict(iter(neighbours.groupby([*PLACE, "model", "kind"], sort=False)))
    named = in_places(table[table["model"].notna()])
    return {
        "findings": found,
        "rows": [_row(row, near, names) for row in named.to_dict("records")],
        "geometry": bool(((neighbours["kind"] == "geometry") & (neighbours["among"] == "run")).any()),
    }


def _best(where: str, rows: pd.DataFrame, names: pd.Series) -> str:
    """The best new model, or the best of all where none is new."""
    new = rows[rows["published_score"].isna()]
    kind = f"that {'was' if len(new) == 1 else 'were'} not published" if len(new) else "that were published themselves"
    top = (new if len(new) else rows).sort_values(["rank", "model"]).iloc[0]
    others = plural(int(top["n_published"]), "published network")
    return (
        f"{where}: of {plural(len(new) or len(rows), 'model')} {kind}, {names[top['model']]} stands highest, with "
        f"{number(top['score'])} above {top['percentile']:.0f} % of {others} "
        f"(rank {top['rank']:.0f}{_ranks(top)})."
    )


def _ranks(row: pd.Series) -> str:
    known = pd.notna(row["rank_best"]) and pd.notna(row["rank_worst"])
    return f", 95 % interval {row['rank_best']:.0f} to {row['rank_worst']:.0f}" if known else ""


def _calibration(rows: pd.DataFrame) -> str:
    gap = (rows["score"] - rows["published_score"]).dropna()
    if gap.empty:
        return (
            "no model of this run is among the published, so nothing shows how far the two measurements agree. Add one "
            "to models (resnet50, say) to see."
        )
    spread = f" ({number(gap.min(), 3)} to {number(gap.max(), 3)})" if len(gap) > 1 else ""
    return (
        f"{plural(len(gap), 'model')} of this run {'is' if len(gap) == 1 else 'are'} published too; scores here minus "
        f"the published ones are {number(gap.mean(), 3)}{' on average' if len(gap) > 1 else ''}{spread}."
    )


def _row(row: dict, near: dict[tuple, pd.DataFrame], names: pd.Series) -> dict[str, object]:
    place = tuple(row[key] for key in (*PLACE, "model"))
    known = pd.notna(row["ci_low"]) and pd.notna(row["ci_high"])
    ranks = pd.notna(row["rank_best"]) and pd.notna(row["rank_worst"])
    return {
        **{key: row[key] for key in ("dataset", "region", "status")},
        "name": names[row["model"]],
        "metric": metric_label(row["metric"]),
        "score": number(row["score"], 3),
        "interval": f"{number(row['ci_low'], 3)} to {number(row['ci_high'], 3)}" if known else "",
        "published": number(row["published_score"], 3),
        "rank": number(row["rank"], 0),
        "ranks": f"{row['rank_best']:.0f} to {row['rank_worst']:.0f}" if ranks else "",
        "of": number(row["n_published"], 0),
        "percentile": number(row["percentile"], 0),
        "in_score": _listed(near.get((*place, "score"))),
        "in_geometry": _listed(near.get((*place, "geometry"))),
    }


def _listed(rows: pd.DataFrame | None) -> str:
    """Neighbours with their values, those among the run's models apart from those among the published."""
    if rows is None:
        return ""
    parts = []
    for among, part in rows.groupby("among", sort=False):
        near = part.sort_values("place").head(SHOWN)
        listed = ", ".join(
            f"{name} ({number(value)})" for name, value in zip(near["neighbour_name"], near["value"], strict=True)
        )
        parts.append(f"in this run: {listed}" if among == "run" else listed)
    return "; ".join(parts)
