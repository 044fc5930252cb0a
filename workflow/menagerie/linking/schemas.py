"""Tables of scores: columns, types, units and meaning."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from menagerie.files.columns import LAYER, METRIC, REAL, REGION, SCALE, STATUS, TEXT, WHO, WHOLE, column

SCHEMAS: Mapping[str, pa.Schema] = {
    "layer_scores": pa.schema(
        [
            *WHO,
            *LAYER,
            REGION,
            METRIC,
            column("split", TEXT, meaning="train (used to select the layer) or test (the reported half)"),
            column("score", REAL, meaning="brain predictivity; empty where status is not ok", unit="Pearson r"),
            *SCALE,
            STATUS,
        ]
    ),
    "model_scores": pa.schema(
        [
            *WHO,
            REGION,
            METRIC,
            *LAYER,
            column("train_score", REAL, meaning="score of the selected layer on the training half", unit="Pearson r"),
            column("score", REAL, meaning="score of the selected layer on the test half", unit="Pearson r"),
            column("ci_low", REAL, meaning="lower end of the 95 % bootstrap interval over images", unit="Pearson r"),
            column("ci_high", REAL, meaning="upper end of the 95 % bootstrap interval over images", unit="Pearson r"),
            column(
                "noise_ceiling",
                REAL,
                meaning="RSM noise ceiling; empty where unknown and for encoding_r",
                unit="Pearson r",
            ),
            column(
                "explained",
                REAL,
                meaning="score^2 / (mean ceiling over subjects)^2; empty where unknown",
                unit="fraction",
            ),
            *SCALE,
            STATUS,
        ]
    ),
    "unit_scores": pa.schema(
        [
            *WHO,
            REGION,
            *LAYER,
            column("unit", WHOLE, meaning="position of the unit in the target file, from 0"),
            column(
                "train_score", REAL, meaning="leave-one-out encoding accuracy on the training half", unit="Pearson r"
            ),
            column("score", REAL, meaning="encoding accuracy on the test half", unit="Pearson r"),
            column("penalty", REAL, meaning="ridge penalty chosen for this unit"),
        ]
    ),
}
