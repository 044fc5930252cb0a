"""Tables of scores: columns, types, units and meaning."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from menagerie.files.columns import (
    FOLD,
    LAYER,
    METRIC,
    PART,
    REAL,
    REGION,
    SCALE,
    SPLIT,
    STATUS,
    TEXT,
    WHO,
    WHOLE,
    column,
)

_R = "Pearson r"
_EDGES = [
    column(
        "at_lowest_penalty",
        REAL,
        meaning="share of units whose ridge penalty is the smallest of the grid; empty for crsa",
        unit="fraction",
    ),
    column(
        "at_highest_penalty",
        REAL,
        meaning="share of units whose ridge penalty is the largest of the grid; empty for crsa",
        unit="fraction",
    ),
]
_SELECTED_ON = column(
    "selected_on", TEXT, meaning="scores that the layer was selected on: train, or as the config's select_on"
)
_SELECTED = [
    *LAYER,
    column("train_score", REAL, meaning="score of the selected layer on what it was selected on", unit=_R),
    column("score", REAL, meaning="score of the selected layer on the test part", unit=_R),
    column("ci_low", REAL, meaning="lower end of the 95 % bootstrap interval over images", unit=_R),
    column("ci_high", REAL, meaning="upper end of the 95 % bootstrap interval over images", unit=_R),
    column("noise_ceiling", REAL, meaning="RSM noise ceiling; empty where unknown and for encoding_r", unit=_R),
]

SCHEMAS: Mapping[str, pa.Schema] = {
    "layer_scores": pa.schema(
        [
            *WHO,
            *LAYER,
            REGION,
            METRIC,
            SPLIT,
            FOLD,
            PART,
            column("score", REAL, meaning="brain predictivity; empty where status is not ok", unit=_R),
            *SCALE,
            *_EDGES,
            STATUS,
        ]
    ),
    "fold_scores": pa.schema([*WHO, REGION, METRIC, SPLIT, FOLD, _SELECTED_ON, *_SELECTED, *SCALE, *_EDGES, STATUS]),
    "model_scores": pa.schema(
        [
            *WHO,
            REGION,
            METRIC,
            SPLIT,
            column("n_folds", WHOLE, meaning="folds of the split, over whose test parts scores are averaged"),
            _SELECTED_ON,
            *_SELECTED,
            column(
                "explained",
                REAL,
                meaning="score^2 / (mean ceiling over subjects)^2; empty where unknown",
                unit="fraction",
            ),
            *SCALE,
            *_EDGES,
            STATUS,
        ]
    ),
    "unit_scores": pa.schema(
        [
            *WHO,
            REGION,
            SPLIT,
            FOLD,
            _SELECTED_ON,
            *LAYER,
            column("unit", WHOLE, meaning="position of the unit in the target file, from 0"),
            column("train_score", REAL, meaning="leave-one-out encoding accuracy on the training part", unit=_R),
            column("score", REAL, meaning="encoding accuracy on the test part", unit=_R),
            column("penalty", REAL, meaning="ridge penalty chosen for this unit"),
        ]
    ),
}
