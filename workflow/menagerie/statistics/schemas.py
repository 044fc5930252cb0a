"""Tables of analyses: columns, types, units and meaning."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from menagerie.files.columns import METRIC, REAL, REGION, TEXT, WHO, WHOLE, column
from menagerie.linking.schemas import SCHEMAS as SCORES
from menagerie.models.columns import model_columns

EFFECTS = [
    WHO[0],
    REGION,
    column("metric", TEXT, meaning="crsa, versa or encoding_r; all where the metric itself is the factor"),
    column("term", TEXT, meaning="effect; factor[T.level] is the level minus the reference level"),
    column("estimate", REAL, meaning="size of the effect; empty where it cannot be estimated, see note"),
    column("ci_low", REAL, meaning="lower end of the 95 % interval"),
    column("ci_high", REAL, meaning="upper end of the 95 % interval"),
    column("p", REAL, meaning="two-sided p, not corrected for several comparisons"),
    column("df", REAL, meaning="degrees of freedom; infinite for the normal approximation"),
    column("n", REAL, meaning="rows, pairs or models that the effect rests on"),
    column("formula", TEXT, meaning="statistical model"),
    column("analysis", TEXT, meaning="published (as in the 2024 survey), sound, or person (one subject's own)"),
    column("subject", TEXT, meaning="subject that the row is about; empty where all are analysed together"),
    column("sample", TEXT, meaning="models or images: what a person's p and interval generalise over"),
    column("p_holm", REAL, meaning="a person's p corrected for the experiment's contrasts (Holm)"),
    column("p_fdr", REAL, meaning="the same by Benjamini-Hochberg"),
    column("note", TEXT, meaning="what a reader must know: confounds, what was left out, why there is no estimate"),
]

SCHEMAS: Mapping[str, pa.Schema] = {
    "effects": pa.schema(EFFECTS),
    "replication": pa.schema(
        [
            column("finding", TEXT, meaning="experiment, or ranking: the order of all networks"),
            column("title", TEXT, meaning="the experiment in words"),
            column("kind", TEXT, meaning="difference of two levels, or order of four or more (rank correlation)"),
            column("role", TEXT, meaning="original, replication or generalisation: what the dataset is to the finding"),
            column(
                "networks", TEXT, meaning="all; shared: those that the original has too; or, of the original, whose"
            ),
            *EFFECTS,
            column("expected", REAL, meaning="the original's estimate on the same networks"),
            column(
                "outcome", TEXT, meaning="what the person says of the finding: replicates, opposes, absent, undecided"
            ),
            column(
                "verdict", TEXT, meaning="over the persons: fully, mostly, partially, mostly not, not at all, unclear"
            ),
        ]
    ),
    "similarity": pa.schema(
        [
            *WHO[:2],
            REGION,
            METRIC,
            column("model_a", TEXT, meaning="one model of the pair; each pair once"),
            column("model_b", TEXT, meaning="the other model"),
            column("r", REAL, meaning="correlation of the test-half RSMs of their selected layers", unit="Pearson r"),
        ]
    ),
    "map": pa.schema(
        [
            *WHO[:2],
            REGION,
            METRIC,
            WHO[2],
            column(
                "x", REAL, meaning="first coordinate (classical MDS of 1 - r); empty where there are no two dimensions"
            ),
            column("y", REAL, meaning="second coordinate"),
        ]
    ),
    "standing": pa.schema(
        [
            WHO[0],
            REGION,
            METRIC,
            column("model", TEXT, meaning="model id; empty where the whole dataset or region is another benchmark"),
            column("score", REAL, meaning="mean over the four subjects", unit="Pearson r"),
            column("ci_low", REAL, meaning="lower end of its 95 % interval over images", unit="Pearson r"),
            column("ci_high", REAL, meaning="upper end of its 95 % interval over images", unit="Pearson r"),
            column(
                "published_score",
                REAL,
                meaning="score of the same model in the published tables; empty where it is new",
            ),
            column("rank", WHOLE, meaning="place among the published models, the model itself not counted; 1 is best"),
            column(
                "rank_best", WHOLE, meaning="place of the upper end of the interval; published scores taken as exact"
            ),
            column("rank_worst", WHOLE, meaning="place of the lower end of the interval"),
            column("percentile", REAL, meaning="share of published models below", unit="percent"),
            column("n_published", WHOLE, meaning="published models that it is ranked among", unit="models"),
            column("note", TEXT, meaning="settings in which the run differs from the survey"),
            column("status", TEXT, meaning="ok, or the reason why there is no standing"),
        ]
    ),
    "neighbours": pa.schema(
        [
            WHO[0],
            REGION,
            METRIC,
            WHO[2],
            column("kind", TEXT, meaning="score, or geometry (correlation of the RSMs of the selected layers)"),
            column("among", TEXT, meaning="published models, or models of this run"),
            column("place", WHOLE, meaning="1 is nearest"),
            column("neighbour", TEXT, meaning="model id of the neighbour"),
            column("value", REAL, meaning="its published score; for geometry, the correlation", unit="Pearson r"),
            column("neighbour_name", TEXT, meaning="its name"),
        ]
    ),
}

# Columns that analyses add to the scores, in tables whose other columns come from elsewhere.
ADDED = [
    column("ed_raw", REAL, meaning="effective dimensionality of the selected layer's features", unit="dimensions"),
    column("ed_srp", REAL, meaning="the same after random projection", unit="dimensions"),
]


def described(table: pa.Table) -> pa.Table:
    """Table whose columns have the unit and meaning of the score or model column of that name, where there is one.

    For tables that join scores with what is known of the models: their columns follow from the data.
    """
    known = {**model_columns(), **{field.name: field for field in (*SCORES["model_scores"], *ADDED)}}
    fields = [f.with_metadata(known[f.name].metadata) if f.name in known else f for f in table.schema]
    return table.cast(pa.schema(fields, metadata=table.schema.metadata))
