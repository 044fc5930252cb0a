"""Tables of scores: columns, types, units and meaning."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from menagerie.files.columns import (
    FLAG,
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
_SCORE = "that of the metric"
_EDGES = [
    column(
        "at_lowest_penalty",
        REAL,
        meaning="share of units whose ridge penalty is the smallest of the grid; empty for metrics without a ridge",
        unit="fraction",
    ),
    column(
        "at_highest_penalty",
        REAL,
        meaning="share of units whose ridge penalty is the largest of the grid; empty for metrics without a ridge",
        unit="fraction",
    ),
]
_SELECTED_ON = column(
    "selected_on", TEXT, meaning="scores that the layer was selected on: train, or as the config's select_on"
)
_SELECTED = [
    *LAYER,
    column("train_score", REAL, meaning="score of the selected layer on what it was selected on", unit=_SCORE),
    column("score", REAL, meaning="score of the selected layer on the test part", unit=_SCORE),
    column("ci_low", REAL, meaning="lower end of the 95 % bootstrap interval over images", unit=_SCORE),
    column("ci_high", REAL, meaning="upper end of the 95 % bootstrap interval over images", unit=_SCORE),
    column(
        "p",
        REAL,
        meaning="one-sided p against chance: permutations of the test images; not corrected for several comparisons",
    ),
    column(
        "noise_ceiling",
        REAL,
        meaning="RSM noise ceiling; empty where unknown and for metrics on another scale",
        unit=_R,
    ),
    column("ceiling_low", REAL, meaning="lower end of the 95 % interval of the noise ceiling", unit=_R),
    column("ceiling_high", REAL, meaning="upper end of that interval", unit=_R),
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
            column("score", REAL, meaning="brain predictivity; empty where status is not ok", unit=_SCORE),
            column(
                "p",
                REAL,
                meaning="one-sided p of a test score against chance, not corrected; with key permutations.layers",
            ),
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
                "p_holm",
                REAL,
                meaning="p corrected for all models of this dataset, subject, region, metric and split (Holm)",
            ),
            column("p_fdr", REAL, meaning="the same by Benjamini-Hochberg: controls the share of false discoveries"),
            column(
                "ties_with_best",
                FLAG,
                meaning="whether the model may be the best in this subject (95 %, simultaneous over its models)",
            ),
            column("ties_with_best_overall", FLAG, meaning="the same by the mean over subjects"),
            column(
                "explained",
                REAL,
                meaning="score^2 / (mean ceiling over subjects)^2; empty where unknown",
                unit="fraction",
            ),
            column("explained_low", REAL, meaning="(ci_low / mean ceiling_high)^2: lower end of it", unit="fraction"),
            column(
                "explained_high",
                REAL,
                meaning="(ci_high / mean ceiling_low)^2: upper end; empty where the ceiling may be 0",
                unit="fraction",
            ),
            *SCALE,
            *_EDGES,
            STATUS,
        ]
    ),
    "resamples": pa.schema(
        [
            *WHO,
            REGION,
            METRIC,
            SPLIT,
            _SELECTED_ON,
            column("score", REAL, meaning="score of the selected layer on the test part", unit=_SCORE),
            column(
                "drawn",
                pa.list_(pa.field("element", pa.float32())),  # as Parquet names it, so that reading changes nothing
                meaning="scores when test images are drawn again; the same draws for all models of a dataset and split",
                unit=_SCORE,
            ),
        ]
    ),
    "pairwise": pa.schema(
        [
            *WHO[:2],
            REGION,
            METRIC,
            SPLIT,
            _SELECTED_ON,
            column("model_a", TEXT, meaning="the better model of the pair"),
            column("model_b", TEXT, meaning="the other model"),
            column("score_a", REAL, meaning="score of model_a on the test part", unit=_SCORE),
            column("score_b", REAL, meaning="score of model_b on the test part", unit=_SCORE),
            column("difference", REAL, meaning="score_a - score_b", unit=_SCORE),
            column("ci_low", REAL, meaning="lower end of its 95 % bootstrap interval, same resamples", unit=_SCORE),
            column("ci_high", REAL, meaning="upper end of its 95 % bootstrap interval, same resamples", unit=_SCORE),
            column("p", REAL, meaning="two-sided p of no difference, not corrected for several comparisons"),
            column("p_holm", REAL, meaning="p corrected for all pairs of subject, region, metric and split (Holm)"),
            column("p_fdr", REAL, meaning="the same by Benjamini-Hochberg: controls the share of false discoveries"),
            column("test", TEXT, meaning="swap (of predictions, image by image) or bootstrap (over images)"),
            column("sample", TEXT, meaning="what p and interval generalise over: images; subject and models are fixed"),
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
            column(
                "nc",
                REAL,
                meaning="share of the variance of the unit's test responses that is signal; empty where unknown",
                unit="fraction",
            ),
            column("penalty", REAL, meaning="ridge penalty chosen for this unit"),
        ]
    ),
    "predictions": pa.schema(
        [
            *WHO,
            REGION,
            SPLIT,
            column("image", TEXT, meaning="id of the new image"),
            column("unit", WHOLE, meaning="position of the unit in the target file, from 0"),
            column("predicted", REAL, meaning="predicted response, in the units of the target's responses"),
        ]
    ),
}
