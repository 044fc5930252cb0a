"""What the overview shows, as tables: reliability of the brain data, the networks of the run, two ways to link them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from menagerie.brain.folds import Fold
from menagerie.brain.target import Target
from menagerie.files.geometry import LayerGeometry
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.ridge import PENALTIES, SLOPE
from menagerie.statistics.experiments import MAPPED
from menagerie.statistics.representations import compared_rsm

RELIABILITY = "ncsnr"
QUANTILES = {"low": 0.05, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "high": 0.95}


@dataclass(frozen=True)
class LinkedRsms:
    """One network beside one region of one subject, over the test images.

    Attributes
    ----------
    subject, region, model
        Which.
    brain
        ``(n, n)`` RSM of the region.
    linked
        Metric -> (layer, score, ``(n, n)`` RSM that the metric compares with the region's).
    order
        ``(n,)`` images in the order of the first principal component of the region's RSM.
    """

    subject: str
    region: str
    model: str
    brain: np.ndarray
    linked: Mapping[str, tuple[str, float, np.ndarray]]
    order: np.ndarray


def reliability(targets: Iterable[Target], fold_of: Callable[[str], Fold]) -> pd.DataFrame:
    """Quantiles over units of the noise-ceiling signal-to-noise ratio, per subject and region.

    ``fold_of`` says of a subject whose ceilings are meant.

    Returns
    -------
    DataFrame
        ``subject``, ``region``, ``n_units``, the columns of :data:`QUANTILES` (empty without units, or where their
        table has no ncsnr) and ``ceiling`` (of the RSM, Pearson r; empty where unknown).
    """
    found = []
    for target in targets:
        values = target.units.get(RELIABILITY) if target.has_units else None
        for region in target.region_names:
            row = {"subject": target.subject, "region": region, "n_units": target.n_units(region)}
            row["ceiling"] = target.ceiling(region, fold_of(target.subject))
            inside = np.asarray(values, dtype=float)[target.regions[region]] if values is not None else np.array([])
            inside = inside[np.isfinite(inside)]
            row |= {name: np.quantile(inside, q) if len(inside) else np.nan for name, q in QUANTILES.items()}
            found.append(row)
    return pd.DataFrame(found)


def networks_by_source(models: pd.DataFrame) -> pd.DataFrame:
    """``source``, ``trained``, ``random``: networks of the run by where they come from, the most common first."""
    counts = pd.crosstab(models["provider"], models["training"]).reindex(columns=["trained", "random"], fill_value=0)
    counts = counts.assign(total=counts.sum(axis=1)).sort_values(["total"], ascending=False, kind="stable")
    return counts.drop(columns="total").rename_axis("source").reset_index()


def networks_by_experiment(data: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """``experiment``, ``trained``, ``random``: networks that take part in each experiment of the run."""
    found = []
    for name, rows in data.items():
        training = rows.drop_duplicates("model")["training"]
        found.append((name, int((training == "trained").sum()), int((training == "random").sum())))
    return pd.DataFrame(found, columns=["experiment", "trained", "random"])


def link_best(
    scores: pd.DataFrame,
    read_layer: Callable[[str, int], LayerGeometry],
    brain: Brain,
    penalties: Sequence[float] | str = PENALTIES,
    training: str = SLOPE,
) -> LinkedRsms | None:
    """The network that predicts a subject's first region best, under both metrics.

    Parameters
    ----------
    scores
        Rows of ``model_scores`` of the subject; best by veRSA, by cRSA where there is none.
    read_layer
        (model, layer index) -> geometry.
    brain
        The subject.
    penalties, training
        Of the ridge, as in scoring.

    Returns
    -------
    LinkedRsms or None
        None where no network has a score.
    """
    region = brain.regions[0]
    rows = scores[(scores["region"] == region) & (scores["status"] == "ok")]
    for metric in ("versa", "crsa"):
        ranked = rows[rows["metric"] == metric].sort_values(["score", "model"], ascending=[False, True])
        if len(ranked):
            break
    else:
        return None
    model = ranked["model"].iloc[0]
    linked = {}
    for row in rows[rows["model"] == model].itertuples():
        if row.metric in MAPPED:
            pair = Comparison(read_layer(model, int(row.layer_index)), brain, penalties, training)
            linked[row.metric] = (row.layer, float(row.score), np.asarray(compared_rsm(pair, region, row.metric)))
    own = np.asarray(brain.rsm(region, "test"))
    return LinkedRsms(brain.target.subject, region, model, own, linked, component_order(own))


def component_order(rsm: np.ndarray) -> np.ndarray:
    """Rows in the order of the first principal component of an RSM; its sign is chosen so that row 0 comes early."""
    centred = rsm - rsm.mean(axis=0) - rsm.mean(axis=1)[:, None] + rsm.mean()
    first = np.linalg.eigh(centred)[1][:, -1]
    return np.argsort(first if first[0] <= 0 else -first, kind="stable")


def pair_ranks(rsm: np.ndarray) -> np.ndarray:
    """Similarities as ranks among all pairs of images, from 0 to 1, so that RSMs on different scales compare by eye."""
    upper = np.triu_indices(len(rsm), 1)
    values = rsm[upper]
    ranks = pd.Series(values).rank().to_numpy()
    found = np.full(rsm.shape, np.nan)
    found[upper] = (ranks - 1) / max(len(values) - 1, 1)
    return np.where(np.isnan(found), found.T, found)
