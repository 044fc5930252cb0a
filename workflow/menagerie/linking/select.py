"""Choosing each model's layer, by scores on training images only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import pyarrow as pa

from menagerie.brain.folds import Fold
from menagerie.errors import MenagerieError
from menagerie.files.geometry import OK
from menagerie.linking.schemas import SCHEMAS
from menagerie.linking.select_on import SelectOn

PLACE = ("dataset", "subject", "model", "region", "metric")
Place = tuple[str, ...]
Rows = dict[int, dict]  # layer index -> row
FoldName = tuple[str, int]  # split and fold


@dataclass(frozen=True)
class FoldsOf:
    """Folds of one dataset and subject, and the stimulus set whose images they hold."""

    stimuli: str
    folds: Sequence[Fold]

    def named(self, name: FoldName) -> Fold:
        """The fold of a split and number."""
        return next(fold for fold in self.folds if (fold.split, fold.fold) == name)


def select_layers(
    layer_scores: pa.Table,
    select_on: Mapping[str, Sequence[SelectOn]] | None = None,
    folds: Mapping[tuple[str, str], FoldsOf] | None = None,
) -> pa.Table:
    """The layer with the best training score per model x dataset x subject x region x metric x fold.

    Ties go to the earlier layer. The reported part plays no role: a layer that turns out undefined there stays
    selected, and its status says so.

    Parameters
    ----------
    layer_scores
        Table ``layer_scores`` of one model or several, rows in any order.
    select_on
        Dataset -> ways of selecting, each of which gives rows of its own; by default the train part of the same fold.
    folds
        Dataset and subject -> their folds: images that select a layer are then compared with those that test it.

    Returns
    -------
    Table ``fold_scores``, groups in order of appearance, with intervals and ceiling still empty. Where no layer has a
    training score, the row has no layer and ``status`` gives the reason.

    Raises
    ------
    MenagerieError
        When a layer is to be selected where there are no scores, or on an image that it is tested with.
    """
    scores = _Scores(layer_scores.to_pylist(), folds or {})
    rows = []
    for place, folds in scores.folds.items():
        for fold, how in product(folds, (select_on or {}).get(place[0]) or [SelectOn()]):
            of = dict(zip(PLACE, place, strict=True))
            where = of | {"split": fold[0], "fold": fold[1], "selected_on": how.label}
            rows.append(where | _best(scores.evidence(of, fold, how), scores.rows(place, fold, "test")))
    return pa.Table.from_pylist(rows, schema=SCHEMAS["fold_scores"])


class _Scores:
    """Rows of ``layer_scores`` by place, fold and part."""

    def __init__(self, rows: Iterable[dict], images: Mapping[tuple[str, str], FoldsOf]):
        self._images = images
        self._rows: dict[tuple[Place, FoldName, str], Rows] = {}
        self.folds: dict[Place, dict[FoldName, None]] = {}
        for row in rows:
            place, fold = tuple(row[key] for key in PLACE), (row["split"], row["fold"])
            self._rows.setdefault((place, fold, row["part"]), {})[row["layer_index"]] = row
            self.folds.setdefault(place, {})[fold] = None

    def rows(self, place: Place, fold: FoldName, part: str) -> Rows:
        return self._rows.get((place, fold, part), {})

    def evidence(self, of: Mapping[str, str], fold: FoldName, how: SelectOn) -> list[Rows]:
        """Train rows by which the layer of a place and fold is selected; several are averaged."""
        if how == SelectOn():
            return [self.rows(tuple(of.values()), fold, "train")]
        wanted = dict(of)
        if how.dataset:
            wanted |= {"dataset": how.dataset, "region": how.region or of["region"]}
        subjects = self._subjects(wanted)
        if how.dataset or how.split:
            subjects = [of["subject"]] if of["subject"] in subjects else subjects
        else:
            subjects = [subject for subject in subjects if subject != of["subject"]]
        places = [tuple((wanted | {"subject": subject}).values()) for subject in subjects]
        sources = [(place, other) for place in places for other in self._folds_for(place, fold, how.split)]
        for place, other in sources:
            self._check_unseen(of, fold, how, place[:2], other)
        found = [rows for place, other in sources if (rows := self.rows(place, other, "train"))]
        if not found:
            raise MenagerieError(
                f"Config key datasets.{of['dataset']}.select_on: found no scores of {how.label} for model "
                f"{of['model']}, subject {of['subject']}, region {of['region']}, metric {of['metric']}; expected some "
                "to select layers by. Name a dataset, region or split of this run with this metric, or more subjects."
            )
        return found

    def _check_unseen(
        self, of: Mapping[str, str], fold: FoldName, how: SelectOn, owner: tuple[str, str], other: FoldName
    ) -> None:
        """Refuse to select a layer on images that it is tested with."""
        tested, selecting = (self._images.get(key) for key in ((of["dataset"], of["subject"]), owner))
        if tested is None or selecting is None or tested.stimuli != selecting.stimuli:
            return
        if common := sorted(set(tested.named(fold).test) & set(selecting.named(other).train)):
            raise MenagerieError(
                f"Config key datasets.{of['dataset']}.select_on, {how.label}: found {len(common)} images (first: "
                f"{common[0]}) that train fold {other[1]} of split {other[0]} and test fold {fold[1]} of split "
                f"{fold[0]}, expected that no image takes part in choosing the layer that it tests. Select on a split "
                "that leaves the tested images out."
            )

    def _subjects(self, wanted: Mapping[str, str]) -> list[str]:
        keys = [key for key in PLACE if key != "subject"]
        places = (dict(zip(PLACE, place, strict=True)) for place in self.folds)
        return [place["subject"] for place in places if all(place[key] == wanted[key] for key in keys)]

    def _folds_for(self, place: Place, fold: FoldName, split: str) -> list[FoldName]:
        """Folds of another split, the same fold, or where a dataset has no such fold, those of its first split."""
        there = list(self.folds.get(place, ()))
        if not split and fold in there:
            return [fold]
        split = split or next((name for name, _ in there), "")
        return [other for other in there if other[0] == split]


def _best(evidence: Sequence[Rows], test: Rows) -> dict:
    """Columns of the selected layer from the rows that select and those that are reported, by layer index."""
    scores = _mean_scores(evidence)
    if not scores:
        rows = list((test or evidence[0]).values())
        reasons = _reasons(row["status"] for train in evidence for row in train.values())
        return {
            "n_images": rows[0]["n_images"],
            "n_units": rows[0]["n_units"],
            "status": f"no layer has a training score: {reasons}",
        }
    index, score = min(scores.items(), key=lambda item: (-item[1], item[0]))
    best = next(train[index] for train in evidence if index in train)
    chosen = {name: best[name] for name in ("layer", "layer_index", "depth")} | {"train_score": score}
    reported = test.get(index)
    if reported is None:
        return chosen | {"n_images": 0, "n_units": best["n_units"], "status": "the selected layer has no test row"}
    kept = ("score", "n_images", "n_units", "at_lowest_penalty", "at_highest_penalty", "status")
    return chosen | {name: reported[name] for name in kept}


def _mean_scores(evidence: Sequence[Rows]) -> dict[int, float]:
    """Layer index -> mean training score, of layers that have one wherever any layer has."""
    usable = [
        {index: row["score"] for index, row in train.items() if row["status"] == OK and row["score"] is not None}
        for train in evidence
    ]
    usable = [scores for scores in usable if scores]
    if len(usable) == 1:
        return usable[0]
    common = set.intersection(*map(set, usable)) if usable else set()
    return {index: sum(scores[index] for scores in usable) / len(usable) for index in sorted(common)}


def _reasons(statuses: Iterable[str]) -> str:
    """The first few distinct statuses, in order of appearance."""
    distinct = list(dict.fromkeys(statuses))
    shown = "; ".join(distinct[:3]) or "no training rows"
    return shown + (f"; and {len(distinct) - 3} more reasons" if len(distinct) > 3 else "")
